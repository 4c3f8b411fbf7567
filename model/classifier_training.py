"""How a classifier learns in steps, whatever it sees: AdamW, and a rate that rises to a peak and falls to nearly 0."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from model.inference import to_float
from model.options import CLASSIFIER_BATCH, CLASSIFIER_PEAK_RATE
from run.console import Progress

_WEIGHT_DECAY = 0.01
_AT_ONCE = 512  # inputs that are classified at a time


@dataclass(frozen=True)
class Labelled:
    """What a classifier learns from, or is scored on.

    Attributes:
        inputs: float32 (N, D) vectors, or uint8 (N, C, H, W) images.
        labels: int64 (N,) in 0..K - 1.
    """

    inputs: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Schedule:
    """How long a classifier learns, and how fast.

    Attributes:
        epochs: times that it sees as many inputs as there are.
        batch_size: inputs a step.
        peak_rate: highest learning rate.
    """

    epochs: int
    batch_size: int = CLASSIFIER_BATCH
    peak_rate: float = CLASSIFIER_PEAK_RATE


def train_classifier(
    network: nn.Module,
    training: Labelled,
    validation: Labelled | None,
    order_of: Callable[[int], np.ndarray],
    schedule: Schedule,
    class_weights: np.ndarray | None = None,
) -> list[dict[str, Any]]:
    """Train a network on its device; the weights after the last epoch are those that count, and nothing chooses them.

    Args:
        network: inputs -> logits (B, K).
        training: what it learns from.
        validation: what it is scored on after each epoch; None, or nothing in it, for none.
        order_of: epoch, from 0 up -> the rows that it shows, in order, int64 (N,).
        schedule: how long and how fast.
        class_weights: float32 (K,), what an input of each class counts; None for all alike.

    Returns:
        A record of each epoch: ``epoch``, ``train_loss``, ``train_accuracy`` (over its own batches, while it learns),
        ``val_loss``, ``val_accuracy`` (None without validation).

    Raises:
        FloatingPointError: the loss is no longer finite.
    """
    device = next(network.parameters()).device
    targets = torch.from_numpy(training.labels).to(device)
    weights = None if class_weights is None else torch.from_numpy(class_weights).to(device)
    steps = -(-len(targets) // schedule.batch_size)
    total = schedule.epochs * steps
    optimizer = torch.optim.AdamW(network.parameters(), lr=schedule.peak_rate, weight_decay=_WEIGHT_DECAY)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, schedule.peak_rate, total_steps=total)
    progress, log = Progress(total), []
    for epoch in range(schedule.epochs):
        network.train()
        order = order_of(epoch)
        summed = torch.zeros(2, device=device)  # loss, and how many were right
        for rows in np.array_split(order, steps):  # nearly equal parts: none is too small for batch statistics
            logits = network(_as_tensor(training.inputs[rows], device))
            loss = cross_entropy(logits, targets[rows], weights)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            rates.step()
            right = (logits.argmax(1) == targets[rows]).sum()
            summed += torch.stack([loss.detach() * len(rows), right])
            progress.advance(f"epoch {epoch + 1}/{schedule.epochs}")
        if not torch.isfinite(summed).all():
            raise FloatingPointError("the classifier's loss is no longer finite")
        loss, accuracy = (summed / len(order)).tolist()
        log.append({"epoch": epoch + 1, "train_loss": loss, "train_accuracy": accuracy, **_score(network, validation)})
    progress.close()
    network.eval()
    return log


def predict(network: nn.Module, inputs: np.ndarray) -> np.ndarray:
    """The class that each input is given, int64 (N,).

    Args:
        network: of K classes, which is left in evaluation mode.
        inputs: float32 (N, D) vectors; or (N, C, H, W) images, uint8 or float32 in [0, 1].
    """
    return np.concatenate([logits.argmax(1).cpu().numpy() for logits in _logits(network, inputs)])


def _score(network: nn.Module, validation: Labelled | None) -> dict[str, float | None]:
    if validation is None or not len(validation.labels):
        return {"val_loss": None, "val_accuracy": None}
    logits = torch.cat([part.cpu() for part in _logits(network, validation.inputs)])
    targets = torch.from_numpy(validation.labels)
    right = (logits.argmax(1) == targets).float()
    return {"val_loss": float(cross_entropy(logits, targets)), "val_accuracy": float(right.mean())}


def _logits(network: nn.Module, inputs: np.ndarray) -> Iterator[Tensor]:
    """(n, K) of the inputs, some at a time."""
    device = next(network.parameters()).device
    network.eval()
    for start in range(0, len(inputs), _AT_ONCE):
        with torch.inference_mode():
            yield network(_as_tensor(inputs[start : start + _AT_ONCE], device))


def _as_tensor(inputs: np.ndarray, device: torch.device) -> Tensor:
    """Vectors and float images as they are, uint8 images as float32 in [0, 1]."""
    tensor = torch.from_numpy(np.ascontiguousarray(inputs))
    return to_float(tensor, device) if tensor.dtype == torch.uint8 else tensor.to(device)
