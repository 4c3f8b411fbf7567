"""The classic convolutional autoencoder."""

import math

import torch
from torch import Tensor, nn

from model.autoencoder import Autoencoder


class ClassicConvAutoencoder(Autoencoder):
    """Images (B, C, H, W) in [0, 1] -> latents (B, D) -> images in (0, 1).

    32 and 64 filters of 3 x 3, each with batch norm, LeakyReLU and max-pooling by 2; one dense layer to the latents and
    one back; transposed convolutions to the image's size and a sigmoid. An odd side is rounded up when it is halved,
    and what is too much is cut off at the end. Starts at random: it takes nothing of PCA.

    Args:
        latent_size: D.
        image_shape: (C, H, W).
    """

    architecture = "cae"

    def __init__(self, latent_size: int, image_shape: tuple[int, int, int]) -> None:
        super().__init__(latent_size, image_shape)
        channels, height, width = image_shape
        small = (64, -(-height // 4), -(-width // 4))
        self.encoder = nn.Sequential(
            # Pooled before LeakyReLU, which keeps the order of values: the same network, on a quarter of the numbers.
            nn.Conv2d(channels, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.MaxPool2d(2, ceil_mode=True),
            nn.LeakyReLU(0.2),
            nn.Conv2d(32, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.MaxPool2d(2, ceil_mode=True),
            nn.LeakyReLU(0.2),
            nn.Flatten(), nn.Linear(math.prod(small), latent_size),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(latent_size, math.prod(small)), nn.Unflatten(1, small), nn.BatchNorm2d(64), nn.LeakyReLU(0.2),
            nn.ConvTranspose2d(64, 32, 3, stride=2, padding=1, output_padding=1, bias=False),
            nn.BatchNorm2d(32), nn.LeakyReLU(0.2),
            nn.ConvTranspose2d(32, channels, 3, stride=2, padding=1, output_padding=1),
        )  # fmt: skip

    def encode(self, images: Tensor) -> Tensor:
        """(B, C, H, W) float32 in [0, 1] -> (B, D) float32, any real value."""
        return self.encoder(images.contiguous(memory_format=torch.channels_last)).float()

    def _decode(self, codes: Tensor) -> Tensor:
        _, height, width = self.image_shape
        return self.decoder(codes)[..., :height, :width].float().sigmoid()
