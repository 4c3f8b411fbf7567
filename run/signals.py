"""Ctrl-C and SIGTERM as requests, for work that has something to save before it leaves."""

import signal
from types import TracebackType

from run.errors import Terminated


class StopRequest:
    """Within the block Ctrl-C and SIGTERM only set :attr:`asked`; for a second Ctrl-C see
    ``run.errors.execute``."""

    def __init__(self) -> None:
        self.asked: type[BaseException] | None = None
        self._before: dict[int, object] = {}

    def __enter__(self) -> "StopRequest":
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if kind is None:  # what was asked for too late to be heeded inside is not forgotten
            self.heed()

    def heed(self) -> None:
        """Raise what was asked for, if anything was.

        Raises:
            KeyboardInterrupt: Ctrl-C came.
            Terminated: SIGTERM came.
        """
        if self.asked is not None:
            raise self.asked

    def _ask(self, number: int, frame: object) -> None:
        self.asked = KeyboardInterrupt if number == signal.SIGINT else Terminated
