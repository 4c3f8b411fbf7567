"""Some groups of images at random, about as many of each class as is wanted."""

import numpy as np

_MIXED = 0.1  # of all images: where more lie in groups of several classes, a group is no matter of one class
_MOST = 1.5  # times what is wanted altogether, for the sake of classes of which nothing is drawn yet


def draw(
    groups: np.ndarray, labels: np.ndarray, fraction: float, ranks: np.ndarray, in_every_class: bool
) -> np.ndarray:
    """Draw whole groups until about ``fraction`` of each class is drawn.

    Args:
        groups: int64 (N,).
        labels: int64 (N,).
        fraction: of each class that is wanted.
        ranks: (N,): a group's first image says when its turn comes.
        in_every_class: whether a class whose share is at least one image gets at least one group, if it has two.

    Returns:
        bool (N,).
    """
    _, first, group_of, sizes = np.unique(groups, return_index=True, return_inverse=True, return_counts=True)
    mixed = np.zeros(len(sizes), bool)
    mixed[group_of[labels != labels[first][group_of]]] = True
    if sizes[mixed].sum() > _MIXED * len(groups):
        drawn = _draw_mixed(group_of, labels, fraction, ranks[first], in_every_class)
    else:
        drawn = _draw_by_class(labels[first], sizes, fraction, ranks[first], in_every_class)
    return drawn[group_of]


def draw_one(groups: np.ndarray, labels: np.ndarray, wanted: float, ranks: np.ndarray) -> np.ndarray:
    """One whole group of about ``wanted`` images, of whose classes other groups have some.

    Args:
        groups: int64 (N,).
        labels: int64 (N,).
        wanted: how many images.
        ranks: (N,), as of :func:`draw`; they tell apart groups of one size.

    Returns:
        bool (N,), of no image where there is no such group among three or more.
    """
    _, first, group_of, sizes = np.unique(groups, return_index=True, return_inverse=True, return_counts=True)
    if len(sizes) > 2:
        for group in np.lexsort((ranks[first], np.abs(sizes - wanted))):
            mine = group_of == group
            if np.isin(labels[mine], labels[~mine]).all():
                return mine
    return np.zeros(len(groups), bool)


def _draw_by_class(
    class_of: np.ndarray, sizes: np.ndarray, fraction: float, rank_of: np.ndarray, in_every_class: bool
) -> np.ndarray:
    """Of groups (G,) of one class each; bool (G,).

    What a class is drawn too much or too little, by at most half a group, the next class makes up for.
    """
    drawn = np.zeros(len(sizes), bool)
    owed = 0.0
    for label in np.unique(class_of):
        mine = np.flatnonzero(class_of == label)
        mine = mine[np.argsort(rank_of[mine], kind="stable")]
        share = fraction * int(sizes[mine].sum())
        half = sizes[mine].mean() / 2
        wanted = share + min(max(owed, -half), half)
        taken, left = 0, len(mine)
        for group in mine:
            size = int(sizes[group])
            needed = in_every_class and not taken and share >= 1
            if left > 1 and (needed or abs(taken + size - wanted) <= abs(taken - wanted)):
                drawn[group] = True
                taken += size
                left -= 1
        owed = wanted - taken
    return drawn


def _draw_mixed(
    group_of: np.ndarray, labels: np.ndarray, fraction: float, rank_of: np.ndarray, in_every_class: bool
) -> np.ndarray:
    """Of groups of several classes each (a patient with all findings, a film with all animals); bool (G,).

    In the order of their ranks those are drawn that bring the classes nearer to what is wanted of them, altogether.
    """
    classes, numbers = np.unique(labels, return_inverse=True)
    order = np.lexsort((numbers, group_of))
    starts = np.flatnonzero(np.diff(group_of[order], prepend=-1))
    members = [np.unique(each, return_counts=True) for each in np.split(numbers[order], starts[1:])]
    wanted = fraction * np.bincount(numbers, minlength=len(classes))
    taken, drawn = np.zeros(len(classes)), np.zeros(len(members), bool)
    left = np.zeros(len(classes), np.int64)  # groups of each class that are not drawn
    for mine, _ in members:
        left[mine] += 1

    def gain(group: int) -> float:
        """How much nearer the classes come to what is wanted."""
        mine, counts = members[group]
        missing = wanted[mine] - taken[mine]
        return float((np.abs(missing) - np.abs(missing - counts)).sum())

    def take(group: int) -> None:
        mine, counts = members[group]
        drawn[group] = True
        taken[mine] += counts
        left[mine] -= 1

    def may_go(group: int) -> bool:
        return not drawn[group] and bool((left[members[group][0]] > 1).all())

    ranked = np.argsort(rank_of, kind="stable").tolist()
    for group in ranked:
        if gain(group) > 0 and may_go(group):
            take(group)
    lacking = np.flatnonzero((taken == 0) & (wanted >= 1)) if in_every_class else []
    for number in lacking:
        having = [group for group in ranked if number in members[group][0] and may_go(group)]
        best = max(having, key=gain, default=None)
        if taken[number] or best is None:
            continue
        if not taken.any() or taken.sum() + members[best][1].sum() <= _MOST * wanted.sum():
            take(best)
    return drawn
