"""Confusion matrices side by side: which class, or which cluster, was given to the images of which class."""

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize, PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from figure.names import shown_apart
from figure.style import MUTED, draw_title, literal, new_figure, shown

_NUMBERED_UP_TO = 20  # classes; in more, the cells are too small for figures to be read
_NAMED_UP_TO = 60  # classes; of more, every second, third, ... is named
_CELL = (0.42, 0.185)  # inches of a cell: with a figure in it, and without


def draw_confusion(
    matrices: Sequence[tuple[str, np.ndarray]],
    class_names: Sequence[str],
    subject: str,
    columns: Sequence[Sequence[str]] | None = None,
) -> Figure:
    """One panel for each matrix: a row for each class, the shares of its images that were given each class.

    Args:
        matrices: (title, int counts (classes, given)), rows the true class, columns the class or cluster given.
        class_names: hostile text.
        subject: the figure's title.
        columns: short names of the clusters that the columns of each matrix are, where they are not the classes.
    """
    widest = max([len(class_names), *(counts.shape[1] for _, counts in matrices)])
    numbered = widest <= _NUMBERED_UP_TO
    cell = _CELL[0 if numbered else 1]
    height = max(2.6, min(len(class_names), _NAMED_UP_TO) * cell)
    widths = [max(1.2, min(counts.shape[1], _NAMED_UP_TO) * cell) for _, counts in matrices]
    titles = [textwrap.fill(title, max(30, int(9 * width))) for (title, _), width in zip(matrices, widths, strict=True)]
    figure = new_figure(
        sum(widths) + 0.5 * len(matrices) + 2.6, height + 1.3 + 0.15 * max(t.count("\n") for t in titles)
    )
    figure.set_layout_engine("compressed")  # keeps cells square without gaps between the panels
    grid = figure.subplots(1, len(matrices), squeeze=False, width_ratios=widths)[0]
    for place, (axes, title, (_, counts)) in enumerate(zip(grid, titles, matrices, strict=True)):
        image = _draw_matrix(axes, counts, numbered)
        literal(axes.set_title(title, fontweight="bold", pad=8))
        _name_classes(axes, class_names, place == 0, None if columns is None else columns[place])
    percent = StrMethodFormatter("{x:.0%}")
    bar = figure.colorbar(image, ax=list(grid), shrink=0.6, aspect=25, pad=0.01, format=percent)
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_visible(False)
    bar.set_label("share of the images of a class", color=MUTED, fontsize=8)
    draw_title(figure, subject)
    return figure


def _draw_matrix(axes: Axes, counts: np.ndarray, numbered: bool):
    there = counts.sum(axis=1, keepdims=True)
    shares = np.where(there > 0, counts / np.maximum(there, 1), np.nan)  # a class without images is left blank
    # the square root lets a few per cent be seen beside a diagonal near 100%
    norm = Normalize(vmax=1) if numbered else PowerNorm(0.5, vmin=0, vmax=1)
    image = axes.imshow(shares, cmap="Blues", norm=norm, interpolation="nearest")
    axes.set_facecolor("#f0f0f0")
    axes.spines[:].set_visible(False)
    for side, line in zip(counts.shape, (axes.axhline, axes.axvline), strict=True):
        for position in np.arange(side + 1) - 0.5:
            line(position, color="#e8e8e8", linewidth=0.4)
    if numbered:
        for row, column in zip(*np.nonzero(counts), strict=True):
            colour = "white" if shares[row, column] > 0.55 else "#222222"
            axes.text(column, row, f"{counts[row, column]}", ha="center", va="center", fontsize=7, color=colour)
    return image


def _name_classes(axes: Axes, class_names: Sequence[str], with_names: bool, columns: Sequence[str] | None) -> None:
    """Names and numbers of the classes down the left of the first panel, numbers alone everywhere else.

    Columns that are clusters have names of their own.
    """
    every = -(-len(class_names) // _NAMED_UP_TO)
    places = np.arange(0, len(class_names), every)
    names = shown_apart([class_names[place] for place in places], 24)
    numbers = [str(place) for place in places]
    begin_alike = all(name.split(" ")[0] == number for name, number in zip(names, numbers, strict=True))
    size = 7 if len(places) <= 30 else 6
    across, below = places, numbers
    if columns is not None:
        across = np.arange(0, len(columns), -(-len(columns) // _NAMED_UP_TO))
        below = [shown(columns[place], 8) for place in across]
    axes.set_xticks(across, below, fontsize=size, rotation=90 if len(across) > 20 else 0)
    texts = [n if begin_alike else f"{n}  {number}" for n, number in zip(names, numbers, strict=True)]
    axes.set_yticks(places, texts if with_names else numbers, fontsize=size)
    axes.tick_params(length=0)
    literal(*axes.get_yticklabels(), *axes.get_xticklabels())
    axes.set_xlabel("class given" if columns is None else "cluster", color=MUTED)
    if with_names:
        axes.set_ylabel("true class", color=MUTED)
