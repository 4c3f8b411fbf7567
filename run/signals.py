"""Ctrl-C, SIGTERM and SIGHUP: the first is a request, which work that has something to save may heed when it likes;
the second ends the process at once, whatever it computes."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable
from types import TracebackType


class Terminated(BaseException):
    """SIGTERM arrived. Not an Exception, so that no handler for ordinary errors swallows it."""


class HungUp(BaseException):
    """SIGHUP arrived: the terminal was closed, or the connection to it. Not an Exception either."""


# What each signal raises, and the seconds within which another one is the same request sent twice: timeout(1) signals
# a process and then its group, systemd sends SIGHUP after SIGTERM, wrappers pass on a Ctrl-C that their child has had.
_MEANINGS: dict[int, tuple[type[BaseException], float]] = {
    signal.SIGINT: (KeyboardInterrupt, 0.1),
    signal.SIGTERM: (Terminated, 1.0),
}
if hasattr(signal, "SIGHUP"):  # Windows has none
    _MEANINGS[signal.SIGHUP] = (HungUp, 1.0)

_LEAVING = 0.5  # seconds that a process has to end by itself after a second signal, with the right exit status
_AGAIN = 0.01  # seconds, fewer than make a second request, after which a signal that nothing heeded is sent once more

_asked: type[BaseException] | None = None  # by the first signal; the second is not the handlers' business


def exit_status(stopped: BaseException) -> int:
    """128 and the signal's number, as a shell has it: 130, 143 or 129."""
    return 128 + next(number for number, (kind, _) in _MEANINGS.items() if isinstance(stopped, kind))


def name(stopped: BaseException) -> str:
    """What a person calls the signal."""
    number = signal.Signals(exit_status(stopped) - 128)
    return "Ctrl-C" if number == signal.SIGINT else number.name


def listen() -> None:
    """From here on the first signal raises what it means, and the second ends the process at once.

    SIGHUP that is ignored stays so: nohup has asked for it. To be called once, at the start, in the main thread.
    """
    _end_at_second()
    sys.unraisablehook = _send_again
    for number in _MEANINGS:
        if number == signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _raise)


def ending() -> None:
    """The process is ending by itself: a first signal asks for nothing more. A second still ends it at once."""
    global _asked
    _asked = _asked or Terminated


class StopRequest:
    """Within the block the first signal only sets :attr:`asked`; the second still ends the process.

    Args:
        shared: whether several processes stop at the same point: a signal is a wish then, until all :meth:`hear` of it.
    """

    def __init__(self, *, shared: bool = False) -> None:
        self.asked: type[BaseException] | None = None
        self._shared, self._mine = shared, None
        self._before: dict[int, object] = {}

    def __enter__(self) -> "StopRequest":
        for number in _MEANINGS:
            if signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if kind is None:  # what was asked for too late to be heeded inside is not forgotten
            self.asked = self.asked or self._mine
            self.heed()

    @property
    def wishes(self) -> list[bool]:
        """Of each signal, whether this process was sent it."""
        return [self._mine is kind for kind, _ in _MEANINGS.values()]

    def hear(self, wishes: Iterable[bool]) -> None:
        """Take what any of several processes was asked as asked here: as :attr:`wishes`, over all of them."""
        global _asked
        for (kind, _), wished in zip(_MEANINGS.values(), wishes, strict=True):
            if wished:
                self.asked = _asked = self.asked or kind

    def heed(self) -> None:
        """Raise what was asked for, if anything was.

        Raises:
            KeyboardInterrupt: Ctrl-C came.
            Terminated: SIGTERM came.
            HungUp: SIGHUP came.
        """
        if self.asked is not None:
            raise self.asked

    def _ask(self, number: int, frame: object) -> None:
        global _asked
        self._mine = _asked = _asked or _MEANINGS[number][0]
        if not self._shared:
            self.asked = self._mine


def _raise(number: int, frame: object) -> None:
    global _asked
    if _asked is None:  # raised once more it would disturb the leaving that it asks for
        _asked = _MEANINGS[number][0]
        raise _asked


def _send_again(unheeded: "sys.UnraisableHookArgs") -> None:
    """Where Python calls back (a finaliser, a hook of fork) exceptions end nothing: a signal that came there is lost.

    Any other exception is shown as Python does. A hook for ``sys.unraisablehook``.
    """
    global _asked
    if not isinstance(unheeded.exc_value, tuple(kind for kind, _ in _MEANINGS.values())):
        sys.__unraisablehook__(unheeded)
        return
    _asked, number = None, exit_status(unheeded.exc_value) - 128
    again = threading.Timer(_AGAIN, os.kill, (os.getpid(), number))
    again.daemon = True
    again.start()


class _Counter:
    """Tells a second signal from the first one sent twice."""

    def __init__(self) -> None:
        self._first = 0.0

    def second(self, numbers: bytes) -> int | None:
        """The second signal, if it is among those that have just arrived."""
        for number in numbers:
            if number in _MEANINGS:
                now = time.monotonic()
                if self._first and now - self._first > _MEANINGS[number][1]:
                    return number
                self._first = self._first or now
        return None


def _end_at_second() -> None:
    """Have a thread end the process at the second signal; and another process, where the thread can't.

    A handler of Python's own would wait for the end of whatever the main thread computes outside Python. The thread
    need not, but where that computation keeps Python's lock (as OpenBLAS does under scipy while it waits for memory)
    it waits as well. Python's signal handler in C writes each number into a pipe without that lock, so another process
    learns of it.
    """
    arrived, written = os.pipe()
    os.set_blocking(written, False)
    decided = _fork_guard(arrived, written)
    signal.set_wakeup_fd(written, warn_on_full_buffer=False)

    def watch() -> None:
        if decided is not None and (number := os.read(decided, 1)):
            os._exit(128 + number[0])
        counter = _Counter()  # without a guard, or when it has gone
        while numbers := os.read(arrived, 64):
            if number := counter.second(numbers):
                os._exit(128 + number)

    with contextlib.suppress(RuntimeError):  # no more threads are allowed: then only the guard is there
        threading.Thread(target=watch, daemon=True).start()


def _fork_guard(arrived: int, written: int) -> int | None:
    """Fork a small process, which lives as long as this one and reads the signals from ``arrived``.

    At the second it writes its number into a pipe, and kills this process if that is still there a moment later.

    Returns:
        The other end of that pipe; None where no process can be forked (Windows; other threads are at work already, as
        in a notebook's kernel; no more processes are allowed).
    """
    if not hasattr(os, "fork") or threading.active_count() > 1:
        return None
    decided, deciding = os.pipe()
    guarded = os.getpid()
    try:
        process = os.fork()
    except OSError:
        os.close(decided)
        os.close(deciding)
        return None
    if process:
        os.close(deciding)
        return decided
    try:
        for number in _MEANINGS:
            signal.signal(number, signal.SIG_IGN)  # those of a terminal reach all its processes
        os.close(written)  # or the end of the guarded process would not be seen
        counter = _Counter()
        while numbers := os.read(arrived, 64):
            if number := counter.second(numbers):
                os.write(deciding, bytes([number]))
                time.sleep(_LEAVING)
                if os.getppid() == guarded:
                    os.kill(guarded, signal.SIGKILL)
    finally:
        os._exit(0)
