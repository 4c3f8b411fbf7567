"""What architectures of convolutions on patches share: a network on either side of the bottleneck, and how they start."""

from typing import Any

import numpy as np
from torch import Tensor

from model.autoencoder import Autoencoder
from model.layers import PatchDecoder, PatchEncoder


class PatchAutoencoder(Autoencoder):
    """Convolutions on patches and dense layers on either side; what the encoder's outputs mean is an architecture's own.

    Args:
        latent_size: D.
        image_shape: (C, H, W).
        outputs: of the encoder, numbers an image.
        hyperparameters: as of :class:`model.autoencoder.Autoencoder`.
    """

    def __init__(
        self, latent_size: int, image_shape: tuple[int, int, int], outputs: int, **hyperparameters: Any
    ) -> None:
        super().__init__(latent_size, image_shape, **hyperparameters)
        told = self.embedding.embedding_dim if self.takes_labels else 0
        self.encoder = PatchEncoder(image_shape, outputs)
        self.decoder = PatchDecoder(latent_size + told, image_shape)

    def start_from_pca(self, mean: np.ndarray, components: np.ndarray, scales: np.ndarray) -> None:
        """Takes the mean image, and how far images lie from it."""
        self.encoder.start(mean, scales)
        self.decoder.start(mean)

    def _decode(self, codes: Tensor) -> Tensor:
        return self.decoder(codes)
