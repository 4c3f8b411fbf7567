"""Matplotlib as it comes, whatever its settings here are, and a folder for its own files where there is none."""

import atexit
import contextlib
import importlib
import importlib.util
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

_FOLDER, _SETTINGS, _BACKEND = "MPLCONFIGDIR", "MATPLOTLIBRC", "MPLBACKEND"


def import_matplotlib() -> None:
    """Import it without the settings of this account, this folder and this environment.

    Figures are to be the same for everybody, and some settings end the import: a backend of a notebook's kernel
    (MPLBACKEND), a file that is no text. With a home folder that can't be written it would complain at every start and
    look for fonts anew; then it is lent a folder that is private to this process and goes when it does.
    """
    if "matplotlib" in sys.modules:  # once is enough; or a test has imported it
        return
    if not all(_can_be_written(folder) for folder in _own_folders()):
        os.environ[_FOLDER] = tempfile.mkdtemp(prefix="matplotlib-")
        atexit.register(shutil.rmtree, os.environ[_FOLDER], ignore_errors=True)
    shipped = Path(importlib.util.find_spec("matplotlib").origin).parent / "mpl-data"
    # that a fallback font has no bold is of no interest to anybody
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    with _without(_BACKEND), _without(_SETTINGS):
        os.environ[_SETTINGS] = str(shipped / "matplotlibrc")
        # the only file that goes before the one in the environment is the one in this folder
        with _within(Path(os.sep)) if os.path.lexists("matplotlibrc") else contextlib.nullcontext():
            importlib.import_module("matplotlib")


@contextlib.contextmanager
def _without(variable: str) -> Iterator[None]:
    """The environment without a variable, which comes back as it was."""
    value = os.environ.pop(variable, None)
    try:
        yield
    finally:
        os.environ.pop(variable, None)
        if value is not None:
            os.environ[variable] = value


@contextlib.contextmanager
def _within(folder: Path) -> Iterator[None]:
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _own_folders() -> list[Path]:
    if os.environ.get(_FOLDER):
        return [Path(os.environ[_FOLDER])]
    home = Path(os.path.expanduser("~"))
    if not sys.platform.startswith(("linux", "freebsd")):
        return [home / ".matplotlib"]
    bases = {"XDG_CONFIG_HOME": ".config", "XDG_CACHE_HOME": ".cache"}
    return [Path(os.environ.get(variable) or home / folder) / "matplotlib" for variable, folder in bases.items()]


def _can_be_written(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
