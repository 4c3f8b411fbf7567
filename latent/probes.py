"""Probes: what is fitted on some vectors and scored on others that it has not seen.

Clusters are found, and classes learnt, on the fitting side (the training images); numbers are taken on the scored side
(the test images). For each probe the two sides have the same columns and may have any number of rows.
"""

import warnings

import numpy as np

from latent.clustering import fit_kmeans
from latent.metrics import clustering_scores, match_clusters
from latent.neighbours import nearest
from run.errors import BadInput

NEIGHBOURS = 10
_STARTS = 3  # of k-means; the whole is repeated with other seeds anyway
_PENALTY = 1e-4  # of the linear probe's weights, beside the mean loss of a row
_STEPS = 100  # of L-BFGS; 300 gave 0.4 percentage points less on the pixels of GTSRB, in three times the time
_PART = 2000  # rows that each of two clusterings to compare is fitted on, at most

Clustered = tuple[np.ndarray, np.ndarray, np.ndarray]  # clusters, labels and groups of some rows


def cluster_both(fitted: np.ndarray, scored: np.ndarray, num_clusters: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """k-means fitted on one side, and the nearest centre for each row of both.

    Lloyd's algorithm, started by k-means++ three times, the tightest result taken.

    Returns:
        int64 clusters of the fitted rows and of the scored rows, 0 .. num_clusters - 1.

    Raises:
        BadInput: fewer different fitted rows than clusters.
    """
    kmeans = fit_kmeans(fitted, num_clusters, seed, _STARTS)
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


def permuted_labels(labels: np.ndarray, groups: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The labels after the classes were permuted over whole groups: what belongs together keeps one class.

    Args:
        labels: int (rows,).
        groups: int (rows,): which rows belong together (the frames of one track); each its own where none do.
    """
    _, first, group_of = np.unique(groups, return_index=True, return_inverse=True)
    return random.permutation(labels[first])[group_of]


def permutation_baseline(fitted: Clustered, scored: Clustered | None, seed: int, repeats: int = 20) -> dict[str, float]:
    """Chance: what the same clusters score after the classes were permuted over groups, on average.

    Frames of one track look alike and share a class, so clusters that follow groups agree with the classes without
    knowing anything of them. Dealing image by image would not show that.

    Args:
        fitted: clusters, labels and groups of the fitting side, int (rows,) each.
        scored: those of the scored side; None where it is the same (transductive).
    """
    random = np.random.default_rng(seed)
    scores = []
    for _ in range(repeats):
        clusters, labels, groups = fitted
        labels = permuted_labels(labels, groups, random)
        if scored is None:
            scores.append(clustering_scores(clusters, labels))
        else:
            scores.append(assigned_scores(clusters, labels, scored[0], permuted_labels(scored[1], scored[2], random)))
    return {name: float(np.mean([each[name] for each in scores])) for name in scores[0]}


def apart_classes(vectors: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The commonest class among the 10 nearest rows of other groups, int64; -1 where there is no other group.

    Frames of one track are each other's nearest neighbours; left in, they would answer for one another.
    """
    return _commonest(nearest(vectors, count=NEIGHBOURS, groups=groups)[0], labels)


def neighbour_accuracy(vectors: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> dict[str, float]:
    """Whether a row's neighbours are of its own class; transductive, each row among all others but its own group.

    Returns:
        ``neighbour_accuracy``: share of rows that :func:`apart_classes` gives their own class; left out where there is
        one group only. ``chance_largest_class``: what always guessing the commonest class of all gives.
    """
    chance = {"chance_largest_class": float(np.unique(labels, return_counts=True)[1].max() / len(labels))}
    if len(np.unique(groups)) < 2:
        return chance
    return {"neighbour_accuracy": float((apart_classes(vectors, labels, groups) == labels).mean()), **chance}


def nearest_classes(
    fitted: np.ndarray, fitted_labels: np.ndarray, scored: np.ndarray, neighbours: int = NEIGHBOURS
) -> np.ndarray:
    """The commonest class among the nearest fitted rows (Euclidean), int64; on a tie, the one whose rows are nearer.

    With fewer fitted rows than ``neighbours``, all of them vote.
    """
    return _commonest(nearest(fitted, scored, count=neighbours)[0], fitted_labels)


def _commonest(near: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The commonest class among the neighbours of each row, int64 (rows, K), -1 for none; on a tie as above."""
    from sklearn.utils.extmath import weighted_mode

    there, count = near >= 0, near.shape[1]
    # a vote weighs a little less the farther the neighbour is, too little to outweigh another vote
    weights = there * (2 * count**2 - np.arange(count))
    return np.where(there.any(axis=1), weighted_mode(labels[near], weights, axis=1)[0][:, 0], -1).astype(np.int64)


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


def cluster_stability(vectors: np.ndarray, groups: np.ndarray, num_clusters: int, seed: int) -> dict[str, float]:
    """Whether clusters are found again: k-means on two parts of the rows, compared on a third.

    No group has rows in two parts: the frames of a track would be found again whatever the clusters are like. Needs no
    classes. Structureless data are cut into pieces too, some of them the same ones each time, so the same is done for
    normally distributed rows of the same mean and covariance, which have no clusters.

    Args:
        vectors: float (rows, D), of which at most 5,000 are taken.
        groups: int (rows,): which rows belong together.

    Returns:
        ``stability``: adjusted Rand index of the two clusterings of the rows that neither has seen (after Lange et al.,
        2004); 1 if they agree throughout. ``stability_structureless``: that of the normal rows. {} for one cluster,
        and where a part to fit on has fewer than 10 rows for each cluster.
    """
    from sklearn.metrics import adjusted_rand_score

    random = np.random.default_rng(seed)
    _, group_of = np.unique(groups, return_inverse=True)
    rank = random.permutation(group_of.max() + 1)[group_of]
    rows = np.argsort(rank, kind="stable")[: 2 * _PART + _PART // 2]  # group by group, in random order
    starts = [int(np.searchsorted(rank[rows], rank[rows][len(rows) * part // 5])) for part in (2, 4)]
    taken = np.asarray(vectors[rows], np.float32)
    mean = taken.mean(axis=0)
    weights = random.standard_normal((len(taken), len(taken)), np.float32) / np.float32(np.sqrt(len(taken)))
    normal = weights @ (taken - mean) + mean  # sums of many rows: normal, with the rows' own covariance
    if num_clusters < 2 or min(starts[0], starts[1] - starts[0]) < 10 * num_clusters:
        return {}
    values = {}
    for name, points in [("stability", taken), ("stability_structureless", normal)]:
        first, second, rest = np.split(points, starts)
        try:
            found = [cluster_both(part, rest, num_clusters, seed)[1] for part in (first, second)]
        except BadInput:  # fewer different rows than clusters
            return {}
        values[name] = float(adjusted_rand_score(*found))
    return values
