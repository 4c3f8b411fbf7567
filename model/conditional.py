"""An autoencoder whose decoder is told the class."""

import numpy as np
from torch import Tensor

from model.autoencoder import Autoencoder
from model.layers import PatchDecoder, PatchEncoder


class ConditionalAutoencoder(Autoencoder):
    """Images (B, C, H, W) in [0, 1] -> latents (B, D); latents and labels -> images in (0, 1).

    Convolutions on patches and dense layers on either side. What the class says of an image need not be in its latents.

    Args:
        latent_size: D.
        image_shape: (C, H, W).
        num_classes: K, from 1 up.
        embedding_size: numbers that stand for a class.
    """

    family = "conditional"
    takes_labels = True

    def __init__(
        self, latent_size: int, image_shape: tuple[int, int, int], num_classes: int, embedding_size: int = 16
    ) -> None:
        super().__init__(latent_size, image_shape, num_classes=num_classes, embedding_size=embedding_size)
        self.encoder = PatchEncoder(image_shape, latent_size)
        self.decoder = PatchDecoder(latent_size + embedding_size, image_shape)

    def start_from_pca(self, mean: np.ndarray, components: np.ndarray, scales: np.ndarray) -> None:
        """Takes the mean image, and how far images lie from it."""
        self.encoder.start(mean, scales)
        self.decoder.start(mean)

    def encode(self, images: Tensor) -> Tensor:
        """(B, C, H, W) float32 in [0, 1] -> (B, D) float32, any real value."""
        return self.encoder(images)

    def _decode(self, codes: Tensor) -> Tensor:
        return self.decoder(codes)
