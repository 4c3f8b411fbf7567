"""What the answers rest on: the numbers of each space for :mod:`latent.verdicts`, and what may mislead in them."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import adjusted_mutual_info_score

from data.selection import Selection
from latent.cluster_probes import ClusteredRows, Gaps, permutation_baseline
from latent.comparison import clustered_mean
from latent.lying_apart import two_decimals
from latent.measures import tells_apart
from latent.metrics import clustering_scores
from latent.pixels import PIXELS
from latent.separation import spread_over_units, units_of
from latent.verdicts import FOLLOWS, WITHIN, Facts, Known, known_classes
from stages.evaluation.measuring import Measured, Summary

_IMBALANCED = 0.7  # share of the largest class
_BINS = 8  # of a quantity: so many equal shares of the images
_CLASSIFIERS = {"knn_accuracy": "nearest neighbours", "linear_accuracy": "linear probes"}


@dataclass(frozen=True, eq=False)  # arrays have no equality that is one truth
class Images:
    """Images of one side: uint8 (rows, C, H, W), or what gives them by their rows; labels, None without; groups."""

    images: np.ndarray | Selection
    labels: np.ndarray | None
    groups: np.ndarray


def facts_of(
    space: str, measured: Measured, numbers: Mapping[str, Summary], fitted: Images, scored: Images,
    class_names: Sequence[str],
) -> Facts:  # fmt: skip
    """What is known of one space.

    Args:
        space: ``bottleneck N``.
        measured, numbers: of all spaces; the numbers are means and spreads of what was measured.
        fitted: that clusters were looked for in, and ``scored``, that classifiers were asked about.
        class_names: of all classes.
    """
    mine, gaps = numbers.get(space, {}), measured.gaps[space]
    known: list[Known] = []
    for name, by in _CLASSIFIERS.items():
        hits = measured.of_each_image(space, name)
        if hits is not None:
            known.append(known_classes(hits, scored.labels, scored.groups, by, mine[f"{name}_chance"]["mean"]))
    known.sort(key=lambda each: -each.above_chance)
    one_each, hits = None, measured.of_each_image(space, "accuracy_hungarian")
    if hits is not None:
        chance = mine["accuracy_hungarian_chance"]["mean"]
        one_each = clustered_mean((hits - chance) / max(1 - chance, 1e-9), scored.groups)[:2]
    agreement, within = agreement_of(gaps, fitted)
    followed = what_clusters_follow(gaps, fitted)
    return Facts(
        space,
        gaps.clusters,
        gaps.classes,
        tuple(known),
        agreement,
        one_each,
        followed,
        class_names,
        _beside(measured, numbers, space, fitted),
        # clusters that each lie within one class are of these classes, whatever else they follow
        reasons_to_be_misled(scored, agreement, {} if (within or 0) >= WITHIN else followed, class_names),
        within,
    )


def agreement_of(gaps: Gaps, fitted: Images) -> tuple[float | None, float | None]:
    """How far the clusters that were found agree with the classes, each 0 at chance and 1 at best.

    Chance: the classes permuted over whole groups.

    Returns:
        AMI, and the share of images whose class is the commonest of their cluster; None without clusters or classes.
    """
    if gaps.rows is None or not tells_apart(fitted.labels):
        return None, None
    mine = ClusteredRows(gaps.of_rows, fitted.labels[gaps.rows], fitted.groups[gaps.rows])
    found, chance = clustering_scores(mine.clusters, mine.labels), permutation_baseline(mine, None, 0)
    return tuple((found[name] - chance[name]) / max(1 - chance[name], 1e-9) for name in ("ami", "accuracy_majority"))


def what_clusters_follow(gaps: Gaps, fitted: Images) -> dict[str, float]:
    """How far clusters agree with what is no class: AMI, 0 at chance, with eight equal shares of each quantity.

    The quantities are of the images that the clusters were found in, one of each group: their brightness, where what
    differs from the median lies, and how many bytes they take when compressed. {} without clusters.
    """
    if gaps.rows is None:
        return {}
    groups = fitted.groups[gaps.rows]
    rows = spread_over_units(groups, len(np.unique(groups)), np.random.default_rng(0))
    images, clusters = fitted.images[gaps.rows[rows]], gaps.of_rows[rows]
    taken = images.astype(np.float32)
    weight = np.abs(taken - np.median(taken, axis=(2, 3), keepdims=True)).sum(axis=1) + 1e-6  # (rows, H, W)
    total = weight.sum(axis=(1, 2))
    quantities = {
        "brightness": taken.mean(axis=(1, 2, 3)),
        "height of what is shown": (weight.sum(axis=2) * np.arange(weight.shape[1])).sum(axis=1) / total,
        "left or right": (weight.sum(axis=1) * np.arange(weight.shape[2])).sum(axis=1) / total,
        "file size": np.array([len(zlib.compress(image.tobytes(), 1)) for image in images], float),
    }
    return {name: _agreement(clusters, values) for name, values in quantities.items()}


def reasons_to_be_misled(
    scored: Images, agreement: float | None, followed: Mapping[str, float], class_names: Sequence[str]
) -> tuple[str, ...]:
    """Sentences about tracks, equal images, imbalance and brightness, where they apply; the largest first."""
    images, labels, groups = scored.images, scored.labels, scored.groups
    reasons = []
    units = len(np.unique(groups))
    if units < 0.8 * len(groups):
        reasons.append(
            f"beware: the {len(groups):,} images are of {units:,} groups, and images of one group are no more than one "
            "observation"
        )
    different = len(np.unique(units_of(images.reshape(len(images), -1), np.arange(len(images)))))
    if different < 0.98 * len(images):
        reasons.append(f"beware: of {len(images):,} images only {different:,} are different")
    if labels is not None:
        counts = np.bincount(labels)
        largest, present = counts.max() / counts.sum(), int((counts > 0).sum())
        if present > 1 and largest > _IMBALANCED:
            reasons.append(
                f"beware: {largest:.0%} of the images are of class {class_names[int(counts.argmax())]}, so whoever "
                "names no other is right on as many"
            )
    if followed:
        most = max(followed, key=followed.get)
        if followed[most] >= FOLLOWS and followed[most] > (agreement or 0):
            than = "" if agreement is None else " more than the classes"
            reasons.append(f"beware: clusters follow {most} ({followed[most]:.2f}){than}")
    return tuple(reasons)


def _agreement(clusters: np.ndarray, values: np.ndarray) -> float:
    edges = np.unique(np.quantile(values, np.linspace(0, 1, _BINS + 1)[1:-1]))
    return float(adjusted_mutual_info_score(clusters, np.searchsorted(edges, values, side="right")))


def _beside(measured: Measured, numbers: Mapping[str, Summary], space: str, fitted: Images) -> tuple[str, ...]:
    """The same of pixels and of PCA of the same size."""
    texts = []
    for other in (PIXELS, f"PCA of {space.removeprefix('bottleneck ')}"):
        gaps, parts = measured.gaps.get(other, Gaps(None, None)), []
        if gaps.clusters is not None:
            parts.append(f"{gaps.clusters.judged} clusters, ties cut {gaps.clusters.ratio:.2f}")
        if (agreement := agreement_of(gaps, fitted)[0]) is not None:
            parts.append(f"AMI {two_decimals(agreement)}")
        if "knn_accuracy" in numbers.get(other, {}):
            parts.append(f"nearest neighbours {numbers[other]['knn_accuracy']['mean']:.0%}")
        if parts:
            texts.append(f"{other}: {', '.join(parts)}")
    return (f"before any training, and by PCA: {'; '.join(texts)}",) if texts else ()
