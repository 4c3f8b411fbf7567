"""Probes: what is fitted on some vectors and scored on others that it has not seen.

Clusters are found, and classes learnt, on the fitting side (the training images); numbers are taken on the scored side
(the test images). For each probe the two sides have the same columns and may have any number of rows.
"""

import warnings

import numpy as np

from latent.metrics import clustering_scores, match_clusters
from run.errors import BadInput

NEIGHBOURS = 10
_STARTS = 3  # of k-means, the tightest taken; it is repeated with other seeds anyway
_PENALTY = 1e-4  # of the linear probe's weights, beside the mean loss of a row
_STEPS = 100  # of L-BFGS; 300 gave 0.4 percentage points less on the pixels of GTSRB, in three times the time
_HALF = 2000  # rows that a stability is taken from, at most
_LOCKSTEP = 2048  # rows whose distances to all others are held at a time


def cluster_both(
    fitted: np.ndarray, scored: np.ndarray, num_clusters: int, seed: int, starts: int = _STARTS
) -> tuple[np.ndarray, np.ndarray]:
    """k-means fitted on one side, and the nearest centre for each row of both.

    Lloyd's algorithm, started by k-means++ ``starts`` times.

    Returns:
        int64 clusters of the fitted rows and of the scored rows, 0 .. num_clusters - 1.

    Raises:
        BadInput: fewer different fitted rows than clusters.
    """
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    different = len(np.unique(fitted, axis=0)) if num_clusters > 1 else 1
    if num_clusters > different:
        raise BadInput(
            f"{len(fitted)} vectors, of which {different} are different, can't make {num_clusters} clusters; "
            f"take --num_clusters {different} or fewer"
        )
    with threadpool_limits(1, user_api="openmp"):  # more threads add up the centres in whatever order they finish
        kmeans = KMeans(num_clusters, n_init=starts, random_state=seed).fit(fitted)
        return kmeans.labels_.astype(np.int64), kmeans.predict(scored).astype(np.int64)


def assigned_scores(
    fitted_clusters: np.ndarray, fitted_labels: np.ndarray, clusters: np.ndarray, labels: np.ndarray
) -> dict[str, float]:
    """:func:`latent.metrics.clustering_scores` of rows whose clusters were named after the classes of other rows.

    Both accuracies pair clusters with classes on the fitting side, so that neither rises by pairing what it is scored
    on; a cluster or class left without a partner counts as wrong. The other scores pair nothing.
    """
    one_to_one, majority = match_clusters(fitted_clusters, fitted_labels)
    scores = clustering_scores(clusters, labels)
    for name, class_of in [("accuracy_hungarian", one_to_one), ("accuracy_majority", majority)]:
        named = np.array([class_of.get(cluster, -1) for cluster in clusters.tolist()])
        scores[name] = float((named == labels).mean())
    return scores


def dealt_scores(
    fitted_clusters: np.ndarray,
    fitted_labels: np.ndarray,
    clusters: np.ndarray,
    labels: np.ndarray,
    seed: int,
    repeats: int = 20,
) -> dict[str, float]:
    """Chance: :func:`assigned_scores` after both sides were dealt into the same clusters at random, on average."""
    random = np.random.default_rng(seed)
    dealt = [
        assigned_scores(random.permutation(fitted_clusters), fitted_labels, random.permutation(clusters), labels)
        for _ in range(repeats)
    ]
    return {name: float(np.mean([scores[name] for scores in dealt])) for name in dealt[0]}


def nearest_classes(
    fitted: np.ndarray, fitted_labels: np.ndarray, scored: np.ndarray, neighbours: int = NEIGHBOURS
) -> np.ndarray:
    """The commonest class among the nearest fitted rows (Euclidean), int64; on a tie, the one whose rows are nearer.

    With fewer fitted rows than ``neighbours``, all of them vote.
    """
    from sklearn.neighbors import NearestNeighbors

    names, classes = np.unique(fitted_labels, return_inverse=True)
    count = min(neighbours, len(fitted))
    search = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(fitted)
    # a vote weighs a little less the farther its row is, too little to outweigh another vote
    weights = 1 - np.arange(count) / (2 * count * count + 1)
    predicted = np.empty(len(scored), np.int64)
    for start in range(0, len(scored), _LOCKSTEP):
        near = classes[search.kneighbors(scored[start : start + _LOCKSTEP], return_distance=False)]
        votes = np.zeros((len(near), len(names)))
        for column, weight in zip(near.T, weights, strict=True):
            votes[np.arange(len(near)), column] += weight
        predicted[start : start + _LOCKSTEP] = names[votes.argmax(axis=1)]
    return predicted


