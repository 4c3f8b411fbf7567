"""What a person reads: results on standard output; progress and warnings on standard error."""

import sys
from collections.abc import Sequence

from run.errors import printable


def say(text: str = "") -> None:
    """A result, on standard output."""
    print(text, flush=True)


def note(text: str) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)


def warn(text: str) -> None:
    """Something that the person should know before trusting the result, on standard error."""
    print(f"warning: {text}", file=sys.stderr, flush=True)


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Plain text columns: the first flush left, the others flush right."""
    cells = [[printable(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = [
        "  ".join(cell.ljust(width) if column == 0 else cell.rjust(width) for column, (cell, width) in enumerate(zip(row, widths, strict=True)))
        for row in cells
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)
