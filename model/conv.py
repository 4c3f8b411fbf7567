"""A convolutional autoencoder that starts as PCA and can only learn from there."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from model.autoencoder import Autoencoder
from model.layers import PATCH, Residual, begin, flattened, map_shape, patches, unflattened, unpatched
from model.noise import Dropout
from model.optimisation import Optimisation

ENCODER_WIDTH, ENCODER_WIDTH_GREY = 16, 32  # channels; more win where images are grey, and nothing where not
# channels of the decoder; more win 0.6 to 3.6 points below PCA where latents and independent images are many, in colour
DECODER_WIDTH, DECODER_WIDTH_MANY, MANY_LATENTS, MANY_IMAGES = 32, 64, 16, 10_000
ENCODER_UNITS, DECODER_UNITS = 256, 512  # of the dense layers; the encoder of latents fewer than WIDE has 512 as well
DROPOUT = 0.1  # of the inputs of the two wide dense layers, where training images could be learnt by heart
REFINED_FROM, REFINED_UP_TO = 0.4, 64  # part of the steps; latents: with 256 GTSRB lost by it
REFINED_SHARE_FEW = 0.7  # of the loss, of fewer latents than WIDE; with 64 photographs lost by it
# latents from which on dropout and weight decay are whole; fewer bend further, get less, and are harder to guess
WIDE = 20


class ConvAutoencoder(Autoencoder):
    """Images (B, C, H, W) in [0, 1] -> latents (B, D) -> images, H and W at least 8.

    Both halves are a fixed linear map plus a network that corrects it:

        encode(x) = A (x - mean) + network(x - mean)            A: the axes of PCA, orthonormal
        decode(z) = mean + y + network(y, z),  y = z A

    The networks end in zeros, so before the first step this *is* PCA, which no random start comes near in a few epochs
    when the bottleneck is wide. A stays fixed: at a network's learning rate it would leave the optimum it starts in.
    Latents keep PCA's scale, so that distances between them are about those between the images, as neighbours and
    clusters want them; whitened, the many faint dimensions of a wide bottleneck would drown the few that matter.

    In the networks nearly all the work is matrix products with many channels: each 4 x 4 patch becomes one position of
    a map (a convolution whose stride is its kernel), 3 x 3 convolutions run on the map, and dense layers join it to the
    latents.

    Args:
        latent_size: D.
        image_shape: (C, H, W).
        width: channels of the decoder's maps; by :meth:`sized_for` 32, or 64 for many latents of many images in colour.
        encoder_width: channels of the encoder's; None for 16, or 32 where images are grey. What they find is a
            correction of PCA's coordinates, for which few do.
    """

    architecture = "conv"
    bounded = False
    starts_as_pca = True
    optimisation = Optimisation(peak_over_lr=25, betas=(0.9, 0.95), weight_decay=1.0)

    def __init__(
        self,
        latent_size: int,
        image_shape: tuple[int, int, int],
        width: int = DECODER_WIDTH,
        encoder_width: int | None = None,
    ) -> None:
        if encoder_width is None:
            encoder_width = ENCODER_WIDTH_GREY if image_shape[0] == 1 else ENCODER_WIDTH
        super().__init__(latent_size, image_shape, width=width, encoder_width=encoder_width)
        patch = image_shape[0] * PATCH * PATCH
        self.encoder_map = map_shape(image_shape, encoder_width)  # (C, H/4, W/4), as it is flattened
        self.decoder_map = map_shape(image_shape, width)
        self.patch_map = (patch, *self.decoder_map[1:])

        self.register_buffer("mean", torch.zeros(self.image_shape))
        # Patch by patch, as both networks work, so that pixels are brought into this order and out of it once. Where 4
        # does not divide a side it goes on beyond the edge: as the mean image when encoded, and cut off when decoded.
        self.register_buffer("axes", torch.zeros(latent_size, math.prod(self.patch_map)))
        self.register_buffer("deviations", torch.ones(latent_size))  # of the latents, over the training images
        self.register_buffer("loudness", torch.ones(latent_size))  # what the decoder's network multiplies latents by
        self.register_buffer("pixel_scale", torch.ones(()))  # deviation of a pixel explained by PCA
        units = ENCODER_UNITS if latent_size >= WIDE else DECODER_UNITS
        share = min(1.0, latent_size / WIDE)  # of dropout and weight decay
        dropout = share * DROPOUT
        self.optimisation = replace(self.optimisation, weight_decay=share * self.optimisation.weight_decay)
        if latent_size <= REFINED_UP_TO:
            self.refined_from = REFINED_FROM
        if latent_size < WIDE:
            self.refined_share = REFINED_SHARE_FEW

        def convolutions(width: int) -> nn.Module:
            return Residual(begin(nn.Conv2d(width, width, 3, padding=1)), nn.SiLU(),
                            begin(nn.Conv2d(width, width, 1), gain=0))  # fmt: skip

        def dense() -> nn.Module:
            return Residual(begin(nn.Linear(DECODER_UNITS, DECODER_UNITS)), nn.SiLU())

        def narrowed(channels: int, neck: int) -> list[nn.Module]:
            return [nn.SiLU(), begin(nn.Conv2d(channels, neck, 1))] if neck < channels else []

        self.to_map = nn.Sequential(
            begin(nn.Conv2d(patch, encoder_width, 1)), convolutions(encoder_width),
            *narrowed(encoder_width, self.encoder_map[0]), nn.SiLU(),
        )  # fmt: skip
        self.to_latents = nn.Sequential(
            Dropout(dropout), begin(nn.Linear(math.prod(self.encoder_map), units)), nn.SiLU(),
            begin(nn.Linear(units, latent_size), gain=0),
        )  # fmt: skip

        first = begin(nn.Linear(latent_size, DECODER_UNITS), gain=0.5**0.5)
        nn.init.uniform_(first.bias, -1.0, 1.0)  # two latents alone need their bends apart
        self.from_latents = nn.Sequential(
            first, nn.SiLU(), dense(), dense(), Dropout(dropout),
            # From zero too: many latents at random weights would bury the linear image in noise.
            begin(nn.Linear(DECODER_UNITS, math.prod(self.decoder_map)), gain=0),
        )  # fmt: skip
        neck = self.decoder_map[0]
        self.widen = begin(nn.Conv2d(neck, width, 1)) if neck < width else nn.Identity()
        self.from_linear = begin(nn.Conv2d(patch, width, 1))
        self.to_patches = nn.Sequential(convolutions(width), nn.SiLU(), begin(nn.Conv2d(width, patch, 1), gain=0))

    @classmethod
    def sized_for(cls, latent_size: int, images: int, image_shape: tuple[int, int, int]) -> dict[str, Any]:
        """See :meth:`model.autoencoder.Autoencoder.sized_for`."""
        wide = latent_size >= MANY_LATENTS and images >= MANY_IMAGES and image_shape[0] == 3
        return {"width": DECODER_WIDTH_MANY if wide else DECODER_WIDTH}

    @torch.no_grad()
    def start_from_pca(self, mean: np.ndarray, components: np.ndarray, scales: np.ndarray) -> None:
        """See :meth:`model.autoencoder.Autoencoder.start_from_pca`.

        With fewer components than latents (K < D), or some without variance, the remaining latents have no linear part:
        their axes are zero and the networks alone use them.
        """
        kept = scales > 1e-6 * scales.max()
        count = int(kept.sum())
        self.mean.copy_(torch.from_numpy(mean).view_as(self.mean))
        if not count:  # images that are all the same
            return
        deviations = torch.from_numpy(scales[kept])
        axes = torch.from_numpy(components[kept]).view(count, *self.image_shape)
        self.axes.zero_()[:count] = flattened(patches(axes))
        self.deviations.fill_(deviations.min())[:count] = deviations
        self.pixel_scale.copy_((deviations.square().sum() / mean.size).sqrt())
        # Between whitened, where the many faint latents are as loud as the rest, and the latents' own loudness.
        self.loudness.copy_((self.deviations * deviations.square().mean().sqrt()).rsqrt())

    def encode(self, images: Tensor) -> Tensor:
        """(B, C, H, W) float32 in [0, 1] -> (B, D) float32, any real value, at the scale of PCA's."""
        # bfloat16 would round the linear part by more than the networks can win back.
        with torch.autocast(images.device.type, enabled=False):
            centred = patches(images - self.mean, beyond_edges="constant")
            linear = flattened(centred) @ self.axes.T
        maps = self.to_map(centred / self.pixel_scale)
        return linear + self.to_latents(flattened(maps)).float() * self.deviations

    def _decode(self, codes: Tensor) -> Tensor:
        with torch.autocast(codes.device.type, enabled=False):
            linear = unflattened((codes / self.pixel_scale) @ self.axes, self.patch_map)
        maps = self.widen(unflattened(self.from_latents(codes * self.loudness), self.decoder_map))
        deviating = linear + self.to_patches(maps + self.from_linear(linear)).float()  # (n, C*16, rows, columns)
        return torch.addcmul(self.mean, unpatched(deviating, self.image_shape), self.pixel_scale)
