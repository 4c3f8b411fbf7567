"""A latent space of two dimensions twice: what the decoder makes of each place, and which images lie there."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from figure.scatter import draw_legend, draw_points, name_groups, names_on_the_map
from figure.style import MUTED, draw_title, literal, new_figure, shown

_PANEL = 5.2  # inches
_LEGEND_UP_TO = 10  # classes; more are named among the points


def draw_manifold(
    sheets: Sequence[tuple[str, np.ndarray]],
    span: np.ndarray,
    points: np.ndarray,
    labels: np.ndarray | None,
    class_names: Sequence[str],
    subject: str,
    remark: str,
) -> Figure:
    """Draw sheets of decoded images and the points of real images on the same axes.

    Args:
        sheets: the class that each is decoded as, hostile text, "" for none; and its images, float (G, G, C, H, W) in
            [0, 1], rows from the top.
        span: (2, 2): lowest values of the two dimensions, then highest; the edges of every panel.
        points: float (N, 2).
        labels: int (N,), or None without classes.
        class_names: hostile text.
        subject: the figure's title.
        remark: below the points' title.
    """
    _, _, _, height, width = sheets[0][1].shape
    tall = float(np.clip(height / width, 0.5, 2.0))
    columns = min(len(sheets) + 1, 3)
    rows = -(-(len(sheets) + 1) // columns)
    present = [] if labels is None else np.unique(labels).tolist()
    with_legend = 0 < len(present) <= _LEGEND_UP_TO
    figure = new_figure(_PANEL * columns + (1.3 if with_legend else 0), (_PANEL * tall + 0.6) * rows + 0.3)
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes in panels[len(sheets) + 1 :]:
        axes.set_axis_off()
    for axes, (label, images) in zip(panels[: len(sheets)], sheets, strict=True):
        count, _, channels = images.shape[:3]
        # (G, G, C, H, W) -> (G*H, G*W, C)
        picture = images.transpose(0, 3, 1, 4, 2).reshape(count * height, count * width, channels)
        axes.imshow(
            picture[..., 0] if channels == 1 else picture,
            extent=tuple(span.T.reshape(-1)),
            cmap="gray",
            vmin=0,
            vmax=1,
            interpolation="nearest",
            aspect="auto",
        )
        across, up = (np.linspace(low, high, count + 1)[1:-1] for low, high in span.T)
        axes.vlines(across, *span[:, 1], colors="white", linewidths=0.7)
        axes.hlines(up, *span[:, 0], colors="white", linewidths=0.7)
        title = "what the decoder makes of each place" + (f" as {shown(label)}" if label else "")
        literal(axes.set_title(title, fontweight="bold"))
    axes = panels[len(sheets)]
    draw_points(axes, points, labels)
    literal(axes.set_title(remark, fontweight="bold"))
    for axes in panels[: len(sheets) + 1]:
        axes.set(xlim=span[:, 0], ylim=span[:, 1], xlabel="latent 1", ylabel="latent 2", box_aspect=tall)
        axes.locator_params(nbins=5)
        axes.tick_params(labelsize=8)
        axes.xaxis.label.set_color(MUTED)
        axes.yaxis.label.set_color(MUTED)
    if with_legend:
        entries = [(label, shown(class_names[label], 16)) for label in present]
        draw_legend(figure, entries, "class", loc="outside right upper")
    draw_title(figure, subject)
    if present and not with_legend:
        inside = ((points >= span[0]) & (points <= span[1])).all(axis=1)
        figure.draw_without_rendering()  # settles where everything stands, which the places of the names depend on
        name_groups(panels[len(sheets)], points[inside], labels[inside], names_on_the_map(class_names, present))
    return figure
