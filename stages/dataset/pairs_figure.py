"""Pairs of images that are nearly the same, side by side, with both names."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from figure.style import draw_title, literal, new_figure, shown

_ROWS = 15
_DRAWN_UP_TO = 2 * _ROWS
_NAME = 44  # characters of a name: its end, since that of a path tells one file from another
_WRONG = "#b3261e"


class Pair(NamedTuple):
    """Two images that are nearly the same."""

    images: np.ndarray  # uint8 (2, C, H, W)
    names: tuple[str, str]
    remarks: tuple[str, str]  # of each its class and side of the split
    is_wrong: bool  # they have different classes, or stand on different sides of the split


def draw_pairs(pairs: Sequence[Pair], subject: str) -> Figure:
    """A row for each pair: both images, and beside them both names; in red where something is wrong with them.

    Args:
        pairs: of which the first 30 are drawn; names and remarks are hostile text.
        subject: the figure's title.
    """
    pairs = pairs[:_DRAWN_UP_TO]
    blocks = 1 if len(pairs) <= _ROWS else 2
    rows = -(-len(pairs) // blocks)
    _, _, height, width = pairs[0].images.shape
    gap = max(1, round(0.06 * height))
    tall = 0.62 * float(np.clip(height / width, 0.5, 2.0))
    figure = new_figure(blocks * 4.8, rows * tall * 1.08 + 0.9)
    figure.set_layout_engine("compressed")
    for block, axes in enumerate(figure.subplots(1, blocks, squeeze=False)[0]):
        mine = pairs[block * rows : (block + 1) * rows]
        sheet = np.ones((rows * (height + gap) - gap, 2 * width + gap, 3), np.float32)
        for place, pair in enumerate(mine):
            top = place * (height + gap)
            for side, image in enumerate(pair.images / np.float32(255)):
                left = side * (width + gap)
                sheet[top : top + height, left : left + width] = np.moveaxis(image, 0, -1)
        axes.imshow(sheet, interpolation="nearest", aspect=tall / 0.62 * width / height)
        lines = [
            "\n".join(f"{_ending(name)}{shown(remark)}" for name, remark in zip(pair.names, pair.remarks, strict=True))
            for pair in mine
        ]
        axes.yaxis.tick_right()
        axes.set_yticks([place * (height + gap) + height / 2 for place in range(len(mine))], lines, fontsize=6.5)
        literal(*axes.get_yticklabels())
        for label, pair in zip(axes.get_yticklabels(), mine, strict=True):
            if pair.is_wrong:
                label.set_color(_WRONG)
        axes.set_xticks([])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    draw_title(figure, subject)
    return figure


def _ending(name: str) -> str:
    return shown(name if len(name) <= _NAME else f"…{name[1 - _NAME :]}", _NAME)
