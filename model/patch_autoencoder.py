"""What architectures of convolutions on patches share: a network on either side of the bottleneck, and its start."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from model.autoencoder import Autoencoder
from model.layers import PATCH, Residual, begin, map_shape, patches, unpatched

PATCH_CHANNELS = 32  # of the maps on both sides; 64 take three times the work
PATCH_DENSE_UNITS = 256  # of the dense layers on both sides


class PatchEncoder(nn.Module):
    """Images (B, C, H, W) in [0, 1] -> (B, outputs), any real value.

    One convolution whose stride is its kernel, a residual block of 3 x 3 convolutions on the map of patches, then dense
    layers. Images are taken as deviations from the mean image, once :meth:`start` has said what that is.
    """

    def __init__(self, image_shape: tuple[int, int, int], outputs: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.full(tuple(image_shape), 0.5))
        self.register_buffer("scale", torch.full((), 0.25))  # deviation of a pixel over the training images
        neck, rows, columns = map_shape(image_shape, PATCH_CHANNELS)
        self.layers = nn.Sequential(
            begin(nn.Conv2d(image_shape[0] * PATCH * PATCH, PATCH_CHANNELS, 1)),
            Residual(begin(nn.Conv2d(PATCH_CHANNELS, PATCH_CHANNELS, 3, padding=1)), nn.SiLU(),
                     begin(nn.Conv2d(PATCH_CHANNELS, PATCH_CHANNELS, 1), gain=0)), nn.SiLU(),
            begin(nn.Conv2d(PATCH_CHANNELS, neck, 1)), nn.SiLU(), nn.Flatten(),
            begin(nn.Linear(neck * rows * columns, PATCH_DENSE_UNITS)), nn.SiLU(),
            begin(nn.Linear(PATCH_DENSE_UNITS, outputs), gain=0.5),
        )  # fmt: skip

    @torch.no_grad()
    def start(self, mean: np.ndarray, scales: np.ndarray) -> None:
        """Take the mean image (C*H*W,) and how far images lie from it: the deviations along their components (K,)."""
        self.mean.copy_(torch.from_numpy(mean).view_as(self.mean))
        self.scale.fill_(max(float(np.sqrt(np.square(scales).sum() / mean.size)), 1e-3))

    def forward(self, images: Tensor) -> Tensor:  # noqa: D102
        return self.layers(patches((images - self.mean) / self.scale)).float()


class PatchDecoder(nn.Module):
    """(B, inputs) -> images (B, C, H, W) in (0, 1): dense layers, a map of patches, a residual block, a sigmoid.

    The sigmoid's argument begins at the mean image, once :meth:`start` has said what that is.
    """

    def __init__(self, inputs: int, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.image_shape = tuple(image_shape)
        self.register_buffer("level", torch.zeros(self.image_shape))  # logit of the mean image
        neck, rows, columns = map_shape(image_shape, PATCH_CHANNELS)
        first = begin(nn.Linear(inputs, PATCH_DENSE_UNITS))
        nn.init.uniform_(first.bias, -1.0, 1.0)  # two latents alone need their bends apart
        self.layers = nn.Sequential(
            first, nn.SiLU(), Residual(begin(nn.Linear(PATCH_DENSE_UNITS, PATCH_DENSE_UNITS)), nn.SiLU()),
            begin(nn.Linear(PATCH_DENSE_UNITS, neck * rows * columns)), nn.Unflatten(1, (neck, rows, columns)),
            nn.SiLU(),
            begin(nn.Conv2d(neck, PATCH_CHANNELS, 1)),
            Residual(nn.SiLU(), begin(nn.Conv2d(PATCH_CHANNELS, PATCH_CHANNELS, 3, padding=1)), nn.SiLU(),
                     begin(nn.Conv2d(PATCH_CHANNELS, PATCH_CHANNELS, 1), gain=0)), nn.SiLU(),
            begin(nn.Conv2d(PATCH_CHANNELS, image_shape[0] * PATCH * PATCH, 1), gain=0.1),
        )  # fmt: skip

    @torch.no_grad()
    def start(self, mean: np.ndarray) -> None:
        """Take the mean image (C*H*W,) in [0, 1]."""
        self.level.copy_(torch.from_numpy(mean).view_as(self.level).clamp(0.01, 0.99).logit())

    def forward(self, codes: Tensor) -> Tensor:  # noqa: D102
        return (unpatched(self.layers(codes), self.image_shape).float() + self.level).sigmoid()


class PatchAutoencoder(Autoencoder):
    """Convolutions on patches and dense layers on either side; what the encoder's outputs mean, a subclass says.

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
        label_size = self.embedding.embedding_dim if self.takes_labels else 0
        self.encoder = PatchEncoder(image_shape, outputs)
        self.decoder = PatchDecoder(latent_size + label_size, image_shape)

    def start_from_pca(self, mean: np.ndarray, components: np.ndarray, scales: np.ndarray) -> None:
        """Takes the mean image, and how far images lie from it."""
        self.encoder.start(mean, scales)
        self.decoder.start(mean)

    def _decode(self, codes: Tensor) -> Tensor:
        return self.decoder(codes)