def linear_classes(
    fitted: np.ndarray, fitted_labels: np.ndarray, scored: np.ndarray, class_weight: str | None = None
) -> np.ndarray:
    """The classes that a linear probe gives, int64: multinomial logistic regression on standardised columns.

    Columns are scaled to unit variance as the fitted rows have it (those that hardly vary there are left faint, so
    that no rare value becomes enormous), and the weights are held back by an L2 penalty of 1e-4 beside the mean
    loss, so that sets of any size are fitted alike. Nothing is random.

    Args:
        class_weight: ``balanced`` has every class count alike however many rows it has.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    present = np.unique(fitted_labels)
    if len(present) == 1:
        return np.full(len(scored), present[0], np.int64)
    centre, scale = standardisation(fitted)
    probe = LogisticRegression(C=1 / (_PENALTY * len(fitted)), max_iter=_STEPS, tol=1e-4, class_weight=class_weight)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        probe.fit((fitted - centre) * scale, fitted_labels)
        return probe.predict((scored - centre) * scale).astype(np.int64)


def standardisation(fitted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What to subtract from each column and then multiply it by; float32 (D,) each."""
    spread = fitted.std(axis=0, dtype=np.float64)
    floor = 0.05 * spread.max() if spread.max() > 0 else 1.0
    centre, scale = fitted.mean(axis=0, dtype=np.float64), 1 / np.maximum(spread, floor)
    return centre.astype(np.float32), scale.astype(np.float32)


def classification_scores(predicted: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """``accuracy``, and ``macro_f1``: the mean F1 of the classes that occur among ``labels``, each counting alike."""
    present = np.unique(labels)
    _, _, f1, _ = per_class_scores(predicted, labels, int(max(present.max(), predicted.max())) + 1)
    return {"accuracy": float((predicted == labels).mean()), "macro_f1": float(f1[present].mean())}


def per_class_scores(
    predicted: np.ndarray, labels: np.ndarray, num_classes: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Precision, recall, F1 (float64) and number of rows (int64) of each class, (num_classes,) each.

    A class that is never predicted has precision 0, one without rows has recall 0.
    """
    counts = confusion(predicted, labels, num_classes)
    right, given, there = np.diag(counts), counts.sum(axis=0), counts.sum(axis=1)
    return (
        right / np.maximum(given, 1),
        right / np.maximum(there, 1),
        2 * right / np.maximum(given + there, 1),
        there,
    )


def confusion(predicted: np.ndarray, labels: np.ndarray, num_classes: int) -> np.ndarray:
    """int64 (classes, classes): how many rows of the class of a row were given the class of a column."""
    return np.bincount(labels * num_classes + predicted, minlength=num_classes**2).reshape(num_classes, num_classes)


def cluster_stability(vectors: np.ndarray, num_clusters: int, seed: int) -> dict[str, float]:
    """Whether clusters are found again: k-means on two halves of the rows, compared on a third part.

    Needs no classes. Structureless data are cut into pieces too, some of them the same ones each time, so the same is
    done for normally distributed rows of the same mean and covariance, which have no clusters.

    Returns:
        ``stability``: adjusted Rand index of the two clusterings of the rows that neither has seen (Lange et al., 2004,
        by another index); 1 if they agree throughout. ``stability_structureless``: that of the normal rows. {} for one
        cluster, and where a half has fewer than 10 rows for each cluster.
    """
    from sklearn.metrics import adjusted_rand_score

    random = np.random.default_rng(seed)
    rows = random.permutation(len(vectors))[: 2 * _HALF + _HALF // 2]
    half = len(rows) * 2 // 5
    taken = np.asarray(vectors[rows], np.float32)
    if num_clusters < 2 or half < 10 * num_clusters or len(np.unique(taken[:half], axis=0)) < num_clusters:
        return {}
    mean = taken.mean(axis=0)
    weights = random.standard_normal((len(taken), len(taken)), np.float32) / np.float32(np.sqrt(len(taken)))
    normal = weights @ (taken - mean) + mean  # sums of many rows: normal, with the rows' own covariance
    values = {}
    for name, points in [("stability", taken), ("stability_structureless", normal)]:
        first, second, rest = points[:half], points[half : 2 * half], points[2 * half :]
        try:
            found = [cluster_both(side, rest, num_clusters, seed, starts=3)[1] for side in (first, second)]
        except BadInput:  # the second half may hold fewer different rows than the first
            return {}
        values[name] = float(adjusted_rand_score(*found))
    return values
