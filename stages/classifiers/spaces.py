"""What classifiers see: the latents of each checkpoint, PCA of equal size, raw pixels, and the images themselves."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data.image_set import ImageSet
from data.selection import Selection
from data.split import Split
from latent.archive import LatentSpace, load_latent_space, save_latent_space, sidecar_path
from latent.pca import PCA, fit_pca
from latent.pixels import pixels_as_rows
from model.autoencoder import Autoencoder
from model.inference import encode_batches
from model.options import REFINE
from run.console import note
from run.errors import BadInput, printable
from run.hints import training_command
from run.provenance import command_line, versions

SIDES = ("train", "val", "test")
IMAGES = "images"  # the space of the convolutional network alone


@dataclass(frozen=True)
class Checkpoint:
    """A network, the record of how it was trained, and the file of both."""

    path: Path
    model: Autoencoder
    record: dict[str, Any]


@dataclass(frozen=True)
class Sides:
    """What there is of training, validation and test images: their rows, labels or inputs, (rows, ...) each."""

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray

    def map(self, change: Callable[[np.ndarray], np.ndarray]) -> "Sides":
        """Each side changed alike."""
        return Sides(change(self.train), change(self.val), change(self.test))


@dataclass(frozen=True)
class Space:
    """What images are described by.

    Attributes:
        architecture: of the autoencoder; "" where none took part.
        name: ``bottleneck 32``, ``PCA of 32``, ``raw pixels`` or ``images``.
        inputs: float32 (rows, D) of each side; of ``images`` uint8 (rows, C, H, W).
    """

    architecture: str
    name: str
    inputs: Sides


def spaces_of(
    checkpoints: Sequence[Checkpoint], image_set: ImageSet, split: Split, rows: Sides, seed: int
) -> Iterator[Space]:
    """Every space of one data set: from the largest bottleneck to the smallest, then pixels, and the images last.

    Args:
        checkpoints: of networks that were trained on it.
        image_set, split: PCA is fitted on all of the training images.
        rows: int64, which images of each side are described.
        seed: of PCA.
    """
    images = rows.map(lambda side: image_set.images[side])
    sizes = sorted({each.model.latent_size for each in checkpoints}, reverse=True)
    pca = fit_pca(Selection(image_set.images, split.trained_on), max(sizes), seed)
    for size in sizes:
        for each in checkpoints:
            if each.model.latent_size == size:
                latents = Sides(*(latents_of(each, side, image_set, getattr(rows, side)) for side in SIDES))
                yield Space(each.model.architecture, f"bottleneck {size}", latents)
        of_pca = pca.first(size)
        yield Space("", f"PCA of {size}", images.map(lambda side, pca=of_pca: project(pca, side)))
    yield Space("", "raw pixels", images.map(pixels_as_rows))
    yield Space("", IMAGES, images)


def project(pca: PCA, images: np.ndarray) -> np.ndarray:
    """uint8 (N, C, H, W) -> float32 (N, D); N may be 0, as it is where nothing validates."""
    return pca.encode(images) if len(images) else np.empty((0, len(pca.components)), np.float32)


def latents_of(checkpoint: Checkpoint, side: str, image_set: ImageSet, rows: np.ndarray) -> np.ndarray:
    """The latents of one side, float32 (rows, D): those saved beside the checkpoint, else encoded and saved there.

    Raises:
        BadInput: the network gives NaN or infinity.
    """
    model, size = checkpoint.model, checkpoint.model.latent_size
    if not len(rows):
        return np.empty((0, size), np.float32)
    path = checkpoint.path.with_name(f"latent_space_size_{size}_{side}.npy")
    origin = {
        "dataset": image_set.name,
        "split_fingerprint": checkpoint.record["fingerprint"],
        "checkpoint_sha256": checkpoint.record["sha256"],
        "latent_size": size,
        "model": model.architecture,
        "side": side,
        "refine": 0 if model.takes_labels else REFINE,
    }
    sample_ids = tuple(image_set.sample_ids[row] for row in rows)
    saved = saved_latents(path, origin, sample_ids)
    if saved is not None:
        return saved
    vectors = np.concatenate(list(encode_batches(model, image_set.images, rows)))
    if not np.isfinite(vectors).all():
        raise BadInput(
            f"{printable(checkpoint.path)} encodes images as NaN or infinity; train again with a lower rate: "
            f"{training_command(checkpoint.path, {'--lr': [0.00001]})}"
        )
    origin |= {"command": command_line(), "versions": versions()}
    labels, groups = image_set.labels[rows], image_set.groups[rows]
    space = LatentSpace(vectors, labels, image_set.class_names, sample_ids, origin=origin, groups=groups)
    save_latent_space(path, space)
    note(f"saved {printable(path)}")
    return vectors


def saved_latents(path: Path, origin: Mapping[str, object], sample_ids: tuple[str, ...]) -> np.ndarray | None:
    """The latents at ``path``; None where there are none, or others than of this origin and these images."""
    if not (path.exists() and sidecar_path(path).exists()):
        return None
    try:
        space = load_latent_space(path)
        if space.sample_ids == sample_ids and origin.items() <= space.origin.items():
            return space.vectors
    except BadInput:  # damaged
        pass
    note(f"{printable(path)} is not, or no longer, what this model makes of these images: it is made anew")
    return None
