"""Whether the borders between pieces of a cloud of points run through gaps, or through a continuum.

Each point is tied to its nearest fellows, as many as a fifth of its piece. A border in a gap cuts next to none of these
ties; a border drawn through a continuum cuts as many as its dimension makes it cut, wherever it is drawn, however the
continuum bends and however large the pieces are. So what a border cuts is held against two clouds that have no gaps,
cut into as many pieces by k-means: normal points of the same covariance, and a continuum of the same local dimension.
"""

import functools
from dataclasses import dataclass

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import euclidean_distances
from threadpoolctl import threadpool_limits

from latent.equal_rows import first_equal

FEWEST = 3  # points of a piece that can be judged, of as many units: its ties are two at least
MOST = 1000  # points that are looked at; of many pieces up to twice as many
_REACH = 0.2  # of a piece: to so many of its points each is tied
PARTS = 16  # random parts, whose scatter is the sampling error of the whole
_PART = 0.75  # of the units: each
_NULLS = 4  # normal clouds of the same covariance
_DIMENSIONS = (1, 2, 3, 4, 6, 9, 14, 24)  # of the continua that are held against
_OF_CONTINUA = 600  # points
_FEWEST_DIRECTIONS = 8  # of fewer the smaller half says nothing of noise
_AS_NOISE = 0.985  # of what noise has: the distance of near points where there is nothing but noise
_FEWEST_FOUND = 5  # units of a piece that was looked for: k-means cuts off fewer at the rim of any cluster
_STARTS = 4  # of k-means that looks for pieces: with fewer it misses one of many
APART = 0.5  # of the ties that a continuum has cut: pieces that have fewer cut lie apart


@dataclass(frozen=True)
class Separation:
    """What the borders between pieces cut.

    Attributes:
        pieces: how many there are, and ``judged`` how many of them are large enough to be judged.
        cut: ties that are cut: 0 none, 1 as many as between points at random.
        continuum: the same of a cloud without gaps, the lower of the two that are held against.
        dimension: local, within the pieces (Levina and Bickel, 2004).
        error: sampling error of ``ratio``, one standard deviation over units.
        images: points that were looked at; ``units`` of them independent.
        apart: pieces, by their numbers, that lie apart from all others.
        tried: numbers of pieces that this is the best of; 0 where the pieces were given, as classes are.
        most: the largest number of pieces that could be tried; 0 likewise.
    """

    pieces: int
    judged: int
    cut: float
    continuum: float
    dimension: float
    error: float
    images: int
    units: int
    apart: tuple[int, ...] = ()
    tried: int = 0
    most: int = 0

    @property
    def ratio(self) -> float:
        """Ties cut, of those that a continuum of as many pieces has cut."""
        return self.cut / max(self.continuum, 1e-9)


