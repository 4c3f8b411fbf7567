"""A convolutional autoencoder that starts as PCA and can only learn from there."""

import math
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from model.autoencoder import Autoencoder
from model.latent_optimisation import optimise_latents
from model.layers import PATCH, Residual, at_once, begin, flattened, map_shape, patches, unflattened, unpatched
from model.optimisation import Optimisation

ENCODER_WIDTH, ENCODER_WIDTH_GREY = 16, 32  # channels; more win where images are grey, and nothing where not
DENSE_UNITS = 512  # units of the dense layers on either side of the latents
OPTIMISED_UP_TO = 4  # latents; a search of more takes too many decodings, one for each at every step
ANCHORS = 1024  # latents of the last training images seen, where a search may begin
OPTIMISED_WEIGHT_DECAY = 0.1  # a searched surface may bend more than one that is guessed at, and needs no dropout
DROPOUT = 0.1  # of the inputs of the two wide dense layers, where training images could be learnt by heart


class ConvAutoencoder(Autoencoder):
    """Images (B, C, H, W) in [0, 1] -> latents (B, D) -> images, H and W at least 8.

    Both halves are a fixed linear map plus a network that corrects it:

        encode(x) = A (x - mean) + network(x - mean)            A: the axes of PCA, orthonormal
        decode(z) = mean + y + network(y, z),  y = z A

    The networks end in zeros, so before the first step this *is* PCA, which no random start comes near in a few epochs
    when the bottleneck is wide. A stays fixed: at a network's learning rate it would leave the optimum it starts in.
    Latents keep PCA's scale, so that distances between them are about those between the images, as neighbours and
    clusters want them; whitened, the many faint dimensions of a wide bottleneck would drown the few that matter.

    Up to four latents, a trained encoder's answer is only where a search of the decoder's surface begins (see
    :mod:`model.latent_optimisation`): a network that has to fold images onto so few numbers guesses badly for images
    unlike those it was trained on, while the surface it folds them onto fits them well.

    In the networks nearly all the work is matrix products with many channels: each 4 x 4 patch becomes one position of
    a map (a convolution whose stride is its kernel), 3 x 3 convolutions run on the map, and dense layers join it to the
    latents.

    Args:
        latent_size: D.
        image_shape: (C, H, W).
        width: channels of the decoder's maps.
        encoder_width: channels of the encoder's; None for 16, or 32 where images are grey. What they find is a
            correction of PCA's coordinates, for which few do.
    """

    architecture = "conv"
    bounded = False
    optimisation = Optimisation(peak_over_lr=25, betas=(0.9, 0.95), weight_decay=1.0)

    def __init__(
        self,
        latent_size: int,
        image_shape: tuple[int, int, int],
        width: int = 32,
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
        self.optimises_latents = latent_size <= OPTIMISED_UP_TO
        dropout = 0.0 if self.optimises_latents else DROPOUT
        if self.optimises_latents:
            self.optimisation = replace(self.optimisation, weight_decay=OPTIMISED_WEIGHT_DECAY)
            self.register_buffer("anchors", torch.zeros(ANCHORS, latent_size))
            self.register_buffer("next_anchor", torch.zeros((), dtype=torch.int64))
            # The anchors are decoded anew for each lot of images.
            self.images_at_once = at_once(2048, math.prod(image_shape), 16 << 20)

        def convolutions(width: int) -> nn.Module:
            return Residual(begin(nn.Conv2d(width, width, 3, padding=1)), nn.SiLU(),
                            begin(nn.Conv2d(width, width, 1), gain=0))  # fmt: skip

        def dense() -> nn.Module:
            return Residual(begin(nn.Linear(DENSE_UNITS, DENSE_UNITS)), nn.SiLU())

        def narrowed(channels: int, neck: int) -> list[nn.Module]:
            return [nn.SiLU(), begin(nn.Conv2d(channels, neck, 1))] if neck < channels else []

        self.to_map = nn.Sequential(
            begin(nn.Conv2d(patch, encoder_width, 1)), convolutions(encoder_width),
            *narrowed(encoder_width, self.encoder_map[0]), nn.SiLU(),
        )  # fmt: skip
        self.to_latents = nn.Sequential(
            nn.Dropout(dropout), begin(nn.Linear(math.prod(self.encoder_map), DENSE_UNITS)), nn.SiLU(),
            begin(nn.Linear(DENSE_UNITS, latent_size), gain=0),
        )  # fmt: skip

        first = begin(nn.Linear(latent_size, DENSE_UNITS), gain=0.5**0.5)
        nn.init.uniform_(first.bias, -1.0, 1.0)  # two latents alone need their bends apart
        self.from_latents = nn.Sequential(
            first, nn.SiLU(), dense(), dense(), nn.Dropout(dropout),
            # From zero too: many latents at random weights would bury the linear image in noise.
            begin(nn.Linear(DENSE_UNITS, math.prod(self.decoder_map)), gain=0),
        )  # fmt: skip
        neck = self.decoder_map[0]
        self.widen = begin(nn.Conv2d(neck, width, 1)) if neck < width else nn.Identity()
        self.from_linear = begin(nn.Conv2d(patch, width, 1))
        self.to_patches = nn.Sequential(convolutions(width), nn.SiLU(), begin(nn.Conv2d(width, patch, 1), gain=0))

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
        guess = linear + self.to_latents(flattened(maps)).float() * self.deviations
        if not self.optimises_latents:
            return guess
        if self.training:
            self._remember(guess.detach())
            return guess
        return optimise_latents(
            self._searched, flattened(centred) / self.pixel_scale, guess, self.anchors, self.deviations
        )

    def _remember(self, latents: Tensor) -> None:
        """Latents (B, D) take the place of the oldest anchors."""
        rows = (self.next_anchor + torch.arange(min(len(latents), ANCHORS), device=latents.device)) % ANCHORS
        self.anchors[rows] = latents[:ANCHORS]
        self.next_anchor.copy_((rows[-1] + 1) % ANCHORS)

    def _searched(self, codes: Tensor) -> Tensor:
        """Images as :meth:`encode` searches for them: patch by patch, nothing beyond the edges, (n, P)."""
        values = flattened(self._deviating(codes))
        if any(side % PATCH for side in self.image_shape[1:]):
            inside = torch.ones(1, *self.image_shape, device=codes.device)
            values = values * flattened(patches(inside, beyond_edges="constant"))
        return values

    def _decode(self, codes: Tensor) -> Tensor:
        return torch.addcmul(self.mean, unpatched(self._deviating(codes), self.image_shape), self.pixel_scale)

    def _deviating(self, codes: Tensor) -> Tensor:
        """How patches deviate from those of the mean image, in units of ``pixel_scale``: (n, C*16, rows, columns)."""
        with torch.autocast(codes.device.type, enabled=False):
            linear = unflattened((codes / self.pixel_scale) @ self.axes, self.patch_map)
        maps = self.widen(unflattened(self.from_latents(codes * self.loudness), self.decoder_map))
        return linear + self.to_patches(maps + self.from_linear(linear)).float()
