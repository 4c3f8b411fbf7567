"""The simplest autoencoder: one hidden layer on either side of the bottleneck."""

import math

from torch import Tensor, nn

from model.autoencoder import Autoencoder
from model.layers import begin


class DenseAutoencoder(Autoencoder):
    """Images (B, C, H, W) in [0, 1] -> flat -> ReLU units -> latents (B, D) -> ReLU units -> sigmoid -> images.

    The latents themselves have no activation. Starts at random: it takes nothing of PCA.

    Args:
        latent_size: D.
        image_shape: (C, H, W).
        hidden: ReLU units on either side.
    """

    architecture = "dense"

    def __init__(self, latent_size: int, image_shape: tuple[int, int, int], hidden: int = 512) -> None:
        super().__init__(latent_size, image_shape, hidden=hidden)
        pixels = math.prod(image_shape)
        self.encoder = nn.Sequential(
            nn.Flatten(), begin(nn.Linear(pixels, hidden)), nn.ReLU(), begin(nn.Linear(hidden, latent_size))
        )
        self.decoder = nn.Sequential(
            begin(nn.Linear(latent_size, hidden)), nn.ReLU(), begin(nn.Linear(hidden, pixels), gain=0.5),
            nn.Unflatten(1, self.image_shape),
        )  # fmt: skip

    def encode(self, images: Tensor) -> Tensor:
        """(B, C, H, W) float32 in [0, 1] -> (B, D) float32, any real value."""
        return self.encoder(images).float()

    def _decode(self, codes: Tensor) -> Tensor:
        return self.decoder(codes).float().sigmoid()
