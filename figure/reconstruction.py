"""Originals above what each bottleneck makes of them."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from figure.names import fitted
from figure.style import MUTED, draw_title, literal, new_figure

_COLUMNS = 12  # images a row; more go into further bands
_NAME_SIZE = 7  # points, of the names above the images
# inches: an image, between two, labels at the left, two lines of a name, an error, between bands, the title
_WIDE, _GAP, _LABEL, _NAME, _ERROR, _BETWEEN, _TOP = 0.8, 0.04, 1.6, 0.28, 0.15, 0.08, 0.32
_EDGE = 0.06  # inches above the title
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
    bands, tall = -(-count // columns), _WIDE * min(max(height / width, 0.4), 2.5)
    band_height = _NAME + tall + len(rows) * (_GAP + tall + _ERROR)
    figure = new_figure(_LABEL + columns * (_WIDE + _GAP), _TOP + bands * (band_height + _BETWEEN))
    figure.set_layout_engine("none")  # every image has its place, in inches
    title = draw_title(figure, subject)  # the figure may have grown by its lines
    page_width, page_height = figure.get_size_inches()
    title.set_y(1 - _EDGE / page_height)  # of a tall figure the usual place, a part of its height, is among the names
    top = page_height - bands * (band_height + _BETWEEN)  # what the title takes
    names = fitted(names, _WIDE, _NAME_SIZE, lines=2)
    for index in range(count):
        band, column = divmod(index, columns)
        left, down = _LABEL + column * (_WIDE + _GAP), top + band * (band_height + _BETWEEN) + _NAME
        stack = [("original", originals[index] / 255, None)]
        stack += [(label, images[index], errors[index]) for label, images, errors in rows]
        for label, image, error in stack:
            place = (left / page_width, 1 - (down + tall) / page_height, _WIDE / page_width, tall / page_height)
            axes = figure.add_axes(place)
            axes.axis("off")
            axes.imshow(_as_picture(image), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            if error is None:
                literal(axes.set_title(names[index], fontsize=_NAME_SIZE, color=MUTED, loc="center", pad=3))
            else:
                below = {"transform": axes.transAxes, "ha": "center", "va": "top", "fontsize": 7, "color": MUTED}
                axes.text(0.5, -0.03, _two_figures(error), **below)
                down += _ERROR
            if column == 0:
                axes.text(-0.08, 0.5, label, transform=axes.transAxes, ha="right", va="center", fontsize=8)
            down += tall + _GAP
    return figure


def _two_figures(error: float) -> str:
    """Two significant figures without an exponent, which few read."""
    return np.format_float_positional(error, precision=2, fractional=False, trim="k")


def _as_picture(image: np.ndarray) -> np.ndarray:
    """(C, H, W) -> (H, W) or (H, W, 3), as imshow takes it."""
    return image[0] if len(image) == 1 else np.moveaxis(image, 0, -1)
