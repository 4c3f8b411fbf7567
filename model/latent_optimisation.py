"""The point of a decoder's surface that is nearest to an image.

A decoder of few latents spans a surface in the space of images. A network can only guess where on it an image lies, and
guesses worst for images unlike those it was trained on; the surface itself is known, and can be searched.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from model.layers import at_once

_CHUNK = 128  # anchors decoded at a time, or fewer where images are large
_ROWS = 512  # images searched for at a time, once the anchors have been compared with all
_STEP = 0.01  # of the differences that slopes are taken from, in deviations of the latents
_DAMPING = 0.01  # of the first Gauss-Newton step, as a part of the mean squared slope


Decode = Callable[[Tensor], Tensor]  # latents (n, D) -> values (n, P)


def optimise_latents(
    decode: Decode,
    target: Tensor,
    guess: Tensor,
    anchors: Tensor,
    deviations: Tensor,
    steps: int = 1,
) -> Tensor:
    """Latents whose decoded images are nearest to ``target``, from the best of several starts.

    The starts are the network's own guess and the nearest of the anchors; from there damped Gauss-Newton steps
    (Levenberg 1944, Marquardt 1963), each kept only where it brings the image nearer. No answer is
    worse than the guess.

    Args:
        decode: of latents (n, D) the images, of P values each, in any order and scale that distances do not depend
            on; D small, for the slopes take D decodings.
        target: (B, P) float32, images as ``decode`` gives them. The anchors are decoded once for all of them.
        guess: (B, D) float32.
        anchors: (A, D) latents spread over the surface.
        deviations: (D,) the latents' scale.
        steps: Gauss-Newton steps.

    Returns:
        (B, D) float32.
    """
    start = anchors[_nearest_anchor(decode, target, anchors)]
    rows = at_once(_ROWS, target.shape[1])
    parts = zip(target.split(rows), guess.split(rows), start.split(rows), strict=True)
    return torch.cat([_descend(decode, *part, deviations, steps) for part in parts])


def _descend(decode: Decode, target: Tensor, guess: Tensor, start: Tensor, deviations: Tensor, steps: int) -> Tensor:
    """The better of two starts (B, D), and from there Gauss-Newton steps: (B, D)."""
    latents, residual = guess, target - decode(guess)
    error = residual.square().sum(1)  # (B,)

    def keep_better(candidate: Tensor) -> Tensor:
        nonlocal latents, residual, error
        left = target - decode(candidate)
        distance = left.square().sum(1)
        better = distance < error  # false where a step went to infinity
        latents = torch.where(better[:, None], candidate, latents)
        residual = torch.where(better[:, None], left, residual)
        error = torch.where(better, distance, error)
        return better

    keep_better(start)
    damping = torch.full_like(error, _DAMPING)
    for _ in range(steps):
        here = target - residual
        shifts = torch.diag(_STEP * deviations)  # (D, D)
        slopes = torch.stack([(decode(latents + shift) - here) / _STEP for shift in shifts], 1)  # (B, D, P)
        curvature = slopes @ slopes.mT  # (B, D, D), in units of the deviations
        ridge = damping * curvature.diagonal(dim1=1, dim2=2).mean(1) + torch.finfo(error.dtype).tiny
        step = torch.linalg.solve_ex(curvature + torch.diag_embed(ridge[:, None].expand_as(latents)),
                                     slopes @ residual[..., None])[0]  # fmt: skip
        better = keep_better(latents + step[..., 0] * deviations)
        damping = torch.where(better, damping / 3, damping * 10)
    return latents


def _nearest_anchor(decode: Decode, target: Tensor, anchors: Tensor) -> Tensor:
    """Which anchor's image is nearest to each of ``target`` (B, P): (B,) int64."""
    distances = []
    for chunk in anchors.split(at_once(_CHUNK, target.shape[1])):
        of_anchors = decode(chunk)
        # |t - a|^2 without |t|^2, which is the same for every anchor
        distances.append(torch.addmm(of_anchors.square().sum(1), target, of_anchors.T, alpha=-2))
    return torch.cat(distances, 1).argmin(1)
