"""A deep autoencoder of dense layers."""

import math
from itertools import pairwise

from torch import Tensor, nn

from model.autoencoder import Autoencoder
from model.layers import begin
from model.noise import Dropout

WIDTHS = (512, 256, 128, 64)


class DeepDenseAutoencoder(Autoencoder):
    """Images (B, C, H, W) in [0, 1] -> flat -> 512 -> 256 -> 128 -> 64 -> latents (B, D), and mirrored back -> images.

    LeakyReLU and dropout after each hidden layer, a sigmoid at the end, nothing at the latents. A layer narrower than
    the latents would be the bottleneck in their place, so none is. Starts at random: it takes nothing of PCA.

    Args:
        latent_size: D.
        image_shape: (C, H, W).
        dropout: of the hidden units.
    """

    architecture = "deep_dense"

    def __init__(self, latent_size: int, image_shape: tuple[int, int, int], dropout: float = 0.1) -> None:
        super().__init__(latent_size, image_shape, dropout=dropout)
        sizes = [math.prod(image_shape), *(max(width, latent_size) for width in WIDTHS), latent_size]

        def stack(sizes: list[int]) -> list[nn.Module]:
            layers: list[nn.Module] = []
            for inputs, outputs in pairwise(sizes):
                layers += [begin(nn.Linear(inputs, outputs)), nn.LeakyReLU(0.2), Dropout(dropout)]
            return layers[:-2]  # neither after the last

        self.encoder = nn.Sequential(nn.Flatten(), *stack(sizes))
        self.decoder = nn.Sequential(*stack(sizes[::-1]), nn.Unflatten(1, self.image_shape))

    def encode(self, images: Tensor) -> Tensor:
        """(B, C, H, W) float32 in [0, 1] -> (B, D) float32, any real value."""
        return self.encoder(images).float()

    def _decode(self, codes: Tensor) -> Tensor:
        return self.decoder(codes).float().sigmoid()
