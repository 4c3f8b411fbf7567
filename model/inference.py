"""Running a trained network over uint8 images of any number, a batch at a time, so that memory is bounded."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from model.autoencoder import Autoencoder
from model.variational import Variational
from run.errors import BadInput
from run.hints import training_at_hand


def to_float(images: Tensor, device: torch.device) -> Tensor:
    """uint8 (B, C, H, W) -> float32 in [0, 1] on ``device``."""
    return images.to(device, non_blocking=True).to(torch.float32).div_(255)


def _pieces(model: Autoencoder, count: int) -> Iterator[slice]:
    return (slice(start, start + model.images_at_once) for start in range(0, count, model.images_at_once))


def encode_batches(model: Autoencoder, images: np.ndarray, rows: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """The latents of uint8 images (N, C, H, W), or of some rows of them, as pieces of float32 (n, D) in order."""
    device = next(model.parameters()).device
    rows = np.arange(len(images)) if rows is None else rows
    for piece in _pieces(model, len(rows)):
        with torch.inference_mode():
            batch = to_float(torch.from_numpy(images[rows[piece]]), device)
            yield model.encode(batch).float().cpu().numpy()


def reconstruct(model: Autoencoder, images: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
    """As :func:`reconstruct_batches`, in one piece: float32 (N, C, H, W)."""
    reconstructions, first = np.empty(images.shape, np.float32), 0
    for made in reconstruct_batches(model, images, labels):
        reconstructions[first : first + len(made)] = made
        first += len(made)
    return reconstructions


def reconstruct_batches(
    model: Autoencoder, images: np.ndarray, labels: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """Reconstructions of uint8 images (N, C, H, W), as pieces of float32 (n, C, H, W) in order, clamped to [0, 1].

    Args:
        model: any architecture.
        images: uint8 (N, C, H, W).
        labels: int64 (N,), the class of each image, from 0 up. An architecture that takes labels decodes by them; any
            other never sees them, so that a script may pass what it has.

    Raises:
        BadInput: as of :func:`decode_batches`.
    """
    device = next(model.parameters()).device
    labels = labels_for(model, labels)
    for piece in _pieces(model, len(images)):
        with torch.inference_mode():
            batch = to_float(torch.from_numpy(images[piece].copy()), device)
            classes = None if labels is None else labels[piece].to(device)
            made = model(batch, classes).clamp_(0, 1).float().cpu().numpy()
        yield made


def decode_batches(model: Autoencoder, latents: np.ndarray, labels: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """Latents float32 (N, D) to images, as pieces of float32 (n, C, H, W) in order, clamped to [0, 1].

    Args:
        model: any architecture.
        latents: float32 (N, D).
        labels: as of :func:`reconstruct`.

    Raises:
        BadInput: an architecture that takes labels is given none, or one that it does not know.
    """
    device = next(model.parameters()).device
    labels = labels_for(model, labels)
    for piece in _pieces(model, len(latents)):
        with torch.inference_mode():
            codes = torch.from_numpy(latents[piece]).to(device)
            classes = None if labels is None else labels[piece].to(device)
            yield model.decode(codes, classes).clamp_(0, 1).float().cpu().numpy()


def encode(model: Autoencoder, images: np.ndarray) -> np.ndarray:
    """The latents of uint8 images (N, C, H, W) in one piece, float32 (N, D).

    Raises:
        BadInput: the network gives NaN or infinity.
    """
    return _finite(np.concatenate(list(encode_batches(model, images))), model)


def decode(model: Autoencoder, latents: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
    """The images of latents in one piece, float32 (N, C, H, W) in [0, 1]; arguments as of :func:`decode_batches`.

    Raises:
        BadInput: the network gives NaN or infinity, or takes labels and is given none, or one that it does not know.
    """
    return _finite(np.concatenate(list(decode_batches(model, latents, labels))), model)


def _finite(values: np.ndarray, model: Autoencoder) -> np.ndarray:
    if not np.isfinite(values).all():
        raise BadInput(
            f"the network of {model.latent_size} gives NaN or infinity; train again with a lower rate: "
            f"{training_at_hand({'--lr': [0.00001], '--latent_size': [model.latent_size]})}"
        )
    return values


def divergences(model: Variational, images: np.ndarray) -> np.ndarray:
    """Mean KL of a variational architecture's posterior from its prior, in nats, float64 (D,): uint8 (N, C, H, W)."""
    device = next(model.parameters()).device
    summed = torch.zeros(model.latent_size, dtype=torch.float64)
    for piece in _pieces(model, len(images)):
        with torch.inference_mode():
            batch = to_float(torch.from_numpy(images[piece].copy()), device)
            summed += model.divergences(batch).cpu().double().sum(dim=0)
    return (summed / len(images)).numpy()


def labels_for(model: Autoencoder, labels: np.ndarray | None) -> Tensor | None:
    """The labels that a network decodes by, int64 (N,): those given where its architecture takes labels, else None.

    Raises:
        BadInput: there are none, or one that the network does not know.
    """
    if not model.takes_labels:
        return None
    if labels is None:
        raise BadInput(
            f"a {model.architecture} network decodes by each image's class, and these images have none; use labelled "
            "images, or train an architecture that takes no labels: "
            f"{training_at_hand({'--model': ['conv']})}"
        )
    if len(labels) and not 0 <= labels.min() <= labels.max() < model.num_classes:
        raise BadInput(
            f"this {model.architecture} network knows the classes 0 to {model.num_classes - 1}, and was given a class "
            f"{labels.min() if labels.min() < 0 else labels.max()}; name one that it was trained on"
        )
    return torch.from_numpy(np.ascontiguousarray(labels, dtype=np.int64))
