"""What made an artefact: the command and the versions. No clock, so that the same run gives the same bytes."""

import importlib.metadata
import platform
import shlex
import sys
from pathlib import Path

_PACKAGES = ["torch", "torchvision", "numpy", "scikit-learn", "umap-learn", "matplotlib"]


def command_line() -> str:
    """The command as a person would type it again."""
    return shlex.join(["python", Path(sys.argv[0]).name, *sys.argv[1:]])


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide what comes out, without importing them."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "absent"
    return found
