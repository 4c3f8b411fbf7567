"""What training minimises: how a reconstruction is held against its image, and what noise the encoder sees."""

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from model.fidelity import ssim_map
from model.noise import normal_like

# What a unit of each loss is worth in nats a pixel, where it is weighed against a KL divergence. A squared error is the
# negative log likelihood of a Gaussian of variance 1/20 (deviation 0.22, about what cross-entropy amounts to on images
# that are mostly black or white): error / (2 * variance). Cross-entropy is one as it stands. The others are no
# likelihoods that are in use, and count as squared errors do.
NATS = {"mse": 10.0, "bce": 1.0, "l1": 10.0, "ssim": 10.0}

_MARGIN = 0.01  # unbounded outputs are held this far inside (0, 1), where the gradient of cross-entropy is at most 100
_OVERSHOOT = 10.0  # what a squared step outside costs: there cross-entropy itself pulls nothing back


@dataclass(frozen=True)
class Objective:
    """A mix of losses, and noise.

    Args:
        mix: name of a loss (see :data:`NATS`) -> its weight.
        noise: standard deviation of the Gaussian noise on what the encoder sees while training; the target stays clean
            (Vincent et al., 2010).
        kl_warmup: part of all steps over which the weight of the KL part rises from 0 to beta (Bowman et al., 2016).
        refined: whether a part of the loss is taken at refined latents late in training, in architectures that learn
            from them; see :meth:`model.autoencoder.Autoencoder.loss`.
    """

    mix: dict[str, float] = field(default_factory=lambda: {"mse": 1.0})
    noise: float = 0.0
    kl_warmup: float = 0.0
    refined: bool = False

    @property
    def nats(self) -> float:
        """What a unit of the mix is worth in nats a pixel."""
        return sum(weight * NATS[name] for name, weight in self.mix.items()) / sum(self.mix.values())

    def noisy(self, images: Tensor) -> Tensor:
        """What the encoder sees of images (B, C, H, W) while training: still in [0, 1]."""
        if not self.noise:
            return images
        return (images + self.noise * normal_like(images)).clamp_(0, 1)

    def warmth(self, position: float) -> float:
        """The part of its weight that the KL part has when a part ``position`` of all steps is done, 0..1.

        A function of the position alone, so that a resumed run has nothing to restore.
        """
        return 1.0 if position >= self.kl_warmup else position / self.kl_warmup

    def reconstruction(self, made: Tensor, images: Tensor, bounded: bool, weights: Tensor | None = None) -> Tensor:
        """The mix of losses, averaged over pixels and (weighted) images.

        Args:
            made: (B, C, H, W), any real value; in (0, 1) if ``bounded``.
            images: (B, C, H, W) in [0, 1].
            bounded: whether reconstructions can't leave (0, 1).
            weights: (B,), 1 on average, or None.
        """
        with torch.autocast(made.device.type, enabled=False):
            return sum(weight * _average(name, made, images, bounded, weights) for name, weight in self.mix.items())


def _average(name: str, made: Tensor, images: Tensor, bounded: bool, weights: Tensor | None) -> Tensor:
    """The mean of a loss over everything, images weighted."""
    if name == "mse" and weights is None:
        return F.mse_loss(made, images)  # the error of each pixel by itself would take 1% of a step more
    losses = _LOSSES[name](made, images, bounded)
    return losses.mean() if weights is None else (losses.flatten(1).mean(dim=1) * weights).mean()


def _mse(made: Tensor, images: Tensor, bounded: bool) -> Tensor:
    return F.mse_loss(made, images, reduction="none")


def _l1(made: Tensor, images: Tensor, bounded: bool) -> Tensor:
    return (made - images).abs()


def _bce(made: Tensor, images: Tensor, bounded: bool) -> Tensor:
    """Cross-entropy of each pixel, taken as the chance of white.

    Outputs with no bound are clamped for it, and the square of how far they lie outside is added, so that a pixel which
    overshot has a way back.
    """
    if bounded:
        return F.binary_cross_entropy(made, images, reduction="none")
    inside = made.clamp(_MARGIN, 1 - _MARGIN)
    return F.binary_cross_entropy(inside, images, reduction="none") + _OVERSHOOT * (made - inside.detach()).square() * (
        made != inside
    )


def _one_minus_ssim(made: Tensor, images: Tensor, bounded: bool) -> Tensor:
    return 1 - ssim_map(made, images)


_LOSSES = {"mse": _mse, "l1": _l1, "bce": _bce, "ssim": _one_minus_ssim}
