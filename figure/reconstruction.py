"""Originals above what each bottleneck makes of them."""

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from figure.style import MUTED, draw_title, literal, new_figure, shown

_COLUMNS = 12  # images a row; more go into further bands
_NAME_WIDTH = 15  # characters that stand above an image, on two lines
_FEWEST = 4  # columns that there is room for, whether or not there are images: the title needs some width


def draw_reconstructions(
    originals: np.ndarray, rows: Sequence[tuple[str, np.ndarray, np.ndarray]], names: Sequence[str], subject: str
) -> Figure:
    """A band of images: the originals, and below them each model's reconstruction with its error under each.

    Args:
        originals: uint8 (M, C, H, W).
        rows: (label, reconstructions float32 (M, C, H, W) in [0, 1], mean squared errors (M,)) of each model.
        names: what stands above each original, (M,): its class, or nothing.
        subject: the figure's title.
    """
    count, _, height, width = originals.shape
    columns = min(max(count, _FEWEST), _COLUMNS)
    bands = -(-count // columns)
    lines = len(rows) + 1
    cell_height = 0.78 * min(max(height / width, 0.4), 2.5)
    figure = new_figure(1.6 + 0.8 * columns, 0.5 + bands * (lines * (cell_height + 0.2) + 0.35))
    figure.get_layout_engine().set(h_pad=0.015, w_pad=0.025, hspace=0, wspace=0)
    grid = figure.subplots(bands * lines, columns, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for index in range(count):
        band, column = divmod(index, columns)
        stack = [("original", originals[index] / 255, None)]
        stack += [(label, images[index], errors[index]) for label, images, errors in rows]
        for line, (label, image, error) in enumerate(stack):
            axes = grid[band * lines + line, column]
            axes.imshow(_as_picture(image), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            if error is None:
                literal(axes.set_title(_on_two_lines(names[index]), fontsize=7, color=MUTED, loc="center", pad=3))
            else:
                axes.text(
                    0.5, -0.04, f"{error:.5f}", transform=axes.transAxes, ha="center", va="top", fontsize=7, color=MUTED
                )
            if column == 0:
                axes.text(-0.12, 0.5, label, transform=axes.transAxes, ha="right", va="center", fontsize=8)
    draw_title(figure, subject)
    return figure


def _on_two_lines(name: str) -> str:
    return "\n".join(textwrap.wrap(shown(name, 2 * _NAME_WIDTH), _NAME_WIDTH, max_lines=2, placeholder="…"))


def _as_picture(image: np.ndarray) -> np.ndarray:
    """(C, H, W) -> (H, W) or (H, W, 3), as imshow takes it."""
    return image[0] if len(image) == 1 else np.moveaxis(image, 0, -1)
