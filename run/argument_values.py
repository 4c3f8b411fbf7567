"""What stands after a flag: numbers, words, sizes and paths.

What is certainly meant is taken (``MNIST``, ``t-SNE``, ``28x28``); anything else is refused in words, with what may
have been meant. Python's own ``int`` takes ``1_0`` and the digits of every script, which nobody means.
"""

import argparse
import contextlib
import difflib
import os
import re
import shlex
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from run.errors import printable

_WHOLE = re.compile(r"[+-]?[0-9]+")
_REAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_THOUSANDS = re.compile(r"[0-9]{1,3}(?:[,' ][0-9]{3})+")
_DIGITS = 9  # the most that a count has: with more it is a slip, and takes memory or years
_LONGEST = 40  # characters of a value that are shown again


def whole_number(at_least: int, at_most: int | None = None) -> Callable[[str], int]:
    """An argparse type: a whole number within bounds, refused in words."""

    def parse(text: str) -> int:
        bounds = (
            f"a whole number from {at_least} up" if at_most is None else f"a whole number from {at_least} to {at_most}"
        )
        written = text.strip()
        if not _WHOLE.fullmatch(written):
            meant = _meant(written)
            hint = f" (did you mean {meant}?)" if meant is not None and within(meant) else ""
            raise argparse.ArgumentTypeError(f"{_shown(text)} is not {bounds}{hint}")
        if len(written.lstrip("+-0")) > (_DIGITS if at_most is None else len(str(at_most))):
            too_large = at_most is None and not written.startswith("-")
            largest = f"; the largest is {10**_DIGITS - 1:,}" if too_large else ""
            raise argparse.ArgumentTypeError(f"{_shown(text)} is not {bounds}{largest}")
        if not within(int(written)):
            raise argparse.ArgumentTypeError(f"{int(written)} is not {bounds}")
        return int(written)

    def within(value: int) -> bool:
        return value >= at_least and (at_most is None or value <= at_most)

    return parse


def real_number(above: float, below: float, *, from_lowest: bool = False) -> Callable[[str], float]:
    """An argparse type: a number strictly between two bounds; with ``from_lowest`` the lower one itself will do."""

    def parse(text: str) -> float:
        value = _real(text)
        if not (above < value < below or (from_lowest and value == above)):
            low = f"from {above:g} up" if from_lowest else f"above {above:g}"
            raise argparse.ArgumentTypeError(f"{_shown(text)} is not a number {low} and below {below:g}{_point(text)}")
        return value

    return parse


