"""Standard streams as people have them: closed, full, a terminal that has gone, an encoding of few characters.

None of these ends a run: its files are worth more than what it says. What was lost is said where anything can be said.
"""

import io
import os
import stat
import sys

_STREAMS = {"stdout": "standard output", "stderr": "standard error"}


class _Lasting(io.RawIOBase):
    """Writes what it can. ``failed`` is the first error; a reader that has gone is an error to be raised, once."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw
        self.failed: OSError | None = None

    def write(self, content: bytes) -> int:
        try:
            return self._raw.write(content)
        except OSError as error:
            if self.failed is None:
                self.failed = error
                if isinstance(error, BrokenPipeError):
                    raise
            return len(content)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def isatty(self) -> bool:
        return self._raw.isatty()


def settle() -> None:
    """At the start: closed streams lead nowhere, no write fails, and no character is beyond an encoding.

    A stream that is closed is opened on the null device, also because the next file that is opened would take its
    place, and whatever is printed would go into it. What an encoding lacks is written as an escape, as in ``\\u4e2d``.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # it gets the lowest free number: this one
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
    for number, name in enumerate(_STREAMS, 1):
        stream = getattr(sys, name)
        if stream is None or isinstance(stream, io.TextIOWrapper):  # a notebook has streams of its own
            raw = open(number, "wb", buffering=0, closefd=False)  # noqa: SIM115
            encoding, by_line = getattr(stream, "encoding", "utf-8"), name == "stderr" or raw.isatty()
            lasting = io.BufferedWriter(_Lasting(raw))
            setattr(sys, name, io.TextIOWrapper(lasting, encoding, "backslashreplace", line_buffering=by_line))


def flush() -> None:
    for name in _STREAMS:
        getattr(sys, name).flush()


def failure(name: str) -> str:
    """What became of ``stdout`` or ``stderr``, in words, if anything that was written to it was lost; else ``""``.

    A reader that has seen enough has lost nothing.
    """
    raw = getattr(getattr(getattr(sys, name), "buffer", None), "raw", None)
    error = raw.failed if isinstance(raw, _Lasting) else None
    if error is None or isinstance(error, BrokenPipeError):
        return ""
    return f"{_STREAMS[name]} takes nothing more ({os.strerror(error.errno)})"


def is_full(name: str) -> bool:
    """Whether it can be told beforehand that a stream will take nothing: its disk is full, or it is /dev/full."""
    try:
        number = getattr(sys, name).fileno()
        kind = os.fstat(number)
        if stat.S_ISCHR(kind.st_mode):
            return kind.st_rdev == os.stat("/dev/full").st_rdev
        disk = os.fstatvfs(number)
    except (OSError, AttributeError, io.UnsupportedOperation):  # no such device, another system, a notebook's stream
        return False
    return stat.S_ISREG(kind.st_mode) and disk.f_blocks > 0 and disk.f_bfree == 0
