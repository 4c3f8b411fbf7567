"""The flags that say which network is trained and what it minimises. Knows no torch, which --help has no time for."""

import argparse
import math

from model import ARCHITECTURES
from run.arguments import add_choice, add_value, fraction, real_number
from run.errors import BadInput, printable

LOSSES = ("mse", "l1", "bce", "ssim")  # those of model.objective
CLASSIFIERS = {"linear": "linear probe", "mlp": "MLP", "knn": "10-NN", "cnn": "conv net"}  # and what each is called
CLASSIFIER_BATCH, CLASSIFIER_PEAK_RATE = 128, 0.003  # of every classifier that is trained in steps
KL_WARMUP = 0.2  # long enough for a decoder to learn to use latents before they cost anything


def add_model_arguments(group: argparse._ArgumentGroup) -> None:
    """Which network is trained, and on what loss."""
    add_choice(group, "--model", list(ARCHITECTURES), "conv", "architecture of networks; see docs/architectures.md")
    add_value(
        group, "--loss", loss_mix, "mse", "MIX",
        "what reconstructions are held against images by: mse, l1, bce (cross-entropy) or ssim (1 - SSIM), or a mix "
        "such as 0.8*mse+0.2*ssim",
    )  # fmt: skip
    add_value(
        group, "--noise", real_number(0, 10), None, "SD",
        "denoising: deviation of Gaussian noise on what the encoder sees while training, pixels in [0, 1]; the target "
        "stays clean (default: none)",
    )  # fmt: skip
    weight = "vae, beta_vae, cvae: weight of the KL part (default: 1, of beta_vae 4)"
    add_value(group, "--beta", real_number(0, 1e6), None, "B", weight)
    rising = f"vae, beta_vae, cvae: part of the training over which that weight rises from 0 (default: {KL_WARMUP})"
    add_value(group, "--kl_warmup", fraction, None, "F", rising)


def loss_mix(text: str) -> str:
    """An argparse type: ``mse``, or terms joined by ``+``, each a loss or ``weight*loss``; one spelling for each mix.

    Raises:
        argparse.ArgumentTypeError: it is not a mix of known losses with weights above 0.
    """
    mix: dict[str, float] = {}
    for term in text.replace(" ", "").split("+"):
        weight, _, name = term.rpartition("*")
        try:
            value = float(weight) if weight else 1.0
        except ValueError:
            value = math.nan
        if name not in LOSSES or name in mix or not 0 < value < 1e6 or term.startswith("*"):
            raise argparse.ArgumentTypeError(
                f"{printable(text)!r} is not one of {', '.join(LOSSES)}, nor a mix of them such as 0.8*mse+0.2*ssim"
            )
        mix[name] = value
    if len(mix) == 1:  # a weight on the only loss would change nothing
        return next(iter(mix))
    return "+".join(name if value == 1 else f"{value:g}*{name}" for name, value in mix.items())


def parse_mix(text: str) -> dict[str, float]:
    """Weights of the losses in what :func:`loss_mix` gave."""
    terms = (term.rpartition("*") for term in text.split("+"))
    return {name: float(weight) if weight else 1.0 for weight, _, name in terms}


def refuse_oversized_bottleneck(latent_size: int, image_shape: tuple[int, int, int]) -> None:
    """A bottleneck of as many numbers as the image has is none.

    Raises:
        BadInput: ``latent_size`` is not below the number of values in an image.
    """
    channels, height, width = image_shape
    if latent_size >= channels * height * width:
        raise BadInput(
            f"--latent_size {latent_size} is no bottleneck for images of {channels} x {height} x {width} = "
            f"{channels * height * width} values; choose a smaller one: python train.py --latent_size 32"
        )


def hyperparameters(
    args: argparse.Namespace, takes_labels: bool, variational: bool, class_names: tuple[str, ...], dataset: str
) -> dict[str, float]:
    """What the architecture needs beside its size, from the arguments and the images' classes.

    Args:
        args: with ``model``, ``beta`` and ``kl_warmup``.
        takes_labels: whether the architecture does.
        variational: whether its loss has a KL part.
        class_names: of the images; () if they are unlabelled.
        dataset: the images' name.

    Raises:
        BadInput: the architecture can't use a flag that was given, or needs classes that the images lack.
    """
    if not variational and (args.beta, args.kl_warmup) != (None, None):
        flag = "--beta" if args.beta is not None else "--kl_warmup"
        raise BadInput(
            f"{flag} weighs the KL part of a loss, and --model {args.model} has none; leave it out, or train an architecture "
            "that has one: --model vae, beta_vae or cvae"
        )
    if takes_labels and not class_names:
        raise BadInput(
            f"--model {args.model} is told each image's class, and the images of {printable(dataset)} have none; put "
            "them into one folder a class, or train an architecture that takes no labels: --model conv"
        )
    told = {"num_classes": len(class_names)} if takes_labels else {}
    return told if args.beta is None else {**told, "beta": args.beta}


def refuse_what_cannot_be(args: argparse.Namespace, labelled: bool, validation_images: int) -> None:
    """Flags that ask for something that these images or this training do not have.

    Raises:
        BadInput: ``--balance`` without classes, ``--patience`` without validation images, a snapshot after the end.
    """
    if args.balance != "none" and not labelled:
        raise BadInput(
            "--balance needs classes, and the images have none; put them into one folder a class, or leave it out"
        )
    if args.patience is not None and not validation_images:
        raise BadInput("--patience needs validation images, and none are left; use a larger --val_fraction")
    late = [epoch for epoch in args.snapshot_epochs if epoch > args.num_epochs]
    if late:
        raise BadInput(
            f"--snapshot_epochs {late[0]} is after the last of {args.num_epochs} epochs; take one that comes, or train "
            f"longer: --num_epochs {late[0]}"
        )
