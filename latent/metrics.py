"""Numbers about latent vectors: whether classes cluster, whether a map can be believed, what a bottleneck uses.

A measure takes vectors (or what was made of them) and labels and returns ``{name: value}``. All are fitted and scored
on the same points (transductive); none sees any others. What is fitted on some points and scored on others stands in
:mod:`latent.probes`.
"""

import numpy as np

from run.random_subset import random_subset

NOISE = -1  # the cluster of rows that are in none
_RANKED_AT_ONCE = 5000  # rows whose distances to each other fit into memory beside their ranks
_SILHOUETTE_OF = 2000  # rows: enough for two decimals


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
    from sklearn import metrics

    clusters, labels = np.asarray(clusters), np.asarray(labels)
    counts, _, _ = _contingency(clusters, labels)
    pairs = _best_pairs(counts)
    return {
        "accuracy_hungarian": float(counts[pairs].sum() / len(labels)),
        "accuracy_majority": float(counts.max(axis=1, initial=0).sum() / len(labels)),
        "nmi": float(metrics.normalized_mutual_info_score(labels, clusters)),
        "ami": float(metrics.adjusted_mutual_info_score(labels, clusters)),
        "ari": float(metrics.adjusted_rand_score(labels, clusters)),
    }


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
    from sklearn.manifold import trustworthiness as measure

    taken = np.unique(np.linspace(0, len(vectors) - 1, min(len(vectors), _RANKED_AT_ONCE)).astype(int))
    neighbours = min(5, (len(taken) - 1) // 2)
    if len(taken) < 4 or (vectors == vectors[0]).all():
        return {}
    return {"trustworthiness": float(measure(vectors[taken], drawn[taken], n_neighbors=neighbours))}


def continuity(vectors: np.ndarray, drawn: np.ndarray) -> dict[str, float]:
    """Whether neighbours in truth are still neighbours on a map: :func:`trustworthiness` with the two exchanged.

    Left out where trustworthiness is, and where the whole map is one point.
    """
    swapped = trustworthiness(drawn, vectors)
    return {"continuity": swapped["trustworthiness"]} if swapped else {}


def silhouette(vectors: np.ndarray, clusters: np.ndarray, seed: int) -> dict[str, float]:
    """Mean silhouette of the clusters (Rousseeuw, 1987), of at most 2,000 random rows.

    It falls as dimensions are added, whatever the clusters are like, so it never ranks spaces of different sizes.
    Left out unless there are from 2 clusters to one fewer than rows.
    """
    from sklearn.metrics import silhouette_score

    rows = random_subset(len(vectors), _SILHOUETTE_OF, seed)
    found = len(np.unique(clusters[rows]))
    if not 2 <= found < len(rows):
        return {}
    return {"silhouette": float(silhouette_score(vectors[rows], clusters[rows]))}


def latent_dimensions(vectors: np.ndarray, labels: np.ndarray | None = None) -> dict[str, float]:
    """How much of a bottleneck is in use. Labels play no part.

    Returns:
        ``dimensions``; ``dimensions_that_vary``: those whose standard deviation is above a ten-thousandth of the
        largest one and above the rounding of their own values; ``effective_rank``: the exponential of the entropy of
        the singular values of the centred vectors, scaled to sum to 1 (Roy and Vetterli, 2007): D when all
        directions vary alike, 1 when all lies on a line, 0 when nothing varies.
    """
    vectors = np.asarray(vectors, dtype=np.float64)
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
    cluster_names, cluster_of = np.unique(clusters, return_inverse=True)
    class_names, class_of = np.unique(labels, return_inverse=True)
    counts = np.zeros((len(cluster_names), len(class_names)), dtype=np.int64)
    np.add.at(counts, (cluster_of, class_of), 1)
    return counts, cluster_names, class_names


def _best_pairs(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from scipy.optimize import linear_sum_assignment

    return linear_sum_assignment(counts, maximize=True)
