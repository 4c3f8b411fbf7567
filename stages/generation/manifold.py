"""A latent space of two dimensions twice: what the decoder makes of each place, and which test images lie there."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figure.map_names import name_groups, names_on_the_map
from figure.scatter import LEGEND_UP_TO, draw_legend, draw_points
from figure.style import MUTED, draw_title, literal, new_figure, shown
from model.inference import decode
from run.artefacts import model_path
from run.console import say
from run.errors import BadInput, printable
from run.hints import own_command, training_at_hand, training_command
from stages.generation.subject import HIGHEST, LOWEST, RANGE, Result, SharedSettings, Subject

_DRAWN = 8  # grids, one a label; the images of all labels are saved
_PANEL = 5.2  # inches


@dataclass(frozen=True, kw_only=True)
class Settings(SharedSettings):
    """Flags of ``manifold``."""

    grid: int  # images on a side
    labels: list[str] | None  # classes to decode under


@dataclass(frozen=True)
class DecodedGrid:
    """What the decoder makes of a grid of places.

    Attributes:
        label: the class that they are decoded as, hostile text; "" for none.
        images: float32 (G, G, C, H, W) in [0, 1], rows from the top.
    """

    label: str
    images: np.ndarray


@dataclass(frozen=True)
class Map:
    """The places of the test images.

    Attributes:
        points: float (N, 2).
        labels: int (N,), or None without classes.
        class_names: of the labels; hostile text.
        span: (2, 2): lowest values of the two dimensions, then highest; the edges of every panel.
    """

    points: np.ndarray
    labels: np.ndarray | None
    class_names: Sequence[str]
    span: np.ndarray


def manifold(subject: Subject, settings: Settings) -> Result:
    """Decode a grid over a bottleneck of 2 under each label, count the test images in its cells, and draw both."""
    model, test_data, count = subject.model, subject.test_data, settings.grid
    require_plane(model.latent_size, settings.model_path)
    labels, latents = subject.labels(settings.labels), subject.latents[2]
    span = plane(latents)
    points = grid(span, count).reshape(-1, 2)
    grids = []
    for label in [None] if labels is None else labels.tolist():
        images = decode(model, points, None if label is None else np.full(len(points), label))
        name = "" if label is None else test_data.class_names[label]
        grids.append(DecodedGrid(name, images.reshape(count, count, *model.image_shape)))

    cells = cells_of(latents, span, count)
    filled, total, outside = len(np.unique(cells[cells >= 0])), len(latents), int((cells < 0).sum())
    say(f"{filled:,} of {count * count:,} cells hold a test image; {outside:,} of {total:,} lie outside the grid")
    title = subject.title(f"the latent space of {model.architecture}, bottleneck 2; axes: {RANGE}")
    remark = f"where {total - outside:,} of {total:,} test images lie"
    where = Map(latents, test_data.labels, test_data.class_names, span)
    figure = draw_manifold(grids[:_DRAWN], where, title, remark)
    records = cell_records(cells, where, count)
    facts = {"range": RANGE, "span": span.tolist(), "cells_with_images": filled, "images_outside": outside}
    facts["labels"] = [] if labels is None else [decoded.label for decoded in grids]
    made = np.stack([decoded.images for decoded in grids])
    return Result("manifold", figure, records, facts, made[0] if labels is None else made)


def require_plane(latent_size: int, path: Path) -> None:
    """Refuse a network that has another bottleneck than 2.

    Raises:
        BadInput: it has, with the command that takes that of 2.
    """
    if latent_size == 2:
        return
    sibling = model_path(path.parent, 2)
    take, make = own_command({"--latent_size": None, "--model_path": [sibling]}), training_command(sibling)
    raise BadInput(
        f"a manifold is a plane, and {printable(path)} has a bottleneck of {latent_size}; "
        + (f"take that of 2: {take}" if sibling.exists() else f"train that of 2: {make}")
    )


def plane(latents: np.ndarray) -> np.ndarray:
    """The part of a plane over which a grid is laid: float32 (2, 2), the 1% and 99% quantiles of latents (N, 2).

    Raises:
        BadInput: the latents do not spread over a plane.
    """
    span = np.quantile(latents, [LOWEST, HIGHEST], axis=0).astype(np.float32)
    if not (span[1] > span[0]).all():
        raise BadInput(
            f"the latents of the test images ({len(latents)}) do not spread over a plane, so there is nothing to draw; "
            f"take a test split of more images, or train again: {training_at_hand({'--retrain': []})}"
        )
    return span


def grid(span: np.ndarray, count: int) -> np.ndarray:
    """Points of a square grid over two dimensions, as a picture shows them: rows from the top, columns from the left.

    Args:
        span: (2, 2): lowest values of the two dimensions, then highest.
        count: points on a side.

    Returns:
        float32 (count, count, 2): the middles of ``count`` x ``count`` cells that fill ``span``. The first dimension
        grows to the right, the second upwards.
    """
    middles = (np.arange(count) + 0.5) / count
    across, up = (span[0, axis] + middles * (span[1, axis] - span[0, axis]) for axis in (0, 1))
    return np.stack(np.meshgrid(across, up[::-1]), axis=-1).astype(np.float32)


def cells_of(points: np.ndarray, span: np.ndarray, count: int) -> np.ndarray:
    """The cell of :func:`grid` that each point lies in, row * count + column; -1 for points outside of the grid.

    Args:
        points: (rows, 2).
        span, count: as of :func:`grid`.
    """
    part = (np.asarray(points, np.float64) - span[0]) / (span[1] - span[0])
    inside = ((part >= 0) & (part <= 1)).all(axis=1)
    place = np.clip((part * count).astype(int), 0, count - 1)
    return np.where(inside, (count - 1 - place[:, 1]) * count + place[:, 0], -1)


def cell_records(cells: np.ndarray, where: Map, count: int) -> list[dict[str, object]]:
    """What lies in each cell of :func:`grid`: its place, how many images, their commonest class and its share.

    Args:
        cells: of :func:`cells_of`, int (N,).
        where: of the same N images.
        count: cells on a side.
    """
    records = []
    for cell, (across, up) in enumerate(grid(where.span, count).reshape(-1, 2).tolist()):
        mine = np.flatnonzero(cells == cell)
        record = {"row": cell // count, "column": cell % count, "latent_1": across, "latent_2": up}
        record |= {"test_images": len(mine), "commonest_class": "", "share_of_commonest": ""}
        if len(mine) and where.labels is not None:
            counts = np.bincount(where.labels[mine])
            record["commonest_class"] = where.class_names[counts.argmax()]
            record["share_of_commonest"] = float(counts.max() / len(mine))
        records.append(record)
    return records


def draw_manifold(grids: Sequence[DecodedGrid], where: Map, title: str, remark: str) -> Figure:
    """Draw grids of decoded images, and last the places of the test images, on the same axes.

    Args:
        grids: one a label.
        where: the test images.
        title: of the figure.
        remark: above the test images.
    """
    _, _, _, height, width = grids[0].images.shape
    tall = float(np.clip(height / width, 0.5, 2.0))
    columns = min(len(grids) + 1, 3)
    rows = -(-(len(grids) + 1) // columns)
    present = [] if where.labels is None else np.unique(where.labels).tolist()
    with_legend = 0 < len(present) <= LEGEND_UP_TO
    figure = new_figure(_PANEL * columns + (1.3 if with_legend else 0), (_PANEL * tall + 0.6) * rows + 0.3)
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes in panels[len(grids) + 1 :]:
        axes.set_axis_off()
    for axes, decoded in zip(panels[: len(grids)], grids, strict=True):
        _draw_grid(axes, decoded, where.span)
    map_axes = panels[len(grids)]
    inside = ((where.points >= where.span[0]) & (where.points <= where.span[1])).all(axis=1)
    draw_points(map_axes, where.points[inside], None if where.labels is None else where.labels[inside])
    map_axes.collections[-1].set_clip_on(False)  # points on the edge are drawn whole
    literal(map_axes.set_title(remark, fontweight="bold"))
    for axes in panels[: len(grids) + 1]:
        axes.set(xlim=where.span[:, 0], ylim=where.span[:, 1], xlabel="latent 1", ylabel="latent 2", box_aspect=tall)
        axes.locator_params(nbins=5)
        axes.tick_params(labelsize=8)
        axes.xaxis.label.set_color(MUTED)
        axes.yaxis.label.set_color(MUTED)
    if with_legend:
        entries = [(label, shown(where.class_names[label], 16)) for label in present]
        draw_legend(figure, entries, "class", loc="outside right upper")
    draw_title(figure, title)
    if present and not with_legend:
        figure.draw_without_rendering()  # settles where everything stands, which the places of the names depend on
        names = names_on_the_map(where.class_names, present)
        name_groups(map_axes, where.points[inside], where.labels[inside], names)
    return figure


def _draw_grid(axes: Axes, decoded: DecodedGrid, span: np.ndarray) -> None:
    """One picture of all images of a grid, each over its cell of the grid."""
    count, _, channels, height, width = decoded.images.shape
    # (G, G, C, H, W) -> (G*H, G*W, C)
    picture = decoded.images.transpose(0, 3, 1, 4, 2).reshape(count * height, count * width, channels)
    axes.imshow(
        picture[..., 0] if channels == 1 else picture, extent=tuple(span.T.reshape(-1)), cmap="gray", vmin=0, vmax=1,
        interpolation="nearest", aspect="auto",
    )  # fmt: skip
    across, up = (np.linspace(low, high, count + 1)[1:-1] for low, high in span.T)
    axes.vlines(across, *span[:, 1], colors="white", linewidths=0.7)
    axes.hlines(up, *span[:, 0], colors="white", linewidths=0.7)
    title = "what the decoder makes of each place" + (f" as {shown(decoded.label)}" if decoded.label else "")
    literal(axes.set_title(title, fontweight="bold"))
