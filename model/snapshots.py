"""The file of snapshots: reconstructions of a few test images, and latents of more, after epochs of a training."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from run.errors import BadInput, printable
from run.hints import training_command
from run.tensor_file import load_tensors, save_tensors

_KIND = "snapshots of a training"


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
        latent_rows: (R,) which test images are followed through the latent space; none in a file of before.
        latents: epoch -> their latents after it, float32 (R, D).
    """

    latent_size: int
    fingerprint: str
    test_rows: list[int]
    images: np.ndarray
    labels: np.ndarray | None
    epochs: dict[int, np.ndarray]
    latent_rows: list[int] = field(default_factory=list)
    latents: dict[int, np.ndarray] = field(default_factory=dict)


def save_snapshots(path: Path, snapshots: Snapshots, facts: dict[str, Any]) -> None:
    """Write snapshots, and ``facts``: what else is to be said of the training, in plain types."""
    labels = None if snapshots.labels is None else torch.from_numpy(snapshots.labels)
    content = {
        **facts,
        "fingerprint": snapshots.fingerprint,
        "latent_size": snapshots.latent_size,
        "test_rows": snapshots.test_rows,
        "images": torch.from_numpy(snapshots.images),
        "labels": labels,
        "epochs": {epoch: torch.from_numpy(made) for epoch, made in snapshots.epochs.items()},
        "latent_rows": snapshots.latent_rows,
        "latents": {epoch: torch.from_numpy(latents) for epoch, latents in snapshots.latents.items()},
    }
    save_tensors(path, _KIND, content)


def load_snapshots(path: Path) -> Snapshots:
    """Read what :func:`save_snapshots` wrote.

    Raises:
        BadInput: the file is missing, damaged, of another kind, or not what such a file holds.
    """
    content = load_tensors(path, _KIND, _made_by)
    try:
        labels = content["labels"]
        found = Snapshots(
            latent_size=content["latent_size"],
            fingerprint=content["fingerprint"],
            test_rows=content["test_rows"],
            images=content["images"].numpy(),
            labels=None if labels is None else labels.numpy(),
            epochs={int(epoch): made.numpy() for epoch, made in content["epochs"].items()},
            latent_rows=list(content.get("latent_rows", [])),
            latents={int(epoch): latents.numpy() for epoch, latents in content.get("latents", {}).items()},
        )
        sound = type(found.latent_size) is int and isinstance(found.fingerprint, str) and found.images.ndim == 4
        sound &= all(each.dtype == np.uint8 for each in (found.images, *found.epochs.values()))
        sound &= all(each.shape == found.images.shape for each in found.epochs.values())
        sound &= labels is None or (found.labels.dtype == np.int64 and found.labels.shape == (len(found.images),))
        sound &= all(type(row) is int and row >= 0 for row in found.latent_rows)
        sound &= all(
            each.dtype == np.float32
            and each.shape == (len(found.latent_rows), found.latent_size)
            and np.isfinite(each).all()
            for each in found.latents.values()
        )
    except (KeyError, AttributeError, TypeError, ValueError):
        sound = False
    if not sound:
        raise BadInput(f"{printable(path)} does not hold snapshots of a training; make them with: {_made_by(path)}")
    return found


def _made_by(path: Path) -> str:
    """The command that makes snapshots anew, whether or not the network beside them is trained."""
    return training_command(path, {"--retrain": []})