def fraction(text: str) -> float:
    """An argparse type: a number from 0 to 1."""
    value = _real(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{_shown(text)} is not a number from 0 to 1{_point(text)}")
    return value


def all_or_number(at_least: int) -> Callable[[str], int | None]:
    """An argparse type: ``all`` (None) or a whole number."""

    def parse(text: str) -> int | None:
        number = word_or_number("all", at_least)(text)
        return None if number == "all" else number

    return parse


def word_or_number(word: str, at_least: int) -> Callable[[str], int | str]:
    """An argparse type: one word, say ``auto``, or a whole number."""

    def parse(text: str) -> int | str:
        if text.lower() == word:
            return word
        try:
            return whole_number(at_least)(text)
        except argparse.ArgumentTypeError as error:
            raise argparse.ArgumentTypeError(str(error).replace(" is not ", f" is neither {word} nor ", 1)) from None

    return parse


def file_of(files_in: Callable[[Path], Sequence[Path]]) -> Callable[[str], Path]:
    """An argparse type: a file; of a folder that is given in its place the last of its ``files_in`` it is offered."""

    def parse(text: str) -> Path:
        place = path(text)
        if place.is_dir():
            found = [printable(shlex.quote(str(each))) for each in files_in(place)[-1:]]
            meant = f" (did you mean {found[0]}?)" if found else ""
            raise argparse.ArgumentTypeError(f"{printable(text)} is a folder, and a file was expected{meant}")
        return place

    return parse


def image_size(text: str) -> tuple[int, int]:
    """An argparse type: ``32`` or ``48x32`` (height x width), each from 8 to 1024; ``48,32`` and ``48 32`` will do."""
    parts = re.split(r"[xX×*,\s]+", text.strip())
    side = whole_number(8, 1024)
    if len(parts) not in (1, 2):
        raise argparse.ArgumentTypeError(f"{_shown(text)} is neither one number (32) nor height x width (48x32)")
    return side(parts[0]), side(parts[-1])


def value_range(text: str) -> list[float]:
    """An argparse type: two numbers, the lower first; ``0 4095``, ``0,4095`` and ``0..4095`` will do."""
    parts = [part for part in re.split(r"\.\.+|[,;:\s]+", text.strip()) if part]
    values = [_real(part) for part in parts]
    if len(values) != 2 or not -(10**12) < values[0] < values[1] < 10**12:  # NaN of what is no number lies nowhere
        raise argparse.ArgumentTypeError(f"{_shown(text)} is not two numbers, the lower first (0 4095)")
    return values


def path(text: str) -> Path:
    """An argparse type: a file or a folder, with ``~`` for a person's own folder."""
    return Path(name_or_path(text))


def name_or_path(text: str) -> str:
    """An argparse type: a name, or a path as it was typed but for ``~``."""
    if not text.strip():
        raise argparse.ArgumentTypeError("an empty path; name a file or a folder, a dot for the folder you are in")
    expanded = os.path.expanduser(text)
    if expanded.startswith("~") and not os.path.exists(expanded):
        raise argparse.ArgumentTypeError(f"{printable(text)}: there is no such person here; write the path in full")
    return expanded


def word(known: Sequence[str]) -> Callable[[str], str]:
    """An argparse type: one of a few words, however it is written; another word stays as it is, to be refused."""

    def parse(text: str) -> str:
        return same_word(text, known) or text

    return parse


def same_word(text: str, known: Sequence[str]) -> str | None:
    """The known word that a text is but for capitals, hyphens, underscores and blanks: of ``CIFAR-10`` ``cifar10``."""
    same = [each for each in known if _bare(each) == _bare(text)]
    return same[0] if len(same) == 1 else None


def nearest(text: str, known: Sequence[str]) -> str | None:
    """The known name that a mistyped one most resembles, if any does."""
    near = difflib.get_close_matches(text.lower(), known, n=1)
    return near[0] if near else None


def separated(kind: Callable[[str], Any]) -> Callable[[str], list[Any]]:
    """An argparse type: one or several values of a kind, with commas between them."""

    def parse(text: str) -> list[Any]:
        return [kind(part) for part in (text.split(",") if _WHOLE.match(text) else [text])]

    return parse


def _bare(text: str) -> str:
    return re.sub(r"[-_ ]", "", text.casefold())


def _real(text: str) -> float:
    """The number that a text is; NaN, which lies within no bounds, of any other."""
    return float(text) if _REAL.fullmatch(text.strip()) else float("nan")


def _meant(text: str) -> int | None:
    """The whole number that a text may stand for: ``８``, ``1_000``, ``1,000``, ``8.0``, ``1e3``."""
    plain = unicodedata.normalize("NFKC", text).replace("_", "")
    if _THOUSANDS.fullmatch(plain):
        plain = re.sub(r"[,' ]", "", plain)
    with contextlib.suppress(ValueError, OverflowError):
        value = float(plain) if len(plain) <= _LONGEST else 0.5
        return int(value) if value.is_integer() else None
    return None


def _point(text: str) -> str:
    """A hint for those who write numbers with a comma."""
    meant = text.strip().replace(",", ".")
    return f" (did you mean {meant}?)" if "," in text and _REAL.fullmatch(meant) else ""


def _shown(text: str) -> str:
    return repr(printable(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"))
