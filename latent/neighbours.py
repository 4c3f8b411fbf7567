"""Which images lie near which, in a latent space or pixel by pixel; and how many neighbours can be asked."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from run.cores import cores

_ASKED_AT_ONCE = 2048  # queries whose neighbours, and those to pass over, are held at a time
# of a row's length: the distance to another that is nearer was multiplied out with no digit left, and is taken anew
_EQUAL = 1e-4
NEIGHBOURS = 10  # that classes are told by, where there are as many
_SPARED = 0.1  # of the rows may have fewer of their own class: one rare class should not decide for all


def neighbours_that_fit(labels: np.ndarray | None, groups: np.ndarray) -> int:
    """How many neighbours to ask: 10, and no more than nine rows in ten have of their own class in other groups.

    Where a class has three rows, each has two others: of ten neighbours eight must be of another class. Nor are more
    than half of the rows of other groups asked: whoever asks all of them learns nothing.

    Args:
        labels: int (N,), or None without classes.
        groups: int (N,): which rows belong together; those of the own group are not asked.
    """
    most = min(NEIGHBOURS, (len(groups) - int(np.unique(groups, return_counts=True)[1].max())) // 2)
    if labels is not None:
        most = min(most, int(np.quantile(others_of_own_class(labels, groups), _SPARED, method="lower")))
    return max(1, most)


def others_of_own_class(labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """How many rows of other groups are of each row's own class, int64 (N,), from labels and groups, int (N,)."""
    _, class_of, in_class = np.unique(labels, return_inverse=True, return_counts=True)
    pairs = np.stack([labels, groups])
    _, pair_of, in_both = np.unique(pairs, axis=1, return_inverse=True, return_counts=True)
    return in_class[class_of] - in_both[pair_of.reshape(-1)]


def nearest(
    vectors: np.ndarray,
    queries: np.ndarray | None = None,
    *,
    count: int,
    groups: np.ndarray | None = None,
    query_groups: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest rows by Euclidean distance, found by exhaustive search, from near to far.

    Args:
        vectors: float (N, D), among which neighbours are looked for.
        queries: float (M, D), whose neighbours they are; None for the vectors themselves, each among all others.
        count: K, neighbours of each.
        groups: int (N,): which vectors belong together. Without queries, rows of the own group are passed over.
        query_groups: int (M,) or (M, G): the groups that are passed over for each query; then ``groups`` is needed.

    Returns:
        int64 (M, K) neighbours, -1 where there are no more, and float64 (M, K) distances, infinite there.
    """
    from sklearn.neighbors import NearestNeighbors  # a second that a command without neighbours does not wait for

    if queries is None:
        groups = np.arange(len(vectors)) if groups is None else groups
        queries, query_groups = vectors, groups
    near = np.full((len(queries), count), -1, np.int64)
    far = np.full((len(queries), count), np.inf)
    asked = count
    if query_groups is not None:
        query_groups = query_groups.reshape(len(queries), -1)
        asked += query_groups.shape[1] * int(np.unique(groups, return_counts=True)[1].max())
    search = NearestNeighbors(n_neighbors=min(asked, len(vectors)), algorithm="brute").fit(vectors)

    def ask(start: int) -> None:
        rows = slice(start, start + _ASKED_AT_ONCE)
        away, found = search.kneighbors(queries[rows])
        which, column = np.nonzero(away < _EQUAL * np.linalg.norm(queries[rows], axis=1)[:, None])
        twins = queries[rows][which].astype(np.float64) - vectors[found[which, column]]
        away[which, column] = np.linalg.norm(twins, axis=1)
        if query_groups is not None:
            away[(groups[found][:, :, None] == query_groups[rows][:, None, :]).any(axis=2)] = np.inf
        order = np.argsort(away, axis=1, kind="stable")[:, :count]
        away, found = np.take_along_axis(away, order, axis=1), np.take_along_axis(found, order, axis=1)
        far[rows, : order.shape[1]] = away
        near[rows, : order.shape[1]] = np.where(np.isinf(away), -1, found)

    with ThreadPoolExecutor(cores()) as pool:  # scikit-learn lets go of Python's lock
        list(pool.map(ask, range(0, len(queries), _ASKED_AT_ONCE)))
    return near, far
