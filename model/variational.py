"""What variational architectures share: the posterior, and a loss of two parts."""

from typing import Any, ClassVar

from torch import Tensor
from torch.nn import functional as F

from model.autoencoder import Autoencoder
from model.noise import normal_like
from model.objective import NATS, Objective
from model.patch_autoencoder import PatchAutoencoder


class Variational(PatchAutoencoder):
    """The encoder gives a Gaussian over latents; training decodes a sample of it, everything else its mean.

    Minimised is the negative evidence lower bound (Kingma and Welling, 2014), with beta as the weight of its KL part
    (Higgins et al., 2017), per pixel:

        total = mix + beta * warmth * KL / (pixels * nats)

    where ``mix`` is the mean over pixels of ``--loss`` and ``nats`` what a unit of it is worth
    (:data:`model.objective.NATS`). For squared errors that is a Gaussian likelihood of variance 1/20 a pixel, summed
    over pixels: twenty halves of the squared error, plus the KL. Other variances are other betas: ten times the beta is
    the sum of squared errors plus the KL. Refinement (:mod:`model.refinement`) weighs error and prior alike.

    Args:
        latent_size: D.
        image_shape: (C, H, W).
        beta: weight of the KL part.
    """

    loss_parts: ClassVar[tuple[str, ...]] = (*Autoencoder.loss_parts, "reconstruction", "kl")
    own_flags: ClassVar[tuple[str, ...]] = ("beta", "kl_warmup")
    variational: ClassVar[bool] = True

    def __init__(self, latent_size: int, image_shape: tuple[int, int, int], beta: float, **more: Any) -> None:
        super().__init__(latent_size, image_shape, 2 * latent_size, beta=beta, **more)
        self.beta = float(beta)
        self.refinement.prior = self.beta / (2 * NATS["mse"])  # as heavy beside squared errors as in their loss

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) -> mean and logarithm of the variance of the latents, (B, D) each."""
        mean, log_variance = self.encoder(images).chunk(2, dim=1)  # (B, 2 * D)
        return mean, log_variance.clamp(-20, 10)  # no sample overflows

    def encode(self, images: Tensor) -> Tensor:
        """(B, C, H, W) float32 in [0, 1] -> (B, D) float32: the mean of the posterior, any real value."""
        return self.posterior(images)[0]

    def divergences(self, images: Tensor) -> Tensor:
        """KL of the posterior from N(0, 1) in nats, each dimension by itself: (B, C, H, W) -> (B, D), from 0 up."""
        return _divergences(*self.posterior(images))

    def loss(
        self,
        images: Tensor,
        labels: Tensor | None = None,
        objective: Objective = Objective(),  # noqa: B008  (frozen)
        position: float = 1.0,
        weights: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """See :meth:`model.autoencoder.Autoencoder.loss`; ``kl`` is given in full, whatever its weight is."""
        mean, log_variance = self.posterior(objective.noisy(images))
        sample = mean + normal_like(mean) * (log_variance / 2).exp()
        made = self.decode(sample, labels)
        mix = objective.reconstruction(made, images, self.bounded, weights)
        each = _divergences(mean, log_variance).sum(dim=1)
        kl = each.mean() if weights is None else (each * weights).mean()
        nats = objective.nats * images[0].numel()
        return {
            "total": mix + self.beta * objective.warmth(position) * kl / nats,
            "mse": F.mse_loss(made.detach(), images),
            "reconstruction": mix * nats,
            "kl": kl,
        }


def _divergences(mean: Tensor, log_variance: Tensor) -> Tensor:
    return (mean.square() + log_variance.exp() - 1 - log_variance) / 2
