"""A folder for the files that matplotlib keeps for itself, where its usual ones can't be written."""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

_VARIABLE = "MPLCONFIGDIR"


def lend_to_matplotlib() -> None:
    """Before it is imported: with a read-only home it would complain at every start, and look for fonts anew.

    The folder is private to this process and goes when it does.
    """
    if _VARIABLE in os.environ or all(_can_be_written(folder) for folder in _usual()):
        return
    os.environ[_VARIABLE] = tempfile.mkdtemp(prefix="matplotlib-")
    atexit.register(shutil.rmtree, os.environ[_VARIABLE], ignore_errors=True)


def _usual() -> list[Path]:
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
