"""PCA as a decoder among others: what it shows with latents found as a network's are."""

import numpy as np
import torch
from torch import Tensor, nn

from model.autoencoder import Autoencoder
from model.inference import measure_refinement


class LinearAutoencoder(Autoencoder):
    """Images (B, C, H, W) in [0, 1] -> PCA's coordinates (B, D) -> images, along axes that nothing trains.

    The projection is the best answer that these axes have until its pixels are clamped to [0, 1]. Then other
    coordinates are better, and refining finds them: by 1 to 6% on photographs and signs, by up to 70% where most pixels
    are black or white (docs/results/refined_pca.md).

    Args:
        latent_size: D.
        image_shape: (C, H, W).
    """

    architecture = "pca"

    def __init__(self, latent_size: int, image_shape: tuple[int, int, int]) -> None:
        super().__init__(latent_size, image_shape)
        self.mean = nn.Parameter(torch.zeros(self.image_shape), requires_grad=False)
        self.axes = nn.Parameter(torch.zeros(latent_size, self.mean.numel()), requires_grad=False)

    @classmethod
    def of(cls, mean: np.ndarray, components: np.ndarray, image_shape: tuple[int, int, int]) -> "LinearAutoencoder":
        """That of a mean image (C*H*W,) and orthonormal axes (K, C*H*W)."""
        made = cls(max(len(components), 1), image_shape)
        made.mean.copy_(torch.from_numpy(mean).view_as(made.mean))
        made.axes[: len(components)] = torch.from_numpy(components)
        return made.eval()

    def encode(self, images: Tensor) -> Tensor:
        """(B, C, H, W) float32 in [0, 1] -> (B, D) float32."""
        return (images - self.mean).flatten(1) @ self.axes.T

    def _decode(self, codes: Tensor) -> Tensor:
        return self.mean + (codes @ self.axes).view(-1, *self.image_shape)


def refinable(
    mean: np.ndarray, components: np.ndarray, training: np.ndarray, device: torch.device | str = "cpu"
) -> LinearAutoencoder:
    """PCA as a network whose latents can be refined: measured around those of training images uint8 (N, C, H, W).

    Args:
        mean: (C*H*W,) the mean image.
        components: (K, C*H*W) orthonormal rows.
        training: uint8 (N, C, H, W).
        device: where it runs.
    """
    made = LinearAutoencoder.of(mean, components, training.shape[1:]).to(device)
    measure_refinement(made, training, None)
    return made
