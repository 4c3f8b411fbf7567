"""Clusters that are found in some vectors and scored on others, against the classes.

They are found on the fitting side (the training images) and scored on the scored side (the test images), or on the same
images under the transductive protocol. Both sides have the same columns and may have any number of rows.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import silhouette_score

from latent.clustering import fit_kmeans
from latent.measures import CLUSTERED, SEPARATED, Measure, Side, Values, measure
from latent.metrics import clustering_scores, match_clusters
from latent.separation import Separation
from run.random_subset import random_subset

_STARTS = 3  # of k-means; the whole is repeated with other seeds anyway
_SILHOUETTE_OF = 2000  # rows: enough for two decimals


@dataclass(frozen=True, eq=False)  # arrays have no equality that is one truth
class Clusters:
    """k-means clusters of one side, and those that the rows of another fall into.

    Attributes:
        fitted: what they were found in.
        of_fitted: int64 (fitted rows,), 0 .. ``count`` - 1.
        scored: ``fitted`` itself under the transductive protocol.
        of_scored: int64 (scored rows,).
        count: how many there are.
        seed: that they were found with.
    """

    fitted: Side
    of_fitted: np.ndarray
    scored: Side
    of_scored: np.ndarray
    count: int
    seed: int


@dataclass(frozen=True, eq=False)
class Gaps:
    """What the borders between clusters, and between classes, of a space cut; None where nothing can be said.

    Attributes:
        rows: int64, of the fitted side, that clusters were looked for in; ``of_rows``, int, the cluster of each.
    """

    clusters: Separation | None
    classes: Separation | None
    rows: np.ndarray | None = None
    of_rows: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class ClusteredRows:
    """Rows whose clusters and classes are compared; int (rows,) each."""

    clusters: np.ndarray
    labels: np.ndarray
    groups: np.ndarray  # which rows belong together


@measure(
    CLUSTERED,
    Measure("accuracy_hungarian", heading="one to one", percent=True, better="more", chance="accuracy_hungarian_chance",
            compared_as="one-to-one accuracy", above_chance=True),
    Measure("accuracy_hungarian_chance", heading="chance", percent=True),
    Measure("accuracy_majority", heading="majority", percent=True, better="more", chance="accuracy_majority_chance"),
    Measure("accuracy_majority_chance"),
    Measure("nmi", heading="NMI", better="more", chance="nmi_chance", above_chance=True),
    Measure("nmi_chance"),
    Measure("ari", heading="ARI", better="more", chance="ari_chance", above_chance=True),
    Measure("ari_chance"),
    Measure("ami", heading="AMI", better="more", chance="ami_chance", above_chance=True),
    Measure("ami_chance", heading="chance"),
    of_classes=True,
)  # fmt: skip
def cluster_agreement(latents: np.ndarray, labels: np.ndarray, found: Clusters) -> Values:
    """k-means clusters against the classes: :func:`assigned_scores`, and each by chance (``_chance``).

    ``ami_chance`` is what ``ami`` would be if the classes were permuted over whole groups, and likewise for the others.
    """
    fitted = ClusteredRows(found.of_fitted, found.fitted.labels, found.fitted.groups)
    scored = ClusteredRows(found.of_scored, labels, found.scored.groups)
    chance = permutation_baseline(fitted, None if found.scored is found.fitted else scored, found.seed)
    scores = assigned_scores(fitted.clusters, fitted.labels, scored.clusters, labels)
    scores["accuracy_hungarian"] = assigned_hits(
        match_clusters(fitted.clusters, fitted.labels)[0], scored.clusters, labels
    )
    return scores | {f"{name}_chance": value for name, value in chance.items()}


@measure(
    SEPARATED,
    Measure("ties_cut", heading="ties cut", better="less", places=2, chance=1,
            footnote="of the ties between neighbours that borders through a continuum cut: 0 gaps, 1 continuum"),
    Measure("ties_cut_by_classes", heading="by classes", better="less", places=2, chance=1),
)  # fmt: skip
def ties_cut(latents: np.ndarray, labels: np.ndarray | None, gaps: Gaps) -> dict[str, float]:
    """How far borders between clusters, and between classes, run through gaps: :mod:`latent.separation`."""
    found = {"ties_cut": gaps.clusters, "ties_cut_by_classes": gaps.classes}
    return {name: each.ratio for name, each in found.items() if each is not None}


@measure(
    CLUSTERED,
    Measure("silhouette", heading="silhouette", better="more", chance=0,
            footnote="falls with the number of dimensions: no measure to rank spaces of different sizes by"),
)  # fmt: skip
def silhouette(latents: np.ndarray, labels: np.ndarray | None, found: Clusters) -> dict[str, float]:
    """Mean silhouette of the clusters (Rousseeuw, 1987), of at most 2,000 random rows.

    It falls as dimensions are added, whatever the clusters are like, so it never ranks spaces of different sizes.
    Left out unless there are from 2 clusters to one fewer than rows.
    """
    rows = random_subset(len(latents), _SILHOUETTE_OF, found.seed)
    clusters = found.of_scored[rows]
    if not 2 <= len(np.unique(clusters)) < len(rows):
        return {}
    return {"silhouette": float(silhouette_score(latents[rows], clusters))}


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
        scores[name] = float(assigned_hits(class_of, clusters, labels).mean())
    return scores


def assigned_hits(class_of: dict[int, int], clusters: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """1 for each row (rows,) whose class is that which its cluster was named after, else 0."""
    return np.array([class_of.get(cluster, -1) for cluster in clusters.tolist()] == labels, float)


def permuted_labels(labels: np.ndarray, groups: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The labels after the classes were permuted over whole groups: what belongs together keeps one class.

    Args:
        labels: int (rows,).
        groups: int (rows,): which rows belong together (the frames of one track); each its own where none do.
    """
    _, first, group_of = np.unique(groups, return_index=True, return_inverse=True)
    return random.permutation(labels[first])[group_of]


def permutation_baseline(
    fitted: ClusteredRows, scored: ClusteredRows | None, seed: int, repeats: int = 20
) -> dict[str, float]:
    """Chance: what the same clusters score after the classes were permuted over groups, on average.

    Frames of one track look alike and share a class, so clusters that follow groups agree with the classes without
    knowing anything of them. Permuting image by image would not show that.

    Args:
        fitted: the fitting side.
        scored: the scored side; None where it is the same (transductive).
    """
    random = np.random.default_rng(seed)
    scores = []
    for _ in range(repeats):
        labels = permuted_labels(fitted.labels, fitted.groups, random)
        if scored is None:
            scores.append(clustering_scores(fitted.clusters, labels))
        else:
            others = permuted_labels(scored.labels, scored.groups, random)
            scores.append(assigned_scores(fitted.clusters, labels, scored.clusters, others))
    return {name: float(np.mean([each[name] for each in scores])) for name in scores[0]}
