"""Images that are nearly the same: re-encoded, resized, slightly brightened copies, which equal bytes do not show.

Two images of P values are nearly the same where, as the network will see them, the mean squared difference of their
standardised pixels is at most ``NEAR`` (their correlation is then at least 1 - NEAR / 2), and their mean brightness
differs by at most ``MEAN``. Standardised: less the image's own mean, divided by its own standard deviation, but by no
less than ``FAINT``, so that the noise of an even picture is not made loud. The threshold, and what it misses, was
measured with copies that were re-encoded as JPEG and resized: docs/results/near_duplicates.md.

All pairs are found without comparing all: near pairs are near in any projection too, so candidates come from a k-d tree
(Bentley, 1975), and are then compared whole. Principal components are near with the same radius, and tell most images
apart. Where they are not enough, random directions tell images apart that are like no other, as noise is: along K of
them the squared distance is the images' own times a chi-squared number of K degrees (Johnson and Lindenstrauss, 1984),
so a radius is taken that all but one in 1e9 near pairs keep to. Where candidates are still too many, as of a still
camera, only as many are compared as it takes to know which images belong together.
"""

import math
from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from scipy.special import chdtri

from run.console import Progress
from run.cores import cores

NEAR = 0.03
MEAN = 0.04
FAINT = 0.03  # standard deviation of pixels in [0, 1]
_COMPONENTS = 16
_IN_TREE = 0.4  # of them for each doubling of the images: a tree of more looks at nearly all, one of less passes more
_DIRECTIONS, _DIRECTIONS_IN_TREE = 64, 12  # random ones
_MISSED = 1e-9  # of near pairs, by random directions
_ROUNDING = 1 + 2e-5  # float32
_PAIRS_AT_ONCE = 1 << 18  # that fit a processor's cache
_COMPARED = 20  # candidates an image on average; of more, only those are compared that may link anything
_HELD = 20_000_000  # candidates that are held at a time
_ASKED = 1000  # images whose candidates are counted, to know about how many there are
_FITTED = 2000  # images that the components are fitted on
_AT_ONCE = 128  # small enough for a processor's cache
_VALUES = 16 << 20  # pixels at most, of either: larger images come fewer at a time


