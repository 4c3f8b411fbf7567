"""Running a trained network over uint8 images of any number, a batch at a time, so that memory stays constant."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from model.autoencoder import Autoencoder

_BATCH = 512


def to_float(images: Tensor, device: torch.device) -> Tensor:
    """uint8 (B, C, H, W) -> float32 in [0, 1] on ``device``, channels last: the layout that suits convolutions."""
    return images.to(device, non_blocking=True).to(torch.float32, memory_format=torch.channels_last).div_(255)


def encode_batches(model: Autoencoder, images: np.ndarray, rows: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """The latents of uint8 images (N, C, H, W), or of some rows of them, as pieces of float32 (n, D) in order."""
    device = next(model.parameters()).device
    rows = np.arange(len(images)) if rows is None else rows
    for start in range(0, len(rows), _BATCH):
        with torch.inference_mode():
            batch = to_float(torch.from_numpy(images[rows[start : start + _BATCH]]), device)
            yield model.encode(batch).float().cpu().numpy()


def reconstruct(model: Autoencoder, images: np.ndarray) -> np.ndarray:
    """uint8 (N, C, H, W) -> float32 reconstructions of the same shape, clamped to [0, 1]."""
    device = next(model.parameters()).device
    reconstructions = np.empty(images.shape, np.float32)
    for start in range(0, len(images), _BATCH):
        with torch.inference_mode():
            batch = to_float(torch.from_numpy(images[start : start + _BATCH].copy()), device)
            reconstructions[start : start + _BATCH] = model(batch).clamp_(0, 1).float().cpu().numpy()
    return reconstructions
