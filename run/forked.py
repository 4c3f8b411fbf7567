"""Processes forked from this one: they leave signals to it, and end with it, however it ends."""

import contextlib
import ctypes
import gc
import os
import signal

_PR_SET_PDEATHSIG = 1  # of prctl(2)


def settle() -> None:
    """To be called first in a forked process. Ctrl-C and a closed terminal reach it too: the parent passes them on."""
    _end_with_parent()
    gc.freeze()  # what was there before is never looked through, nor copied for that
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _end_with_parent() -> None:
    """Have this process killed when the one that forked it has gone, however it went."""
    parent = os.getppid()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
