"""A variational autoencoder whose KL part weighs more than the likelihood asks for (Higgins et al., 2017)."""

import numpy as np
from torch import Tensor

from model.layers import PatchDecoder, PatchEncoder
from model.variational import Variational


class BetaVAE(Variational):
    """Images (B, C, H, W) in [0, 1] -> the mean of a Gaussian over latents (B, D) -> images in (0, 1).

    Convolutions on patches and dense layers on either side; see :class:`model.variational.Variational` for the loss.

    Args:
        latent_size: D.
        image_shape: (C, H, W).
        beta: weight of the KL part.
    """

    family = "beta_vae"

    def __init__(self, latent_size: int, image_shape: tuple[int, int, int], beta: float = 4.0) -> None:
        super().__init__(latent_size, image_shape, beta)
        self.encoder = PatchEncoder(image_shape, 2 * latent_size)
        self.decoder = PatchDecoder(latent_size, image_shape)

    def start_from_pca(self, mean: np.ndarray, components: np.ndarray, scales: np.ndarray) -> None:
        """Takes the mean image, and how far images lie from it."""
        self.encoder.start(mean, scales)
        self.decoder.start(mean)

    def _encode(self, images: Tensor) -> Tensor:
        return self.encoder(images)

    def _decode(self, codes: Tensor) -> Tensor:
        return self.decoder(codes)
