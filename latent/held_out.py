"""What is said of a network when it is trained: its held-out error beside PCA's, and whether it is worth having."""

from collections.abc import Mapping

import numpy as np

from latent.fidelity import fidelity, squared_errors
from run.console import table, warn

COLLAPSED = 0.01  # nats: a latent dimension whose KL from the prior is below says nothing of the image


def measure(
    size: int,
    images: np.ndarray,
    of_pca: np.ndarray,
    of_network: np.ndarray,
    latents: np.ndarray,
    mean_image_mse: float,
    divergences: np.ndarray | None = None,
) -> dict[str, dict[str, float]]:
    """Held-out MSE, PSNR and SSIM of PCA and of the network, with a warning where the network is not worth having.

    Args:
        size: D, of the bottleneck and of PCA.
        images: uint8 (N, C, H, W).
        of_pca: its reconstructions, float32 (N, C, H, W) in [0, 1].
        of_network: the network's.
        latents: float32 (N, D).
        mean_image_mse: error of answering with the mean training image.
        divergences: of a variational network, mean KL of each latent dimension from the prior in nats, (D,).

    Returns:
        ``PCA of D`` and ``autoencoder of D``; of a variational one with ``kl``, in nats an image, and
        ``collapsed_dimensions``, those with a KL below 0.01 nats.
    """
    scores = {f"PCA of {size}": fidelity(images, of_pca), f"autoencoder of {size}": fidelity(images, of_network)}
    ours = scores[f"autoencoder of {size}"]
    spread = latents.std(axis=0)
    dead = int((spread <= 1e-3 * spread.max()).sum())
    if divergences is not None:
        ours["kl"] = float(divergences.sum())
        ours["collapsed_dimensions"] = int((divergences < COLLAPSED).sum())
        if ours["collapsed_dimensions"]:
            warn(
                f"posterior collapse: {ours['collapsed_dimensions']} of the {size} dimensions of bottleneck {size} are "
                f"as the prior (KL below {COLLAPSED} nats) and say nothing of the image; --beta sets what a nat costs"
            )
    elif dead:
        warn(f"{dead} of the {size} dimensions of bottleneck {size} do not vary over the test images")
    if ours["mse"] > 0.95 * mean_image_mse:
        warn(f"bottleneck {size} has collapsed: it reconstructs no better than the mean image")
    elif ours["mse"] > scores[f"PCA of {size}"]["mse"]:
        warn(f"bottleneck {size} reconstructs worse than PCA of {size}; try more epochs or another --lr")
    return scores


def measure_mean_image(mean: np.ndarray, images: np.ndarray) -> dict[str, float]:
    """Held-out MSE, PSNR and SSIM of answering with the mean training image (C*H*W,)."""
    return fidelity(images, np.broadcast_to(mean.reshape(images.shape[1:]), images.shape))


def mean_error(images: np.ndarray, reconstructions: np.ndarray) -> float:
    """Mean squared error over all pixels, in the [0, 1] range; arguments as for ``latent.fidelity.fidelity``."""
    return float(squared_errors(images, reconstructions).mean())


def held_out_table(held_out: Mapping[str, Mapping[str, float]], count: int) -> str:
    """The table that train.py ends with; the KL column where a network has one."""
    variational = any("kl" in values for values in held_out.values())
    rows = []
    for name, values in held_out.items():
        row = [name, f"{values['mse']:.5f}", f"{values['psnr_db']:.2f}", f"{values['ssim']:.3f}"]
        if variational:
            row += [f"{values['kl']:.2f}", values["collapsed_dimensions"]] if "kl" in values else ["", ""]
        rows.append(row)
    title = f"\nheld-out error on {count:,} test images (pixels in [0, 1]; PCA fitted on the same training images)\n"
    return title + table(["", "MSE", "PSNR dB", "SSIM", *(["KL nats", "collapsed"] if variational else [])], rows)
