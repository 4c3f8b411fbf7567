"""``.pth`` files: dictionaries of tensors and plain values, checked before they are believed.

``torch.load`` verifies no checksum of the zip archive that a ``.pth`` file is, so a flipped bit becomes a wrong
weight. Here the SHA-256 of the archive stands in the archive's own comment, where other readers of the format
pass over it. Whoever forges a file can compute it too, so it says that a file is whole, not that it is harmless.

Only tensors and plain types are ever loaded (``weights_only=True``). That alone lets a small file fill the memory:
torch inflates compressed entries and builds a ``bytearray(10**11)`` that a pickle asks for. So the archive must be
as :func:`save_tensors` writes it, uncompressed and with no names but those of tensors and dictionaries, before torch
sees it, and no tensor may be larger than the bytes that stand for it.
"""

import hashlib
import mmap
import os
import pickletools
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import torch

from run.artefacts import atomic_write, file_sha256, model_paths
from run.errors import BadInput, printable
from run.hints import command_meant

# What a file is of, as it says itself.
CHECKPOINT, TEST_SPLIT, TRAINING_STATE = "autoencoder checkpoint", "test split", "training state"
MadeBy = str | Callable[[Path], str]  # the command that makes a file, or what finds it out for the file's path

_LABEL = b"sha256:"
_COMMENT_SIZE = len(_LABEL) + 64
# What the pickle in the archive may name; storages ("torch FloatStorage") besides.
_NAMES = {"collections OrderedDict", "torch._utils _rebuild_tensor_v2"}
_NEVER_WRITTEN = {"STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "BUILD", "EXT1", "EXT2", "EXT4"}
_DEEPEST = 32  # containers within containers


def save_tensors(path: Path, kind: str, content: dict[str, Any], previous: Path | None = None) -> None:
    """Write ``content`` (tensors, numbers, texts, lists and dictionaries of them), marked as ``kind``.

    The file that stood there goes to ``previous``, if that is given, once the new one is whole on the disk.
    """
    with atomic_write(path, previous) as file:  # nothing is held in memory: a test split may be larger than that
        try:
            torch.save(_unshared({"kind": kind, **content}), file)
        except RuntimeError as error:  # what torch says when it ends an archive that a full disk has cut short
            raise error.__context__ if isinstance(error.__context__, OSError) else error from None
        file.seek(-2, os.SEEK_END)
        file.write(struct.pack("<H", _COMMENT_SIZE))  # the archive's last field: the length of its comment, 0 until now
        file.flush()
        file.write(_LABEL + file_sha256(Path(file.name)).encode())


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


def load_tensors(path: Path, kind: str, made_by: MadeBy) -> dict[str, Any]:
    """Read what :func:`save_tensors` wrote as ``kind``; ``made_by`` is what a person is told to run where it can't be.

    Raises:
        BadInput: the file is missing, damaged, of another kind, or not written by this suite.
    """
    content, _ = load_tensors_with_digest(path, kind, made_by)
    return content


def load_tensors_with_digest(path: Path, kind: str, made_by: MadeBy) -> tuple[dict[str, Any], str]:
    """As :func:`load_tensors`, and the SHA-256 of the file's bytes (hexadecimal)."""
    try:
        return _load(Path(path), kind)
    except _Unusable as error:
        beside = model_paths(Path(path).parent) if kind == CHECKPOINT else []
        if meant := command_meant(Path(path), beside):
            raise BadInput(f"{printable(path)} {error}; did you mean: {meant}") from None
        command = made_by if isinstance(made_by, str) else made_by(Path(path))
        raise BadInput(f"{printable(path)} {error}; make it with: {command}") from None


class _Unusable(Exception):
    """Why a file can't be loaded, to stand after its name."""


def _load(path: Path, kind: str) -> tuple[dict[str, Any], str]:
    if not path.exists():
        raise _Unusable("is not there")
    if not path.is_file():
        what = "a folder" if path.is_dir() else "a device or a pipe"
        raise _Unusable(f"is {what}, and a file was expected")
    with open(path, "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - _COMMENT_SIZE))
        comment = file.read()
        if not comment.startswith(_LABEL):  # before all of it is read: it may be anything, of any size
            raise _Unusable("is truncated, or was not written by this suite")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as raw:
            digest = hashlib.sha256(raw[:-_COMMENT_SIZE])
        if comment != _LABEL + digest.hexdigest().encode():
            raise _Unusable("is damaged: its checksum does not match its content")
        digest.update(comment)
        try:
            _refuse_all_but_our_own(file)
            content = _load_archive(file, in_place=kind == TEST_SPLIT)
            _refuse_what_is_larger_than_it_is(content)
        except Exception as error:  # a foreign archive makes zipfile and torch raise many types; none has run any code
            raise _Unusable(f"is not a file of this suite ({type(error).__name__})") from None
    found = content.get("kind") if isinstance(content, dict) else None
    if found != kind:
        what = f"a {printable(found)}" if isinstance(found, str) else "something else"
        raise _Unusable(f"holds {what}, and {'an' if kind[0] in 'aeiou' else 'a'} {kind} was expected")
    return content, digest.hexdigest()


def _load_archive(file: BinaryIO, in_place: bool) -> Any:
    """What an archive that has been checked holds; ``in_place`` its tensors are mapped from the file, not read."""
    opened = Path("/dev/fd", str(file.fileno()))  # of the file that was checked, whatever its name stands for by now
    if in_place and opened.exists():
        return torch.load(str(opened), map_location="cpu", weights_only=True, mmap=True)
    file.seek(0)
    return torch.load(file, map_location="cpu", weights_only=True)


def _refuse_all_but_our_own(file: BinaryIO) -> None:
    """Raise unless an archive is uncompressed and its pickle names nothing but tensors and dictionaries."""
    size = os.fstat(file.fileno()).st_size
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise ValueError("compressed")
        if sum(entry.file_size for entry in entries) > size:
            raise ValueError("entries that overlap")
        if any(entry.filename != entry.orig_filename for entry in entries):
            raise ValueError("a name that readers understand differently")
        pickles = [entry for entry in entries if entry.filename.lower().endswith(".pkl")]  # torch heeds no case
        if len(pickles) != 1:
            raise ValueError("not one pickle")
        for operation, argument, _ in pickletools.genops(archive.read(pickles[0])):
            if operation.name in _NEVER_WRITTEN:
                raise ValueError(operation.name)
            if operation.name == "GLOBAL" and argument not in _NAMES:
                module, _, name = argument.partition(" ")
                if module != "torch" or not (name.isalnum() and name.endswith("Storage")):
                    raise ValueError(argument)


def _refuse_what_is_larger_than_it_is(content: Any) -> None:
    """Raise at a tensor that is a small one repeated, or none at all, and at containers nested without end."""
    waiting = [(content, 0)]
    seen = set()
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, torch.Tensor):
            dense = value.layout == torch.strided and value.device.type == "cpu" and not value.is_quantized
            if not dense or value.numel() * value.element_size() > value.untyped_storage().nbytes():
                raise ValueError("a tensor that is not what it says")
        elif isinstance(value, dict | list | tuple) and value != ():
            if depth > _DEEPEST:
                raise ValueError("nested too deeply")
            if id(value) in seen:  # twenty lists of two references to the one before are a million lists to a reader
                raise ValueError("one container in two places")
            seen.add(id(value))
            inside = [*value.keys(), *value.values()] if isinstance(value, dict) else value
            waiting += [(item, depth + 1) for item in inside]
