"""Latent vectors on disk: a plain ``.npy``, and beside it a ``.json`` that says what each row is.

The ``.npy`` holds numbers only and is never unpickled. The sidecar (same stem) holds the labels, the class names,
the sample ids and where everything came from, with the SHA-256 of the ``.npy`` that it describes. A ``.npy``
without a sidecar (a person's own vectors) loads without classes.
"""

import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from latent.npy import Unusable, read_vectors
from run import ranks
from run.artefacts import atomic_write, file_sha256, latent_space_path, latent_space_paths, model_path
from run.errors import BadInput, printable
from run.hints import command_meant, encoding_command
from run.sidecar import has_sidecar, read_sidecar, settle, sidecar_path, write_sidecar

_KIND = "latent space"
_OWN_NAME = re.compile(r"latent_space_size_[0-9]+\.npy")
_ANY_VECTORS = "give a .npy of finite real numbers, a row for each image, as numpy.save writes it"


@dataclass(frozen=True)
class LatentSpace:
    """The latent vectors of some images, and what is known of each.

    Attributes:
        vectors: float32 (rows, D), finite.
        labels: int64 (rows,), each an index into ``class_names``; None if the images have no classes.
        class_names: the K names; () without labels.
        sample_ids: what each row is in the source of the images, (rows,); () if unknown.
        rows: int64 (rows,), the place of each row in the test split; None if it came from elsewhere.
        origin: plain values that say what made it: ``dataset``, ``checkpoint_sha256``, ``split_fingerprint``,
            ``command``, ``versions``. {} for vectors of unknown origin.
        groups: int64 (rows,): which rows belong together (the frames of one track); each its own if nobody says.
    """

    vectors: np.ndarray
    labels: np.ndarray | None = None
    class_names: tuple[str, ...] = ()
    sample_ids: tuple[str, ...] = ()
    rows: np.ndarray | None = None
    origin: dict[str, Any] = field(default_factory=dict)
    groups: np.ndarray = None

    def __post_init__(self) -> None:
        if self.groups is None:
            object.__setattr__(self, "groups", np.arange(len(self.vectors)))

    @property
    def name(self) -> str:
        """``bottleneck 256``, or ``256 dimensions`` where nobody says that they come out of a bottleneck."""
        size = self.vectors.shape[1]
        return f"bottleneck {size}" if self.origin else f"{size} dimension{'s' * (size != 1)}"

    @property
    def made_of(self) -> dict[str, str]:
        """The checkpoint that made it: its file's name -> its SHA-256; {} of unknown origin."""
        digest = self.origin.get("checkpoint_sha256")
        return {model_path(Path(), self.vectors.shape[1]).name: digest} if digest else {}

    @property
    def contents(self) -> str:
        """``1,000 test images``: what the rows are."""
        what = "test image" if self.rows is not None else "image" if self.origin else "vector"
        return f"{len(self.vectors):,} {what}{'s' * (len(self.vectors) != 1)}"

    def taken(self, rows: np.ndarray) -> "LatentSpace":
        """Some rows of it, int64."""
        return replace(
            self,
            vectors=self.vectors[rows],
            labels=None if self.labels is None else self.labels[rows],
            sample_ids=tuple(self.sample_ids[row] for row in rows) if self.sample_ids else (),
            rows=None if self.rows is None else self.rows[rows],
            groups=self.groups[rows],
        )

    def describe_rows(self) -> tuple[list[str], Iterator[tuple[object, ...]]]:
        """Column names, and for each row what is known of it: its place, sample id, label and class ("" if unknown)."""
        count = len(self.vectors)
        labels = [""] * count if self.labels is None else self.labels.tolist()
        columns = {
            "row" if self.rows is None else "test_row": range(count) if self.rows is None else self.rows.tolist(),
            "sample_id": self.sample_ids or [""] * count,
            "label": labels,
            "class": ["" if label == "" else self.class_names[label] for label in labels],
        }
        return list(columns), zip(*columns.values(), strict=True)


def save_latent_space(path: Path, space: LatentSpace) -> None:
    """Write ``space`` as ``path`` (.npy) and its sidecar; see :func:`save_latent_batches`."""
    save_latent_batches(
        path,
        [space.vectors],
        space.vectors.shape,
        labels=space.labels,
        class_names=space.class_names,
        sample_ids=space.sample_ids,
        rows=space.rows,
        origin=space.origin,
        groups=space.groups,
    )


