"""Reconstructions of the same few test images after chosen epochs: how a network learns to see."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from model.autoencoder import Autoencoder
from model.inference import reconstruct
from run.artefacts import snapshots_path
from run.errors import BadInput, printable
from run.tensor_file import load_tensors, save_tensors

COUNT = 16  # images

_KIND = "snapshots of a training"
_MADE_BY = "python train.py --latent_size N --snapshot_epochs 1 5 10"


@dataclass(frozen=True)
class Snapshots:
    """What a network made of M test images after some epochs.

    Attributes:
        latent_size: of the network's bottleneck.
        fingerprint: of the split that the images are of.
        test_rows: (M,) which of the test images they are.
        images: uint8 (M, C, H, W), the originals.
        labels: int64 (M,) or None.
        epochs: epoch -> reconstructions after it, uint8 (M, C, H, W).
    """

    latent_size: int
    fingerprint: str
    test_rows: list[int]
    images: np.ndarray
    labels: np.ndarray | None
    epochs: dict[int, np.ndarray]


def load_snapshots(path: Path) -> Snapshots:
    """Read what a :class:`SnapshotRecorder` wrote.

    Raises:
        BadInput: the file is missing, damaged, of another kind, or not what such a file holds.
    """
    content = load_tensors(path, _KIND, _MADE_BY)
    try:
        labels = content["labels"]
        found = Snapshots(
            latent_size=content["latent_size"],
            fingerprint=content["fingerprint"],
            test_rows=content["test_rows"],
            images=content["images"].numpy(),
            labels=None if labels is None else labels.numpy(),
            epochs={int(epoch): made.numpy() for epoch, made in content["epochs"].items()},
        )
        sound = type(found.latent_size) is int and isinstance(found.fingerprint, str) and found.images.ndim == 4
        sound &= all(each.dtype == np.uint8 for each in (found.images, *found.epochs.values()))
        sound &= all(each.shape == found.images.shape for each in found.epochs.values())
        sound &= labels is None or (labels.dtype == torch.int64 and labels.shape == (len(found.images),))
    except (KeyError, AttributeError, TypeError, ValueError):
        sound = False
    if not sound:
        raise BadInput(f"{printable(path)} does not hold snapshots of a training; make them with: {_MADE_BY}")
    return found


class SnapshotRecorder:
    """Takes snapshots of the networks of one training, and keeps a file of them for each.

    Args:
        output_dir: where the files go.
        epochs: after which they are taken; none for no file at all.
        images: uint8 (N, C, H, W), all test images.
        labels: int64 (N,) or None.
        seed: chooses which 16 of them, whatever is trained.
        facts: what else the files say: ``model``, ``dataset``, ``fingerprint``.
    """

    def __init__(
        self,
        output_dir: Path,
        epochs: list[int],
        images: np.ndarray,
        labels: np.ndarray | None,
        seed: int,
        facts: dict[str, Any],
    ) -> None:
        self._output_dir, self._epochs, self._facts = output_dir, set(epochs), facts
        self._rows = np.sort(np.random.default_rng(seed).permutation(len(images))[:COUNT])
        self._images = images[self._rows]
        self._labels = None if labels is None else labels[self._rows]

    def take(self, model: Autoencoder, epoch: int, before: dict[int, torch.Tensor]) -> dict[int, torch.Tensor]:
        """The snapshots ``before`` this epoch and, if it is a chosen one, its own: epoch -> uint8 (16, C, H, W)."""
        if epoch not in self._epochs:
            return before
        made = np.rint(reconstruct(model, self._images, self._labels) * 255).astype(np.uint8)
        taken = {**before, epoch: torch.from_numpy(made)}
        self.keep(model.latent_size, taken)
        return taken

    def keep(self, latent_size: int, taken: dict[int, torch.Tensor]) -> None:
        """Write those of one bottleneck; if there are none, those of an earlier run don't stay either."""
        path = snapshots_path(self._output_dir, latent_size)
        if not taken:
            path.unlink(missing_ok=True)
            return
        content = {
            **self._facts,
            "latent_size": latent_size,
            "test_rows": self._rows.tolist(),
            "images": torch.from_numpy(self._images),
            "labels": None if self._labels is None else torch.from_numpy(self._labels),
            "epochs": taken,
        }
        save_tensors(path, _KIND, content)
