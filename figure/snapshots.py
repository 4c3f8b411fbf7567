"""How networks learn to see: the same test images, reconstructed after chosen epochs, a column for each network."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figure.style import MUTED, draw_title, literal, new_figure, shown

_SIDE = 1.55  # inches of one mosaic


@dataclass(frozen=True)
class SnapshotColumn:
    """What one network made of the images.

    Attributes:
        name: what stands above its column, with the size of its bottleneck.
        latent_size: D.
        epochs: epoch -> reconstructions, uint8 (M, C, H, W).
        caption: what stands below its last mosaic; "" for nothing.
    """

    name: str
    latent_size: int
    epochs: dict[int, np.ndarray]
    caption: str = ""


def draw_snapshots(originals: np.ndarray, columns: Sequence[SnapshotColumn], subject: str) -> Figure:
    """A row for each epoch, a column for each network, the originals on the left; each cell a mosaic of all images.

    Args:
        originals: uint8 (M, C, H, W).
        columns: the networks, of the same M images.
        subject: the figure's title.
    """
    height, width = originals.shape[-2:]
    epochs = sorted({epoch for column in columns for epoch in column.epochs})
    figure = new_figure((_SIDE + 0.06) * (len(columns) + 1) + 0.4, (_SIDE * height / width + 0.22) * len(epochs) + 0.75)
    figure.get_layout_engine().set(h_pad=0.02, w_pad=0.05, hspace=0, wspace=0)
    grid = figure.subplots(len(epochs), len(columns) + 1, squeeze=False)
    for row, epoch in enumerate(epochs):
        for axes, images in zip(grid[row], [originals, *(column.epochs.get(epoch) for column in columns)], strict=True):
            axes.set(xticks=[], yticks=[])
            for spine in axes.spines.values():
                spine.set_visible(False)
            first = axes is grid[row, 0]
            if images is not None and (not first or row == 0):
                axes.imshow(_mosaic(images), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
                if not first:
                    literal(axes.set_xlabel(_error(originals, images), fontsize=7.5, color=MUTED, labelpad=3))
        grid[row, 1].set_ylabel(f"epoch {epoch}", fontsize=9)
    grid[0, 0].set_title("originals", fontsize=9, loc="center", fontweight="bold")
    for axes, column in zip(grid[0, 1:], columns, strict=True):
        literal(
            axes.set_title(f"{shown(column.name, 24)}\nbottleneck {column.latent_size}", fontsize=8.5, loc="center")
        )
    for place, column in enumerate(columns, start=1):
        _add_caption(grid[epochs.index(max(column.epochs)), place], column.caption)
    draw_title(figure, subject)
    return figure


def _add_caption(axes: Axes, caption: str) -> None:
    if caption:
        literal(axes.set_xlabel(f"{axes.get_xlabel()}\n{caption}", fontsize=7.5, color=MUTED, labelpad=3))


def _error(originals: np.ndarray, images: np.ndarray) -> str:
    return f"MSE {np.mean((originals / 255 - images / 255) ** 2):.4f}"


def _mosaic(images: np.ndarray) -> np.ndarray:
    """(M, C, H, W) -> one picture (rows, columns) or (rows, columns, 3), nearly square, white between."""
    count, channels, height, width = images.shape
    across = int(np.ceil(np.sqrt(count)))
    down = -(-count // across)
    gap = max(1, height // 16)
    sheet = np.full((channels, down * (height + gap) - gap, across * (width + gap) - gap), 255, np.uint8)
    for index, image in enumerate(images):
        top, left = (index // across) * (height + gap), (index % across) * (width + gap)
        sheet[:, top : top + height, left : left + width] = image
    return sheet[0] if channels == 1 else np.moveaxis(sheet, 0, -1)
