"""A classifier trained on original images, that says which class a made image is read as."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from model.classifier import ConvClassifier
from model.inference import to_float
from run.console import Progress, note
from run.errors import BadInput
from run.tensor_file import load_tensors, save_tensors

_KIND = "image classifier"
_BATCH, _PEAK_RATE, _DECAY = 128, 0.003, 0.01  # as train_classifier.py trains the same network


def train_reader(
    images: np.ndarray, labels: np.ndarray, classes: int, epochs: int, seed: int, device: torch.device
) -> ConvClassifier:
    """Train :class:`model.classifier.ConvClassifier` by AdamW and a one-cycle schedule that ends at 0.

    Args:
        images: uint8 (N, C, H, W), originals.
        labels: int64 (N,) in 0..classes - 1.
        classes: K.
        epochs: times each image is seen.
        seed: of the first weights and of the order.
        device: where it is trained; the network stays there.

    Raises:
        BadInput: the loss is no longer finite.
    """
    torch.manual_seed(seed)
    network = ConvClassifier(images.shape[1:], classes).to(device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=_PEAK_RATE, weight_decay=_DECAY)
    steps = -(-len(images) // _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _PEAK_RATE, total_steps=epochs * steps)
    targets, progress = torch.from_numpy(labels).to(device), Progress(epochs * steps)
    network.train()
    for epoch in range(epochs):
        order = np.random.default_rng([seed, epoch]).permutation(len(images))
        for rows in np.array_split(order, steps):  # nearly equal parts: none is too small for batch statistics
            loss = cross_entropy(network(to_float(torch.from_numpy(images[rows]), device)), targets[rows])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            progress.advance(f"reader, epoch {epoch + 1}/{epochs}")
        if not torch.isfinite(loss):
            raise BadInput("the classifier's loss is no longer finite; try another --seed")
    progress.close()
    return network.eval()


def read(network: ConvClassifier, images: np.ndarray) -> np.ndarray:
    """The class that each image is read as, int64 (N,).

    Args:
        network: of :func:`train_reader` or :func:`load_reader`.
        images: (N, C, H, W), uint8 or float32 in [0, 1].
    """
    device = next(network.parameters()).device
    found = []
    for start in range(0, len(images), 512):
        batch = torch.from_numpy(np.ascontiguousarray(images[start : start + 512]))
        batch = to_float(batch, device) if batch.dtype == torch.uint8 else batch.to(device)
        with torch.inference_mode():
            found.append(network(batch).argmax(1).cpu().numpy())
    return np.concatenate(found)


def save_reader(path: Path, network: ConvClassifier, origin: dict[str, Any]) -> None:
    """Write the weights, and ``origin``: what decided them, in plain types."""
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    save_tensors(path, _KIND, {"weights": weights, "origin": origin})


def load_reader(
    path: Path, origin: dict[str, Any], image_shape: tuple[int, int, int], classes: int
) -> ConvClassifier | None:
    """The network that :func:`save_reader` wrote; None if there is none of this ``origin``, or a damaged one."""
    try:
        content = load_tensors(path, _KIND, "training it again")
        if content["origin"] != origin:
            return None
        network = ConvClassifier(image_shape, classes)
        network.load_state_dict(content["weights"])
    except (BadInput, KeyError, RuntimeError, TypeError, AttributeError):
        return None  # it is trained anew
    return network.eval()


def kept_or_trained(
    path: Path,
    origin: dict[str, Any],
    image_shape: tuple[int, int, int],
    classes: int,
    originals: Callable[[], tuple[np.ndarray, np.ndarray]],
    device: torch.device,
) -> tuple[ConvClassifier, bool]:
    """The network kept at ``path`` if it is of this ``origin``; else one that is trained, and kept there.

    Args:
        path: of the file.
        origin: what decides the weights, in plain types: ``cnn_epochs`` and ``seed`` among it.
        image_shape: (C, H, W).
        classes: K.
        originals: gives images and labels to train on, as of :func:`train_reader`.
        device: where the network is to be.

    Returns:
        The network, and whether it is a new one.
    """
    reader = load_reader(path, origin, image_shape, classes)
    if reader is not None:
        return reader.to(device), False
    images, labels = originals()
    note(f"training a classifier on {len(images):,} original images")
    reader = train_reader(images, labels, classes, origin["cnn_epochs"], origin["seed"], device)
    save_reader(path, reader, origin)
    return reader, True
