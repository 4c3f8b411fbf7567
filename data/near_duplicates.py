"""Images that are nearly the same: re-encoded, resized, slightly brightened copies, which equal bytes do not show.

Two images of P values are nearly the same where, as the network will see them, the mean squared difference of their
standardised pixels is at most ``NEAR`` (their correlation is then at least 1 - NEAR / 2), and their mean brightness
differs by at most ``MEAN``. Standardised: less the image's own mean, divided by its own standard deviation, but by no
less than ``FAINT``, so that the noise of an even picture is not made loud. The threshold, and what it misses, was
measured with copies that were re-encoded as JPEG and resized: docs/results/near_duplicates.md.

All pairs are found without comparing all: pairs that are near are near in any projection too, so candidates come from a
k-d tree (Bentley, 1975) over the first principal components, with the same radius, and are then compared whole. Where
these are too many, as of a still camera, only as many are compared as it takes to know which images belong together.
"""

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

NEAR = 0.03
MEAN = 0.04
FAINT = 0.03  # standard deviation of pixels in [0, 1]
_COMPONENTS = 16
_IN_TREE = (
    0.4  # of them for each doubling of the images: a tree of more looks at nearly all, one of less gives more pairs
)
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
    from scipy.spatial import cKDTree  # half a second, for those who ask for pairs alone

    if len(images) < 2:
        return np.empty((0, 2), np.int64)
    axes = _principal_axes(images, seed)
    projected = np.concatenate([_standardised(rows) @ axes for rows in _rows(images)])
    radius = np.sqrt(NEAR * len(axes)) * (1 + 1e-5)  # float32
    tree = cKDTree(projected[:, : max(3, round(_IN_TREE * math.log2(len(images))))])

    def compared(candidates: np.ndarray) -> np.ndarray:
        near = [_are_near(images, each) for each in np.array_split(candidates, len(candidates) // _most(images) + 1)]
        return candidates[np.concatenate(near)]

    some = tree.data[:: len(images) // _ASKED + 1]
    expected = len(images) * tree.query_ball_point(some, radius, return_length=True).mean()  # each pair twice
    candidates = None
    if expected <= 2 * _HELD:
        candidates = tree.query_pairs(radius, output_type="ndarray")
        candidates = candidates[_are_within(projected, candidates, radius)]
    if candidates is not None and len(candidates) <= _COMPARED * len(images):
        pairs = compared(candidates)
    else:
        parts = min(len(images), math.ceil(expected / _PAIRS_AT_ONCE))
        pairs = _linking_pairs(tree, projected, radius, parts, compared)
    return pairs[np.lexsort(pairs.T[::-1])].astype(np.int64)


def _linking_pairs(
    tree: "cKDTree", projected: np.ndarray, radius: float, parts: int, compared: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Enough near pairs, (pairs, 2), to link all images that all near pairs would link.

    The frames of a still camera are all near one another, 10,000 of them in 50 million pairs. Each is compared with its
    nearest few; then all that are within the radius but for those that are linked already, in so many parts.
    """
    count = tree.n
    _, near = tree.query(tree.data, k=_COMPARED + 1, distance_upper_bound=radius)
    row, column = np.nonzero(near < count)
    pairs = np.sort(np.stack([row, near[row, column]], axis=1), axis=1)
    pairs = np.unique(pairs[pairs[:, 0] < pairs[:, 1]], axis=0)
    found = compared(pairs[_are_within(projected, pairs, radius)])
    known = linked(found, count)
    for start in range(parts):  # rows from all over, since images that are alike stand together
        rows = np.arange(start, count, parts)
        within = type(tree)(tree.data[rows]).sparse_distance_matrix(tree, radius, output_type="ndarray")
        pairs = np.stack([rows[within["i"]], within["j"]], axis=1)
        pairs = pairs[(pairs[:, 0] < pairs[:, 1]) & (known[pairs[:, 0]] != known[pairs[:, 1]])]
        if len(more := compared(pairs[_are_within(projected, pairs, radius)])):
            found = np.concatenate([found, more])
            known = linked(found, count)
    return found


def linked(pairs: np.ndarray, count: int) -> np.ndarray:
    """A number for each of so many images that all which pairs (pairs, 2) link share, directly or not; int (count,)."""
    links = coo_array((np.ones(len(pairs)), pairs.T), shape=(count, count))
    return connected_components(links, directed=False)[1]


def _are_within(projected: np.ndarray, pairs: np.ndarray, radius: float) -> np.ndarray:
    """Which of pairs (M, 2) lie within a radius in all components, bool (M,)."""
    within = [
        np.square(projected[part[:, 0]] - projected[part[:, 1]]).sum(axis=1) <= radius**2
        for part in np.array_split(pairs, len(pairs) // _PAIRS_AT_ONCE + 1)
    ]
    return np.concatenate(within)


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
