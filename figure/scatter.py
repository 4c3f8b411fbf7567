"""Maps of many points side by side, coloured by the group that each belongs to."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.markers import MarkerStyle
from matplotlib.offsetbox import AnnotationBbox, OffsetImage

from figure.map_names import NAMED_AT_MOST, name_groups, names_on_the_map
from figure.names import fitted, labelled, shown_apart
from figure.style import (
    MUTED,
    NO_CLASS,
    NO_GROUP,
    draw_title,
    group_colour,
    group_marker,
    literal,
    new_figure,
    shown,
)

LEGEND_UP_TO = 10  # groups; more are named on the map itself, where the eye need not compare colours
DRAWN_UP_TO = 50_000  # points; more would be a blot
_CELLS = 300  # along the longer side of a map that is drawn as a density
_PANEL = 5.6  # inches
_KEY_SIZE = 8  # points, of the key below
_KEY_MARK = 0.75  # inches that a column of it takes beside its names
_PICTURE = 0.3  # inches a side, of pictures on a map


@dataclass(frozen=True)
class Panel:
    """One map.

    Attributes:
        points: float (rows, 2).
        groups: int (rows,): the group of each point, which decides its colour, shape and name; -1 for none, drawn
            grey. None where there are no groups at all.
        title: what is drawn.
        remark: smaller, below the title: its numbers.
        axis_names: what the two axes are. None if they are nothing (UMAP, t-SNE): no ticks then.
        pictures: uint8 (rows, C, H, W), of which as many are drawn at their points as find room. None for none.
        numbers: int (rows,): what is numbered on the map, whatever the colours say; -1 for none. None numbers nothing.
        wrong: bool (rows,): points that are crossed. None crosses none.
    """

    points: np.ndarray
    groups: np.ndarray | None
    title: str
    remark: str
    axis_names: tuple[str, str] | None
    pictures: np.ndarray | None = None
    numbers: np.ndarray | None = None
    wrong: np.ndarray | None = None


def draw_maps(
    panels: Sequence[Sequence[Panel]],
    group_names: Sequence[str],
    footer: str = "",
    legend_title: str = "class",
    subject: str = "",
) -> Figure:
    """Draw rows of panels.

    Up to 10 groups get a legend; more are named on the map, each where its points are densest, by its name if all
    names are short and else by its number, with a key below. Of more than 60 the largest are, and the others are grey.

    Args:
        panels: rows of maps, all rows of the same length.
        group_names: the name of group 0, 1, ...; hostile text.
        footer: lines below everything.
        legend_title: what the groups are.
        subject: the title of the figure.
    """
    rows, columns = len(panels), len(panels[0])
    groups = [panel.groups for row in panels for panel in row if panel.groups is not None]
    present, counts = np.unique(np.concatenate([np.empty(0, int), *groups]), return_counts=True)
    some_without = NO_GROUP in present
    counts, present = counts[present != NO_GROUP], present[present != NO_GROUP]
    named = np.sort(present[np.argsort(-counts, kind="stable")[:NAMED_AT_MOST]]).tolist()
    others = len(present) - len(named)
    if others:
        panels = [[_only(panel, named) for panel in row] for row in panels]
    on_the_map = names_on_the_map(group_names, named) if len(named) > LEGEND_UP_TO else {}
    entries, key_columns = [], int(columns * _PANEL / 2.5)  # of the legend
    if not on_the_map:
        entries = list(zip(named, shown_apart([group_names[group] for group in named], 28), strict=True))
        entries += [(NO_GROUP, "none of these")] if some_without else []
    elif others or any(
        on_the_map[group] != shown(group_names[group]) and not group_names[group].isdigit() for group in named
    ):
        room = columns * _PANEL / key_columns - _KEY_MARK
        names = fitted([group_names[group] for group in named], room, _KEY_SIZE)
        entries = [(group, _with_label(on_the_map[group], name)) for group, name in zip(named, names, strict=True)]
        entries += [(NO_GROUP, f"{others:,} others")] if others else []
    beside = 2.0 if entries and not on_the_map else 0.0
    below = 0.17 * -(-len(entries) // key_columns) if on_the_map else 0.0
    heights = [_PANEL * max(_shape(panel.points) for panel in row) + 0.8 for row in panels]  # and titles
    figure = new_figure(columns * _PANEL + beside, sum(heights) + below + (0.3 if footer else 0))
    axes = figure.subplots(rows, columns, squeeze=False, height_ratios=heights)
    for row_of_axes, row in zip(axes, panels, strict=True):
        remarks = [_wrapped(_remark(panel)) for panel in row]
        for axis, panel, remark in zip(row_of_axes, row, remarks, strict=True):
            _draw_panel(axis, panel)
            _write_heading(axis, panel.title, remark, lines=max(len(each) for each in remarks))
    footer = "\n".join(_wrapped(footer, columns * 100))
    if entries and on_the_map:  # the footer heads the key: two things at the foot would lie on one another
        draw_legend(figure, entries, footer, loc="outside lower left", ncols=key_columns, fontsize=_KEY_SIZE)
    else:
        if entries:
            draw_legend(figure, entries, legend_title, loc="outside right upper")
        literal(figure.supxlabel(footer, x=0.01, ha="left", fontsize=8, color="#333333"))
    if subject:
        draw_title(figure, subject)
    for axis, panel in zip(axes.flat, [panel for row in panels for panel in row], strict=True):
        if panel.pictures is not None:
            _settle(figure)
            _draw_pictures(axis, panel)
    flat = [panel for row in panels for panel in row]
    if on_the_map:
        _settle(figure)
        for axis, panel in zip(axes.flat, flat, strict=True):
            if panel.groups is not None and panel.numbers is None:
                name_groups(axis, panel.points, panel.groups, on_the_map)
    if numbered := [pair for pair in zip(axes.flat, flat, strict=True) if pair[1].numbers is not None]:
        _settle(figure)
        for axis, panel in numbered:
            names = {number: str(number) for number in np.unique(panel.numbers).tolist()}
            name_groups(axis, panel.points, panel.numbers, names, coloured=False)
    return figure


def _settle(figure: Figure) -> None:
    """Find where everything stands, which the places of pictures and names depend on."""
    figure.draw_without_rendering()
    for axis in figure.axes:  # widened to be as wide as they are high, when the key had not yet taken its place
        axis.autoscale_view()
    figure.draw_without_rendering()


def _only(panel: Panel, named: Sequence[int]) -> Panel:
    """A panel in which all groups but some are grey."""
    if panel.groups is None:
        return panel
    return replace(panel, groups=np.where(np.isin(panel.groups, named), panel.groups, NO_GROUP))


def _shape(points: np.ndarray) -> float:
    """Height of a map by its width, within what looks well on a page."""
    width, height = np.ptp(points, axis=0)
    return float(np.clip(height / width, 0.55, 1.0)) if width > 0 else 1.0


def _draw_panel(axis: Axes, panel: Panel) -> None:
    draw_points(axis, panel.points, panel.groups)
    if panel.wrong is not None and panel.wrong.any():
        size = float(np.clip(10_000 / len(panel.points), 4, 20))
        axis.scatter(*panel.points[panel.wrong].T, s=size, c="black", marker="x", linewidths=0.6, zorder=3)
    axis.set_aspect("equal", adjustable="datalim")
    axis.margins(0.04)
    axis.locator_params(nbins=5)
    if panel.axis_names:
        axis.set(xlabel=panel.axis_names[0], ylabel=panel.axis_names[1])
    else:
        axis.set(xticks=[], yticks=[])
        axis.spines[["left", "bottom"]].set_visible(False)


def draw_points(axis: Axes, points: np.ndarray, groups: np.ndarray | None) -> None:
    """Points (rows, 2), each in the colour and shape of its group as in :class:`Panel`, in random order.

    Too many to be told apart are drawn by :func:`_draw_density`.
    """
    count = len(points)
    if count > DRAWN_UP_TO:
        _draw_density(axis, points, groups)
        return
    size = float(np.clip(16_000 / max(count, 1), 3, 32))
    order = np.random.default_rng(0).permutation(count)  # else the last group would lie on top of all others
    coloured = np.zeros(count, dtype=int) if groups is None else groups
    drawn = axis.scatter(
        *points[order].T,
        s=size,
        c=[group_colour(group) if groups is not None else NO_CLASS for group in coloured[order]],
        alpha=0.85,
        linewidths=0.25,
        edgecolors="white",
        rasterized=count > 3000,
    )
    markers = {group: MarkerStyle(group_marker(group)) for group in np.unique(coloured)}
    shapes = {group: marker.get_path().transformed(marker.get_transform()) for group, marker in markers.items()}
    drawn.set_paths([shapes[group] for group in coloured[order]])


def _draw_density(axis: Axes, points: np.ndarray, groups: np.ndarray | None) -> None:
    """Points (rows, 2) as a grid of cells: each in the colour of its commonest group, darker where there are more."""
    lowest, highest = points.min(axis=0), points.max(axis=0)
    extent = np.where(highest > lowest, highest - lowest, 1.0)
    side = extent.max() / _CELLS
    shape = np.maximum(1, np.ceil(extent / side)).astype(int)  # columns, rows
    column, row = np.minimum(((points - lowest) / side).astype(int), shape - 1).T
    of = np.zeros(len(points), np.int64) if groups is None else groups.astype(np.int64) - NO_GROUP
    most = int(of.max()) + 1
    found, counts = np.unique((row * shape[0] + column) * most + of, return_counts=True)
    cells, in_cell = found // most, np.zeros(shape.prod(), np.int64)
    np.add.at(in_cell, cells, counts)
    order = np.argsort(counts, kind="stable")  # of a cell's groups the commonest is written last
    commonest = np.zeros(shape.prod(), np.int64)
    commonest[cells[order]] = found[order] % most
    colours = np.array([to_rgb(NO_CLASS if groups is None else group_colour(each + NO_GROUP)) for each in range(most)])
    shade = np.where(in_cell > 0, 0.2 + 0.8 * np.log1p(in_cell) / np.log1p(in_cell.max()), 0.0).clip(max=1)
    picture = np.concatenate([colours[commonest], shade[:, None]], axis=1).reshape(shape[1], shape[0], 4)
    left, bottom = lowest
    right, top = lowest + shape * side
    axis.imshow(picture, extent=(left, right, bottom, top), origin="lower", interpolation="nearest", zorder=1)


def _draw_pictures(axis: Axes, panel: Panel) -> None:
    """Pictures at their points, in random order: each that lies on none before it, framed in its group's colour."""
    places, window = axis.transData.transform(panel.points), axis.get_window_extent()
    side = _PICTURE * axis.figure.dpi
    inside = ((places >= window.min + side / 2) & (places <= window.max - side / 2)).all(axis=1)
    drawn = np.empty((0, 2))
    for row in np.random.default_rng(0).permutation(np.flatnonzero(inside))[:DRAWN_UP_TO]:
        if (np.abs(drawn - places[row]).max(axis=1) < 1.2 * side).any():
            continue
        drawn = np.vstack([drawn, places[row]])
        image = panel.pictures[row]
        picture = image[0] if len(image) == 1 else np.moveaxis(image, 0, -1)
        box = OffsetImage(picture, zoom=side / max(picture.shape[:2]), cmap="gray", clim=(0, 255), dpi_cor=False,
                          interpolation="nearest")  # fmt: skip
        colour = NO_CLASS if panel.groups is None else group_colour(panel.groups[row])
        framed = AnnotationBbox(box, panel.points[row], pad=0.06, bboxprops={"edgecolor": colour, "linewidth": 1.2})
        framed.set_in_layout(False)
        axis.add_artist(framed)


