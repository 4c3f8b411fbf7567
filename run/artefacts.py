"""The files that pass between scripts: what they are called, and the one way in which any of them is written.

A file is written under another name in the same folder, flushed to the disk, and renamed. Whoever opens the
final name sees the old file or the new one, whole, whatever happens to the process or the machine.
"""

import contextlib
import csv
import errno
import glob
import hashlib
import io
import json
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from run.errors import BadInput, printable

try:
    import fcntl
except ImportError:  # Windows, which by itself removes no file that is open
    fcntl = None


_PARTIAL = ".partial"


def model_path(output_dir: Path, latent_size: int) -> Path:
    return Path(output_dir) / f"model_latent_size_{latent_size}.pth"


def model_paths(output_dir: Path) -> list[Path]:
    """Every file in a folder that is named as a checkpoint is, the smallest first; what is in it may be anything."""
    return _by_size(Path(output_dir).glob("model_latent_size_*.pth"))


def test_data_path(output_dir: Path) -> Path:
    return Path(output_dir) / "test_data.pth"


def latent_space_path(output_dir: Path, latent_size: int) -> Path:
    return Path(output_dir) / f"latent_space_size_{latent_size}.npy"


def latent_space_paths(output_dir: Path) -> list[Path]:
    """Every file in a folder that is named as latents of test images are, as of :func:`model_paths`."""
    named = Path(output_dir).glob("latent_space_size_*.npy")
    return _by_size(path for path in named if path.stem.rpartition("_")[2].isdecimal())  # not ..._16_train.npy


def _by_size(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: (len(path.name), path.name))


def snapshots_path(output_dir: Path, latent_size: int) -> Path:
    return Path(output_dir) / f"snapshots_latent_size_{latent_size}.pth"


def require_folder(folder: Path) -> None:
    """Find out, before any work is done, that results can't go into a folder, which need not be there yet.

    Raises:
        NotADirectoryError: it, or a part of its path, is a file.
        OSError: it may not be written into, or may not be made.
    """
    for place in (Path(folder), *Path(folder).absolute().parents):
        if place.is_dir():
            if not os.access(place, os.W_OK | os.X_OK):
                why = errno.EROFS if _is_read_only(place) else errno.EACCES
                raise OSError(why, os.strerror(why), str(place))
            return
        if place.exists() or place.is_symlink():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(place))


def _is_read_only(place: Path) -> bool:
    """Whether the disk as a whole takes no writing; never known on Windows."""
    return hasattr(os, "statvfs") and bool(os.statvfs(place).f_flag & os.ST_RDONLY)


@contextlib.contextmanager
def atomic_write(path: Path, previous: Path | None = None) -> Iterator[BinaryIO]:
    """Open a file for writing that takes the place of ``path`` when the block ends without an error.

    On any error ``path`` is left as it was and the unfinished file is removed. Missing parent folders are made.

    Args:
        path: of the artefact.
        previous: where the old ``path`` goes, if there is one, once the new file is whole on the disk.

    Raises:
        OSError: the folder cannot be made or written, or the disk is full. It names ``path``.
    """
    path = Path(path)
    unfinished = None
    try:
        _make_folder(path.parent)
        _sweep_unfinished(path)
        with _begin(path) as file:
            unfinished = Path(file.name)
            yield file
            file.flush()
            os.fsync(file.fileno())
            if fcntl is None:  # Windows, which renames no file that is open
                file.close()
            if previous is not None and path.exists():
                os.replace(path, previous)
            os.replace(unfinished, path)
        flush_folder(path.parent)
    except BaseException as error:
        if unfinished is not None:
            with contextlib.suppress(OSError):  # the first error is the one to tell
                unfinished.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and str(error.filename or _PARTIAL).endswith(_PARTIAL):
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise


def is_being_written(folder: Path) -> bool:
    """Whether a process, on this machine or another that shares the folder, is writing an artefact in it now."""
    return not all(map(_is_abandoned, folder.glob(f".*{_PARTIAL}")))


def write_bytes(path: Path, content: bytes | memoryview, previous: Path | None = None) -> None:
    with atomic_write(path, previous) as file:
        file.write(content)


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_json(path: Path, content: dict[str, Any], previous: Path | None = None) -> None:
    """Write ``content`` as indented JSON, with the SHA-256 of everything else in it under ``checksum``."""
    write_bytes(path, _json_bytes(content), previous)


