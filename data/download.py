"""Fetching a named set through torchvision: quick to say no, and whole or not at all."""

import contextlib
import errno
import http.client
import os
import shutil
import socket
import tarfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from run import console
from run.errors import BadInput, printable
from run.hints import own_command

_ANSWER_SECONDS = 4  # until "there is no network": nobody should wait longer for that
_STALL_SECONDS = 20  # a server that falls silent in the middle of a download
_DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ENOTDIR}


@dataclass(frozen=True)
class Origin:
    """Where torchvision gets a set."""

    torchvision_class: str
    arguments: tuple[dict[str, Any], ...]  # of the class, one for each part that is fetched by itself
    mirrors: tuple[str, ...]  # addresses of which one must answer


def download(name: str, origin: Origin, data_dir: Path, belongs: Path) -> None:
    """Fetch a set aside and move it to its place in ``data_dir`` once it is whole.

    torchvision checks the published MD5 of each archive before it extracts it, but takes a set whose extraction was
    killed half-way for a complete one; a set that is moved as a whole is never mistaken so.

    Args:
        belongs: the folder that is named to a person who must fetch the files by hand.

    Raises:
        BadInput: no mirror answers, or the download fails.
    """
    remedy = (
        f"put its files into {printable(belongs)}, give your own folder of images with --dataset, or use a set that "
        f"needs no download: {own_command({'--dataset': ['digits']})}"
    )
    if not any_answers(origin.mirrors):
        raise BadInput(f"{name} is not in {printable(data_dir)}, and no server that has it answers; {remedy}")
    console.note(f"downloading {name} into {printable(data_dir)}")
    aside = data_dir / f".download-{name}"
    shutil.rmtree(aside, ignore_errors=True)
    try:
        aside.mkdir(parents=True)
        import torchvision  # seconds, for those who download alone

        with _stalls_end(), _archives_stay_inside():
            for arguments in origin.arguments:
                getattr(torchvision.datasets, origin.torchvision_class)(aside, download=True, **arguments)
        _move_into(aside, data_dir)
    except (OSError, RuntimeError, EOFError, http.client.HTTPException, BadZipFile, tarfile.TarError) as error:
        if getattr(error, "errno", None) in _DISK_ERRORS:
            raise
        raise BadInput(f"{name} can't be downloaded ({printable(error)}); {remedy}") from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def any_answers(addresses: tuple[str, ...]) -> bool:
    """Whether any server answers at all. In bounded time: looking up a name alone may take half a minute."""
    answers: list[bool] = []
    news = threading.Condition()

    def ask(address: str) -> None:
        answered = False
        try:
            urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=_ANSWER_SECONDS).close()
            answered = True
        except urllib.error.HTTPError as error:  # an answer, if not a friendly one
            error.close()
            answered = True
        except (OSError, ValueError, http.client.HTTPException):
            pass
        with news:
            answers.append(answered)
            news.notify()

    for address in addresses:
        threading.Thread(target=ask, args=(address,), daemon=True).start()
    deadline = time.monotonic() + _ANSWER_SECONDS
    with news:
        while not any(answers) and len(answers) < len(addresses) and time.monotonic() < deadline:
            news.wait(deadline - time.monotonic())
        return any(answers)


@contextlib.contextmanager
def _stalls_end() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_STALL_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@contextlib.contextmanager
def _archives_stay_inside() -> Iterator[None]:
    """No member of a tar archive leaves its folder or becomes a device, whatever the version of torchvision.

    zipfile never writes outside; tarfile keeps inside by itself only from Python 3.14 on.
    """
    if not hasattr(tarfile, "data_filter"):
        yield
        return
    before = tarfile.TarFile.extraction_filter
    tarfile.TarFile.extraction_filter = staticmethod(tarfile.data_filter)
    try:
        yield
    finally:
        tarfile.TarFile.extraction_filter = before


def _move_into(source: Path, target: Path) -> None:
    for child in source.iterdir():
        place = target / child.name
        if child.is_dir() and place.is_dir():
            _move_into(child, place)
        else:
            os.replace(child, place)
