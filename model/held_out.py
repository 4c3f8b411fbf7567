"""What is said of a network when it is trained: its held-out error beside PCA's, and whether it is worth having."""

from collections.abc import Iterable, Mapping

import numpy as np

from model.autoencoder import Autoencoder
from model.fidelity import fidelity, mean_error
from model.inference import divergences, encode_batches, reconstruct_batches
from model.refinement import STEPS
from run.console import table

COLLAPSED = 0.01  # nats: a latent dimension whose KL from the prior is below says nothing of the image


def measure_held_out(
    model: Autoencoder,
    images: np.ndarray,
    labels: np.ndarray | None,
    of_pca: np.ndarray | Iterable[np.ndarray],
    mean_image_mse: float,
    refine: int = STEPS,
) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Held-out MSE, PSNR and SSIM of a network and of PCA, and a warning where the network is not worth having.

    Args:
        model: of a bottleneck of D.
        images: uint8 (N, C, H, W), that were not trained on.
        labels: int64 (N,) or None.
        of_pca: what PCA of D makes of the images, float32 (N, C, H, W) in [0, 1], or pieces of it in order.
        mean_image_mse: error of answering with the mean training image.
        refine: steps by which the encoder's guesses are refined.

    Returns:
        Scores of ``PCA of D`` and of ``autoencoder of D``, which has ``encoder_alone_mse`` too, the error of the
        guesses as they are; of a variational one with ``kl``, in nats an image, and
        ``collapsed_dimensions``, those with a KL below 0.01 nats. And the warnings, a sentence each.
    """
    size, warnings = model.latent_size, []
    latents = np.concatenate(list(encode_batches(model, images, refine=refine)))  # (N, D)
    pca, ours = fidelity(images, of_pca), fidelity(images, reconstruct_batches(model, images, labels, refine))
    alone = mean_error(images, reconstruct_batches(model, images, labels, 0)) if refine else ours["mse"]
    ours["encoder_alone_mse"] = alone
    if model.variational:
        kl = divergences(model, images)  # (D,)
        ours["kl"] = float(kl.sum())
        ours["collapsed_dimensions"] = int((kl < COLLAPSED).sum())
        if ours["collapsed_dimensions"]:
            warnings.append(
                f"posterior collapse: {ours['collapsed_dimensions']} of the {size} dimensions of bottleneck {size} are "
                f"as the prior (KL below {COLLAPSED} nats) and say nothing of the image; --beta sets what a nat costs"
            )
    else:
        spread = latents.std(axis=0)
        dead = int((spread <= 1e-3 * spread.max()).sum())
        if dead:
            warnings.append(f"{dead} of the {size} dimensions of bottleneck {size} do not vary over the test images")
    if ours["mse"] > 0.95 * mean_image_mse:
        warnings.append(f"bottleneck {size} has collapsed: it reconstructs no better than the mean image")
    return {f"PCA of {size}": pca, f"autoencoder of {size}": ours}, warnings


def measure_mean_image(mean: np.ndarray, images: np.ndarray) -> dict[str, float]:
    """Held-out MSE, PSNR and SSIM of answering with the mean training image (C*H*W,)."""
    return fidelity(images, np.broadcast_to(mean.reshape(images.shape[1:]), images.shape))


def held_out_table(held_out: Mapping[str, Mapping[str, float]], count: int, refine: int) -> str:
    """The table that train.py ends with; the KL column where a network has one."""
    variational = any("kl" in values for values in held_out.values())
    rows = []
    for name, values in held_out.items():
        row = [name, f"{values['mse']:.5f}", f"{values['psnr_db']:.2f}", f"{values['ssim']:.3f}"]
        if variational:
            row += [f"{values['kl']:.2f}", values["collapsed_dimensions"]] if "kl" in values else ["", ""]
        rows.append(row)
    title = f"\nheld-out error on {count:,} test images (pixels in [0, 1]; PCA fitted on the same training images)\n"
    measured = table(["", "MSE", "PSNR dB", "SSIM", *(["KL nats", "collapsed"] if variational else [])], rows)
    lines = [title + measured]
    for name, values in held_out.items():
        if "encoder_alone_mse" in values:
            errors = alone_and_refined(values["encoder_alone_mse"], values["mse"], refine)
            lines.append(f"{name.replace('autoencoder', 'bottleneck')}: {errors}")
    return "\n".join(lines)


def alone_and_refined(alone: float, refined: float, refine: int) -> str:
    """Two errors in words: of the encoder's own guesses, and of what ``refine`` steps made of them."""
    return f"encoder alone {alone:.5f}, " + (f"refined {refined:.5f}" if refine else "not refined")


def inference_in_words(refine: int, *, of_latents_by_class: bool = False) -> str:
    """How latents are found, for those who read a file: by how many steps the encoder's guess is refined.

    Args:
        refine: how many.
        of_latents_by_class: whether it is latents that are spoken of, of a decoder that is given labels.
    """
    if of_latents_by_class:
        return "encoder alone: refined for a decoder that is given the label, latents would hold the label"
    if not refine:
        return "encoder alone"
    return f"encoder, then refined against the decoder by {refine} step{'s' * (refine != 1)}"
