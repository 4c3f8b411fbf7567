"""What becomes of the same test images after chosen epochs: how a network learns to see, and where their latents go."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from model.autoencoder import Autoencoder
from model.inference import encode_batches, reconstruct
from model.snapshots import Snapshots, save_snapshots
from model.training_state import LoopState
from run import ranks
from run.artefacts import snapshots_path
from run.random_subset import random_subset

COUNT = 16  # images whose reconstructions are kept
FOLLOWED = 1000  # whose latents are; as many, and of equal seeds the same, as encode_latent_space.py takes by default


class SnapshotRecorder:
    """Takes snapshots of the networks of one training, and keeps a file of them for each.

    Args:
        output_dir: where the files go.
        epochs: after which they are taken; none for no file at all.
        images: uint8 (N, C, H, W), all test images.
        labels: int64 (N,) or None.
        seed: chooses which 16 of them, and which 1,000, whatever is trained.
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
        self._rows = random_subset(len(images), COUNT, seed)
        self._all, self._followed = images, random_subset(len(images), FOLLOWED, seed)
        self._images = images[self._rows]
        self._labels = None if labels is None else labels[self._rows]

    def take(self, model: Autoencoder, at: LoopState) -> None:
        """Add the snapshot of the epoch that has just ended to the state, if it is a chosen one, and write them all."""
        if at.epoch not in self._epochs:
            return
        made = np.rint(reconstruct(model, self._images, self._labels, self._refine) * 255).astype(np.uint8)
        latents = np.concatenate(list(encode_batches(model, self._all, self._followed, self._refine)))
        at.snapshots = {**at.snapshots, at.epoch: torch.from_numpy(made)}
        at.latents = {**at.latents, at.epoch: torch.from_numpy(latents)}
        self.keep(model.latent_size, at)

    def keep(self, latent_size: int, at: LoopState) -> None:
        """Write those of one bottleneck; if there are none, those of an earlier run don't stay either."""
        path = snapshots_path(self._output_dir, latent_size)
        if not ranks.is_first():
            return
        if not at.snapshots:
            path.unlink(missing_ok=True)
            return
        snapshots = Snapshots(
            latent_size=latent_size,
            fingerprint=self._facts["fingerprint"],
            test_rows=self._rows.tolist(),
            images=self._images,
            labels=self._labels,
            epochs={epoch: made.numpy() for epoch, made in at.snapshots.items()},
            latent_rows=self._followed.tolist(),
            latents={epoch: latents.numpy() for epoch, latents in at.latents.items()},
        )
        save_snapshots(path, snapshots, self._facts)
