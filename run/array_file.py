"""``.npz`` files of plain numbers beside a ``.json`` that describes them; neither is ever unpickled.

The description holds the SHA-256 of the arrays and a checksum of its own, so that a flipped bit in either is found.
"""

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from run.artefacts import file_sha256, write_bytes
from run.errors import BadInput, printable
from run.sidecar import read_sidecar, settle, sidecar_path, write_sidecar


def save_arrays(path: Path, kind: str, arrays: dict[str, np.ndarray], description: dict[str, Any]) -> list[Path]:
    """Write arrays as ``path`` (.npz), and beside it (.json) what they are; the paths written.

    They change as one; see :mod:`run.sidecar`.
    """
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    write_sidecar(path, {"kind": kind, **description, "npz_sha256": digest}, "npz_sha256")
    write_bytes(path, buffer.getvalue())
    settle(path)
    return [Path(path), sidecar_path(path)]


def load_arrays(path: Path, kind: str, made_by: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read what :func:`save_arrays` wrote as ``kind``; ``made_by`` is the command that makes such a file.

    Raises:
        BadInput: either file is missing, damaged, of another kind, or they do not belong together; an array is not of
            finite numbers.
    """
    path = Path(path)
    name, remedy = printable(path), f"make it with: {made_by}"
    if not path.exists():
        raise BadInput(f"{name} is not there; {remedy}")
    try:
        description = read_sidecar(path, "npz_sha256")
    except BadInput as error:
        raise BadInput(f"{name} has no sound description beside it ({error}); {remedy}") from None
    if description.get("kind") != kind:
        raise BadInput(f"{printable(sidecar_path(path))} describes something else than a {kind}; {remedy}")
    if description.get("npz_sha256") != file_sha256(path):
        raise BadInput(f"{name} is damaged: it is not the file that its description was written for; {remedy}")
    try:
        with zipfile.ZipFile(path) as archive:
            # compressed, a small file could promise more than the machine's memory
            if any(part.compress_type != zipfile.ZIP_STORED for part in archive.infolist()):
                raise ValueError("compressed")
        with np.load(path, allow_pickle=False) as archive:
            arrays = {each: archive[each] for each in archive.files}
    except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise BadInput(f"{name} is not an archive of numbers ({type(error).__name__}); {remedy}") from None
    for each, array in arrays.items():
        if array.dtype.kind not in "fi" or not np.isfinite(array).all():
            raise BadInput(f"{name} holds something else than finite numbers in {printable(each)}; {remedy}")
    return arrays, description
