"""The contract that every family of networks keeps."""

import abc
from typing import Any, ClassVar

import numpy as np
from torch import Tensor, nn


class Autoencoder(nn.Module, abc.ABC):
    """Images to latents and back.

    Args:
        latent_size: D, the number of dimensions of the bottleneck, from 1 up.
        image_shape: (C, H, W) with C 1 or 3 and H, W from 8 up.
    """

    family: ClassVar[str]

    def __init__(self, latent_size: int, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.latent_size = latent_size
        self.image_shape = tuple(image_shape)
        # The constructor's arguments, from which a checkpoint rebuilds the network; a family adds its own.
        self.hyperparameters: dict[str, Any] = {"latent_size": latent_size, "image_shape": self.image_shape}

    @abc.abstractmethod
    def encode(self, images: Tensor) -> Tensor:
        """(B, C, H, W) float32 in [0, 1] -> (B, D) float32; linear at the bottleneck, so any real value."""

    @abc.abstractmethod
    def decode(self, latents: Tensor) -> Tensor:
        """(B, D) float32 -> (B, C, H, W) float32, about [0, 1] but not clamped to it."""

    @abc.abstractmethod
    def start_from_pca(self, mean: np.ndarray, components: np.ndarray, scales: np.ndarray) -> None:
        """Take what PCA of the training images knows as the starting point, before the first step.

        Args:
            mean: (C*H*W,) the mean training image.
            components: (K, C*H*W) orthonormal rows, K <= D.
            scales: (K,) standard deviation of the training images along each component.
        """

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) -> its reconstruction, (B, C, H, W), not clamped."""
        return self.decode(self.encode(images))

    def loss(self, images: Tensor) -> dict[str, Tensor]:
        """What training minimises, in named parts; ``total`` is their sum. For (B, C, H, W) in [0, 1]."""
        mse = nn.functional.mse_loss(self(images), images)
        return {"total": mse, "mse": mse}
