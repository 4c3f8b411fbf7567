"""How much of the test images reconstructions keep, over all images and over those of each class."""

import math

import numpy as np

from model.fidelity import squared_errors, structural_similarities


def measure_reconstruction(
    images: np.ndarray, reconstructions: np.ndarray, labels: np.ndarray | None
) -> tuple[dict[str, float], dict[int, dict[str, float]]]:
    """MSE, PSNR and SSIM as :func:`model.fidelity.fidelity` gives them, over all images and over those of each class.

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
