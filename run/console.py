"""What a person reads: results on standard output; progress and warnings on standard error.

Of several processes that work as one (:mod:`run.ranks`) the first alone speaks.
"""

import re
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from run import ranks
from run.errors import printable


def say(text: str = "") -> None:
    """A result, on standard output."""
    if ranks.is_first():
        print(text, flush=True)


def note(text: str) -> None:
    """Progress, on standard error."""
    if ranks.is_first():
        print(text, file=sys.stderr, flush=True)


def warn(text: str) -> None:
    """Something that the person should know before trusting the result, on standard error."""
    note(f"warning: {text}")


def count(number: int, noun: str) -> str:
    """``1 class``, ``1,797 images``: a number of things, in the singular where there is one."""
    plural = f"{noun}es" if noun.endswith(("s", "x", "ch", "sh")) else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def verb(number: int, plural: str) -> str:
    """What so many things do: ``are``, ``have`` or ``lie``, and ``is``, ``has`` or ``lies`` where there is one."""
    return {"are": "is", "have": "has", "lie": "lies"}[plural] if number == 1 else plural


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Plain text columns: the first flush left, the others flush right."""
    cells = [[printable(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)


def table_of(records: Sequence[Mapping[str, Any]], columns: Mapping[str, tuple[str, str]]) -> str:
    """Records, all of the same values, as a table.

    Args:
        records: value -> what it is.
        columns: value -> its heading, and how it is written, as of :func:`format`; what records lack is left out.
    """
    present = {name: column for name, column in columns.items() if name in records[0]}
    rows = [[format(record[name], how) for name, (_, how) in present.items()] for record in records]
    return table([heading for heading, _ in present.values()], rows)


_SECONDS_BETWEEN_NEWS = 10


class Progress:
    """A bar on a terminal and plain lines elsewhere, on standard error; both say the time left.

    Args:
        total: number of steps that make the whole.
    """

    def __init__(self, total: int) -> None:
        self._total, self._done = total, 0
        self._started = self._told = time.monotonic()
        self._bar = None
        if sys.stderr.isatty() and ranks.is_first():
            from tqdm import tqdm  # for a terminal alone

            self._bar = tqdm(total=total, file=sys.stderr, leave=False, dynamic_ncols=True, mininterval=0.5, position=0)

    def advance(self, status: str = "", steps: int = 1) -> None:
        """So many steps are done; ``status`` stands beside the bar."""
        self._done += steps
        if self._bar is not None:
            if status:
                self._bar.set_description_str(status, refresh=False)
            self._bar.update(steps)

    def milestone(self, text: str) -> None:
        """A line that stays, with the time left where there is no bar to show it."""
        if self._bar is not None:
            self._bar.write(text, file=sys.stderr)
        else:
            elapsed = time.monotonic() - self._started
            left = elapsed / max(self._done, 1) * (self._total - self._done)
            note(f"{text}  ({duration(left)} left)")

    def news(self, text: str) -> None:
        """A milestone, but none within ten seconds of the last one, and none beside a bar."""
        if self._bar is None and time.monotonic() - self._told > _SECONDS_BETWEEN_NEWS:
            self._told = time.monotonic()
            self.milestone(text)

    def skip(self, steps: int) -> None:
        """Steps that will not be taken after all."""
        self._total -= steps
        if self._bar is not None:
            self._bar.total = self._total

    def close(self) -> None:
        """Take the bar off the screen."""
        if self._bar is not None:
            self._bar.close()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class LibraryProgress:
    """Progress of a library that writes how far it is, as a stream that it is given to write to.

    Args:
        what: is done, in words.
        pattern: of what it writes; its first group is the number of steps done.
        total: number of steps that make the whole; None where the pattern's second group says it.
    """

    def __init__(self, what: str, pattern: str, total: int | None = None) -> None:
        self._what, self._pattern, self._done = what, re.compile(pattern), 0
        self._total, self._progress = total, None if total is None else Progress(total)

    def write(self, text: str) -> int:
        """Take note of it; nothing is printed as it is."""
        for match in self._pattern.finditer(text):
            if self._progress is None:
                self._total = int(match[2])
                self._progress = Progress(self._total)
            steps = int(match[1]) - self._done
            self._done += steps
            self._progress.advance(self._what, steps)
            self._progress.news(f"{self._what}: step {self._done:,} of {self._total:,}")
        return len(text)

    def flush(self) -> None:
        """As streams have it."""

    def __enter__(self) -> "LibraryProgress":
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.close()


def duration(seconds: float) -> str:
    """``75`` -> ``1 min 15 s``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
