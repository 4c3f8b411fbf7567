"""How many images of each class a data set has, on each side of the split, and how large they came."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figure.names import shown_apart
from figure.style import MUTED, NO_CLASS, class_colour, draw_title, literal, new_figure

_BARS_UP_TO = 120  # classes; of more, the counts are drawn as a curve
_SIDE_COLOURS = (5, 1, 0)  # training, validation, test: light blue, orange, blue, apart in lightness too


def draw_counts(
    class_names: Sequence[str],
    sides: Sequence[tuple[str, np.ndarray]],
    sizes: np.ndarray | None,
    subject: str,
    footer: str,
) -> Figure:
    """Images of each class as stacked bars, and beside them the sizes that they came in.

    Args:
        class_names: hostile text; the order of the bars from the top.
        sides: (name, int (classes,) counts) of training, validation and test, or of all images together.
        sizes: int (images, 2) heights and widths; None where they are unknown.
        subject: the figure's title.
        footer: a line below everything.
    """
    if sizes is not None and len(np.unique(sizes, axis=0)) == 1:  # one point is no panel
        footer += f"; all images came as {sizes[0][0]} x {sizes[0][1]} pixels"
        sizes = None
    count = len(class_names)
    height = 1.6 + (0.17 * count if count <= _BARS_UP_TO else 4.5)
    height = max(height, 3.8 if sizes is not None else 2.2)
    figure = new_figure(7.2 + (4.2 if sizes is not None else 0), height)
    grid = figure.subplots(
        1, 1 if sizes is None else 2, squeeze=False, width_ratios=[7.2, 4.2][: 1 + (sizes is not None)]
    )
    if count <= _BARS_UP_TO:
        _draw_bars(grid[0, 0], class_names, sides)
    else:
        _draw_ranks(grid[0, 0], sum(counts for _, counts in sides))
    if sizes is not None:
        _draw_sizes(grid[0, 1], sizes)
    draw_title(figure, subject)
    literal(figure.supxlabel(footer, x=0.01, ha="left", fontsize=8, color="#333333"))
    return figure


def _draw_bars(axes: Axes, class_names: Sequence[str], sides: Sequence[tuple[str, np.ndarray]]) -> None:
    places = np.arange(len(class_names))
    start = np.zeros(len(class_names))
    for number, (side, counts) in enumerate(sides):
        colour = class_colour(_SIDE_COLOURS[number]) if len(sides) > 1 else NO_CLASS
        axes.barh(places, counts, left=start, height=0.78, color=colour, label=f"{side} {counts.sum():,}")
        start = start + counts
    for place, total in zip(places, start, strict=True):
        axes.annotate(
            f"{total:,.0f}", (total, place), (3, 0), textcoords="offset points", va="center", fontsize=6.5, color=MUTED
        )
    axes.set_yticks(places, shown_apart(class_names, 30), fontsize=7)
    literal(*axes.get_yticklabels())
    axes.set(ylim=(len(class_names) - 0.4, -0.6), xlabel="images")
    axes.margins(x=0.08)
    axes.tick_params(axis="y", length=0)
    if len(sides) > 1:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(sides), fontsize=8, borderaxespad=0.2)


def _draw_ranks(axes: Axes, totals: np.ndarray) -> None:
    axes.plot(np.arange(1, len(totals) + 1), np.sort(totals)[::-1], color=NO_CLASS)
    axes.set(xlabel=f"rank of the class, of {len(totals):,}", ylabel="images", ylim=(0, None), xlim=(1, len(totals)))
    axes.grid(axis="y", color="#e4e4e4", linewidth=0.6)


def _draw_sizes(axes: Axes, sizes: np.ndarray) -> None:
    heights, widths = sizes.T
    largest = sizes.max()
    axes.plot([0, largest], [0, largest], color="#cccccc", linewidth=0.8, zorder=0)
    axes.scatter(widths, heights, s=5, color=NO_CLASS, alpha=0.25, linewidths=0, rasterized=True)
    axes.set_aspect("equal", adjustable="box", anchor="N")
    limits = (0.9 * sizes.min(), 1.05 * largest)
    if largest > 12 * np.median(sizes):  # a few giants would press all others into a corner
        axes.set(xscale="log", yscale="log")
    axes.set(xlim=limits, ylim=limits, xlabel="width, pixels", ylabel="height, pixels")
    median = np.median(sizes, axis=0)
    literal(axes.set_title("as they came", fontsize=9))
    axes.annotate(
        f"medians: {median[0]:.0f} high, {median[1]:.0f} wide", (0.98, 0.04), xycoords="axes fraction",
        ha="right", fontsize=8, color=MUTED,
    )  # fmt: skip
