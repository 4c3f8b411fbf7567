"""A convolutional autoencoder that starts as PCA and can only learn from there."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from model.autoencoder import Autoencoder
from model.layers import PATCH, Residual, begin, map_shape, patches, unpatched
from model.optimisation import Optimisation
from model.surface import nearest_latents

HIDDEN = 512  # units of the dense layers on either side of the latents
SEARCHED_UP_TO = 3  # latents; more of them, and a surface is too large to be searched from a few anchors
ANCHORS = 1024  # latents of the last training images seen, where a search may begin
SEARCHED_WEIGHT_DECAY = 0.1  # a searched surface may bend more than one that is guessed at


class ConvAutoencoder(Autoencoder):
    """Images (B, C, H, W) in [0, 1] -> latents (B, D) -> images, H and W at least 8.

    Both halves are a fixed linear map plus a network that corrects it:

        encode(x) = A (x - mean) + network(x - mean)            A: the axes of PCA, orthonormal
        decode(z) = mean + y + network(y, z),  y = z A

    The networks end in zeros, so before the first step this *is* PCA, which no random start comes near in a few epochs
    when the bottleneck is wide. A stays fixed: at a network's learning rate it would leave the optimum it starts in.
    Latents keep PCA's scale, so that distances between them are about those between the images, as neighbours and
    clusters want them; whitened, the many faint dimensions of a wide bottleneck would drown the few that matter.

    Up to three latents, a trained encoder's answer is only where a search of the decoder's surface begins (see
    :mod:`model.surface`): a network that has to fold images onto so few numbers guesses badly for images unlike those
    it was trained on, while the surface it folds them onto fits them well.

    In the networks nearly all the work is matrix products with many channels: each 4 x 4 patch becomes one position of
    a map (a convolution whose stride is its kernel), 3 x 3 convolutions run on the map, and dense layers join it to the
    latents.

    Args:
        latent_size: D.
        image_shape: (C, H, W).
        width: channels of the maps.
        dropout: of the inputs of the two wide dense layers, where training images could be learnt by heart.
    """

    family = "conv"
    bounded = False
    optimisation = Optimisation(peak_over_lr=25, betas=(0.9, 0.95), weight_decay=1.0)

    def __init__(
        self, latent_size: int, image_shape: tuple[int, int, int], width: int = 64, dropout: float = 0.1
    ) -> None:
        super().__init__(latent_size, image_shape, width=width, dropout=dropout)
        channels, image_height, image_width = image_shape
        pixels, patch = channels * image_height * image_width, channels * PATCH * PATCH
        neck, rows, columns = map_shape(image_shape, width)
        flat = neck * rows * columns

        self.register_buffer("mean", torch.zeros(pixels))
        self.register_buffer("axes", torch.zeros(latent_size, pixels))
        self.register_buffer("deviations", torch.ones(latent_size))  # of the latents, over the training images
        self.register_buffer("loudness", torch.ones(latent_size))  # what the decoder's network multiplies latents by
        self.register_buffer("pixel_scale", torch.ones(()))  # deviation of a pixel explained by PCA
        self.searched = latent_size <= SEARCHED_UP_TO
        if self.searched:
            self.optimisation = replace(self.optimisation, weight_decay=SEARCHED_WEIGHT_DECAY)
            self.register_buffer("anchors", torch.zeros(ANCHORS, latent_size))
            self.register_buffer("next_anchor", torch.zeros((), dtype=torch.int64))

        def convolutions() -> nn.Module:
            return Residual(begin(nn.Conv2d(width, width, 3, padding=1)), nn.SiLU(),
                            begin(nn.Conv2d(width, width, 1), gain=0))  # fmt: skip

        def dense() -> nn.Module:
            return Residual(begin(nn.Linear(HIDDEN, HIDDEN)), nn.SiLU())

        narrow = [begin(nn.Conv2d(width, neck, 1)), nn.SiLU()] if neck < width else []
        widen = [begin(nn.Conv2d(neck, width, 1))] if neck < width else []
        from_latents = begin(nn.Linear(latent_size, HIDDEN), gain=0.5**0.5)
        nn.init.uniform_(from_latents.bias, -1.0, 1.0)  # two latents alone need their bends apart

        self.to_latents = nn.Sequential(
            begin(nn.Conv2d(patch, width, 1)), convolutions(), nn.SiLU(), *narrow, nn.Flatten(),
            nn.Dropout(dropout), begin(nn.Linear(flat, HIDDEN)), nn.SiLU(),
            begin(nn.Linear(HIDDEN, latent_size), gain=0),
        )  # fmt: skip
        self.from_latents = nn.Sequential(
            from_latents, nn.SiLU(), dense(), dense(), nn.Dropout(dropout),
            # From zero too: many latents at random weights would bury the linear image in noise.
            begin(nn.Linear(HIDDEN, flat), gain=0),
            nn.Unflatten(1, (neck, rows, columns)), *widen,
        )  # fmt: skip
        self.from_linear = begin(nn.Conv2d(patch, width, 1))
        self.to_patches = nn.Sequential(convolutions(), nn.SiLU(), begin(nn.Conv2d(width, patch, 1), gain=0))

    @torch.no_grad()
    def start_from_pca(self, mean: np.ndarray, components: np.ndarray, scales: np.ndarray) -> None:
        """See :meth:`model.autoencoder.Autoencoder.start_from_pca`.

        With fewer components than latents (K < D), or some without variance, the remaining latents have no linear part:
        their axes are zero and the networks alone use them.
        """
        kept = scales > 1e-6 * scales.max()
        count = int(kept.sum())
        self.mean.copy_(torch.from_numpy(mean))
        if not count:  # images that are all the same
            return
        deviations = torch.from_numpy(scales[kept])
        self.axes.zero_()[:count] = torch.from_numpy(components[kept])
        self.deviations.fill_(deviations.min())[:count] = deviations
        self.pixel_scale.copy_((deviations.square().sum() / mean.size).sqrt())
        # Between whitened, where the many faint latents are as loud as the rest, and the latents' own loudness.
        self.loudness.copy_((self.deviations * deviations.square().mean().sqrt()).rsqrt())

    def encode(self, images: Tensor) -> Tensor:
        """(B, C, H, W) float32 in [0, 1] -> (B, D) float32, any real value, at the scale of PCA's."""
        # bfloat16 would round the linear part by more than the networks can win back.
        with torch.autocast(images.device.type, enabled=False):
            centred = images.flatten(1) - self.mean
            linear = centred @ self.axes.T
        guess = linear + self.to_latents(self._patches(centred)).float() * self.deviations
        if not self.searched:
            return guess
        if self.training:
            self._remember(guess.detach())
            return guess
        return nearest_latents(self.decode, images, guess, self.anchors, self.deviations)

    def _remember(self, latents: Tensor) -> None:
        """Latents (B, D) take the place of the oldest anchors."""
        rows = (self.next_anchor + torch.arange(min(len(latents), ANCHORS), device=latents.device)) % ANCHORS
        self.anchors[rows] = latents[:ANCHORS]
        self.next_anchor.copy_((rows[-1] + 1) % ANCHORS)

    def _decode(self, codes: Tensor) -> Tensor:
        with torch.autocast(codes.device.type, enabled=False):
            linear = codes @ self.axes
        maps = self.from_latents(codes * self.loudness) + self.from_linear(self._patches(linear))
        maps = maps.contiguous(memory_format=torch.channels_last)
        detail = unpatched(self.to_patches(maps), self.image_shape).float()
        image = self.mean + linear
        return image.view(-1, *self.image_shape) + detail * self.pixel_scale

    def _patches(self, centred: Tensor) -> Tensor:
        """(B, C*H*W) deviations from the mean -> (B, C*16, H/4, W/4), edges repeated to fit."""
        return patches(centred.view(-1, *self.image_shape) / self.pixel_scale)
