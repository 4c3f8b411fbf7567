"""``.pth`` files: dictionaries of tensors and plain values, checked before they are believed.

``torch.load`` verifies no checksum of the zip archive that a ``.pth`` file is, so a flipped bit becomes a wrong
weight. Here the SHA-256 of the archive stands in the archive's own comment, where other readers of the format
pass over it. Only tensors and plain types are ever loaded (``weights_only=True``).
"""

import hashlib
import io
import struct
from pathlib import Path
from typing import Any

from run.artefacts import write_bytes
from run.errors import BadInput, printable

_LABEL = b"sha256:"
_COMMENT_SIZE = len(_LABEL) + 64


def save_tensors(path: Path, kind: str, content: dict[str, Any]) -> None:
    """Write ``content`` (tensors, numbers, texts, lists and dictionaries of them), marked as ``kind``."""
    import torch

    buffer = io.BytesIO()
    torch.save(_unshared({"kind": kind, **content}), buffer)
    archive = bytearray(buffer.getvalue())
    if archive[-2:] != b"\0\0":
        raise AssertionError("torch.save has begun to write a zip comment of its own")
    archive[-2:] = struct.pack("<H", _COMMENT_SIZE)  # the archive's last field: the length of its comment
    write_bytes(path, bytes(archive) + _LABEL + hashlib.sha256(archive).hexdigest().encode())


def _unshared(value: Any) -> Any:
    """A copy in which no text or container is one object in two places.

    Pickle writes the second occurrence of one object as a reference to the first: without this, equal contents that
    came about in different ways (computed, or loaded from another file) would be different bytes.
    """
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass").decode("utf-8", "surrogatepass")
    if isinstance(value, dict):
        return {_unshared(key): _unshared(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_unshared(item) for item in value)
    return value


def load_tensors(path: Path, kind: str, made_by: str) -> dict[str, Any]:
    """Read what :func:`save_tensors` wrote as ``kind``; ``made_by`` is the command that makes such a file.

    Raises:
        BadInput: the file is missing, damaged, of another kind, or not written by this suite.
    """
    content, _ = load_tensors_with_digest(path, kind, made_by)
    return content


def load_tensors_with_digest(path: Path, kind: str, made_by: str) -> tuple[dict[str, Any], str]:
    """As :func:`load_tensors`, and the SHA-256 of the file's bytes (hexadecimal)."""
    path = Path(path)
    name = printable(path)
    remedy = f"make it with: {made_by}"
    if not path.exists():
        raise BadInput(f"{name} is not there; {remedy}")
    if path.is_dir():
        raise BadInput(f"{name} is a folder, and a file was expected; {remedy}")
    raw = path.read_bytes()
    archive, comment = raw[:-_COMMENT_SIZE], raw[-_COMMENT_SIZE:]
    if not comment.startswith(_LABEL):
        raise BadInput(f"{name} is truncated, or was not written by this suite; {remedy}")
    if comment != _LABEL + hashlib.sha256(archive).hexdigest().encode():
        raise BadInput(f"{name} is damaged: its checksum does not match its content; {remedy}")
    import torch

    try:
        content = torch.load(io.BytesIO(raw), map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many types for a foreign archive; none of them has run any code
        raise BadInput(f"{name} is not a file of this suite ({type(error).__name__}); {remedy}") from None
    found = content.get("kind") if isinstance(content, dict) else None
    if found != kind:
        what = f"a {printable(found)}" if isinstance(found, str) else "something else"
        raise BadInput(f"{name} holds {what}, and a {kind} was expected; {remedy}")
    return content, hashlib.sha256(raw).hexdigest()