def save_latent_batches(
    path: Path,
    batches: Iterable[np.ndarray],
    shape: tuple[int, int],
    *,
    labels: np.ndarray | None = None,
    class_names: Sequence[str] = (),
    sample_ids: Sequence[str] = (),
    rows: np.ndarray | None = None,
    origin: dict[str, Any] | None = None,
    groups: np.ndarray | None = None,
) -> None:
    """Write vectors as they come, (n, D) at a time, so that their number does not show in the memory used.

    They change as one; see :mod:`run.sidecar`. Of several processes each writes its own rows into one file.

    Args:
        path: the .npy; the sidecar lies beside it.
        batches: float32 (n, D), finite; (rows, D) together, of which each process has those of its part.
        shape: (rows, D).
        labels, class_names, sample_ids, rows, origin, groups: as in :class:`LatentSpace`; the fields of the sidecar, by
            name, so that their number is no burden.

    Raises:
        ValueError: the parts do not fit each other.
    """
    if len(shape) != 2:
        raise ValueError(f"latent vectors are (rows, D), not {tuple(shape)}")
    description = {
        "kind": _KIND,
        "npy_sha256": "",
        "shape": [int(side) for side in shape],
        "origin": origin or {},
        "class_names": list(class_names),
        "labels": None if labels is None else [int(label) for label in labels],
        "rows": None if rows is None else [int(row) for row in rows],
        "sample_ids": list(sample_ids),
        "groups": None if groups is None else [int(group) for group in groups],
    }
    if complaint := _complaint(description, shape[0]):
        raise ValueError(complaint)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": tuple(description["shape"])}
    )
    digest = hashlib.sha256(header.getvalue())
    if not ranks.is_first():
        with open(ranks.share(), "r+b") as file:
            file.seek(header.tell() + 4 * shape[1] * ranks.part(shape[0]).start)
            _write_rows(file, batches, shape, digest)
        ranks.meet()
        return
    with atomic_write(path) as file:
        file.write(header.getvalue())
        file.flush()
        ranks.share(file.name)
        _write_rows(file, batches, shape, digest)
        ranks.meet()
        sha256 = digest.hexdigest() if ranks.world_size() == 1 else file_sha256(file.name)
        write_sidecar(path, description | {"npy_sha256": sha256}, "npy_sha256")
    settle(path)


def _write_rows(file: BinaryIO, batches: Iterable[np.ndarray], shape: tuple[int, int], digest: Any) -> None:
    """Write this process's rows of (rows, D) where the file stands, and tell a ``digest`` of :mod:`hashlib`.

    Raises:
        ValueError: they are not finite, not of D numbers, or not as many as they should be.
    """
    rows, written = ranks.part(shape[0]), 0
    for batch in batches:
        vectors = np.ascontiguousarray(batch, dtype="<f4")
        if vectors.ndim != 2 or vectors.shape[1] != shape[1] or not np.isfinite(vectors).all():
            raise ValueError(f"latent vectors are finite and (n, {shape[1]}), not {vectors.shape} or with NaN in them")
        file.write(vectors)
        digest.update(vectors)
        written += len(vectors)
    if written != rows.stop - rows.start or not shape[0]:
        raise ValueError(f"{rows.stop - rows.start} vectors were announced, and {written} came")
    file.flush()


def load_latent_space(path: Path) -> LatentSpace:
    """Read latent vectors, and their description where there is one.

    Real numbers of any width are accepted, (rows, D) with at least one row and one column, and come out as float32.

    Raises:
        BadInput: the file is missing, truncated, foreign, holds objects, is not (rows, D), is not finite, is
            larger than 1e15, or does not agree with its sidecar; or the sidecar is damaged.
    """
    try:
        return _load(Path(path))
    except Unusable as error:
        if meant := command_meant(Path(path), latent_space_paths(Path(path).parent)):
            raise BadInput(f"{error}; did you mean: {meant}") from None
        is_ours = _OWN_NAME.fullmatch(Path(path).name) or has_sidecar(Path(path))
        better = f"make it with: {encoding_command(path)}" if is_ours or not Path(path).exists() else _ANY_VECTORS
        raise BadInput(f"{error}; {better}") from None


def _load(path: Path) -> LatentSpace:
    vectors = read_vectors(path)
    if not has_sidecar(path):
        return LatentSpace(vectors)
    description = _load_description(path, len(vectors))
    labels, rows, groups = description["labels"], description["rows"], description.get("groups")
    return LatentSpace(
        vectors=vectors,
        labels=None if labels is None else np.array(labels, dtype=np.int64),
        class_names=tuple(description["class_names"]),
        sample_ids=tuple(description["sample_ids"]),
        rows=None if rows is None else np.array(rows, dtype=np.int64),
        origin=description["origin"],
        groups=None if groups is None else np.array(groups, dtype=np.int64),
    )