def near_duplicates(images: np.ndarray, seed: int = 0) -> np.ndarray:
    """All pairs of images that are nearly or quite the same; where these are very many, enough of them to link all.

    Args:
        images: uint8 (N, C, H, W).
        seed: of the images that the projection is fitted on; the pairs do not depend on it.

    Returns:
        int64 (pairs, 2), the smaller position first, in rising order.
    """
    if len(images) < 2:
        return np.empty((0, 2), np.int64)
    sieve, other = _projections(images, seed)
    if sieve.expected > _HELD and other.expected < sieve.expected:
        sieve, other = other, sieve

    def compared(pairs: np.ndarray) -> np.ndarray:
        near = [_are_near(images, each) for each in np.array_split(pairs, len(pairs) // _most(images) + 1)]
        return pairs[np.concatenate(near)]

    def in_order(pairs: np.ndarray) -> np.ndarray:
        return pairs[np.lexsort(pairs.T[::-1])].astype(np.int64)

    if sieve.expected <= _HELD:
        candidates = sieve.near(sieve.candidates())
        if len(candidates) > len(images):  # to compare a pair takes longer than to project an image
            candidates = other.near(candidates)
        if len(candidates) <= _COMPARED * len(images):
            return in_order(compared(candidates))
    return in_order(_linking_pairs(sieve, lambda pairs: compared(other.near(sieve.near(pairs)))))


class _Projection:
    """Images in a few numbers each, near pairs of which are within a radius.

    Args:
        images: uint8 (N, C, H, W).
        directions: float32 (P, K), columns that their standardised pixels are projected on.
        in_tree: over how many of the K numbers the tree is.
        squared_radius: the squared radius of so many of the first numbers.
    """

    def __init__(
        self, images: np.ndarray, directions: np.ndarray, in_tree: int, squared_radius: Callable[[int], float]
    ) -> None:
        self._images, self._directions, self._in_tree = images, directions, in_tree
        self._squared = squared_radius(directions.shape[1]) * _ROUNDING
        self.radius = math.sqrt(squared_radius(in_tree) * _ROUNDING)  # in the tree

    @cached_property
    def projected(self) -> np.ndarray:
        """The numbers, float32 (N, K)."""
        return np.concatenate([_standardised(rows) @ self._directions for rows in _rows(self._images)])

    @cached_property
    def tree(self) -> cKDTree:
        """Over the first of them."""
        return cKDTree(self.projected[:, : self._in_tree])

    @cached_property
    def expected(self) -> float:
        """About how many pairs the tree lets through."""
        some = self.tree.data[:: self.tree.n // _ASKED + 1]
        near = self.tree.query_ball_point(some, self.radius, return_length=True, workers=cores())
        return self.tree.n * near.mean() / 2

    def candidates(self) -> np.ndarray:
        """All pairs that the tree lets through, (M, 2)."""
        return self.tree.query_pairs(self.radius, output_type="ndarray")

    def near(self, pairs: np.ndarray) -> np.ndarray:
        """Those of pairs (M, 2) that are within the radius in all numbers."""
        within = [
            np.square(self.projected[part[:, 0]] - self.projected[part[:, 1]]).sum(axis=1) <= self._squared
            for part in np.array_split(pairs, len(pairs) // _PAIRS_AT_ONCE + 1)
        ]
        return pairs[np.concatenate(within)]


def _projections(images: np.ndarray, seed: int) -> tuple[_Projection, _Projection]:
    """Images along their principal components, and along random directions; computed where they are asked for."""
    axes = _principal_axes(images, seed)
    directions = np.random.default_rng(seed).standard_normal((len(axes), _DIRECTIONS), np.float32)
    near, in_tree = NEAR * len(axes), max(3, round(_IN_TREE * math.log2(len(images))))
    return (
        _Projection(images, axes, in_tree, lambda _: near),
        _Projection(images, directions, _DIRECTIONS_IN_TREE, lambda count: near * chdtri(count, _MISSED)),
    )


def _linking_pairs(sieve: _Projection, compared: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Enough near pairs, (pairs, 2), to link all images that all near pairs would link.

    The frames of a still camera are all near one another, 10,000 of them in 50 million pairs. Each is compared with its
    nearest few; then all that are within the radius but for those that are linked already, in so many parts.
    """
    tree, count = sieve.tree, sieve.tree.n
    parts = min(count, math.ceil(2 * sieve.expected / _PAIRS_AT_ONCE))
    with Progress(parts + math.ceil(count / _ASKED)) as progress:
        found = compared(_pairs_of_nearest(sieve, progress))
        known = linked(found, count)
        for start in range(parts):  # rows from all over, since images that are alike stand together
            rows = np.arange(start, count, parts)
            within = cKDTree(tree.data[rows]).sparse_distance_matrix(tree, sieve.radius, output_type="ndarray")
            pairs = np.stack([rows[within["i"]], within["j"]], axis=1)
            pairs = pairs[(pairs[:, 0] < pairs[:, 1]) & (known[pairs[:, 0]] != known[pairs[:, 1]])]
            if len(more := compared(pairs)):
                found = np.concatenate([found, more])
                known = linked(found, count)
            progress.advance("near-duplicates")
            progress.news(f"near-duplicates looked for in {start + 1:,} of {parts:,} parts")
    return found


def _pairs_of_nearest(sieve: _Projection, progress: Progress) -> np.ndarray:
    """Each image with its nearest few that are within the radius, (pairs, 2), the smaller position first."""
    tree, count, near = sieve.tree, sieve.tree.n, []
    for start in range(0, count, _ASKED):
        asked = tree.data[start : start + _ASKED]
        near.append(tree.query(asked, _COMPARED + 1, distance_upper_bound=sieve.radius, workers=cores())[1])
        progress.advance("near-duplicates")
        progress.news(f"near-duplicates looked for around {start + len(asked):,} of {count:,} images")
    near = np.concatenate(near)
    row, column = np.nonzero(near < count)
    pairs = np.sort(np.stack([row, near[row, column]], axis=1), axis=1)
    return np.unique(pairs[pairs[:, 0] < pairs[:, 1]], axis=0)


def linked(pairs: np.ndarray, count: int) -> np.ndarray:
    """A number for each of so many images that all which pairs (pairs, 2) link share, directly or not; int (count,)."""
    links = coo_array((np.ones(len(pairs)), pairs.T), shape=(count, count))
    return connected_components(links, directed=False)[1]


def _are_near(images: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Which of candidate pairs (M, 2) are near in all pixels, bool (M,)."""
    first, second = (_as_rows(images[pairs[:, side]]) for side in (0, 1))
    differ = np.square(_standardised(first) - _standardised(second)).mean(axis=1)
    return (differ <= NEAR) & (np.abs(first.mean(axis=1) - second.mean(axis=1)) <= MEAN)


def _principal_axes(images: np.ndarray, seed: int) -> np.ndarray:
    """float32 (P, K) orthonormal columns along which standardised images differ most."""
    rows = np.sort(np.random.default_rng(seed).permutation(len(images))[: _most(images, _FITTED)])
    standardised = np.concatenate([_standardised(each) for each in _rows(images[rows])])
    centred = standardised - standardised.mean(axis=0)
    start = np.random.default_rng(seed).standard_normal((centred.shape[1], _COMPONENTS), np.float32)
    basis = np.linalg.qr(centred.T @ (centred @ start)).Q
    return np.linalg.qr(centred.T @ (centred @ basis)).Q


def _standardised(rows: np.ndarray) -> np.ndarray:
    """float32 (n, P) in [0, 1] -> each less its own mean, by its own standard deviation."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    return centred / np.maximum(rows.std(axis=1, keepdims=True), np.float32(FAINT))


def _rows(images: np.ndarray) -> Iterator[np.ndarray]:
    size = _most(images)
    for start in range(0, len(images), size):
        yield _as_rows(images[start : start + size])


def _most(images: np.ndarray, most: int = _AT_ONCE) -> int:
    """``most`` images, or as many as have 16 million pixels."""
    return max(1, min(most, _VALUES // math.prod(images.shape[1:])))


def _as_rows(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), math.prod(images.shape[1:])).astype(np.float32) / 255
