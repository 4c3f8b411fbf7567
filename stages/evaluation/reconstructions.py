"""How much of the test images reconstructions keep, over all images and over those of each class."""

import math

import numpy as np

from latent.measures import RECONSTRUCTED, Measure, Values, measure
from model.fidelity import squared_errors, structural_similarities
from run.errors import BadInput
from run.hints import training_at_hand
from stages.evaluation.spaces import Spaces

PerRun = list[Values]  # measure -> value, or that of each image, a run each


def measure_reconstructions(
    spaces: Spaces, images: np.ndarray, labels: np.ndarray | None
) -> tuple[dict[str, PerRun], dict[str, dict[int, PerRun]]]:
    """Held-out errors of each bottleneck, of PCA of its size and of the mean image.

    Args:
        images: uint8 (N, C, H, W).
        labels: int64 (N,), or None: then there are no classes.

    Returns:
        By space over all images; and by space and class over those of each class.

    Raises:
        BadInput: a network makes images that are not finite.
    """
    runs: dict[str, PerRun] = {}
    per_class: dict[str, dict[int, PerRun]] = {}
    for name, made in spaces.reconstructions(images, labels):
        if not np.isfinite(made).all():
            raise BadInput(
                f"{name} makes images that are not finite; train again: {training_at_hand({'--lr': [0.00001]})}"
            )
        whole, classes = measure_reconstruction(images, made, labels)
        runs.setdefault(name, []).append(whole)
        for label, values in classes.items():
            per_class.setdefault(name, {}).setdefault(label, []).append(values)
    return runs, per_class


def measure_reconstruction(
    images: np.ndarray, made: np.ndarray, labels: np.ndarray | None
) -> tuple[Values, dict[int, Values]]:
    """What :func:`fidelity` gives over all images, and over those of each class.

    Args:
        images: uint8 (N, C, H, W).
        made: float32 (N, C, H, W) in [0, 1], their reconstructions.
        labels: int64 (N,), or None: then there are no classes.
    """
    errors, similarities = squared_errors(images, made), structural_similarities(images, made)
    present = [] if labels is None else np.unique(labels).tolist()
    classes = {label: fidelity(errors[labels == label], similarities[labels == label]) for label in present}
    return fidelity(errors, similarities), classes


@measure(
    RECONSTRUCTED,
    Measure("mse", heading="MSE", places=5, better="less", compared_as="reconstruction error"),
    Measure("psnr_db", heading="PSNR dB", places=2, better="more"),
    Measure("ssim", heading="SSIM", better="more"),
)
def fidelity(errors: np.ndarray, similarities: np.ndarray) -> Values:
    """MSE of each image, PSNR and SSIM over all; without PSNR, which would be infinite, where nothing is wrong.

    Args:
        errors: float64 (n,), mean squared error of each image, pixels in [0, 1].
        similarities: float64 (n,), SSIM of each.
    """
    mse = float(errors.mean())
    psnr = {"psnr_db": -10 * math.log10(mse)} if mse > 0 else {}
    return {"mse": errors, **psnr, "ssim": float(similarities.mean())}