def units_of(vectors: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Which rows are one observation, int64 (rows,): those of one group, and those that are equal."""
    group, equal = np.unique(groups, return_inverse=True)[1], first_equal(vectors)
    least = group.copy()
    while True:  # the lowest number spreads over all that are joined by a group or by equal vectors
        before = least
        for joined in (group, equal):
            lowest = np.full(joined.max() + 1, len(least))
            np.minimum.at(lowest, joined, least)
            least = lowest[joined]
        if np.array_equal(before, least):
            return np.unique(least, return_inverse=True)[1]


def spread_over_units(units: np.ndarray, most: int, random: np.random.Generator) -> np.ndarray:
    """Rows, int64, rising: one of each unit at random, then a second of each, ..., until there are ``most``."""
    order = random.permutation(len(units))
    by_unit = order[np.argsort(units[order], kind="stable")]
    starts = np.flatnonzero(np.diff(units[by_unit], prepend=-1))
    turn = np.arange(len(units)) - np.repeat(starts, np.diff(np.append(starts, len(units))))
    return np.sort(by_unit[np.lexsort((random.permutation(len(units)), turn))[:most]])


def above_noise(vectors: np.ndarray) -> tuple[np.ndarray, float]:
    """Centred points without the directions of even noise: (rows, D) -> float64 (rows, at most D).

    Where the smaller half of the eigenvalues lies as those of white noise do (Marchenko and Pastur, 1967), only the
    directions above the largest of these are kept, two at least. Elsewhere, or where none is above, all are kept.

    Returns:
        The points; and the squared distance that noise alone puts between two of them.
    """
    points = np.asarray(vectors, np.float64)
    points = points - points.mean(axis=0)
    if points.shape[1] < _FEWEST_DIRECTIONS or len(points) < 20:
        return points, 0.0
    points = points / (np.abs(points).max() or 1.0)
    _, singular, axes = np.linalg.svd(points, full_matrices=False)
    noise = np.linalg.svd(np.random.default_rng(0).standard_normal(points.shape), compute_uv=False)
    count = min(len(points) - 1, points.shape[1])
    half = slice(count // 2, max(count - 1, count // 2 + 1))
    scale = np.median(singular[half] / noise[half])
    if scale <= 0 or np.abs(np.log(np.maximum(singular[half], 1e-12 * scale) / (scale * noise[half]))).max() > 0.12:
        return points, 0.0
    tail = points @ axes[half].T
    if _reach(tail) < _AS_NOISE * _reach(np.random.default_rng(0).standard_normal(tail.shape)):
        return points, 0.0  # as even as noise, and not as empty of structure
    kept = int((singular > 1.05 * scale * noise[0]).sum())
    if not kept:  # noise alone, or as many clusters as directions, which are as even
        return points, 0.0
    kept = max(2, kept)
    return points @ axes[:kept].T, 2 * kept * float(scale) ** 2


@dataclass(frozen=True, eq=False)  # arrays have no equality that is one truth
class Cloud:
    """Points whose borders are looked at.

    Attributes:
        points: float64 (rows, d), centred, without the directions of noise.
        units: int64 (rows,): which of them are one observation.
        rows: int64 (rows,): which of all points they are.
        noise: squared distance that noise alone puts between two of them.
    """

    points: np.ndarray
    units: np.ndarray
    rows: np.ndarray
    noise: float

    @functools.cached_property
    def near(self) -> np.ndarray:
        """Distances between points that may be tied, float64 (rows, rows); infinite within a unit."""
        near = _between(self.points)
        near[self.units[:, None] == self.units[None]] = np.inf
        return near

    def kmeans(self, num_pieces: int, seed: int) -> np.ndarray:
        """So many pieces by k-means, int (rows,)."""
        return _kmeans(self.points, num_pieces, seed, _STARTS)

    def cut(self, pieces: np.ndarray, *, looked_for: bool) -> "Cut | None":
        """Ties that borders between pieces (rows,) cut; None where fewer than two can be judged."""
        return _cut(self.near, self.units, pieces, _FEWEST_FOUND if looked_for else FEWEST, self.noise)

    def judge(self, pieces: np.ndarray, seed: int, tried: int = 0, most: int = 0) -> Separation | None:
        """What the borders between pieces (rows,) cut; of pieces that were looked for ``tried`` and ``most`` as there.

        Returns:
            None where fewer than two pieces can be judged.
        """
        numbers, pieces = np.unique(pieces, return_inverse=True)
        found = self.cut(pieces, looked_for=tried > 0)
        if found is None:
            return None
        cut, estimated, of_each = found.mean, found.dimension, found.of_each
        dimension = float(min(np.interp(estimated, _continua()[0], _DIMENSIONS), self.points.shape[1]))
        count, random = int(pieces.max()) + 1, np.random.default_rng(seed)
        nulls = [_cut_of_normal(self.points, count, random) for _ in range(_NULLS)]
        continuum = min(float(np.mean(nulls)), _continuum(estimated))
        names, parts = np.unique(self.units), []
        for _ in range(PARTS):
            mine = np.flatnonzero(np.isin(self.units, random.choice(names, round(_PART * len(names)), replace=False)))
            part = _cut(self.near[np.ix_(mine, mine)], self.units[mine], pieces[mine])
            if part is not None:
                parts.append(part.mean)
        # the variance of parts drawn without putting back is (1 - part) / part of that of the whole
        scatter = float(np.std(parts, ddof=1)) * (_PART / (1 - _PART)) ** 0.5 if len(parts) > 2 else 1.0
        # a border through few points of a continuum may cut none by chance, the easier the fewer its dimensions: half
        # the scatter of what k-means cuts of normal clouds of 1 to 8 dimensions and 42 to 210 points
        of_pieces = np.array([len(np.unique(self.units[pieces == each])) for each in of_each])
        floor = 2 * continuum * dimension**-0.75 * float((1 / of_pieces).sum()) ** 0.5 / len(of_each)
        error = max(scatter, floor) / max(continuum, 1e-9)
        apart = tuple(int(numbers[piece]) for piece, each in of_each.items() if each <= APART * continuum)
        sizes = len(self.points), len(names)
        return Separation(count, len(of_each), cut, continuum, dimension, error, *sizes, apart, tried, most)


def cloud_of(vectors: np.ndarray, groups: np.ndarray, seed: int, num_pieces: int = 10) -> Cloud | None:
    """Points to look at, spread over groups; None where there are too few, or all are equal.

    Args:
        vectors: float (rows, D), finite.
        groups: int (rows,): which rows belong together; of them and of equal rows none is another's fellow.
        seed: of what is drawn at random.
        num_pieces: about how many pieces are to be judged; many take more points.
    """
    units = units_of(vectors, groups)
    most = min(max(MOST, 15 * num_pieces), 2 * MOST)
    rows = spread_over_units(units, most, np.random.default_rng(seed))
    points, noise = above_noise(vectors[rows])
    if len(np.unique(units)) < 2 * FEWEST or not points.any():
        return None
    return Cloud(points, units[rows], rows, noise)


def _between(points: np.ndarray) -> np.ndarray:
    """Distances, float64 (rows, rows); infinite to oneself."""
    near = euclidean_distances(points)
    np.fill_diagonal(near, np.inf)
    return near


def _reach(points: np.ndarray) -> float:
    """How far the nearest twentieth of all points lie, on average, by the root mean square distance."""
    away = euclidean_distances(points[:_OF_CONTINUA])
    near = np.partition(away, max(1, len(away) // 20), axis=1)[:, max(1, len(away) // 20)]
    return float(near.mean() / max(np.sqrt(np.square(away).mean()), 1e-12))


def separation(vectors: np.ndarray, groups: np.ndarray, pieces: np.ndarray, seed: int) -> Separation | None:
    """What the borders between given pieces of some points cut; None where fewer than two can be judged.

    Args:
        vectors, groups, seed: as :func:`cloud_of` takes them.
        pieces: int (rows,), such as classes.
    """
    cloud = cloud_of(vectors, groups, seed, len(np.unique(pieces)))
    return None if cloud is None else cloud.judge(pieces[cloud.rows], seed)


@dataclass(frozen=True)
class Cut:
    """Ties that borders cut, on average over the pieces that can be judged, and of each; their local dimension."""

    mean: float
    dimension: float
    of_each: dict[int, float]

    @property
    def ratio(self) -> float:
        """Of those that borders through a continuum of the same dimension cut."""
        return self.mean / max(_continuum(self.dimension), 1e-9)


def _cut(
    near: np.ndarray, units: np.ndarray, pieces: np.ndarray, fewest: int = FEWEST, noise: float = 0.0
) -> Cut | None:
    count = len(near)
    judged = [int(piece) for piece in np.unique(pieces) if len(np.unique(units[pieces == piece])) >= fewest]
    if len(judged) < 2:
        return None
    of_each, inverse = {}, []
    for piece in judged:
        mine = np.flatnonzero(pieces == piece)
        distances = near[mine]
        # the border of a piece that is most of all is that of the rest, and ties reach as far as the smaller side has
        reach = max(2, round(_REACH * min(len(mine), count - len(mine))))
        fellows = np.argpartition(distances, min(reach, count - 1), axis=1)[:, :reach]
        there = np.isfinite(np.take_along_axis(distances, fellows, axis=1))
        cut = ((pieces[fellows] != piece) & there).sum() / max(there.sum(), 1)
        of_each[piece] = float(cut / max(1 - (len(mine) - 1) / (count - 1), 1e-9))
        inverse.append(_inverse_dimension(distances[:, mine], max(2, round(_REACH * len(mine))), noise))
    dimension = 1 / max(float(np.nanmean(inverse)), 1e-3) if np.isfinite(inverse).any() else 1.0
    return Cut(float(np.mean(list(of_each.values()))), dimension, of_each)


def _inverse_dimension(distances: np.ndarray, reach: int, noise: float) -> float:
    """Of points within a piece, by the maximum likelihood of Levina and Bickel (2004), averaged as its inverse."""
    nearest = np.sort(distances, axis=1)[:, :reach]
    nearest = nearest[np.isfinite(nearest).all(axis=1) & (nearest[:, 0] > 0)]
    if not len(nearest):
        return np.nan
    beyond = np.maximum(np.square(nearest) - noise, 1e-3 * noise)  # where noise is all there is, the lowest dimension
    return float(np.log(beyond[:, -1:] / beyond[:, reach // 3 : -1]).mean() / 2)


@functools.cache
def _continua() -> tuple[np.ndarray, np.ndarray]:
    """Of normal clouds of rising dimension: their dimension as it is estimated, and the ties that k-means cuts.

    Neither depends much on how many points and pieces there are, since ties reach as far as a piece is large.
    """
    random, found = np.random.default_rng(0), []
    for dimension in _DIMENSIONS:
        points = random.standard_normal((_OF_CONTINUA, dimension))
        cut = _cut(_between(points), np.arange(len(points)), _kmeans(points, 4, 0))
        found.append((cut.dimension, cut.mean))
    return np.array(sorted(found)).T


def _continuum(dimension: float) -> float:
    """Ties that are cut of a continuum of some dimension, as it is estimated."""
    estimated, cut = _continua()
    return float(np.interp(dimension, estimated, np.maximum.accumulate(cut)))


def _cut_of_normal(points: np.ndarray, num_pieces: int, random: np.random.Generator) -> float:
    """Ties that k-means cuts of normal points of the same covariance."""
    weights = random.standard_normal((len(points), len(points))) / len(points) ** 0.5
    normal = weights @ points  # sums of many rows: normal, with the rows' own covariance
    found = _cut(_between(normal), np.arange(len(normal)), _kmeans(normal, num_pieces, 0))
    return found.mean if found else 1.0


def _kmeans(points: np.ndarray, num_pieces: int, seed: int, starts: int = 2) -> np.ndarray:
    with threadpool_limits(1, user_api="openmp"):  # more threads add up the centres in whatever order they finish
        return KMeans(min(num_pieces, len(points)), n_init=starts, random_state=seed).fit(points).labels_
