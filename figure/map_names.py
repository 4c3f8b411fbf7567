"""Names of groups on a map: each where its points are densest, moved aside where names would overlap."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from figure.style import NO_GROUP, group_colour, literal, shown

NAMED_AT_MOST = 60  # groups; of more, the largest
_FEW_POINTS = 200  # as many can be kept clear of names, and each is looked for
_POINT = 11  # pixels that a point takes a side, with air around it
_FRAMED_UP_TO = 20  # groups; the frames of more would hide the points


def names_on_the_map(names: Sequence[str], named: Sequence[int]) -> dict[int, str]:
    """What stands on the map for each group: its name if all names are short, else its number."""
    own = {group: names[group] for group in named}
    if all(name.isascii() and name.isdigit() for name in own.values()):
        as_numbers = {group: str(int(name)) for group, name in own.items()}  # 00012 is 12
        if len(set(as_numbers.values())) == len(named):
            return as_numbers
    if all(len(shown(name)) <= 5 for name in own.values()):
        return {group: shown(name) for group, name in own.items()}
    return {group: str(group) for group in named}


def name_groups(
    axis: Axes, points: np.ndarray, groups: np.ndarray, names: dict[int, str], coloured: bool = True
) -> None:
    """Write the name of each group where its points are densest, moved aside where names would overlap.

    Of few points none is covered by a name.

    Args:
        coloured: whether frames and lines have the colours of groups.
    """
    found, counts = np.unique(groups[groups != NO_GROUP], return_counts=True)
    largest = found[np.argsort(-counts, kind="stable")[:NAMED_AT_MOST]]
    if len(largest) == 0:
        return
    anchors = axis.transData.transform([_densest(points[groups == group]) for group in largest])
    texts = []
    for group in largest:
        text = axis.text(0, 0, names[group], fontsize=6.5, ha="center", va="center", color="#111111", zorder=5)
        text.set_path_effects([withStroke(linewidth=1.6, foreground="white")])
        if len(largest) <= _FRAMED_UP_TO:
            frame = {
                "boxstyle": "round,pad=0.15",
                "facecolor": "#ffffffcc",
                "edgecolor": group_colour(group if coloured else NO_GROUP),
                "lw": 1.2,
            }
            text.set_bbox(frame)
        text.set_in_layout(False)
        literal(text)
        texts.append(text)
    extents = [text.get_window_extent() for text in texts]
    around = 6 if len(largest) <= _FRAMED_UP_TO else 1  # the frame, and air
    sizes = np.array([[extent.width, extent.height] for extent in extents]) + around
    window = axis.get_window_extent()
    if len(points) <= _FEW_POINTS:
        places = _beside(anchors, sizes, axis.transData.transform(points), np.array([window.min, window.max]))
    else:
        places = _spread_out(anchors, sizes, np.array(window.min), np.array(window.max))
    to_data = axis.transData.inverted()
    for text, place, anchor, group in zip(texts, places, anchors, largest, strict=True):
        text.set_position(to_data.transform(place))
        if np.abs(place - anchor).max() > 9:
            ends = to_data.transform([place, anchor])
            line = axis.plot(
                *ends.T,
                color=group_colour(group if coloured else NO_GROUP),
                linewidth=0.9,
                zorder=4,
                scalex=False,
                scaley=False,
            )[0]
            line.set_in_layout(False)


def _densest(points: np.ndarray) -> np.ndarray:
    """The point that is nearest to the nearest third of the others, on average."""
    points = points[np.linspace(0, len(points) - 1, min(len(points), 1000)).astype(int)]
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    third = max(1, -(-len(points) // 3))
    return points[np.sort(distances, axis=1)[:, : third + 1].mean(axis=1).argmin()]


def _beside(anchors: np.ndarray, sizes: np.ndarray, points: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Centres of boxes, (boxes, 2), each as near its anchor as it can be without lying on a point or a box before it.

    Args:
        anchors, sizes: float (boxes, 2), pixels.
        points: float (rows, 2), pixels.
        window: float (2, 2), its lowest and highest corner.
    """
    radius, angle = np.meshgrid(np.arange(0, 200, 4), np.arange(8) * np.pi / 4, indexing="ij")
    steps = (radius[..., None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)).reshape(-1, 2)  # from near to far
    places = np.empty_like(anchors)
    for box, (anchor, size) in enumerate(zip(anchors, sizes, strict=True)):
        tried = np.clip(anchor + steps, window[0] + size / 2, window[1] - size / 2)
        centres = np.concatenate([points, places[:box]])
        reach = np.concatenate([np.broadcast_to((size + _POINT) / 2, points.shape), (size + sizes[:box]) / 2])
        covered = (np.abs(tried[:, None] - centres[None]) < reach).all(axis=-1).sum(axis=1)
        places[box] = tried[covered.argmin()]
    return places


def _spread_out(anchors: np.ndarray, sizes: np.ndarray, lowest: np.ndarray, highest: np.ndarray) -> np.ndarray:
    """Move boxes (centres and sizes, (boxes, 2)) apart until none overlaps, each as near its anchor as that allows."""
    turn = 2.4 * np.arange(len(anchors))  # the golden angle: boxes at one place need directions to part in
    places = anchors + np.sqrt(turn)[:, None] * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    reach = (sizes[:, None] + sizes[None]) / 2
    pull = 0.05
    for step in range(2000):
        gap = places[:, None] - places[None]
        overlap = reach - np.abs(gap)
        touching = (overlap > 0).all(axis=-1)
        np.fill_diagonal(touching, False)
        if step and not touching.any():
            break
        along = np.argmin(overlap, axis=-1)[..., None] == np.arange(2)  # the direction in which they part soonest
        push = np.where(touching[..., None] & along, np.sign(gap) * overlap / 2, 0)
        places = places + 0.5 * push.sum(axis=1) + pull * (anchors - places)
        places = np.clip(places, lowest + sizes / 2, highest - sizes / 2)
        pull *= 0.98
    return places
