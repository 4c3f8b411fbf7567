"""Images that are nearly the same: re-encoded, resized, slightly brightened copies, which equal bytes do not show.

Two images of P values are nearly the same where, as the network will see them, the mean squared difference of their
standardised pixels is at most ``NEAR`` (their correlation is then at least 1 - NEAR / 2), and their mean brightness
differs by at most ``MEAN``. Standardised: less the image's own mean, divided by its own standard deviation, but by no
less than ``FAINT``, so that the noise of an even picture is not made loud. The threshold, and what it misses, was
measured with copies that were re-encoded as JPEG and resized: docs/results/near_duplicates.md.

All pairs are found, and few are compared whole. Near images stand close to each other in an order by their brightness,
and by their first principal component. Among those that stand close enough, the candidates are near along random
directions: along K of them the squared distance is the images' own times a chi-squared number of K degrees (Johnson and
Lindenstrauss, 1984), so a radius is taken that all but one in 1e9 near pairs keep to. One matrix product gives these
distances for many pairs at once, however the pictures are spread, which can make trees slow. Where pairs are too
many, as of a still camera, only as many are compared as it takes to know which images belong together.
"""

import math
from collections.abc import Iterator

import numpy as np
from threadpoolctl import threadpool_limits

from data.workers import in_order
from run.console import Progress

NEAR = 0.03
MEAN = 0.04
FAINT = 0.03  # standard deviation of pixels in [0, 1]
_DIRECTIONS = 48
_FURTHEST = 131.69  # of chi-squared numbers of so many degrees one in 1e9 is above: scipy.special.chdtri(48, 1e-9)
_ROUNDING = 1.001  # float32
_ROWS, _COLUMNS = 256, 1024  # images whose distances are computed at once: they stay in a processor's cache
_STRIP = 8 * _COLUMNS  # computed by one thread
_PIECE = 4096  # pairs compared at once
_COMPARED = 10  # pairs an image on average; of more, only those are compared that may link anything
_FITTED = 2000  # images that the component is fitted on
_ROUNDS = 8  # of the power iteration, which need not be exact
_AT_ONCE = 128  # small enough for a processor's cache
_VALUES = 16 << 20  # pixels at most, of either: larger images come fewer at a time


def near_duplicates(images: np.ndarray, seed: int = 0) -> np.ndarray:
    """All pairs of images that are nearly or quite the same; where these are very many, enough of them to link all.

    Args:
        images: uint8 (N, C, H, W).
        seed: of the directions; the pairs do not depend on it, but where they are very many.

    Returns:
        int64 (pairs, 2), the smaller position first, in rising order.
    """
    found, compared, number_of, unlinked = [np.empty((0, 2), np.int64)], 0, None, 0
    for pairs in _Sieve(images, seed).candidates() if len(images) > 1 else ():
        if compared > _COMPARED * len(images):
            if number_of is None or unlinked > len(images) // 16:
                found, unlinked = [np.concatenate(found)], 0
                number_of = linked(found[0], len(images))
                if not number_of.any():  # all are linked
                    break
            pairs = pairs[number_of[pairs[:, 0]] != number_of[pairs[:, 1]]]
        near = pairs[are_near(images, pairs)]
        found.append(near)
        compared += len(pairs)
        unlinked += len(near)
    pairs = np.concatenate(found)
    return pairs[np.lexsort(pairs.T[::-1])]


