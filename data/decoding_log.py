"""Decoding that goes on where it was stopped, however it was stopped: no image is decoded twice.

Decoded images are written one after the other into one file, and beside it stands a line for each batch: where its
images come from, a digest of the pixels of each, and what else is known. Who comes later believes a line as far as the
digests are those of the pixels that are there. One process at a time writes; another that wants the same waits for it.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from data.decode import Batch, Unread
from data.fitting import Shape
from data.image_set import content_digests
from data.noted import Noted
from data.tones import Tones
from run.artefacts import flush_folder
from run.console import note
from run.errors import BadInput, printable

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

HEADER_BYTES = 128  # of a .npy file, written last: only then is the number of images known

_PIXELS, _LINES = ".decoding.partial", ".decoding.jsonl"


class DecodingLog:
    """Made by :func:`opened`.

    Args:
        folder: of the cache.
        file: for pixels, locked as long as it is open.
    """

    def __init__(self, folder: Path, file: BinaryIO) -> None:
        self._folder, self.file = folder, file
        self._lines = open(folder / _LINES, "a+", encoding="utf-8")  # noqa: SIM115  (closed with the log)
        self._is_whole = True

    @property
    def path(self) -> Path:
        """Where the pixels are."""
        return self._folder / _PIXELS

    def recover(self, guess: Shape) -> tuple[Shape, list[Batch]]:
        """What was decoded before: the shape, and the batches without their images, which are in the file.

        Args:
            guess: the shape where nothing is known of an earlier decoding.
        """
        self._lines.seek(0)
        try:
            known = json.loads(self._lines.readline())
            Tones.kept(known["tones"])  # refuses what is none
            plain = {name: tuple(value) if isinstance(value, list) else value for name, value in known["tones"].items()}
            sides = {name: known[name] for name in ("channels", "height", "width", "own_size", "grayscale")}
            shape = replace(guess, tones=Tones(**plain), **sides)
            one = (shape.channels, *shape.size)
        except (ValueError, KeyError, TypeError, BadInput):
            return guess, []
        found, offset, end = [], HEADER_BYTES, self._lines.tell()
        while batch := _batch_of(line := self._lines.readline()):
            count = len(batch.positions)
            self.file.seek(offset)
            raw = self.file.read(count * int(np.prod(one)))
            if len(raw) != count * np.prod(one):
                break
            if content_digests(np.frombuffer(raw, np.uint8).reshape(count, *one)) != batch.digests:
                break
            found.append(batch)
            offset, end = offset + len(raw), end + len(line.encode())
        self.file.seek(offset)
        self.file.truncate()
        self._lines.seek(end)
        self._lines.truncate()
        return (shape, found) if found else (guess, [])

    def start(self, shape: Shape) -> None:
        """Begin anew with images of a shape."""
        self._lines.seek(0)
        self._lines.truncate()
        sides = {name: getattr(shape, name) for name in ("channels", "height", "width", "own_size", "grayscale")}
        self._write({**sides, "tones": shape.tones.plain})

    def add(self, batch: Batch) -> None:
        """The images of a batch are in the file. What may be readable the next time ends the log."""
        self._is_whole = self._is_whole and not any(each.passing for each in batch.unread)
        if self._is_whole:
            self.file.flush()
            self._write(
                {
                    "positions": batch.positions,
                    "digests": [digest.hex() for digest in batch.digests],
                    "unread": [list(each) for each in batch.unread],
                    "noted": None if batch.noted is None else vars(batch.noted),
                }
            )

    def keep_as(self, path: Path) -> None:
        """Decoding is done, and the file with its header: it gets its name."""
        self.file.flush()
        os.fsync(self.file.fileno())
        os.replace(self.path, path)
        flush_folder(path.parent)

    def forget(self) -> None:
        """All that was logged is known elsewhere."""
        (self._folder / _LINES).unlink(missing_ok=True)

    def close(self) -> None:
        """Let another process have it."""
        for file in (self._lines, self.file):
            with contextlib.suppress(OSError):  # what was not written yet does not fit on the disk
                file.close()

    def _write(self, content: dict[str, Any]) -> None:
        self._lines.write(json.dumps(content) + "\n")
        self._lines.flush()


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[DecodingLog | None]:
    """The log of a cache's folder, once no other process has it; None where nothing can be locked.

    Raises:
        OSError: the folder can't be made or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = None if fcntl is None else _locked(folder)
    if file is None:
        yield None
        return
    log = DecodingLog(folder, file)
    try:
        yield log
    finally:
        log.close()


def _locked(folder: Path) -> BinaryIO | None:
    """The file for pixels, open and locked; None where there are no locks."""
    path, told = folder / _PIXELS, False
    while True:
        if (folder / _LINES).exists() and not path.exists() and not (folder / "index.json").exists():
            with contextlib.suppress(FileNotFoundError):  # killed when the file had its name, and was not described yet
                os.replace(folder / "images.npy", path)
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not told:
                    note(f"another command is decoding the same images into {printable(folder)}; waiting for it")
                told = True
                fcntl.flock(file, fcntl.LOCK_EX)
            with contextlib.suppress(FileNotFoundError):  # who had it has given it its name
                if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                    return file
        except OSError:
            file.close()
            path.unlink(missing_ok=True)
            return None
        file.close()


def _batch_of(line: str) -> Batch | None:
    """What a line says of a batch, without its images; None if it is not whole."""
    try:
        said = json.loads(line)
        noted = said["noted"]
        if noted is not None:
            noted = Noted(**noted)
            noted.wide = {kind: tuple(span) for kind, span in noted.wide.items()}
            if noted.uneven is not None:
                noted.uneven = (noted.uneven[0], noted.uneven[1], tuple(noted.uneven[2]))
        return Batch(
            images=np.empty(0, np.uint8),
            digests=[bytes.fromhex(digest) for digest in said["digests"]],
            positions=said["positions"],
            unread=[Unread(*each) for each in said["unread"]],
            noted=noted,
        )
    except (ValueError, KeyError, TypeError):
        return None
