"""Which images lie near which: in a latent space, or pixel by pixel."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from run.console import table_of

NEIGHBOURS = 10
COPY = 1 / 3  # of the distance to the nearest image by that to the second: below, the first was learnt by heart
_AT_ONCE = 1024  # rows whose distances to all others are held at a time
_ASKED_AT_ONCE = 2048  # queries whose neighbours, and those to pass over, are held at a time
# of a row's length: the distance to another that is nearer was multiplied out with no digit left, and is taken anew
_EQUAL = 1e-4
_QUERIES = 500  # images whose distances to all real ones are held at a time
_ASKED = 2000  # rows that agreement is measured over: enough for two decimals
PROTOCOL = "transductive: the neighbours of each test image among the other test images"
LEFT_OUT = "; images that belong together (frames of one track, equal pixels) passed over"


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
    for start in range(0, len(queries), _ASKED_AT_ONCE):
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
    return near, far


def nearest_rows(
    vectors: np.ndarray, rows: np.ndarray, count: int, groups: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest other rows (Euclidean), from near to far.

    Args:
        vectors: float (N, D).
        rows: int (M,), those whose neighbours are looked for.
        count: neighbours of each.
        groups: int (N,): which rows belong together. If given, rows of the own group are passed over.

    Returns:
        int64 (M, count) neighbours, -1 where there are no more, and float64 (M, count) distances, infinite there.
    """
    near = np.full((len(rows), count), -1, np.int64)
    far = np.full((len(rows), count), np.inf)
    for start, squared in _squared_distances(vectors[rows], vectors):
        asked = rows[start : start + len(squared)]
        squared[np.arange(len(asked)), asked] = np.inf
        if groups is not None:
            squared[groups[asked][:, None] == groups[None]] = np.inf
        taken = min(count, squared.shape[1])
        found = np.argpartition(squared, taken - 1, axis=1)[:, :taken]
        # anew from the differences: of rows that are nearly equal, what was expanded holds no digit
        own = np.asarray(vectors[asked], np.float64)
        exact = np.stack([np.linalg.norm(own - vectors[column], axis=1) for column in found.T], axis=1)
        exact[np.isinf(np.take_along_axis(squared, found, axis=1))] = np.inf
        order = np.lexsort((found, exact))
        exact, found = np.take_along_axis(exact, order, axis=1), np.take_along_axis(found, order, axis=1)
        far[start : start + len(asked), :taken] = exact
        near[start : start + len(asked), :taken] = np.where(np.isinf(exact), -1, found)
    return near, far


def neighbour_agreement(
    vectors: np.ndarray, labels: np.ndarray | None, groups: np.ndarray, seed: int
) -> tuple[dict[str, float], np.ndarray]:
    """How many of the 10 nearest neighbours of other groups are of a row's own class, over at most 2,000 random rows.

    Args:
        vectors: float (N, D).
        labels: int (N,), or None without classes.
        groups: int (N,): which rows belong together (the frames of one track).
        seed: of the rows asked.

    Returns:
        ``agreement``: the mean share; ``agreement_chance``: that of neighbours drawn at random among other groups;
        ``agreement_own_group_too``: the share when the own group is not passed over, where any group has more than one
        row. {} without labels or with a single group. Beside it the neighbours, int64 (rows asked, 10), -1 for none.
    """
    rows = np.sort(np.random.default_rng(seed).permutation(len(vectors))[:_ASKED])
    near, _ = nearest_rows(vectors, rows, NEIGHBOURS, groups)
    if labels is None or (near < 0).all():
        return {}, near
    measures = {
        "agreement": _share_of_own_class(near, labels, rows),
        "agreement_chance": _chance_of_own_class(labels, groups, rows),
    }
    if len(np.unique(groups)) < len(groups):
        everybody, _ = nearest_rows(vectors, rows, NEIGHBOURS)
        measures["agreement_own_group_too"] = _share_of_own_class(everybody, labels, rows)
    return measures, near


def agreement_of_spaces(
    spaces: Mapping[str, np.ndarray], labels: np.ndarray | None, groups: np.ndarray, seed: int
) -> list[dict[str, object]]:
    """:func:`neighbour_agreement` in each space, and how many neighbours are those that ``pixels`` give.

    Args:
        spaces: name -> float (N, D); ``pixels`` among them.
        labels, groups, seed: as of :func:`neighbour_agreement`.
    """
    measured = {name: neighbour_agreement(space, labels, groups, seed) for name, space in spaces.items()}
    by_pixels = measured["pixels"][1]
    return [
        {"space": name, **measures, "shared_with_pixels": shared(near, by_pixels)}
        for name, (measures, near) in measured.items()
    ]


def neighbour_records(
    row: int,
    near: np.ndarray,
    distances: np.ndarray,
    classes: Sequence[str],
    sample_ids: Sequence[str],
    groups: np.ndarray,
) -> list[dict[str, object]]:
    """The neighbours of one row as :func:`nearest_rows` gives them, (count,) each, with what is known of them.

    Args:
        row: whose neighbours they are.
        near, distances: from near to far; -1 where there are no more.
        classes: N names of classes, all "" without classes.
        sample_ids: N.
        groups: int (N,): which rows belong together.
    """
    return [
        {
            "rank": rank,
            "neighbour_test_row": other,
            "neighbour_sample_id": sample_ids[other],
            "neighbour_class": classes[other],
            "same_class": ("yes" if classes[other] == classes[row] else "no") if any(classes) else "",
            "same_group": "yes" if groups[other] == groups[row] else "no",
            "distance": distance,
        }
        for rank, (other, distance) in enumerate(zip(near.tolist(), distances.tolist(), strict=True), 1)
        if other >= 0
    ]