def _load_description(path: Path, count: int) -> dict[str, Any]:
    """What the sidecar says of the ``count`` vectors at ``path``.

    Raises:
        Unusable: it is damaged, or describes something else.
    """
    sidecar = sidecar_path(path)
    about = f"{printable(sidecar)}, which should describe {printable(path.name)},"
    wrong = None
    try:
        description = read_sidecar(path, "npy_sha256")
    except BadInput:
        wrong = f"{about} is damaged or not a file of this suite"
    else:
        if description.get("kind") != _KIND:
            wrong = f"{about} describes something else"
        elif complaint := _complaint(description, count):
            wrong = f"{about} does not fit it: {complaint}"
        elif description["npy_sha256"] != file_sha256(path):
            wrong = f"{printable(path)} is damaged: it is not the file that {printable(sidecar.name)} describes"
    if wrong:
        raise Unusable(f"{wrong}; without that .json the vectors are taken without classes")
    return description


def load_with_bottleneck_2(path: Path) -> tuple[dict[Path, LatentSpace], list[str]]:
    """The latents at ``path`` and, before them, those of the bottleneck of 2 that lie in the same folder.

    Alone where the latents have no more than two dimensions themselves, are of unknown origin (a person's own
    vectors), or have none beside them.

    Returns:
        The spaces; and warnings: that there are none beside them, where there should be.

    Raises:
        BadInput: either can't be loaded, or the two are of different images.
    """
    path = Path(path)
    space = load_latent_space(path)
    if space.vectors.shape[1] <= 2 or not space.origin:
        return {path: space}, []
    path_of_2 = latent_space_path(path.parent, 2)
    if not path_of_2.exists():
        missing = (
            f"{printable(path_of_2)} is not there, so the bottleneck of 2 is left out; make it with: "
            f"{encoding_command(path_of_2)}"
        )
        return {path: space}, [missing]
    space_of_2 = load_latent_space(path_of_2)
    _require_same_samples(space, path, space_of_2, path_of_2)
    return {path_of_2: space_of_2, path: space}, []


def _require_same_samples(space: LatentSpace, path: Path, other: LatentSpace, other_path: Path) -> None:
    fingerprints = [each.origin.get("split_fingerprint") for each in (space, other)]
    same_rows = len(space.vectors) == len(other.vectors) and all(
        np.array_equal(first, second) for first, second in [(space.rows, other.rows), (space.labels, other.labels)]
    )
    if fingerprints[0] != fingerprints[1] or not same_rows or space.sample_ids != other.sample_ids:
        difference = "different splits" if fingerprints[0] != fingerprints[1] else "different images"
        raise BadInput(
            f"{printable(path)} and {printable(other_path)} hold the latents of {difference}, and can't stand side by "
            f"side; encode both anew: {encoding_command(path)}"
        )


def _complaint(description: dict[str, Any], count: int) -> str | None:
    """What is wrong with a description of ``count`` rows, if anything is."""
    labels, rows, names = description.get("labels"), description.get("rows"), description.get("class_names")
    sample_ids, groups = description.get("sample_ids"), description.get("groups")
    if not isinstance(description.get("origin"), dict) or not isinstance(description.get("npy_sha256"), str):
        return "it does not say where they come from"
    if not _all_of(str, names) or not _all_of(str, sample_ids):
        return "its names are not texts"
    for what, values in [("labels", labels), ("rows", rows), ("sample ids", sample_ids or None), ("groups", groups)]:
        if values is not None and not (isinstance(values, list) and len(values) == count):
            return f"there are {count} vectors, and not as many {what}"
    if labels is not None and not (_all_of(int, labels) and all(0 <= label < len(names) for label in labels)):
        return f"its labels are not all among its {len(names)} classes"
    if rows is not None and not (_all_of(int, rows) and all(0 <= row < 2**63 for row in rows)):
        return "its rows are not places in a test split"
    if groups is not None and not (_all_of(int, groups) and all(abs(group) < 2**63 for group in groups)):
        return "its groups are not whole numbers"
    return None


def _all_of(kind: type, values: object) -> bool:
    return isinstance(values, list) and all(type(value) is kind for value in values)
