"""Everything that is measured of one space, by one of two protocols, and how repeated measurements are put together."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from latent import metrics, probes
from latent.fidelity import squared_errors, structural_similarities
from latent.projection import AS_IT_IS, draw_flat
from run.errors import BadInput

FITTED = "fitted on training images, scored on test images"
TRANSDUCTIVE = "transductive: fitted and scored on the same images"
MAPPED = "transductive: the map is fitted on, and scored by, the test images that it shows"
DESCRIBED = "of the scored images alone; nothing is fitted"
STABLE = "fitted on two halves of the fitting images, scored on a third part of them"
LEAVE_ONE_OUT = "transductive: the neighbours of each image among all others"

Sides = tuple[np.ndarray, np.ndarray | None]  # vectors float (rows, D) and labels int64 (rows,), or None


def measure_clusters(
    fitted: Sides, scored: Sides | None, num_clusters: int, seed: int
) -> tuple[dict[str, float], dict[str, float]]:
    """What depends on a seed: k-means against the classes, its stability, its silhouette; and the level of chance.

    Args:
        fitted: what clusters are found in.
        scored: what they are scored on; None for ``fitted`` itself, which is the transductive protocol.

    Returns:
        The measures and those of chance. Without labels only the measures that need none. Where the fitting side has
        fewer different rows than clusters, there are none.
    """
    vectors, labels = fitted
    others, other_labels = fitted if scored is None else scored
    try:
        clusters, assigned = probes.cluster_both(vectors, others, num_clusters, seed)
    except BadInput:  # a collapsed bottleneck: everything else about it still comes out
        return {}, {}
    measures, chance = {}, {}
    if labels is not None and scored is None:
        measures, chance = metrics.clustering_scores(clusters, labels), metrics.chance_scores(clusters, labels, seed)
    elif labels is not None:
        measures = probes.assigned_scores(clusters, labels, assigned, other_labels)
        chance = probes.dealt_scores(clusters, labels, assigned, other_labels, seed)
    measures |= probes.cluster_stability(vectors, num_clusters, seed)
    measures |= metrics.silhouette(others, assigned, seed)
    return measures, chance


def measure_classes(fitted: Sides, scored: Sides | None) -> tuple[dict[str, float], dict[str, float]]:
    """What depends on no seed: nearest neighbours, the linear probe, the dimensions in use; and the level of chance.

    Arguments and result as for :func:`measure_clusters`. Chance is the commonest class of the fitting side, given to
    all. The transductive protocol has no linear probe: scored on what it was fitted on, it would say nothing.
    """
    vectors, labels = fitted
    if scored is None:
        measures = metrics.latent_dimensions(vectors)
        if labels is None:
            return measures, {}
        found = metrics.neighbour_accuracy(vectors, labels)
        if "neighbour_accuracy" in found:
            measures["knn_accuracy"] = found["neighbour_accuracy"]
        return measures, {"knn_accuracy": found["chance_largest_class"]}
    others, other_labels = scored
    measures = metrics.latent_dimensions(others)
    if labels is None:
        return measures, {}
    near = probes.nearest_classes(vectors, labels, others)
    linear = probes.classification_scores(probes.linear_classes(vectors, labels, others), other_labels)
    largest = np.full(len(others), np.bincount(labels).argmax())
    constant = probes.classification_scores(largest, other_labels)
    measures["knn_accuracy"] = float((near == other_labels).mean())
    measures |= {f"linear_{name}": value for name, value in linear.items()}
    return measures, {
        "knn_accuracy": constant["accuracy"],
        **{f"linear_{name}": value for name, value in constant.items()},
    }


def measure_map(vectors: np.ndarray, pixels: np.ndarray, labels: np.ndarray | None, seed: int) -> dict[str, float]:
    """The UMAP of some vectors, or the vectors themselves if they have two columns: whether it can be believed.

    Args:
        vectors: float (rows, D).
        pixels: float (rows, P): the images that the vectors stand for.

    Returns:
        ``trustworthiness`` and ``continuity`` of the map as one of the vectors (left out where it is the vectors
        themselves); ``pixel_trustworthiness`` and ``pixel_continuity`` of it as one of the images, which compares maps
        of different spaces; ``map_knn_accuracy`` with labels.
    """
    points, drawn = draw_flat(vectors, "umap", seed)
    measures = {}
    if drawn != AS_IT_IS:
        measures |= metrics.trustworthiness(vectors, points) | metrics.continuity(vectors, points)
    of_pixels = metrics.trustworthiness(pixels, points) | metrics.continuity(pixels, points)
    measures |= {f"pixel_{name}": value for name, value in of_pixels.items()}
    if labels is not None:
        measures["map_knn_accuracy"] = metrics.neighbour_accuracy(points, labels)["neighbour_accuracy"]
    return measures


def measure_reconstruction(
    images: np.ndarray, reconstructions: np.ndarray, labels: np.ndarray | None
) -> tuple[dict[str, float], dict[int, dict[str, float]]]:
    """MSE, PSNR and SSIM as :func:`latent.fidelity.fidelity` gives them, over all images and over those of each class.

    PSNR is left out where nothing is wrong at all, since it would be infinite.

    Args:
        images: uint8 (N, C, H, W).
        reconstructions: float32 (N, C, H, W) in [0, 1].
        labels: int64 (N,), or None: then there are no classes.
    """
    errors, similarities = squared_errors(images, reconstructions), structural_similarities(images, reconstructions)

    def over(rows: np.ndarray | slice) -> dict[str, float]:
        mse = float(errors[rows].mean())
        psnr = {"psnr_db": -10 * math.log10(mse)} if mse > 0 else {}
        return {"mse": mse, **psnr, "ssim": float(similarities[rows].mean())}

    present = [] if labels is None else np.unique(labels).tolist()
    return over(slice(None)), {label: over(labels == label) for label in present}


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
        return LEAVE_ONE_OUT if measure == "knn_accuracy" else TRANSDUCTIVE
    return FITTED