def agreement_in_words(numbers: Sequence[Mapping], together: bool, passed_over: bool) -> str:
    """The agreement in each space in a line, none without classes; and what to know of neighbours, in another.

    Args:
        numbers: of :func:`agreement_of_spaces`.
        together: whether any rows belong together; of the agreement they are passed over.
        passed_over: whether they are of the neighbours that are drawn, too.
    """
    known = "\nframes of one track show one object and lie near each other in any space: see --other_groups"
    known = known if together and not passed_over else ""
    if "agreement" not in numbers[0]:
        return known
    shares = ", ".join(f"{each['agreement']:.0%} in {each['space']}" for each in numbers)
    nearest = f"{NEIGHBOURS} nearest{' of other groups' if together else ''}"
    return f"of the {nearest} so many share the class: {shares}; by chance {numbers[0]['agreement_chance']:.0%}{known}"


def agreement_table(numbers: Sequence[Mapping]) -> str:
    """A row for each space of :func:`agreement_of_spaces`."""
    columns = {"space": (f"{NEIGHBOURS} nearest test images", ""), "agreement": ("same class", ".1%")}
    columns |= {"agreement_chance": ("by chance", ".1%"), "agreement_own_group_too": ("own group too", ".1%")}
    return table_of(numbers, columns | {"shared_with_pixels": ("same as by pixels", ".1%")})


def shared(near: np.ndarray, other: np.ndarray) -> float:
    """Mean share of a row's neighbours that are its neighbours elsewhere too; (rows, k) each, -1 for none."""
    both = [len(set(a[a >= 0].tolist()) & set(b[b >= 0].tolist())) for a, b in zip(near, other, strict=True)]
    return float(sum(both) / max((near >= 0).sum(), 1))


def nearest_images(
    queries: np.ndarray,
    images: np.ndarray,
    groups: np.ndarray,
    query_groups: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The image that each of some made images comes nearest to, and how near the next one is that is no twin of it.

    Args:
        queries: float32 (M, C, H, W) in [0, 1].
        images: uint8 (N, C, H, W).
        groups: int (N,): which images belong together (the frames of one track; equal pixels).
        query_groups: int (M,): the group of each query, if they are such images themselves; it is passed over.

    Returns:
        int64 (M,) the nearest image; float64 (M,) mean squared error from it, pixels in [0, 1]; float64 (M,) that from
        the nearest image of another group than that one's, infinite where there is none. A query is called a copy where
        the root of the first is less than a third of the root of the second (Yoon et al., 2023): see :func:`copies`.
    """
    if len(queries) > _QUERIES:
        parts = [slice(start, start + _QUERIES) for start in range(0, len(queries), _QUERIES)]
        own = [None if query_groups is None else query_groups[part] for part in parts]
        found = [nearest_images(queries[part], images, groups, mine) for part, mine in zip(parts, own, strict=True)]
        return tuple(np.concatenate(each) for each in zip(*found, strict=True))
    flat = queries.reshape(len(queries), -1).astype(np.float32)
    errors = np.empty((len(flat), len(images)), np.float32)
    for start in range(0, len(images), _AT_ONCE):
        part = images[start : start + _AT_ONCE].reshape(-1, flat.shape[1]).astype(np.float32) / 255
        for first, squared in _squared_distances(flat, part):
            errors[first : first + len(squared), start : start + len(part)] = squared
    if query_groups is not None:
        errors[query_groups[:, None] == groups[None]] = np.inf
    everyone = np.arange(len(flat))
    nearest = errors.argmin(axis=1)
    errors[groups[nearest][:, None] == groups[None]] = np.inf
    second = errors.argmin(axis=1)
    no_second = np.isinf(errors[everyone, second])
    exact = [
        ((flat - images[found].reshape(flat.shape).astype(np.float32) / 255) ** 2).mean(axis=1, dtype=np.float64)
        for found in (nearest, second)
    ]
    return nearest, exact[0], np.where(no_second, np.inf, exact[1])


def copies(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """bool (M,): which queries of :func:`nearest_images` are copies of their nearest image, by its two errors.

    None is where there is no second image to hold the first against.
    """
    return np.isfinite(second) & (np.sqrt(first) < COPY * np.sqrt(second))


def _share_of_own_class(near: np.ndarray, labels: np.ndarray, rows: np.ndarray) -> float:
    there = near >= 0
    return float((labels[near] == labels[rows][:, None])[there].mean())


def _chance_of_own_class(labels: np.ndarray, groups: np.ndarray, rows: np.ndarray) -> float:
    """Expected share of the own class among rows of other groups, mean over the rows that have such."""
    _, class_of, in_class = np.unique(labels, return_inverse=True, return_counts=True)
    _, group_of, in_group = np.unique(groups, return_inverse=True, return_counts=True)
    _, pair_of, in_both = np.unique(np.stack([group_of, class_of]), axis=1, return_inverse=True, return_counts=True)
    same = in_class[class_of] - in_both[pair_of.reshape(-1)]
    others = len(labels) - in_group[group_of]
    asked = rows[others[rows] > 0]
    return float((same[asked] / others[asked]).mean())


def _squared_distances(queries: np.ndarray, vectors: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """float32 (n, N) squared distances of a piece of ``queries`` to all ``vectors``, after the piece's first row."""
    vectors = np.asarray(vectors, np.float32)
    centre = vectors.mean(axis=0)  # smaller numbers, smaller rounding
    centred = vectors - centre
    lengths = np.einsum("nd,nd->n", centred, centred)
    for start in range(0, len(queries), _AT_ONCE):
        piece = np.asarray(queries[start : start + _AT_ONCE], np.float32) - centre
        squared = np.einsum("nd,nd->n", piece, piece)[:, None] + lengths[None] - 2 * (piece @ centred.T)
        yield start, np.maximum(squared, 0)
