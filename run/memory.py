"""How much memory a process may still take, and refusing in a sentence what would not fit."""

import contextlib
import ctypes
import os
from pathlib import Path

from run.control_groups import LISTING, ROOT, control_groups
from run.errors import TOO_LITTLE_TO_LOAD, BadInput

try:
    import resource
except ImportError:  # Windows
    resource = None

_FIRST_BUFFERS = 110 << 20
_UNLIMITED = 1 << 60  # what version 1 of control groups says where there is no limit is about so large


def available_memory() -> int | None:
    """Bytes that this process may still take; None where the system does not say.

    The least of what the machine has free, what its control groups (a container's limit, say) leave, and what
    ``ulimit -v`` leaves.
    """
    found = [_free_on_the_machine(), _left_by_control_groups(), _left_by_ulimit()]
    return min((each for each in found if each is not None), default=None)


def give_back() -> None:
    """Give freed memory back to the system, which glibc keeps, for each thread its own; elsewhere this does nothing."""
    with contextlib.suppress(AttributeError, OSError, TypeError):  # another libc; Windows has no library of all
        ctypes.CDLL(None).malloc_trim(0)


def require_memory(needed: int, what: str, remedy: str) -> None:
    """Refuse work that would not fit, before it begins.

    Args:
        needed: bytes, an estimate.
        what: takes them.
        remedy: what would take less, as a command or flags.

    Raises:
        BadInput: fewer bytes are available.
    """
    available = available_memory()
    if available is not None and needed > available:
        raise BadInput(f"{what} takes about {in_words(needed)} of memory, and {in_words(available)} are free; {remedy}")


def require_memory_for_libraries() -> None:
    """Refuse to begin where numpy's OpenBLAS would end the process by itself, for want of its first buffers.

    Raises:
        BadInput: there is so little.
    """
    left = _left_by_ulimit()
    if left is not None and left < _FIRST_BUFFERS:
        raise BadInput(TOO_LITTLE_TO_LOAD)


def in_words(count: int) -> str:
    """``1.5 GB``, ``300 MB``: bytes for a person."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(1, round(count / 1e6))} MB"


def _free_on_the_machine() -> int | None:
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("MemAvailable:")).split()[1])
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _left_by_control_groups(root: Path = ROOT, listing: Path = LISTING) -> int | None:
    """The least that any of the process's control groups leaves; page cache, which is given back, counts as free."""
    names = {
        1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        2: ("memory.max", "memory.current", "inactive_file"),
    }
    left = [_left_in(folder, *names[version]) for version, folder in control_groups("memory", root, listing)]
    return min((each for each in left if each is not None), default=None)


def _left_in(folder: Path, limit: str, usage: str, reclaimable: str) -> int | None:
    try:
        most = int((folder / limit).read_text())  # "max" is no number
        used = int((folder / usage).read_text())
        entries = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        return None if most >= _UNLIMITED else max(0, most - used + int(entries.get(reclaimable, 0)))
    except (OSError, ValueError):
        return None


def _left_by_ulimit() -> int | None:
    if resource is None:
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return None
    with contextlib.suppress(OSError, ValueError):
        return max(0, limit - int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE"))
    return limit
