"""Classes, or clusters, side by side: of each its mean image, then some of its images."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from figure.names import shown_apart
from figure.style import draw_title, literal, new_figure

_DRAWN_UP_TO = 100  # classes


def draw_class_sheet(classes: Sequence[tuple[str, np.ndarray, np.ndarray]], samples: int, subject: str) -> Figure:
    """A row for each class: its mean image, then some of its images.

    Args:
        classes: (name, mean image float32 (C, H, W) in [0, 1], uint8 (at most ``samples``, C, H, W)) of each; of more
            than 100 the first 100 are drawn.
        samples: images a row.
        subject: the figure's title.
    """
    classes = classes[:_DRAWN_UP_TO]
    names = shown_apart([name for name, _, _ in classes], 24)
    blocks = 1 if len(classes) <= 12 else 2 if len(classes) <= 50 else 3
    rows = -(-len(classes) // blocks)
    _, height, width = classes[0][1].shape
    gap = max(1, round(0.06 * height))
    cell = 0.46 if rows > 12 else 0.6
    tall = cell * float(np.clip(height / width, 0.5, 2.0))
    figure = new_figure(blocks * (cell * (samples + 1.6) + 1.9), rows * tall * 1.06 + 0.9)
    figure.set_layout_engine("compressed")  # the sheets keep their proportions, and names get the room they need
    for block, axes in enumerate(figure.subplots(1, blocks, squeeze=False)[0]):
        mine = classes[block * rows : (block + 1) * rows]
        if not mine:
            axes.set_axis_off()
            continue
        sheet = np.ones((rows * (height + gap) - gap, (samples + 1) * (width + gap) + 2 * gap, 3), np.float32)
        for place, (_, mean, images) in enumerate(mine):
            top = place * (height + gap)
            for column, image in enumerate([mean, *(images[:samples] / np.float32(255))]):
                left = column * (width + gap) + (3 * gap if column else 0)
                sheet[top : top + height, left : left + width] = np.moveaxis(image, 0, -1)
        axes.imshow(sheet, interpolation="nearest", aspect=tall / cell * width / height)
        axes.set_yticks(
            [place * (height + gap) + height / 2 for place in range(len(mine))],
            names[block * rows : (block + 1) * rows],
            fontsize=7,
        )
        literal(*axes.get_yticklabels())
        axes.set_xticks([width / 2], ["mean"], fontsize=7)
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    draw_title(figure, subject)
    return figure
