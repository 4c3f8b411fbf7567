"""What each size of a bottleneck keeps of held-out images, and how well its latents tell the classes apart."""

import functools
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from data.image_set import ImageSet
from data.split import Split
from latent import probes
from latent.measures import Side, tells_apart
from latent.metrics import latent_dimensions
from latent.pca import PCA
from latent.pixels import PIXELS, pixels_as_rows
from model.autoencoder import Autoencoder
from model.fidelity import fidelity
from run import collectives
from run.console import note
from run.random_subset import random_subset
from stages.sweep.answers import LARGEST

_CURVE = 40  # sizes of PCA that make a curve
_EXACT = 1e-6  # of the error of the mean image: PCA's that is below is nothing but rounding


def curve_sizes(largest: int, among: Sequence[int]) -> list[int]:
    """Sizes from 1 to ``largest``, evenly spread by their ratios, and those ``among`` them that must be there."""
    spread = np.geomspace(1, largest, min(_CURVE, largest)).round().astype(int).tolist()
    return sorted({*spread, *(size for size in among if size <= largest)})


def equivalent_size(error: float, sizes: Sequence[int], errors: Sequence[float]) -> float:
    """How many dimensions PCA needs for an error, between its sizes on a straight line of the logarithms.

    Args:
        error: of a network.
        sizes: of PCA, rising.
        errors: of PCA at these sizes.

    Returns:
        0 where PCA is better with its first size already, infinity where it is worse with its last.
    """
    reached = [place for place, of_pca in enumerate(errors) if of_pca <= error]
    if not reached:
        return math.inf
    last = reached[0]
    if last == 0:
        return float(sizes[0]) if errors[0] == error else 0.0
    if errors[last] <= 0:  # exact from here on, which has no logarithm
        return float(sizes[last])
    above, below, here = (math.log(each) for each in (errors[last - 1], errors[last], error))
    low, high = math.log(sizes[last - 1]), math.log(sizes[last])
    return math.exp(low + (high - low) * (above - here) / (above - below))


def errors_of(
    size: int, images: np.ndarray, made: np.ndarray, curve: Mapping[int, float], mean_image: float
) -> dict[str, float | None]:
    """The held-out errors of one bottleneck beside the ``curve`` of PCA, by size, and the error of the mean image."""
    measured = fidelity(images, made)
    of_pca = curve.get(size, min(curve.values()))  # where the images have fewer dimensions than the bottleneck
    return {
        "latent_size": size,
        "mse": measured["mse"],
        "ssim": measured["ssim"],
        "kept": 1 - measured["mse"] / mean_image,
        "pca_mse": of_pca,
        "pca_kept": 1 - of_pca / mean_image,
        "below_pca": 1 - measured["mse"] / of_pca if of_pca > _EXACT * mean_image else None,
        "as_pca_of": equivalent_size(measured["mse"], list(curve), list(curve.values())),
    }


def measure_classes(
    models: Sequence[Autoencoder],
    encode: Callable[[Autoencoder, np.ndarray], np.ndarray],
    pca: PCA,
    source: tuple[ImageSet, Split],
    num_fit: int | None,
    seed: int,
) -> tuple[dict[str, dict[str, float]], dict[str, np.ndarray], dict[str, np.ndarray]]:
    """How well classifiers that are fitted on training images tell the classes of test images apart.

    Args:
        models: one of each size.
        encode: (network, uint8 (n, C, H, W)) -> float32 (n, D).
        source: the images, and how they were split.
        num_fit: training images to fit on, at random; None takes all.
        seed: of their choice.

    Returns:
        Of each ``bottleneck N``, each ``PCA of N`` and the raw pixels what :func:`measure_space` gives: the measures
        and, with classes, the test images on which a linear probe is right, and the validation images (None where
        there are none); those of the largest class too.
    """
    image_set, split = source
    rows = [random_subset(split.train, num_fit, seed), split.test, split.val]
    images = [image_set.images[each] for each in rows]
    labels = [None if image_set.labels is None else image_set.labels[each] for each in rows]
    spaces: dict[str, Callable[[np.ndarray], np.ndarray]] = {}
    for model in models:
        spaces[f"bottleneck {model.latent_size}"] = functools.partial(encode, model)
        spaces[f"PCA of {model.latent_size}"] = pca.first(model.latent_size).encode
    spaces[PIXELS] = pixels_as_rows

    def of_space(space: str) -> tuple[dict[str, float], np.ndarray | None, np.ndarray | None]:
        note(f"telling classes apart by {space}")
        sides = [
            Side(spaces[space](its_images) if len(each) else None, its_labels, image_set.groups[each])
            for its_images, its_labels, each in zip(images, labels, rows, strict=True)
        ]
        return measure_space(*sides)

    measures, right, watched = {}, {}, {}
    for space, found in zip(spaces, collectives.of_each_item(list(spaces), of_space), strict=True):
        measures[space], hits, seen = found
        if hits is not None:
            right[space], watched[space] = hits, seen
    if right:
        right[LARGEST], watched[LARGEST] = (each == probes.largest_class(labels[0]) for each in labels[1:])
    return measures, right, watched


def measure_space(
    fitted: Side, scored: Side, watched: Side | None = None
) -> tuple[dict[str, float], np.ndarray | None, np.ndarray | None]:
    """How well classifiers that are fitted on the latents of one side tell the classes of the other apart.

    Returns:
        The dimensions in use and, with two classes or more among the scored ones, ``linear_accuracy`` and
        ``knn_accuracy`` with the same of the largest class alone (``_chance``); and which rows the linear probe gives
        their class, bool (rows,), or None; and which of those that are ``watched``, if any.
    """
    measures = latent_dimensions(scored.vectors)
    if not tells_apart(scored.labels):
        return measures, None, None
    both = scored.vectors
    if watched is not None and watched.vectors is not None:
        both = np.concatenate([both, watched.vectors])  # a probe is fitted once
    linear = probes.linear_classes(fitted.vectors, fitted.labels, both)
    count = len(scored.labels)
    seen = None if len(both) == count else linear[count:] == watched.labels
    given = {
        "linear_accuracy": linear[:count],
        "knn_accuracy": probes.nearest_classes(fitted.vectors, fitted.labels, scored.vectors),
    }
    chance = float((scored.labels == probes.largest_class(fitted.labels)).mean())
    for name, classes in given.items():
        measures |= {name: float((classes == scored.labels).mean()), f"{name}_chance": chance}
    return measures, given["linear_accuracy"] == scored.labels, seen
