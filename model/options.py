"""The flags that say which network is trained and what it minimises. Knows no torch, which --help has no time for."""

import argparse
import math

from model import ARCHITECTURES
from run.arguments import add_choice, add_value, fraction, real_number, same_word, whole_number
from run.errors import printable

LOSSES = ("mse", "l1", "bce", "ssim")  # those of model.objective
_ALSO_CALLED = {"mae": "l1", "l2": "mse", "crossentropy": "bce", "cross_entropy": "bce", "dssim": "ssim"}
CLASSIFIERS = {"linear": "linear probe", "mlp": "MLP", "knn": "10-NN", "cnn": "conv net"}  # and what each is called
CLASSIFIER_BATCH, CLASSIFIER_PEAK_RATE = 128, 0.003  # of every classifier that is trained in steps
REFINE = 3  # steps; more bring next to nothing (docs/lab/refinement.md)
MOST_STEPS = 1000
KL_WARMUP = 0.2  # long enough for a decoder to learn to use latents before they cost anything


def add_model_arguments(group: argparse._ArgumentGroup) -> None:
    """Which network is trained, and on what loss."""
    add_choice(
        group, "--model", list(ARCHITECTURES), "conv", "architecture of networks; see docs/guide/architectures.md"
    )
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


def add_refine(group: argparse._ArgumentGroup, default: int = REFINE) -> None:
    """How latents are looked for: ``--refine none`` becomes 0."""
    meaning = "steps by which the encoder's guess of latents is corrected against the decoder; none takes the guess"
    add_value(group, "--refine", _refine, default, "STEPS|none", meaning)


def _refine(text: str) -> int:
    """An argparse type: a number of steps, or ``none`` for 0."""
    if text.lower() == "none":
        return 0
    try:
        return whole_number(0, MOST_STEPS)(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}, nor the word none") from None


def loss_mix(text: str) -> str:
    """An argparse type: ``mse``, or terms joined by ``+``, each a loss or ``weight*loss``; one spelling for each mix.

    Raises:
        argparse.ArgumentTypeError: it is not a mix of known losses with weights above 0.
    """
    mix: dict[str, float] = {}
    for term in text.replace(" ", "").split("+"):
        weight, _, name = term.rpartition("*")
        try:
            value = real_number(0, 1e6)(weight) if weight else 1.0
        except argparse.ArgumentTypeError:
            value = math.nan
        name, written = same_word(name, LOSSES) or name, name
        if name not in LOSSES or name in mix or not 0 < value < 1e6 or term.startswith("*"):
            meant = _ALSO_CALLED.get(written.lower())
            hint = f" (did you mean {meant}?)" if meant else ""
            known = f"one of {', '.join(LOSSES)}, nor a mix of them such as 0.8*mse+0.2*ssim"
            raise argparse.ArgumentTypeError(f"{printable(text)!r} is not {known}{hint}")
        mix[name] = value
    if len(mix) == 1:  # a weight on the only loss would change nothing
        return next(iter(mix))
    return "+".join(name if value == 1 else f"{value:g}*{name}" for name, value in mix.items())


def parse_mix(text: str) -> dict[str, float]:
    """Weights of the losses in what :func:`loss_mix` gave."""
    terms = (term.rpartition("*") for term in text.split("+"))
    return {name: float(weight) if weight else 1.0 for weight, _, name in terms}
