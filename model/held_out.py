"""What is said of a network when it is trained: its held-out error beside PCA's, and whether it is worth having."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from model.autoencoder import Autoencoder
from model.fidelity import Made, errors_and_similarities, fidelity, squared_errors, summary
from model.inference import divergences, inferred_batches
from model.refinement import STEPS
from run import collectives, ranks
from run.console import table

USELESS = 0.95  # of the mean image's error: what is above shows hardly more
COLLAPSED = 0.01  # nats: a latent dimension whose KL from the prior is below says nothing of the image


def measure_held_out(
    model: Autoencoder,
    images: np.ndarray,
    labels: np.ndarray | None,
    baselines: Mapping[str, Callable[[np.ndarray], Made]],
    mean_image_mse: float,
    refine: int = STEPS,
) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Held-out MSE, PSNR and SSIM of a network and of baselines, and a warning where the network is not worth having.

    Of several processes each measures some of the images, and all learn the same.

    Args:
        model: of a bottleneck of D.
        images: uint8 (N, C, H, W), that were not trained on.
        labels: int64 (N,) or None.
        baselines: by name, what gives what they make of some images, float32 (n, C, H, W) in [0, 1], or pieces of it in
            order.
        mean_image_mse: error of answering with the mean training image.
        refine: steps by which the encoder's guesses are refined.

    Returns:
        Scores of each baseline and of ``autoencoder of D``, which has ``encoder_alone_mse`` too, the error of the
        guesses as they are; of a variational one with ``kl``, in nats an image, and
        ``collapsed_dimensions``, those with a KL below 0.01 nats. And the warnings, a sentence each.
    """
    size, warnings = model.latent_size, []
    count, sums = len(images), np.zeros((2, size))  # of latents and of their squares

    def part(some: slice) -> np.ndarray:
        return images if some == slice(0, count) else images[some]  # which is read into memory as a whole

    def labels_of(some: slice) -> np.ndarray | None:
        return None if labels is None else labels[some]

    def measured_baseline(reconstruct: Callable[[np.ndarray], Made]) -> np.ndarray:
        return collectives.of_each(count, lambda some: errors_and_similarities(part(some), reconstruct(part(some))))

    def measured(some: slice) -> np.ndarray:
        """Error, similarity and the guess's error of each, (n, 3)."""
        its_images, alone = part(some), []

        def made() -> Iterator[np.ndarray]:
            first = 0
            for found in inferred_batches(model, its_images, labels_of(some), refine):
                sums[:] += (
                    found.latents.sum(axis=0, dtype=np.float64),
                    np.square(found.latents, dtype=np.float64).sum(0),
                )
                alone.append(squared_errors(its_images[first : first + len(found.guessed)], found.guessed))
                first += len(found.guessed)
                yield found.images

        refined = errors_and_similarities(its_images, made())
        return np.column_stack([refined, np.concatenate([*alone, np.empty(0)])])

    scores = {name: summary(measured_baseline(each)) for name, each in baselines.items()}
    of_each = collectives.of_each(count, measured)
    ours = {**summary(of_each[:, :2]), "encoder_alone_mse": float(np.ascontiguousarray(of_each[:, 2]).mean())}
    if model.variational:
        kl = collectives.mean_of_all(count, lambda some: divergences(model, part(some)))  # (D,)
        ours["kl"] = float(kl.sum())
        ours["collapsed_dimensions"] = int((kl < COLLAPSED).sum())
        if ours["collapsed_dimensions"]:
            warnings.append(
                f"posterior collapse: {ours['collapsed_dimensions']} of the {size} dimensions of bottleneck {size} are "
                f"as the prior (KL below {COLLAPSED} nats) and say nothing of the image; --beta sets what a nat costs"
            )
    else:
        mean, square = collectives.of_each(ranks.world_size(), lambda _: sums[None]).sum(axis=0) / count
        spread = np.sqrt(np.maximum(square - mean**2, 0))
        dead = int((spread <= 1e-3 * spread.max()).sum())
        if dead:
            warnings.append(f"{dead} of the {size} dimensions of bottleneck {size} do not vary over the test images")
    if ours["mse"] > USELESS * mean_image_mse:
        of_pca = scores.get(f"PCA of {size}", {"mse": 0.0})["mse"]
        warnings.append(
            f"bottleneck {size} keeps hardly more than the mean image, nor does PCA of {size}: these images have "
            f"little in common that so few numbers could hold; a larger one keeps more: --latent_size {4 * size}"
            if of_pca > USELESS * mean_image_mse
            else f"bottleneck {size} has collapsed: it reconstructs no better than the mean image"
        )
    return {**scores, f"autoencoder of {size}": ours}, warnings


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
    if refine:
        lines.append("PCA, refined: its latents found as the networks' are, not by projecting")
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
