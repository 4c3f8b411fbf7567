"""Latents that a decoder shows an image best by: an encoder's guess, corrected against the decoder itself.

An encoder can only guess which latents its decoder would make an image of. The decoder is known, so the guess can be
corrected: decode it, look at what is wrong, and move the latents so that less is. Nothing but the image is looked at.

A Gauss-Newton step needs J^T r, the gradient of the error, which is one backward pass, and J^T J, a decoding for each
latent. The second is taken as its mean over training images, measured when the network is trained
(:meth:`Refinement.measure`) and kept in the checkpoint. What the steps themselves say of an image's own curvature is
added by L-BFGS (Nocedal 1980), which starts from that mean. What was tried: docs/lab/refinement.md.

Where latents have a prior, N(0, I), it counts as it did in training: the most probable latents are looked for (the
maximum a posteriori), not those that fit best. Else latents that show next to nothing would go far for next to nothing.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.options import REFINE

STEPS = REFINE
DIRECTIONS = 1024  # random ones, whose mean square is the curvature; four times as many bring next to nothing
ANCHORS, ANCHORED_UP_TO = 1024, 8  # latents of training images as further starts: wider bottlenecks are never better so
_DAMPING = 0.3  # of the mean curvature, as a part of each of its diagonal entries (Marquardt 1963)
_REMEMBERED = 2  # steps, by L-BFGS
_COMPARED = 32  # pixels on a side, to which larger images are shrunk to find which start is nearest

Decode = Callable[[Tensor], Tensor]  # latents (n, D) -> images (n, C, H, W) in [0, 1]


class Refinement(nn.Module):
    """What refining latents needs to know of a decoder; kept in the checkpoint, measured by :meth:`measure`.

    Args:
        latent_size: D.
        anchored: whether there may be anchors: the decoder needs latents alone.

    Attributes:
        prior: what half the squared length of latents counts beside half the squared error of an image; 0 where they
            have no prior. Set by architectures that have one.
        deviations: (D,) the latents' scale, over training images.
        inverse: (D, D) of the mean of J^T J over training images, damped, and of the prior's curvature, in units of the
            deviations; J are the slopes of all pixels along the latents.
        anchors: (1024, D) latents spread over what training images take, up to 8 latents; (0, D) beyond.
    """

    def __init__(self, latent_size: int, *, anchored: bool) -> None:
        super().__init__()
        self.prior = 0.0
        self.register_buffer("deviations", torch.ones(latent_size))
        self.register_buffer("inverse", torch.eye(latent_size))
        count = ANCHORS if anchored and latent_size <= ANCHORED_UP_TO else 0
        self.register_buffer("anchors", torch.zeros(count, latent_size))

    @torch.no_grad()
    def measure(self, decode: Callable[[Tensor, Tensor], Tensor], latents: Tensor, directions: int, lot: int) -> None:
        """Measure a decoder around some latents.

        Args:
            decode: (latents (n, D), which rows of the latents these are) -> images in [0, 1].
            latents: (n, D), the encoder's guesses of training images; n from 1 up.
            directions: how many random ones.
            lot: how many are decoded at a time.
        """
        self.deviations.copy_(latents.std(0, correction=0))
        self.deviations.clamp_(min=1e-6 * float(self.deviations.max()) or 1.0)
        self.anchors.copy_(latents[spread_rows(len(self.anchors), len(latents))])
        generator = torch.Generator().manual_seed(0)
        total = torch.zeros_like(self.inverse)
        for rows in torch.from_numpy(spread_rows(directions, len(latents))).split(lot):
            slopes = _random_slopes(lambda codes, rows=rows: decode(codes, rows), latents[rows], generator)
            slopes = slopes * self.deviations  # (n, D)
            total += slopes.T @ slopes
        curvature = (total / directions).cpu().double()
        ridge = _DAMPING * curvature.diagonal() + 1e-6 * curvature.diagonal().mean() + torch.finfo(torch.float32).tiny
        ridge += self.prior * self.deviations.cpu().double().square()
        self.inverse.copy_(torch.linalg.inv_ex(curvature + torch.diag(ridge))[0])  # never raises

    def step(self, gradient: Tensor) -> Tensor:
        """A Gauss-Newton step of latents, (B, D), against the gradient of half their squared errors (B, D); finite."""
        return -((gradient * self.deviations) @ self.inverse * self.deviations).nan_to_num(0, 0, 0)


class Refined(NamedTuple):
    """What refining made of guesses."""

    latents: Tensor  # (B, D)
    images: Tensor  # (B, C, H, W), the decoded latents
    guessed: Tensor  # (B, C, H, W), the decoded guesses


class Refiner:
    """Refines guesses of latents, for any number of lots of images.

    Args:
        refinement: what is known of the decoder.
        steps: from 1 up.
        shown: the decoded anchors, :func:`shrunk`, in pieces (n, P); none where there are no anchors.
    """

    def __init__(self, refinement: Refinement, steps: int, shown: Sequence[Tensor]) -> None:
        self._steps, self._deviations, self._inverse = steps, refinement.deviations, refinement.inverse
        self._anchors, self._prior = refinement.anchors, refinement.prior
        self._shown = torch.cat([*shown]) if len(shown) else None  # (A, P)
        self._half_norms = None if self._shown is None else self._shown.square().sum(1) / 2

    def __call__(self, decode: Decode, images: Tensor, guess: Tensor) -> Refined:
        """Latents whose decoded images are nearer to ``images`` than those of the guess, or as near.

        Gradients are taken here; to be called without inference mode.

        Args:
            decode: gives images in [0, 1]; each image's latents by themselves.
            images: (B, C, H, W) in [0, 1].
            guess: (B, D).
        """
        latents, guessed = guess, None
        if self._shown is not None:
            guessed = decode(guess)
            latents = self._nearer(images, guess, guessed)
        made, error, gradient = self._look(decode, images, latents)
        cost = error + self._negative_log_prior(latents)
        pairs: list[tuple[Tensor, Tensor, Tensor]] = []
        start = made
        for number in range(1, self._steps + 1):
            step = self._direction(gradient, pairs)
            there = latents + step * self._deviations
            its_made, its_error, its_gradient = self._look(decode, images, there, last=number == self._steps)
            its_cost = its_error + self._negative_log_prior(there)
            better = (its_cost < cost) & (its_error <= error)  # false where a step went to infinity
            latents, made = _where(better, there, latents), _where(better, its_made, made)
            error, cost = torch.where(better, its_error, error), torch.where(better, its_cost, cost)
            if its_gradient is not None:
                bend = its_gradient - gradient  # what a refused step saw counts too
                product = (step * bend).sum(1, keepdim=True)
                pairs = [*pairs, (step, bend, torch.where(product > 0, 1 / product, 0))][-_REMEMBERED:]
                gradient = _where(better, its_gradient, gradient)
        if guessed is None:
            return Refined(latents, made, start)
        nearer = error < _half_squared_errors(guessed, images)  # the start was chosen by small images
        return Refined(_where(nearer, latents, guess), _where(nearer, made, guessed), guessed)

    def _nearer(self, images: Tensor, guess: Tensor, guessed: Tensor) -> Tensor:
        """The guess or the nearest anchor, whichever shows more of an image when both are shrunk: (B, D)."""
        small = shrunk(images)
        nearest = torch.addmm(self._half_norms, small, self._shown.T, alpha=-1).argmin(1)
        better = _half_squared_errors(self._shown[nearest], small) < _half_squared_errors(shrunk(guessed), small)
        return _where(better, self._anchors[nearest], guess)

    def _look(
        self, decode: Decode, images: Tensor, latents: Tensor, *, last: bool = False
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """What latents show, half the squared error of each (B,) and, unless it is the ``last`` look, a gradient.

        The gradient (B, D), of error and prior, is in units of the deviations.
        """
        with torch.set_grad_enabled(not last):
            latents = latents.detach().requires_grad_(not last)
            made = decode(latents)
            error = _half_squared_errors(made, images)
            if last:
                return made, error, None
            (gradient,) = torch.autograd.grad((error + self._negative_log_prior(latents)).sum(), latents)
        return made.detach(), error.detach(), gradient * self._deviations

    def _negative_log_prior(self, latents: Tensor) -> Tensor:
        """Of latents (B, D), but for a constant, in halves of squared errors: (B,)."""
        return self._prior / 2 * latents.square().sum(1)

    def _direction(self, gradient: Tensor, pairs: list[tuple[Tensor, Tensor, Tensor]]) -> Tensor:
        """Where to go, (B, D): by the mean curvature, corrected by the steps that are remembered."""
        direction, parts = -gradient, []
        for step, bend, share in reversed(pairs):
            part = share * (step * direction).sum(1, keepdim=True)
            direction = direction - part * bend
            parts.append(part)
        direction = direction @ self._inverse
        for (step, bend, share), part in zip(pairs, reversed(parts), strict=True):
            direction = direction + step * (part - share * (bend * direction).sum(1, keepdim=True))
        return direction


def _random_slopes(decode: Decode, latents: Tensor, generator: torch.Generator) -> Tensor:
    """J^T v of each of some latents (n, D), v of +-1 at random: (n, D)."""
    with torch.enable_grad():
        latents = latents.detach().requires_grad_()
        made = decode(latents)
        signs = torch.randint(0, 2, made.shape, generator=generator, dtype=torch.int8).to(made.device) * 2 - 1
        return torch.autograd.grad((made * signs).sum(), latents)[0]


def _where(chosen: Tensor, these: Tensor, those: Tensor) -> Tensor:
    """``these`` rows (B, ...) where ``chosen`` (B,), else ``those``."""
    return torch.where(chosen.view(-1, *[1] * (these.ndim - 1)), these, those)


def _half_squared_errors(made: Tensor, images: Tensor) -> Tensor:
    """(B, ...) and (B, ...) -> (B,)."""
    return (made - images).square().flatten(1).sum(1) / 2


def shrunk(images: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, P), of at most 32 x 32 pixels: enough to see which image is near which."""
    size = [min(side, _COMPARED) for side in images.shape[2:]]
    return (F.adaptive_avg_pool2d(images, size) if list(images.shape[2:]) != size else images).flatten(1)


def spread_rows(count: int, among: int) -> np.ndarray:
    """``count`` rows spread evenly over ``among``; some of them again where there are fewer: int64 (count,)."""
    return np.arange(count) * among // max(count, 1)