class _Sieve:
    """Images in an order along which near ones stand close, and in a few numbers that tell most pairs apart.

    Args:
        images: uint8 (N, C, H, W), at least two.
        seed: of the directions, and of the images that the component is fitted on.
    """

    def __init__(self, images: np.ndarray, seed: int) -> None:
        random = np.random.default_rng(seed)
        size = math.prod(images.shape[1:])
        axes = random.standard_normal((size, 1 + _DIRECTIONS), np.float32)
        axes[:, 0] = _principal_axis(images, random)
        brightness, projected = [], []
        for rows in _rows(images):
            brightness.append(rows.mean(axis=1))
            projected.append(_standardised(rows) @ axes)
        projected = np.concatenate(projected)
        self._order, self._ends = min(
            _in_order(np.concatenate(brightness), MEAN),
            _in_order(projected[:, 0], math.sqrt(NEAR * size)),
            key=lambda order_and_ends: order_and_ends[1].sum(),
        )
        numbers = projected[self._order, 1:]
        numbers -= numbers.mean(axis=0)
        halves = np.square(numbers).sum(axis=1, keepdims=True) / 2
        self._extended = np.hstack([numbers, np.ones_like(halves), -halves])
        self._bound = -NEAR * size * _FURTHEST / 2 * _ROUNDING

    def candidates(self) -> Iterator[np.ndarray]:
        """All pairs that may be near, int64 (up to _PIECE, 2) at a time, the smaller position first."""
        count = len(self._order)
        strips = [
            (start, column, min(column + _STRIP, self._ends[min(start + _ROWS, count) - 1]))
            for start in range(0, count, _ROWS)
            for column in range(start, self._ends[min(start + _ROWS, count) - 1], _STRIP)
        ]
        # one thread a product: where cores are busy, the threads of one would wait for each other
        with Progress(len(strips)) as progress, threadpool_limits(1, user_api="blas"):
            for (start, *_), pairs in zip(strips, in_order(self._within, strips, None), strict=True):
                yield from (pairs[first : first + _PIECE] for first in range(0, len(pairs), _PIECE))
                progress.advance("near-duplicates")
                progress.news(f"near-duplicates looked for among {start:,} of {count:,} images")

    def _within(self, strip: tuple[int, int, int]) -> np.ndarray:
        """Pairs that may be near, (M, 2), of _ROWS images from a place in the order on, and of a span of columns."""
        start, begin, end = strip
        # with the last two numbers swapped, a row times another is half their squared distance, negative
        rows = self._extended[start : start + _ROWS, [*range(_DIRECTIONS), _DIRECTIONS + 1, _DIRECTIONS]]
        found = [np.empty((0, 2), np.int64)]
        for column in range(begin, end, _COLUMNS):
            nearness = rows @ self._extended[column : min(column + _COLUMNS, end)].T
            if nearness.max() >= self._bound:
                row, other = np.nonzero(nearness >= self._bound)
                pairs = np.stack([row + start, other + column], axis=1)
                found.append(np.sort(self._order[pairs[pairs[:, 0] < pairs[:, 1]]], axis=1))
        return np.concatenate(found)


def _in_order(numbers: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """The order of N numbers, and for each in that order where those end that are larger by ``reach`` at most."""
    order = np.argsort(numbers, kind="stable")
    ordered = numbers[order]
    return order, np.searchsorted(ordered, ordered + np.float32(reach * _ROUNDING), side="right")


def linked(pairs: np.ndarray, count: int) -> np.ndarray:
    """A number for each of so many images that all which pairs (pairs, 2) link share, directly or not; int (count,)."""
    # half a second, for those whose images have copies
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    links = coo_array((np.ones(len(pairs)), pairs.T), shape=(count, count))
    return connected_components(links, directed=False)[1]


def are_near(images: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Which of candidate pairs (M, 2) are near in all pixels, bool (M,)."""
    near = np.empty(len(pairs), bool)
    for start in range(0, len(pairs), size := _most(images)):
        part = pairs[start : start + size]
        first, second = (_as_rows(images[part[:, side]]) for side in (0, 1))
        differ = np.square(_standardised(first) - _standardised(second)).mean(axis=1)
        near[start : start + size] = (differ <= NEAR) & (np.abs(first.mean(axis=1) - second.mean(axis=1)) <= MEAN)
    return near


def _principal_axis(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """float32 (P,), of length 1, along which standardised images differ most, about: by power iteration."""
    rows = np.sort(random.permutation(len(images))[: _most(images, _FITTED)])
    standardised = np.concatenate([_standardised(each) for each in _rows(images[rows])])
    centred = standardised - standardised.mean(axis=0)
    axis = random.standard_normal(centred.shape[1], np.float32)
    for _ in range(_ROUNDS):
        axis = centred.T @ (centred @ axis)
        axis /= max(np.linalg.norm(axis), np.float32(1e-30))
    return axis


def _standardised(rows: np.ndarray) -> np.ndarray:
    """float32 (n, P) in [0, 1] -> each less its own mean, by its own standard deviation."""
    standardised = rows - rows.mean(axis=1, keepdims=True)
    deviation = np.sqrt(np.square(standardised).mean(axis=1, keepdims=True))
    standardised /= np.maximum(deviation, np.float32(FAINT))
    return standardised


def _rows(images: np.ndarray) -> Iterator[np.ndarray]:
    size = _most(images)
    for start in range(0, len(images), size):
        yield _as_rows(images[start : start + size])


def _most(images: np.ndarray, most: int = _AT_ONCE) -> int:
    """``most`` images, or as many as have 16 million pixels."""
    return max(1, min(most, _VALUES // math.prod(images.shape[1:])))


def _as_rows(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), math.prod(images.shape[1:])).astype(np.float32) / 255
