"""The spaces that are set side by side: each bottleneck, PCA of the same size, the pixels themselves."""

import functools
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from data.selection import Selection
from latent.pca import PCA
from latent.pixels import PIXELS, pixels_as_rows
from model.autoencoder import Autoencoder
from model.inference import decode, encode, reconstruct
from model.linear import refinable

Encode = Callable[[np.ndarray], np.ndarray]  # uint8 (N, C, H, W) -> float32 (N, D)

# Images of more numbers than the first are clustered by so many principal components, in which their distances are all
# but the same: k-means on 3,072 pixels takes longer than everything else together. Nothing else is measured so.
_PIXELS_CLUSTERED_UP_TO, PIXELS_TURNED_INTO = 1024, 256


@dataclass(frozen=True)
class Spaces:
    """Networks, and PCA fitted on the same training images.

    Attributes:
        models: of one architecture; several of one size are trainings with other seeds.
        pca: of the largest of their sizes or more.
        training: uint8 (N, C, H, W), these images.
        refine: steps by which the encoders' guesses are refined.
    """

    models: Sequence[Autoencoder]
    pca: PCA
    training: np.ndarray | Selection
    refine: int
    _encoders: dict[int, "Remembered"] = field(default_factory=dict, repr=False)

    @property
    def sizes(self) -> list[int]:
        """Of the bottlenecks, falling: the one that the questions are about comes first."""
        return sorted({model.latent_size for model in self.models}, reverse=True)

    def encoders(self) -> Iterator[tuple[str, Encode]]:
        """Name and encoder of each space; a name comes once for each training."""
        for size in self.sizes:
            for model in self._of_size(size):
                yield f"bottleneck {size}", self._encoder(model)
            yield f"PCA of {size}", self.pca.first(size).encode
        yield PIXELS, pixels_as_rows

    def reconstructions(self, images: np.ndarray, labels: np.ndarray | None) -> Iterator[tuple[str, np.ndarray]]:
        """Name, and what is made of images uint8 (N, C, H, W): float32 of the same shape in [0, 1]."""
        yield "mean image", np.broadcast_to(self.pca.mean.reshape(images.shape[1:]), images.shape)
        for size in self.sizes:
            for model in self._of_size(size):
                if model.takes_labels:  # it refines by them, and what it encodes holds none
                    yield f"bottleneck {size}", reconstruct(model, images, labels, self.refine)
                else:
                    yield f"bottleneck {size}", decode(model, self._encoder(model)(images))
                if self.refine:
                    yield f"bottleneck {size}, encoder alone", reconstruct(model, images, labels, 0)
            pca = self.pca.first(size)
            yield f"PCA of {size}", pca.reconstruct(images)
            if self.refine:
                yield (
                    f"PCA of {size}, refined",
                    reconstruct(refinable(pca.mean, pca.components, self.training), images, None, self.refine),
                )

    @property
    def pixels_turned_into(self) -> str:
        """What pixels are turned into before they are clustered, in words; "" where they are clustered themselves."""
        if len(self.pca.mean) <= _PIXELS_CLUSTERED_UP_TO:
            return ""
        count = len(self.pca.first(PIXELS_TURNED_INTO).components)
        return f"the first {count} principal components of the training images"

    def _of_size(self, size: int) -> list[Autoencoder]:
        return [model for model in self.models if model.latent_size == size]

    def _encoder(self, model: Autoencoder) -> "Remembered":
        of_model = functools.partial(encode, model, refine=self.refine)
        return self._encoders.setdefault(id(model), Remembered(of_model))


class Remembered:
    """An encoder that encodes no image twice: test images are reconstructed, scored, and drawn on a map."""

    def __init__(self, encode: Encode) -> None:
        self._encode, self._known = encode, dict[bytes, np.ndarray]()

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """uint8 (N, C, H, W), N from 1 up -> float32 (N, D)."""
        keys = [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images]
        new = {key: row for row, key in enumerate(keys) if key not in self._known}
        if new:
            self._known |= zip(new, self._encode(images[list(new.values())]), strict=True)
        return np.stack([self._known[key] for key in keys])