def read_json(path: Path, made_by: Callable[[Path], str] | None = None) -> dict[str, Any]:
    """Read what :func:`write_json` wrote.

    Args:
        made_by: finds the command that a person is told to run where the file can't be read.

    Raises:
        BadInput: the file is missing, is not JSON, or is not what was written.
    """
    wrong = None
    try:
        if Path(path).exists() and not Path(path).is_file():  # a device or a pipe has no end
            wrong = "is not a file"
        else:
            raw = Path(path).read_bytes()
            content = json.loads(raw.decode("utf-8"))
            del content["checksum"]
            # compared as bytes: white space and repeated keys carry nothing, and yet were not written here
            if raw != _json_bytes(content):
                wrong = "is damaged: its checksum does not match its content"
    except FileNotFoundError:
        wrong = "is not there"
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        wrong = "is damaged or not a file of this suite"
    if wrong:
        remedy = "run again the script that made it" if made_by is None else f"make it with: {made_by(Path(path))}"
        raise BadInput(f"{printable(path)} {wrong}; {remedy}")
    return content


def write_csv(path: Path, header: list[str], rows: Iterable[Iterable[object]]) -> None:
    """Write rows as CSV. A text that a spreadsheet would run as a formula (``=cmd``) gets a quote in front."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_csv_cell(value) for value in row] for row in rows)
    write_text(path, buffer.getvalue())


def file_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _json_bytes(content: dict[str, Any]) -> bytes:
    text = _laid_out({**content, "checksum": _json_checksum(content)}) + "\n"
    return text.encode("utf-8", "backslashreplace")


def _laid_out(value: object, margin: str = "\n") -> str:
    """JSON with one item a line, but for lists of plain values: each stands in one line, however many they are."""
    inner = margin + " "
    if isinstance(value, dict) and value:
        items = [f"{json.dumps(str(key), ensure_ascii=False)}: {_laid_out(each, inner)}" for key, each in value.items()]
        return f"{{{inner}{f',{inner}'.join(items)}{margin}}}"
    kinds = set(map(type, value)) if isinstance(value, (list, tuple)) else ()
    if any(issubclass(kind, (dict, list, tuple)) for kind in kinds):
        return f"[{inner}{f',{inner}'.join(_laid_out(each, inner) for each in value)}{margin}]"
    return json.dumps(value, ensure_ascii=False)


def _json_checksum(content: dict[str, Any]) -> str:
    # ensure_ascii makes the digest independent of lone surrogates in file names that are not UTF-8
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def _csv_cell(value: object) -> object:
    if isinstance(value, str) and re.match(r"[=+\-@\t\r]", value):
        return "'" + value
    return value


def _begin(path: Path) -> BinaryIO:
    """A new file beside ``path``, locked as long as it is open: nobody takes it for what a killed process left."""
    while True:
        # "x": a link of this name that somebody else laid in a shared folder is not followed
        file = open(path.with_name(f".{path.name}.{secrets.token_hex(4)}{_PARTIAL}"), "xb")  # noqa: SIM115
        if fcntl is not None:
            with contextlib.suppress(OSError):  # a file system without locks, where nothing is ever swept
                fcntl.flock(file, fcntl.LOCK_EX)
        if os.path.exists(file.name):  # else it was swept before it was locked
            return file
        file.close()


def _sweep_unfinished(path: Path) -> None:
    """Remove what processes that were killed in the middle of writing ``path`` left behind."""
    for stray in path.parent.glob(f".{glob.escape(path.name)}.*{_PARTIAL}"):
        with contextlib.suppress(OSError), _abandoned(stray):
            stray.unlink()


@contextlib.contextmanager
def _abandoned(stray: Path) -> Iterator[None]:
    """Keep anybody from writing an unfinished file.

    Raises:
        OSError: somebody is writing it, or it is none of ours.
    """
    if fcntl is None:
        yield
        return
    handle = os.open(stray, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def _is_abandoned(stray: Path) -> bool:
    try:
        with _abandoned(stray):
            return True
    except OSError:
        return False


def _make_folder(folder: Path) -> None:
    """Make ``folder`` and its missing parents, each durable in the one above it."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    flush_folder(folder.parent)


def flush_folder(folder: Path) -> None:
    if os.name != "posix":  # Windows cannot open a folder; its rename is durable by itself
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
