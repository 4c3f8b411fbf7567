"""Numbers about latent vectors: whether classes cluster, whether a map can be believed, what a bottleneck uses.

Each is taken of the very points that it is about and sees no others. What is fitted on some points and scored on others
stands in :mod:`latent.probes`.
"""

import functools
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.special import xlogy
from sklearn import manifold, metrics

from latent.measures import DESCRIBED, MAPPED, Measure, measure

_EPSILON = float(np.finfo(float).eps)
NOISE = -1  # the cluster of rows that are in none
_RANKED_AT_ONCE = 5000  # rows whose distances to each other fit into memory beside their ranks


@dataclass(frozen=True, eq=False)  # arrays have no equality that is one truth
class Map:
    """Latents drawn in two dimensions.

    Attributes:
        points: float (rows, 2).
        as_it_is: whether these are the latents themselves, which have no more dimensions.
        pixels: float (rows, P), the images that they stand for.
        groups: int64 (rows,): which images belong together.
    """

    points: np.ndarray
    as_it_is: bool
    pixels: np.ndarray
    groups: np.ndarray


def clustering_scores(clusters: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """How well clusters agree with classes. Neither set of numbers need be 0, 1, 2, ..., nor of the same size.

    Args:
        clusters: int (rows,), the cluster of each row.
        labels: int (rows,), its class.

    Returns:
        ``accuracy_hungarian``: share of rows whose class is that of their cluster when clusters and classes are paired
        one to one as favourably as possible (Kuhn, 1955); the rows of a cluster left without a class count as wrong.
        ``accuracy_majority``: the same when each cluster takes its commonest class (purity; it rises with the number
        of clusters and reaches 1 when each row is one). ``nmi``: normalised mutual information (arithmetic mean);
        ``ami`` and ``ari``: mutual information and Rand index, adjusted so that chance gives 0. All are 1 at best.
        Rows in no cluster (-1, noise) count as wrong in both accuracies, and as one more cluster in the others.
    """
    clusters, labels = np.asarray(clusters), np.asarray(labels)
    counts, _, _ = _contingency(clusters, labels)
    pairs = _best_pairs(counts)
    return {
        "accuracy_hungarian": float(counts[pairs].sum() / len(labels)),
        "accuracy_majority": float(counts.max(axis=1, initial=0).sum() / len(labels)),
        **_agreement(clusters, labels),
    }


def _agreement(clusters: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """``nmi``, ``ami`` and ``ari`` from one table of counts, as scikit-learn's functions give them, each of which makes
    and checks its own: chance takes hundreds of these."""
    table = _counts(clusters, labels)
    of_clusters, of_labels, count = table.sum(axis=1), table.sum(axis=0), len(labels)
    pairs = [float((each * (each - 1)).sum()) for each in (table, of_clusters, of_labels)]  # ordered ones
    expected = pairs[1] * pairs[2] / max(count * (count - 1), 1)
    spread = (pairs[1] + pairs[2]) / 2 - expected
    ari = (pairs[0] - expected) / spread if spread else 1.0
    if table.size <= max(table.shape):  # one cluster, or one class: nothing is divided, or by one of the two alone
        same = float(table.size == 1)
        return {"nmi": same, "ami": same, "ari": ari}
    entropies = [-float(xlogy(each / count, each / count).sum()) for each in (table, of_clusters, of_labels)]
    mutual, mean = max(entropies[1] + entropies[2] - entropies[0], 0.0), (entropies[1] + entropies[2]) / 2
    by_chance = _expected_mutual_information(tuple(sorted(of_clusters)), tuple(sorted(of_labels)))
    return {"nmi": mutual / mean, "ami": (mutual - by_chance) / max(mean - by_chance, _EPSILON), "ari": ari}


@functools.lru_cache(maxsize=64)  # permuted labels have the same sizes
def _expected_mutual_information(of_clusters: tuple[int, ...], of_labels: tuple[int, ...]) -> float:
    """Of clusters and classes of these sizes, dealt at random: it depends on nothing else."""
    sizes = [np.repeat(np.arange(len(each)), each) for each in (of_clusters, of_labels)]
    table = metrics.cluster.contingency_matrix(*sizes, sparse=True)
    return float(metrics.cluster.expected_mutual_information(table, len(sizes[0])))


def _counts(clusters: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How many rows are of each cluster and class, int64 (clusters, classes), both as they occur, rising."""
    (names, row), (classes, column) = (np.unique(each, return_inverse=True) for each in (clusters, labels))
    flat = np.bincount(row * len(classes) + column, minlength=len(names) * len(classes))
    return flat.reshape(len(names), len(classes))


def match_clusters(clusters: np.ndarray, labels: np.ndarray) -> tuple[dict[int, int], dict[int, int]]:
    """The class of each cluster: paired one to one (a cluster may be left out), and by majority (lowest on a tie)."""
    counts, cluster_names, class_names = _contingency(np.asarray(clusters), np.asarray(labels))
    if not len(cluster_names):
        return {}, {}
    one_to_one = {int(cluster_names[c]): int(class_names[k]) for c, k in zip(*_best_pairs(counts), strict=True)}
    majority = {int(c): int(class_names[k]) for c, k in zip(cluster_names, counts.argmax(axis=1), strict=True)}
    return one_to_one, majority


def trustworthiness(vectors: np.ndarray, drawn: np.ndarray) -> dict[str, float]:
    """Whether neighbours on a map are neighbours in truth (Venna and Kaski, 2001); 1 at best, about 0.5 at random.

    Of 5 neighbours (fewer below 11 rows; left out below 4 rows, and where all vectors are equal). Of more than 5,000
    rows, 5,000 evenly spaced ones are ranked. :func:`continuity` is its counterpart.
    """
    taken = np.unique(np.linspace(0, len(vectors) - 1, min(len(vectors), _RANKED_AT_ONCE)).astype(int))
    neighbours = min(5, (len(taken) - 1) // 2)
    if len(taken) < 4 or (vectors == vectors[0]).all():
        return {}
    return {"trustworthiness": float(manifold.trustworthiness(vectors[taken], drawn[taken], n_neighbors=neighbours))}


def continuity(vectors: np.ndarray, drawn: np.ndarray) -> dict[str, float]:
    """Whether neighbours in truth are still neighbours on a map: :func:`trustworthiness` with the two exchanged.

    Left out where trustworthiness is, and where the whole map is one point.
    """
    swapped = trustworthiness(drawn, vectors)
    return {"continuity": swapped["trustworthiness"]} if swapped else {}


@measure(
    MAPPED,
    Measure("trustworthiness", heading="trustworthy", better="more", chance=0.5),
    Measure("continuity", heading="continuous", better="more", chance=0.5),
    Measure("pixel_trustworthiness", heading="trustw. of pixels", better="more", chance=0.5),
    Measure("pixel_continuity", heading="cont. of pixels", better="more", chance=0.5),
)
def faithfulness(latents: np.ndarray, labels: np.ndarray | None, drawn: Map) -> dict[str, float]:
    """Whether a map can be believed: its trustworthiness and continuity.

    Returns:
        Both as a map of the latents, left out where it is the latents themselves; and as one of the images
        (``pixel_``), which compares maps of different spaces.
    """
    measures = {}
    if not drawn.as_it_is:
        measures = trustworthiness(latents, drawn.points) | continuity(latents, drawn.points)
    of_pixels = trustworthiness(drawn.pixels, drawn.points) | continuity(drawn.pixels, drawn.points)
    return measures | {f"pixel_{name}": value for name, value in of_pixels.items()}


@measure(
    DESCRIBED,
    Measure("dimensions"),
    Measure("dimensions_that_vary", heading="vary", places=0),
    Measure("effective_rank", heading="eff. rank", places=1),
)
def latent_dimensions(latents: np.ndarray, labels: np.ndarray | None = None) -> dict[str, float]:
    """How much of a bottleneck is in use. Labels play no part.

    Returns:
        ``dimensions``; ``dimensions_that_vary``: those whose standard deviation is above a ten-thousandth of the
        largest one and above the rounding of their own values; ``effective_rank``: the exponential of the entropy of
        the singular values of the centred vectors, scaled to sum to 1 (Roy and Vetterli, 2007): D when all
        directions vary alike, 1 when all lies on a line, 0 when nothing varies.
    """
    vectors = np.asarray(latents, dtype=np.float64)
    spread, size = vectors.std(axis=0), np.abs(vectors).max(axis=0)
    varies = (spread > 1e-4 * spread.max()) & (spread > 1e-6 * size)
    rank = 0.0
    if varies.any():
        centred = vectors - vectors.mean(axis=0)
        gram = centred.T @ centred if len(centred) > centred.shape[1] else centred @ centred.T
        squared = np.linalg.eigvalsh(gram)  # of the singular values; sooner than a singular value decomposition
        singular = np.sqrt(squared[squared > 1e-15 * squared.max()])
        share = singular / singular.sum()
        rank = float(np.exp(-(share * np.log(share)).sum()))
    return {"dimensions": vectors.shape[1], "dimensions_that_vary": int(varies.sum()), "effective_rank": rank}


def _contingency(clusters: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Counts (clusters, classes), and the number that each row and each column stands for; noise is no cluster."""
    labels, clusters = labels[clusters != NOISE], clusters[clusters != NOISE]
    return _counts(clusters, labels), np.unique(clusters), np.unique(labels)


def _best_pairs(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return linear_sum_assignment(counts, maximize=True)
