"""Everything that is measured of one space, by one of two protocols, and how repeated measurements are put together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from latent import metrics, probes
from latent.pca import PCA
from latent.projection import AS_IT_IS, draw_flat
from run.errors import BadInput

FITTED = "fitted on training images, scored on test images"
TRANSDUCTIVE = "transductive: fitted and scored on the same images"
MAPPED = "transductive: the map is fitted on, and scored by, the test images that it shows"
DESCRIBED = "of the scored images alone; nothing is fitted"
STABLE = "fitted on two parts of the fitting images, scored on a third; no group in two parts"
LEFT_OUT = "transductive: the neighbours of each image among all that are not of its own group"

CHANCE = "_chance"  # ends the name of what a measure would be by chance

# Images of more numbers than the first are clustered by so many principal components, in which their distances are all
# but the same: k-means on 3,072 pixels takes longer than everything else together. Nothing else is measured so.
PIXELS_CLUSTERED_UP_TO, PIXELS_TURNED_INTO = 1024, 256


@dataclass(frozen=True)
class Side:
    """The images that something is fitted or scored on.

    Attributes:
        vectors: float (rows, D).
        labels: int64 (rows,); None without classes.
        groups: int64 (rows,): which images belong together (the frames of one track).
    """

    vectors: np.ndarray
    labels: np.ndarray | None
    groups: np.ndarray


def tells_apart(labels: np.ndarray | None) -> bool:
    """Whether there are two classes or more. Of one alone any guess is right and any agreement perfect, or 0."""
    return labels is not None and len(np.unique(labels)) > 1


def measure_clusters(fitted: Side, scored: Side | None, num_clusters: int, seed: int) -> dict[str, float]:
    """What depends on a seed: k-means against the classes beside chance, its stability, its silhouette.

    Args:
        fitted: what clusters are found in.
        scored: what they are scored on; None for ``fitted`` itself, which is the transductive protocol.

    Returns:
        Without labels, or with one class alone among the scored ones, only the measures that need none. Where the
        fitting side has fewer different rows than clusters, none at all. ``ami_chance`` is what ``ami`` would be if the
        classes were permuted over whole groups, and likewise for the others.
    """
    other = fitted if scored is None else scored
    try:
        clusters, assigned = probes.cluster_both(fitted.vectors, other.vectors, num_clusters, seed)
    except BadInput:  # a collapsed bottleneck: everything else about it still comes out
        return {}
    measures = {}
    if tells_apart(other.labels):
        sides = [(clusters, fitted.labels, fitted.groups), None]
        if scored is None:
            measures = metrics.clustering_scores(clusters, fitted.labels)
        else:
            sides[1] = (assigned, scored.labels, scored.groups)
            measures = probes.assigned_scores(clusters, fitted.labels, assigned, scored.labels)
        chance = probes.permutation_baseline(*sides, seed)
        measures |= {f"{name}{CHANCE}": value for name, value in chance.items()}
    measures |= probes.cluster_stability(fitted.vectors, fitted.groups, num_clusters, seed)
    measures |= metrics.silhouette(other.vectors, assigned, seed)
    return measures


def measure_classes(fitted: Side, scored: Side | None) -> dict[str, float]:
    """What depends on no seed: nearest neighbours and the linear probe beside chance, the dimensions in use.

    Arguments as for :func:`measure_clusters`. Chance is the commonest class of the fitting side, given to all. The
    transductive protocol has no linear probe: scored on what it was fitted on, it would say nothing.
    """
    other = fitted if scored is None else scored
    measures = metrics.latent_dimensions(other.vectors)
    if not tells_apart(other.labels):
        return measures
    largest = probes.classification_scores(
        np.full(len(other.labels), np.bincount(fitted.labels).argmax()), other.labels
    )
    if scored is None:
        near = probes.apart_classes(fitted.vectors, fitted.labels, fitted.groups)
    else:
        near = probes.nearest_classes(fitted.vectors, fitted.labels, scored.vectors)
        linear = probes.linear_classes(fitted.vectors, fitted.labels, scored.vectors)
        for name, value in probes.classification_scores(linear, scored.labels).items():
            measures |= {f"linear_{name}": value, f"linear_{name}{CHANCE}": largest[name]}
    measures |= {"knn_accuracy": float((near == other.labels).mean()), f"knn_accuracy{CHANCE}": largest["accuracy"]}
    return measures


def measure_map(side: Side, pixels: np.ndarray, seed: int) -> dict[str, float]:
    """The UMAP of some vectors, or the vectors themselves if they have two columns: whether it can be believed.

    Args:
        side: what is drawn.
        pixels: float (rows, P): the images that the vectors stand for.

    Returns:
        ``trustworthiness`` and ``continuity`` of the map as one of the vectors (left out where it is the vectors
        themselves); ``pixel_trustworthiness`` and ``pixel_continuity`` of it as one of the images, which compares maps
        of different spaces; ``map_knn_accuracy`` with two classes or more, an image's own group left out.
    """
    vectors = side.vectors
    points, drawn = draw_flat(vectors, "umap", seed)
    measures = {}
    if drawn != AS_IT_IS:
        measures |= metrics.trustworthiness(vectors, points) | metrics.continuity(vectors, points)
    of_pixels = metrics.trustworthiness(pixels, points) | metrics.continuity(pixels, points)
    measures |= {f"pixel_{name}": value for name, value in of_pixels.items()}
    if tells_apart(side.labels):
        near = probes.apart_classes(points, side.labels, side.groups)
        measures["map_knn_accuracy"] = float((near == side.labels).mean())
    return measures


def summarise(runs: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float | int | None]]:
    """Mean and spread of each measure over the runs that have it.

    Returns:
        For each measure ``mean``; ``spread``, the standard deviation of a sample of runs, None for a single run;
        ``runs``, how many there were.
    """
    names = list(dict.fromkeys(name for run in runs for name in run))
    summary = {}
    for name in names:
        values = np.array([run[name] for run in runs if name in run], np.float64)
        spread = float(values.std(ddof=1)) if len(values) > 1 and np.isfinite(values).all() else None
        summary[name] = {"mean": float(values.mean()), "spread": spread, "runs": len(values)}
    return summary


def of_clusters(measure: str) -> bool:
    """Whether a measure is taken of clusters."""
    return measure.startswith(("accuracy_", "nmi", "ami", "ari", "stability", "silhouette"))


def protocol_of(measure: str, transductive: bool) -> str:
    """How a measure was fitted and what it was scored on, in words."""
    if measure in ("mse", "psnr_db", "ssim"):
        return FITTED
    if measure.startswith(("dimensions", "effective_rank")):
        return DESCRIBED
    if measure.startswith("stability"):
        return STABLE
    if measure.startswith(("trust", "continuity", "pixel_", "map_")):
        return MAPPED
    if transductive:
        return LEFT_OUT if measure.startswith("knn_accuracy") else TRANSDUCTIVE
    return FITTED


def with_protocol(
    numbers: Mapping[str, Mapping[str, Any]], transductive: bool, through: Mapping[str, str] = MappingProxyType({})
) -> dict[str, dict[str, Any]]:
    """The protocol beside each number; ``through`` says of a space what it was turned into before it was clustered."""

    def words(space: str, name: str) -> str:
        said = protocol_of(name, transductive)
        return f"{said}; clusters looked for in {through[space]}" if space in through and of_clusters(name) else said

    return {
        space: {name: {**value, "protocol": words(space, name)} for name, value in measures.items()}
        for space, measures in numbers.items()
    }


def pixels_clustered_through(pca: PCA) -> str | None:
    """What the pixels are turned into before they are clustered, in words; None where they are clustered themselves."""
    if len(pca.mean) <= PIXELS_CLUSTERED_UP_TO:
        return None
    return f"the first {len(pca.first(PIXELS_TURNED_INTO).components)} principal components of the training images"
