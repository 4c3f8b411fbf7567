"""The contract that every architecture of networks keeps."""

import abc
import math
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from model.layers import at_once
from model.objective import Objective
from model.optimisation import Optimisation
from model.refinement import Refinement
from run.errors import BadInput
from run.hints import training_at_hand

MOST_AT_ONCE = 256  # images; fewer where they are large


class Autoencoder(nn.Module, abc.ABC):
    """Images to latents and back.

    The encoder of every architecture sees the image alone, so that latents hold nothing that the image does not. An
    architecture that ``takes_labels`` gets the class as well when it decodes: the class number becomes a learnt vector
    (``embedding``) that is joined to the latents.

    A new architecture is a file with a subclass and a line in :data:`model.ARCHITECTURES`; what the rest of the suite
    has to know of it, it declares by the attributes below.

    Args:
        latent_size: D, the number of dimensions of the bottleneck, from 1 up.
        image_shape: (C, H, W) with C 1 or 3 and H, W from 8 up.
        hyperparameters: the architecture's own arguments, which a checkpoint needs to rebuild it; of one that takes
            labels ``num_classes`` and ``embedding_size`` among them.
    """

    architecture: ClassVar[str]  # its name in ARCHITECTURES
    loss_parts: ClassVar[tuple[str, ...]] = ("total", "mse")  # the keys of what :meth:`loss` returns; all are logged
    # Flags of train.py that not every architecture has a use for: ``beta``, an argument of the constructor, and
    # ``kl_warmup``, which :meth:`loss` finds in its objective.
    own_flags: ClassVar[tuple[str, ...]] = ()
    takes_labels: ClassVar[bool] = False  # decodes images of a class, which is an argument of :meth:`decode`
    variational: ClassVar[bool] = False  # its latents have a prior, N(0, I), and its loss a part ``kl``
    starts_as_pca: ClassVar[bool] = False  # before its first step it is PCA, which it may be left as
    refined_from: float = math.inf  # part of all steps from which on it learns from refined latents, see :meth:`loss`
    refined_share: float = 0.5  # of the loss that is taken at these
    bounded: ClassVar[bool] = True  # reconstructions end in a sigmoid, and so lie in (0, 1)
    # Of five settings tried on 8,000 digits of MNIST the best or next to it for dense and deep_dense; see
    # docs/lab/rates.md.
    optimisation: ClassVar[Optimisation] = Optimisation(peak_over_lr=50, betas=(0.9, 0.95), weight_decay=0.3)

    def __init__(self, latent_size: int, image_shape: tuple[int, int, int], **hyperparameters: Any) -> None:
        super().__init__()
        self.latent_size = latent_size
        self.image_shape = tuple(image_shape)
        self.images_at_once = _lot(at_once(MOST_AT_ONCE, math.prod(image_shape)))  # where nothing is trained
        # The constructor's arguments, from which a checkpoint rebuilds the network.
        self.hyperparameters: dict[str, Any] = {
            "latent_size": latent_size,
            "image_shape": self.image_shape,
            **hyperparameters,
        }
        self.refinement = Refinement(latent_size, anchored=not self.takes_labels)
        if self.takes_labels:
            self.num_classes = hyperparameters["num_classes"]
            self.embedding = nn.Embedding(self.num_classes, hyperparameters["embedding_size"])

    @classmethod
    def sized_for(cls, latent_size: int, images: int, image_shape: tuple[int, int, int]) -> dict[str, Any]:
        """Hyperparameters that go by the data and the bottleneck; none, of most architectures.

        Args:
            latent_size: D.
            images: how many there are to train on, those of one group counted once.
            image_shape: (C, H, W).
        """
        return {}

    @abc.abstractmethod
    def encode(self, images: Tensor) -> Tensor:
        """(B, C, H, W) float32 in [0, 1] -> (B, D) float32; linear at the bottleneck, so any real value."""

    @abc.abstractmethod
    def _decode(self, codes: Tensor) -> Tensor:
        """(B, D) float32 -> (B, C, H, W) float32; of an architecture that takes labels (B, D + embedding_size)."""

    def decode(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Latents to images.

        Args:
            latents: (B, D) float32.
            labels: (B,) int64 in 0..num_classes - 1, of an architecture that takes labels; None of any other.

        Returns:
            (B, C, H, W) float32, about [0, 1]; within it where the architecture is ``bounded``.

        Raises:
            BadInput: an architecture that takes labels was given none, or another was given some.
        """
        if self.takes_labels and labels is None:
            raise BadInput(
                f"a {self.architecture} network decodes by each image's class, and no labels were given; "
                f"use labelled images, or an architecture that takes none: {training_at_hand({'--model': ['conv']})}"
            )
        if labels is not None and not self.takes_labels:
            raise BadInput(
                f"a {self.architecture} network takes no labels; use one that does: "
                f"{training_at_hand({'--model': ['cvae']})}"
            )
        return self._decode(latents if labels is None else torch.cat([latents, self.embedding(labels)], dim=1))

    def start_from_pca(self, mean: np.ndarray, components: np.ndarray, scales: np.ndarray) -> None:
        """Take what PCA of the training images knows as the starting point, before the first step.

        An architecture takes what it has a place for: all of it, the mean image and the scale, or, as here, nothing.

        Args:
            mean: (C*H*W,) the mean training image.
            components: (K, C*H*W) orthonormal rows, K <= D.
            scales: (K,) standard deviation of the training images along each component.
        """

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """(B, C, H, W) and, of an architecture that takes labels, (B,) -> reconstructions (B, C, H, W), not clamped."""
        return self.decode(self.encode(images), labels)

    def loss(
        self,
        images: Tensor,
        labels: Tensor | None = None,
        objective: Objective = Objective(),  # noqa: B008  (frozen)
        position: float = 1.0,
        weights: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """What training minimises, in named parts.

        A trained network reconstructs images from refined latents (:mod:`model.refinement`), which its decoder should
        know. So late in training a part of the loss is where one step of refinement leads from the encoder's guess.
        These latents are taken as given: the encoder learns from its guess alone.

        Args:
            images: (B, C, H, W) in [0, 1].
            labels: as of :meth:`decode`.
            objective: what reconstructions are held against images by, and how much noise the encoder sees.
            position: the part of all steps that is done, 0..1.
            weights: (B,) how much each image counts, 1 on average; None for equally.

        Returns:
            A number, (), for each of ``loss_parts``: ``total``, which is minimised; ``mse``, per pixel, by the
            encoder's guess, whatever is minimised; variational architectures add ``reconstruction`` and ``kl``, both in
            nats an image.
        """
        guess = self.encode(objective.noisy(images))
        made = self.decode(guess, labels)
        total = objective.reconstruction(made, images, self.bounded, weights)
        plain = objective.mix == {"mse": 1.0} and weights is None  # the same number, already there
        mse = (total if plain else nn.functional.mse_loss(made, images)).detach()
        if objective.refined and position >= self.refined_from:
            error = (made.float().clamp(0, 1) - images).square().sum() / 2
            (gradient,) = torch.autograd.grad(error, guess, retain_graph=True)
            refined = self.decode(guess.detach() + self.refinement.step(gradient), labels)
            its_loss = objective.reconstruction(refined, images, self.bounded, weights)
            total = (1 - self.refined_share) * total + self.refined_share * its_loss
        return {"total": total, "mse": mse}


def _lot(most: int) -> int:
    """Sixteens, where there are so many: matrix products take other ways for a few rows, which shows in last bits."""
    return most if most < 16 else most // 16 * 16
