"""Vectors out of a ``.npy`` that may be anything: it is never unpickled, and believed no more than its size allows."""

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from run.console import count
from run.errors import BadInput, printable

_LARGEST = 1e15  # sums of squares of larger values overflow float32


class Unusable(Exception):
    """Why latents can't be loaded, in words."""


def read_vectors(path: Path) -> np.ndarray:
    """The numbers of a ``.npy`` of anybody's, float32 (rows, D); as of :func:`latent.archive.load_latent_space`.

    Raises:
        Unusable: there is no such file, or it holds something else.
        BadInput: its numbers differ by less than float32 can tell apart.
    """
    name = printable(path)
    if not path.exists():
        raise Unusable(f"{name} is not there")
    if not path.is_file():
        raise Unusable(f"{name} is not a file, and a .npy was expected")
    with open(path, "rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy remarks on headers that Python 2 wrote
        shape, dtype, in_header = _read_header(file, name)
        if dtype.hasobject:
            raise Unusable(f"{name} holds pickled Python objects, which are never loaded")
        if dtype.kind not in "fiu":
            raise Unusable(f"{name} holds {printable(dtype)}, and real numbers were expected")
        if len(shape) != 2:
            raise Unusable(f"{name} has the shape {shape}, and (rows, dimensions) was expected")
        if min(shape) < 1:
            raise Unusable(f"{name} is empty: its shape is {shape}")
        # compared before anything is read: a header can promise more than the machine's memory
        promised, found = math.prod(shape) * dtype.itemsize, path.stat().st_size - in_header
        if promised != found:
            state = "truncated" if found < promised else "damaged"
            raise Unusable(f"{name} is {state}: it promises {promised} bytes of numbers and has {found}")
        file.seek(0)
        with np.errstate(over="ignore"):
            loaded = np.load(file, allow_pickle=False)
            vectors = loaded.astype(np.float32)
    if not np.isfinite(vectors).all():
        bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
        raise Unusable(f"{name} holds NaN or infinity (in {count(len(bad), 'row')}, the first is row {bad[0]})")
    if np.abs(vectors).max() > _LARGEST:
        raise Unusable(f"{name} holds values beyond {_LARGEST:g}, too large to compute distances of")
    _require_held(loaded, vectors, name)
    return np.ascontiguousarray(vectors)


def _require_held(loaded: np.ndarray, vectors: np.ndarray, name: str) -> None:
    """Refuse numbers that differ by less than float32 can tell apart at their size.

    Raises:
        BadInput: the rounding is more than a hundredth of the largest spread of a column.
    """
    if loaded.dtype.itemsize <= 4 and loaded.dtype.kind == "f":
        return
    wide = loaded.astype(np.float64)
    spread, rounding = float(wide.std(axis=0).max()), float(np.abs(wide - vectors).max())
    if rounding > 0.01 * spread > 0:
        raise BadInput(
            f"{name} holds values around {np.abs(wide).max():.0e} that differ by {spread:.2g}, which 32-bit floats, in "
            "which everything here is computed, can't hold; take their mean away first: "
            f"python -c \"import numpy; x = numpy.load('{name}'); numpy.save('{name}', x - x.mean(0))\""
        )


def _read_header(file: BinaryIO, name: str) -> tuple[tuple[int, ...], np.dtype, int]:
    """The shape, the type and the length in bytes of a .npy header."""
    readers: dict[tuple[int, int], Callable] = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    try:
        shape, _, dtype = readers[np.lib.format.read_magic(file)](file)
    except OSError:
        raise
    except Exception:  # a foreign header makes numpy raise many types; none of them has run any code
        raise Unusable(f"{name} is not a .npy file of numbers, or is truncated") from None
    return shape, dtype, file.tell()
