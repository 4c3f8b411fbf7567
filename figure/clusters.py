"""Clusters of a space on its map, beside its true classes where these are known."""

from collections.abc import Mapping

import numpy as np

from figure.scatter import NO_GROUP, Panel


def cluster_panels(
    points: np.ndarray,
    clusters: np.ndarray,
    *,
    count: int,
    title: str,
    where: str,
    axis_names: tuple[str, str] | None,
    labels: np.ndarray | None = None,
    class_of: Mapping[int, int] | None = None,
    contents: str = "",
    agreement: str = "",
) -> list[Panel]:
    """A map coloured by cluster and, with classes, the same map coloured by class, in colours that can be compared.

    Args:
        points: float (rows, 2).
        clusters: int (rows,), -1 for noise.
        count: how many clusters there are.
        title: of the first map.
        where: what clusters were looked for in.
        axis_names: as in :class:`figure.scatter.Panel`.
        labels: int (rows,): the class of each point; None without classes, and then the rest plays no part.
        class_of: cluster -> the class that it is paired with one to one, whose colour it gets; those that are left over
            are drawn grey.
        contents: what the points are, for a person: ``1,000 test images``.
        agreement: a line of how well clusters and classes agree.
    """
    noise = int((clusters == NO_GROUP).sum())
    if labels is None:
        remark = f"found in {where}{f'; {noise:,} in none' if noise else ''}"
        return [Panel(points, clusters, title, remark, axis_names)]
    left_over = count - len(class_of)
    grey = [f"{left_over} left over"] * (left_over > 0) + [f"{noise:,} images in none"] * (noise > 0)
    remark = f"found in {where}; coloured like the class each is paired with"
    remark += f"; grey: {', '.join(grey)}" if grey else ""
    colours = np.array([class_of.get(number, NO_GROUP) for number in clusters.tolist()])
    return [
        Panel(points, colours, title, f"{remark}\n{agreement}", axis_names),
        Panel(points, labels, "true classes", f"the same {contents}", axis_names),
    ]
