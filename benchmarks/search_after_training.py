"""What a search of the decoder would win where a trained encoder guesses, for it has too many latents to be searched.

    python train.py --latent_size 8 16 32 64 128 256 --output_dir output/sweep
    python -m benchmarks.search_after_training --runs output/sweep

Of each `conv` checkpoint in the folder the held-out error, on every fourth test image, below PCA of the same size: by
the encoder as it is; after damped Gauss-Newton steps from it or from the nearest of 1,024 anchors, whichever is
better (`model.latent_optimisation`, which takes one decoding for each dimension; up to 64 dimensions); and after steps
along the axes of PCA, which take one decoding each. No answer is worse than the guess. Prints a table, with the
milliseconds an image takes.
"""

import argparse
import functools
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks import ROOT
from data.training_side import load_split_of
from latent.pca import fit_pca
from model.checkpoint import load_checkpoint
from model.conv import ConvAutoencoder
from model.fidelity import squared_errors
from model.inference import decode, encode, to_float
from model.latent_optimisation import optimise_latents
from model.layers import flattened, patches
from run.artefacts import model_paths
from run.device import make_repeatable

ANCHORS, GAUSS_NEWTON_UP_TO = 1024, 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, required=True, help="output folder of train.py")
    parser.add_argument("--data_dir", type=Path, default=ROOT / "data")
    args = parser.parse_args()

    make_repeatable(0)
    models = sorted((load_checkpoint(path) for path in model_paths(args.runs)), key=lambda each: each[0].latent_size)
    if not models or any(model.architecture != "conv" for model, _ in models):
        raise SystemExit(f"{args.runs} does not hold checkpoints of the conv architecture alone")
    if len({record["fingerprint"] for _, record in models}) > 1:  # some would be measured on what they were trained on
        raise SystemExit(f"the checkpoints in {args.runs} are of several splits; train them by one command")
    image_set, split = load_split_of(models[0][1], args.data_dir)
    test = image_set.images[split.test][::4]
    train = image_set.images[split.train]
    pca = fit_pca(train, models[-1][0].latent_size, 0)
    anchors = train[np.random.default_rng(0).permutation(len(train))[:ANCHORS]]
    print("| size | encoder | 1 Gauss-Newton step | 2 | 1 step along PCA's axes | 3 |\n" + "| --- " * 6 + "|")
    for model, _ in models:
        size = model.latent_size
        if model.searched:
            continue
        of_pca = squared_errors(test, pca.first(size).reconstruct(test)).mean()
        guess, known = (torch.from_numpy(encode(model, images)) for images in (test, anchors))
        cells = [f"{below(model, guess, test, of_pca):.1%}"]
        near = functools.partial(searched, anchors=known)
        for way, steps in [(near, 1), (near, 2), (along_axes, 1), (along_axes, 3)]:
            if way is near and size > GAUSS_NEWTON_UP_TO:
                cells.append("")
                continue
            started = time.perf_counter()
            latents = way(model, test, guess, steps)
            milliseconds = 1000 * (time.perf_counter() - started) / len(test)
            cells.append(f"{below(model, latents, test, of_pca):.1%} ({milliseconds:.2f} ms)")
        print(f"| {size} | " + " | ".join(cells) + " |", flush=True)


def below(model: ConvAutoencoder, latents: Tensor, images: np.ndarray, of_pca: float) -> float:
    return float(1 - squared_errors(images, decode(model, latents.numpy())).mean() / of_pca)


@torch.inference_mode()
def searched(model: ConvAutoencoder, images: np.ndarray, guess: Tensor, steps: int, anchors: Tensor) -> Tensor:
    target = centred(model, images) / model.pixel_scale
    return optimise_latents(model._searched, target, guess, anchors, model.deviations, steps)


@torch.inference_mode()
def along_axes(model: ConvAutoencoder, images: np.ndarray, latents: Tensor, steps: int) -> Tensor:
    """The residual brought back by PCA's axes, as if the decoder were linear; half as far where that did not help."""
    target, reach = centred(model, images), torch.ones(len(images), 1)
    residual = target - model._searched(latents) * model.pixel_scale
    for _ in range(steps):
        candidate = latents + reach * (residual @ model.axes.T)
        left = target - model._searched(candidate) * model.pixel_scale
        better = (left.square().sum(1) < residual.square().sum(1))[:, None]
        latents, residual = torch.where(better, candidate, latents), torch.where(better, left, residual)
        reach = torch.where(better, reach, reach / 2)
    return latents


def centred(model: ConvAutoencoder, images: np.ndarray) -> Tensor:
    pixels = to_float(torch.from_numpy(images.copy()), torch.device("cpu"))
    return flattened(patches(pixels - model.mean, beyond_edges="constant"))


if __name__ == "__main__":
    main()
