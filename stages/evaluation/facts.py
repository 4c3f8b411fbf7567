"""What the answers rest on: the numbers of each space for :mod:`latent.verdicts`, and what may mislead in them."""

import zlib
from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.metrics import adjusted_mutual_info_score

from latent.comparison import clustered_mean
from latent.pixels import PIXELS
from latent.separation import spread_over_units, units_of
from latent.verdicts import FOLLOWS, Facts, Known, known_classes, two_decimals
from stages.evaluation.measuring import Measured, Summary

_LOOKED_AT = 2000  # images whose brightness and the like clusters are held against
_IMBALANCED = 0.7  # share of the largest class
_BINS = 8  # of a quantity: so many equal shares of the images
_CLASSIFIERS = {"knn_accuracy": "nearest neighbours", "linear_accuracy": "linear probes"}


def facts_of(
    space: str, measured: Measured, numbers: Mapping[str, Summary], images: np.ndarray, labels: np.ndarray | None,
    groups: np.ndarray, class_names: Sequence[str],
) -> Facts:  # fmt: skip
    """What is known of one space.

    Args:
        space: ``bottleneck N``.
        measured, numbers: of all spaces; the numbers are means and spreads of what was measured.
        images, labels, groups: of the scored images, uint8 (rows, C, H, W), int64 (rows,) each; labels None without.
        class_names: of all classes.
    """
    mine, gaps = numbers.get(space, {}), measured.gaps[space]
    known: list[Known] = []
    for name, by in _CLASSIFIERS.items():
        hits = measured.of_each_image(space, name)
        if hits is not None:
            known.append(known_classes(hits, labels, groups, by, mine[f"{name}_chance"]["mean"]))
    known.sort(key=lambda each: -each.above_chance)
    one_each, hits = None, measured.of_each_image(space, "accuracy_hungarian")
    if hits is not None:
        chance = mine["accuracy_hungarian_chance"]["mean"]
        one_each = clustered_mean((hits - chance) / max(1 - chance, 1e-9), groups)[:2]
    agreement = _above_chance(mine, "ami")
    followed = what_clusters_follow(measured.clusters.get(space), images, groups)
    return Facts(
        space,
        gaps.clusters,
        gaps.classes,
        tuple(known),
        agreement,
        one_each,
        followed,
        class_names,
        _beside(numbers, space),
        reasons_to_be_misled(labels, groups, images, agreement, followed, class_names),
    )


def what_clusters_follow(clusters: np.ndarray | None, images: np.ndarray, groups: np.ndarray) -> dict[str, float]:
    """How far clusters agree with what is no class: AMI, 0 at chance, with eight equal shares of each quantity.

    Args:
        clusters: int (rows,), or None.
        images: uint8 (rows, C, H, W): their brightness, where what differs from the median lies, and how many bytes
            they take when compressed.
        groups: int (rows,), of which one image each is looked at.
    """
    if clusters is None:
        return {}
    rows = spread_over_units(groups, min(_LOOKED_AT, len(np.unique(groups))), np.random.default_rng(0))
    taken, clusters = images[rows].astype(np.float32), clusters[rows]
    weight = np.abs(taken - np.median(taken, axis=(2, 3), keepdims=True)).sum(axis=1) + 1e-6  # (rows, H, W)
    total = weight.sum(axis=(1, 2))
    quantities = {
        "brightness": taken.mean(axis=(1, 2, 3)),
        "height of what is shown": (weight.sum(axis=2) * np.arange(weight.shape[1])).sum(axis=1) / total,
        "left or right": (weight.sum(axis=1) * np.arange(weight.shape[2])).sum(axis=1) / total,
        "file size": np.array([len(zlib.compress(image.tobytes(), 1)) for image in images[rows]], float),
    }
    return {name: _agreement(clusters, values) for name, values in quantities.items()}


def reasons_to_be_misled(
    labels: np.ndarray | None, groups: np.ndarray, images: np.ndarray, agreement: float | None,
    followed: Mapping[str, float], class_names: Sequence[str],
) -> tuple[str, ...]:  # fmt: skip
    """Sentences about tracks, equal images, imbalance and brightness, where they apply; the largest first."""
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
            reasons.append(f"beware: clusters follow {most} ({followed[most]:.2f}) more than the classes")
    return tuple(reasons)


def _agreement(clusters: np.ndarray, values: np.ndarray) -> float:
    edges = np.unique(np.quantile(values, np.linspace(0, 1, _BINS + 1)[1:-1]))
    return float(adjusted_mutual_info_score(clusters, np.searchsorted(edges, values, side="right")))


def _above_chance(mine: Summary, name: str) -> float | None:
    if name not in mine:
        return None
    chance = mine[f"{name}_chance"]["mean"]
    return (mine[name]["mean"] - chance) / max(1 - chance, 1e-9)


def _beside(numbers: Mapping[str, Summary], space: str) -> tuple[str, ...]:
    """The same of pixels and of PCA of the same size."""
    texts = []
    for other in (PIXELS, f"PCA of {space.removeprefix('bottleneck ')}"):
        mine = numbers.get(other, {})
        parts = []
        if "ties_cut" in mine:
            parts.append(f"ties cut {mine['ties_cut']['mean']:.2f}")
        if (agreement := _above_chance(mine, "ami")) is not None:
            parts.append(f"AMI {two_decimals(agreement)}")
        if "knn_accuracy" in mine:
            parts.append(f"nearest neighbours {mine['knn_accuracy']['mean']:.0%}")
        if parts:
            texts.append(f"{other}: {', '.join(parts)}")
    return (f"before any training, and by PCA: {'; '.join(texts)}",) if texts else ()
