"""A file of numbers and the ``.json`` that describes it: two files that change as one.

Two renames cannot be one. So the description is written first and the one before it is kept until the file has
followed: whoever loads takes the description that names the SHA-256 of the file as it is. A process that is killed
anywhere between leaves the old pair or the new one.
"""

from pathlib import Path
from typing import Any

from run.artefacts import file_sha256, read_json, write_json
from run.errors import BadInput


def sidecar_path(path: Path) -> Path:
    """Where the description of the file at ``path`` lies: ``x.npy`` has ``x.json``."""
    return Path(path).with_suffix(".json")


def write_sidecar(path: Path, content: dict[str, Any], digest: str) -> None:
    """Describe the file that is about to take the place of ``path``; ``content[digest]`` is its SHA-256."""
    now, before = sidecar_path(path), _before(path)
    keep = _describes(now, path, digest) or not before.exists()
    write_json(now, content, before if keep else None)


def settle(path: Path) -> None:
    """The file has followed its description: that of the file before it is needed no longer."""
    _before(path).unlink(missing_ok=True)


def read_sidecar(path: Path, digest: str) -> dict[str, Any]:
    """The description of the file at ``path``, or what lies in its place; the caller compares ``[digest]``.

    Raises:
        BadInput: it is missing or damaged.
    """
    before = _before(path)
    return read_json(before if _describes(before, path, digest) else sidecar_path(path))


def has_sidecar(path: Path) -> bool:
    """Whether anything lies where the description of ``path`` belongs, be it a link that leads nowhere."""
    places = (sidecar_path(path), _before(path))
    return any(place.is_symlink() or place.exists() for place in places)


def _before(path: Path) -> Path:
    return Path(path).with_name(f".{Path(path).stem}.before.json")


def _describes(description: Path, path: Path, digest: str) -> bool:
    if not (description.is_file() and Path(path).is_file()):
        return False
    try:
        return read_json(description).get(digest) == file_sha256(path)
    except BadInput:
        return False
