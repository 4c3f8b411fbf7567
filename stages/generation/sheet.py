"""Sheets of images: rows of cells, each with lines below that say what it is."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from figure.names import fitted, shown_apart
from figure.style import MUTED, class_colour, draw_title, literal, new_figure

_UNIT = 0.72  # inches that a cell is wide
_ROWS = 100  # at most: a picture has no more than 65,536 pixels on a side
_AIR = 0.1  # between cells, in widths of a cell
_LETTERS = 14  # of the footer, an inch: what lies beyond would be cut off
_CAPTION = 6.5  # points
_LINE = 0.17  # height of a line below a cell
# Frames tell by their line as well as by their colour.
_FRAMES = {"yes": (class_colour(0), "-"), "no": (class_colour(3), (0, (2, 1.2)))}


@dataclass(frozen=True)
class Cell:
    """An image of a sheet.

    Attributes:
        image: float (C, H, W) in [0, 1].
        caption: below it, lines of which each is broken once, and cut, where it is wider than a cell; hostile text.
        frame: ``yes`` (solid, blue), ``no`` (dashed, vermilion) or nothing.
    """

    image: np.ndarray
    caption: str = ""
    frame: str = ""


@dataclass(frozen=True)
class Row:
    """Cells of a sheet from the left; None leaves a place empty.

    Attributes:
        label: left of the row.
        cells: all rows have the same number of them.
        opens: whether it begins a group of rows, with more air above it.
    """

    label: str
    cells: Sequence[Cell | None]
    opens: bool = False


def draw_sheet(rows: Sequence[Row], headings: Sequence[str], subject: str, footer: str = "") -> Figure:
    """Draw rows of images.

    Args:
        rows: from the top; of more than 100 the first 100 are drawn, and the footer says so.
        headings: above each column, hostile text; [] for none.
        subject: the figure's title.
        footer: lines below everything; long ones are wrapped.
    """
    if len(rows) > _ROWS:
        footer += f"\n{len(rows) - _ROWS:,} more rows are not drawn"
        rows = rows[:_ROWS]
    cells = [cell for row in rows for cell in row.cells if cell is not None]
    _, height, width = cells[0].image.shape
    tall = float(np.clip(height / width, 0.4, 2.5))
    columns = len(rows[0].cells)
    below = _captions(cells)
    tops, bottom = [], 0.0
    for number, row in enumerate(rows):
        bottom += 0.3 if row.opens and number else 0.0
        tops.append(bottom)
        bottom += (
            tall
            + _AIR
            + _LINE * max(below[cell.caption].count("\n") + bool(cell.caption) if cell else 0 for cell in row.cells)
        )
    right = columns * (1 + _AIR) - _AIR
    names = shown_apart(headings, 16)
    slanted = any(len(name) > 10 for name in names)

    label_width = max(len(line) for row in rows for line in [*row.label.split("\n"), ""]) * 0.075 + 0.1
    above = 0.75 if slanted else 0.2
    breadth = max(_UNIT * right + label_width + 0.2, 5.5)
    lines = [part for line in footer.splitlines() for part in textwrap.wrap(line, int(breadth * _LETTERS))]
    height = _UNIT * bottom + above + 0.35 + 0.16 * len(lines)
    figure = new_figure(breadth, height)
    axes = figure.subplots()
    axes.set(xlim=(0, right), ylim=(bottom, 0), aspect="equal", anchor="NW")
    axes.set_axis_off()
    for top, row in zip(tops, rows, strict=True):
        literal(axes.text(-0.12, top + tall / 2, row.label, ha="right", va="center", fontsize=8))
        for column, cell in enumerate(row.cells):
            if cell is None:
                continue
            left = column * (1 + _AIR)
            axes.imshow(
                _as_picture(cell.image), extent=(left, left + 1, top + tall, top), cmap="gray", vmin=0, vmax=1,
                interpolation="nearest", aspect="equal",
            )  # fmt: skip
            if cell.frame:
                colour, line = _FRAMES[cell.frame]
                axes.add_patch(
                    Rectangle((left, top), 1, tall, fill=False, edgecolor=colour, linestyle=line, linewidth=1.8)
                )
            how = {"ha": "center", "va": "top", "fontsize": _CAPTION, "color": MUTED}
            literal(axes.text(left + 0.5, top + tall + 0.04, below[cell.caption], **how))
    axes.set(xlim=(-0.03, right + 0.03), ylim=(bottom, -0.03))  # imshow has moved them; frames reach out a little
    for column, name in enumerate(names):
        place = column * (1 + _AIR) + 0.5
        slant = {"rotation": 35, "ha": "left", "rotation_mode": "anchor"} if slanted else {"ha": "center"}
        literal(axes.text(place, -0.08, name, va="bottom", fontsize=7, color=MUTED, **slant))
    draw_title(figure, subject)
    if lines:
        literal(figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=8, color="#333333"))
    return figure


def _captions(cells: Sequence[Cell]) -> dict[str, str]:
    """Each caption of some cells -> as it is drawn."""
    captions = list(dict.fromkeys(cell.caption for cell in cells))
    lines = [caption.split("\n") for caption in captions]
    drawn = iter(fitted([line for each in lines for line in each], _UNIT, _CAPTION, lines=2))
    return {caption: "\n".join(next(drawn) for _ in each) for caption, each in zip(captions, lines, strict=True)}


def _as_picture(image: np.ndarray) -> np.ndarray:
    """(C, H, W) -> (H, W) or (H, W, 3), as imshow takes it."""
    return image[0] if len(image) == 1 else np.moveaxis(image, 0, -1)