def _write_heading(axis: Axes, title: str, remark: list[str], lines: int) -> None:
    """Title and remark, with room for so many lines of remark that the titles of a row stand at one height."""
    heading = axis.set_title(title, fontweight="bold", pad=8 + 11 * lines)
    below = axis.annotate(
        "\n".join(remark + [""] * (lines - len(remark))),
        (0, 1),
        (0, 4),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=8,
        color=MUTED,
    )
    literal(heading, below)


def _remark(panel: Panel) -> str:
    """The remark of a panel, and how to read a density."""
    if len(panel.points) <= DRAWN_UP_TO:
        return panel.remark
    colour = "" if panel.groups is None else "; the colour is that of the commonest of a cell"
    return f"{panel.remark}\ndarker: more points in a cell{colour}"


def _wrapped(text: str, width: int = 84) -> list[str]:
    return [part for line in text.splitlines() for part in textwrap.wrap(line, width)]


def draw_legend(figure: Figure, entries: Sequence[tuple[int, str]], title: str, **where: object) -> None:
    """The key of some groups, given as (group, text); ``where`` as matplotlib's legend takes it."""
    handles = [
        Line2D([], [], linestyle="", marker=group_marker(group), color=group_colour(group), markersize=6)
        for group, _ in entries
    ]
    # names are put in afterwards: a label that begins with "_" would be dropped
    legend = figure.legend(handles, ["."] * len(handles), title=title, title_fontsize=8, alignment="left", **where)
    for text, (_, name) in zip(legend.get_texts(), entries, strict=True):
        text.set_text(name)
        literal(text)


def _with_label(label: str, name: str) -> str:
    """A name behind what stands for it on the map, unless it begins with that."""
    return name if name.startswith(f"{label} ") else labelled(label, name)
