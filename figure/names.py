"""Names beside one another, cut to the room that there is for them so that different ones stay different."""

import functools
import unicodedata
from collections.abc import Callable, Sequence

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from figure.fonts import drawable, families
from figure.style import new_figure
from run.errors import printable

_LONGEST = 200  # letters of a name that are looked at: a hostile one may have any number
_LTR = "\N{LEFT-TO-RIGHT MARK}"


def shown_apart(names: Sequence[str], at_most: int) -> list[str]:
    """Names as :func:`figure.style.shown` has them, those cut in the middle that would be equal if cut at their ends.

    Args:
        names: hostile text.
        at_most: letters of each.
    """
    return _cut_apart(names, lambda text: len(text) <= at_most)


def fitted(names: Sequence[str], inches: float, size: float, lines: int = 1) -> list[str]:
    """Names for columns: on lines that are no wider than a column, cut as by :func:`shown_apart`.

    Args:
        names: hostile text.
        inches: width of a column.
        size: of the letters, in points.
        lines: at most.
    """

    def fits(text: str) -> bool:
        return len(_broken(text, inches, size)) <= lines

    return ["\n".join(_broken(text, inches, size)) for text in _cut_apart(names, fits)]


def labelled(label: str, name: str) -> str:
    """``label  name``, the label at the left even of a name that is written from right to left."""
    leftwards = any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in name)
    return f"{_LTR}{label}  {_LTR}{name}" if leftwards else f"{label}  {name}"


def _cut_apart(names: Sequence[str], fits: Callable[[str], bool]) -> list[str]:
    whole = [drawable(printable(name)) for name in names]
    whole = [text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]}…{text[-_LONGEST // 2 :]}" for text in whole]
    ends = {text: _longest(text, fits, _without_end) for text in set(whole)}
    of_cut: dict[str, set[str]] = {}
    for text, cut in ends.items():
        of_cut.setdefault(cut, set()).add(text)
    return [_longest(text, fits, _without_middle) if len(of_cut[ends[text]]) > 1 else ends[text] for text in whole]


def _longest(text: str, fits: Callable[[str], bool], cut: Callable[[str, int], str]) -> str:
    """The text, or as much of it as fits."""
    if fits(text):
        return text
    low, high = 0, len(text) - 1  # letters that are kept: none, and all but one
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(cut(text, middle)) else (low, middle - 1)
    return cut(text, low)


def _without_end(text: str, kept: int) -> str:
    return f"{text[:kept].rstrip()}…"


def _without_middle(text: str, kept: int) -> str:
    head = kept // 2
    return f"{text[:head].rstrip()}…{text[len(text) - kept + head :].lstrip()}"


def _broken(text: str, inches: float, size: float) -> list[str]:
    """A text in lines, between words where it can be."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if _width(longer, size) <= inches:
            lines[-1] = longer
            continue
        if lines[-1]:
            lines.append("")
        for letter in word:
            if lines[-1] and _width(lines[-1] + letter, size) > inches:
                lines.append("")
            lines[-1] += letter
    return lines


@functools.lru_cache(maxsize=20_000)
def _width(text: str, size: float) -> float:
    """Of a line of text, in inches."""
    figure = _ruler()
    font = FontProperties(family=families(), size=size)
    return figure.canvas.get_renderer().get_text_width_height_descent(text, font, ismath=False)[0] / figure.dpi


@functools.cache
def _ruler() -> Figure:
    return new_figure(1, 1)
