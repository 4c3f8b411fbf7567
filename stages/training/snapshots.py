"""Reconstructions of the same few test images after chosen epochs: how a network learns to see."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from model.autoencoder import Autoencoder
from model.inference import reconstruct
from model.snapshots import Snapshots, save_snapshots
from run import ranks
from run.artefacts import snapshots_path

COUNT = 16  # images


def watched_rows(count: int, seed: int, most: int = COUNT) -> np.ndarray:
    """Which of so many test images are looked at, int64, rising: the same ones whatever is trained."""
    return np.sort(np.random.default_rng(seed).permutation(count)[:most])


class SnapshotRecorder:
    """Takes snapshots of the networks of one training, and keeps a file of them for each.

    Args:
        output_dir: where the files go.
        epochs: after which they are taken; none for no file at all.
        images: uint8 (N, C, H, W), all test images.
        labels: int64 (N,) or None.
        seed: chooses which 16 of them, whatever is trained.
        facts: what else the files say: ``model``, ``dataset``, ``fingerprint``, ``refine``.
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
        self._output_dir, self._epochs, self._facts, self._refine = output_dir, set(epochs), facts, facts["refine"]
        self._rows = watched_rows(len(images), seed)
        self._images = images[self._rows]
        self._labels = None if labels is None else labels[self._rows]

    def take(self, model: Autoencoder, epoch: int, before: dict[int, torch.Tensor]) -> dict[int, torch.Tensor]:
        """The snapshots ``before`` this epoch and, if it is a chosen one, its own: epoch -> uint8 (16, C, H, W)."""
        if epoch not in self._epochs:
            return before
        made = np.rint(reconstruct(model, self._images, self._labels, self._refine) * 255).astype(np.uint8)
        taken = {**before, epoch: torch.from_numpy(made)}
        self.keep(model.latent_size, taken)
        return taken

    def keep(self, latent_size: int, taken: dict[int, torch.Tensor]) -> None:
        """Write those of one bottleneck; if there are none, those of an earlier run don't stay either."""
        path = snapshots_path(self._output_dir, latent_size)
        if not ranks.is_first():
            return
        if not taken:
            path.unlink(missing_ok=True)
            return
        snapshots = Snapshots(
            latent_size=latent_size,
            fingerprint=self._facts["fingerprint"],
            test_rows=self._rows.tolist(),
            images=self._images,
            labels=self._labels,
            epochs={epoch: made.numpy() for epoch, made in taken.items()},
        )
        save_snapshots(path, snapshots, self._facts)
