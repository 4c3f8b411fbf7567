"""How many clusters there are: the number at which the borders cut the fewest ties between neighbours.

A coarse grid of numbers is tried, then the numbers around the best, by halves, until both its neighbours were tried.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from latent.clustering import count_different
from latent.separation import Cloud, Separation, cloud_of

_FEWEST_TRIED = 10  # units a piece, on average: of fewer k-means finds gaps between a few points of any cloud
_FEWEST_UNCLEAN = 15  # likewise, where borders cut any ties: of fewer the scale of a tie is that of noise
_FEWEST_OF_TWO = 20  # units that are cut into two pieces
_GRID = (2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 32, 43, 60, 80, 100)
# A border through one of k clusters adds some 0.5 / k to the mean over pieces: fewer than half of that is as few ties
_AS_FEW, _AS_FEW_IN_ALL = 0.02, 0.2
_CLEAN = 0.02  # ties cut by borders that run through gaps alone


@dataclass(frozen=True)
class Tried:
    """One number of pieces: the ties that its borders cut, of a continuum's, and how many pieces can be judged."""

    ratio: float
    judged: int


@dataclass(frozen=True, eq=False)  # arrays have no equality that is one truth
class Found:
    """The best number of pieces.

    Attributes:
        pieces: int (rows of the cloud,).
        tried: number -> what came of it, rising.
        separation: what the borders between these pieces cut.
    """

    pieces: np.ndarray
    tried: dict[int, Tried]
    separation: Separation


def most_pieces(cloud: Cloud, most: int) -> int:
    """The largest number of pieces, up to ``most``, that can be tried; below 2 where none can."""
    units = len(np.unique(cloud.units))
    of_units = max(units // _FEWEST_TRIED, 2) if units >= _FEWEST_OF_TWO else 0
    return min(most, count_different(cloud.points, most + 1) - 1, of_units)


def best_of(tried: Mapping[int, Tried]) -> int:
    """The number of pieces that cuts the fewest ties; of those that cut as few, that with most pieces to judge.

    Where three clusters lie apart, so do two of them from the third. A piece too small to be judged is no cluster more.
    """
    least = min(each.ratio for each in tried.values())
    as_few = {
        number: each for number, each in tried.items() if each.ratio <= least + min(_AS_FEW, _AS_FEW_IN_ALL / number)
    }
    if not as_few:  # the least is of a number so large that none is as few as itself
        as_few = {number: each for number, each in tried.items() if each.ratio == least}
    return max(as_few, key=lambda number: (as_few[number].judged, -number))


def look_for(cloud: Cloud, cluster: Callable[[int], np.ndarray], most: int, seed: int) -> Found | None:
    """Try numbers of pieces; None where fewer than two pieces can be judged in any.

    Args:
        cloud: the points.
        cluster: gives so many pieces of them, int (rows,).
        most: the largest number that may be tried.
        seed: of what is drawn at random.
    """
    most, found, pieces = most_pieces(cloud, most), {}, {}
    most_unclean = max(len(np.unique(cloud.units)) // _FEWEST_UNCLEAN, 2)

    def attempt(number: int) -> None:
        pieces[number] = cluster(number)
        if (cut := cloud.cut(pieces[number], looked_for=True)) is not None:
            found[number] = Tried(cut.ratio, len(cut.of_each))

    for number in sorted({each for each in (*_GRID, most) if 2 <= each <= most}):
        attempt(number)
    while found:
        sound = {number: each for number, each in found.items() if number <= most_unclean or each.ratio <= _CLEAN}
        best, numbers = best_of(sound or found), sorted(pieces)
        place = numbers.index(best)
        between = {(best + other) // 2 for other in numbers[max(place - 1, 0) : place + 2]} - pieces.keys()
        if not between:
            tried = dict(sorted(found.items()))
            judged = cloud.judge(pieces[best], seed, len(tried), most)
            return None if judged is None else Found(pieces[best], tried, judged)
        for number in sorted(between):
            attempt(number)
    return None


def find_gaps(vectors: np.ndarray, groups: np.ndarray, seed: int) -> tuple[Found, np.ndarray] | None:
    """Look for pieces of some points by k-means.

    Args:
        vectors, groups, seed: as :func:`latent.separation.cloud_of` takes them.

    Returns:
        What was found, and which rows were looked at, int64; None where nothing can be judged.
    """
    cloud = cloud_of(vectors, groups, seed)
    if cloud is None:
        return None
    found = look_for(cloud, lambda number: cloud.kmeans(number, seed), _GRID[-1], seed)
    return None if found is None else (found, cloud.rows)
