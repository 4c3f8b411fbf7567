"""Classifiers that are trained in steps: a small MLP on vectors, and a convolutional one on pixels as the ceiling."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from run.errors import BadInput
from run.tensor_file import load_tensors, save_tensors

_KIND = "image classifier"


class MLP(nn.Module):
    """One hidden layer of ReLU units: (B, D) -> logits (B, K).

    Args:
        inputs: D.
        classes: K.
        hidden: units of the hidden layer.
    """

    def __init__(self, inputs: int, classes: int, hidden: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, classes))

    def forward(self, vectors: Tensor) -> Tensor:  # noqa: D102
        return self.layers(vectors)


class ConvClassifier(nn.Module):
    """Images (B, C, H, W) in [0, 1], H and W at least 8 -> logits (B, K).

    What can be told from the pixels by a network that is free to look for nothing but the classes: three convolutions
    of growing width, the map halved after each of the first two, then averaged down to 4 x 4 for a dense layer. Small
    enough for a processor, and a ceiling only in that nothing here knows more: larger networks do better still.
    """

    def __init__(self, image_shape: tuple[int, int, int], classes: int, width: int = 32, dropout: float = 0.3) -> None:
        super().__init__()

        def block(inputs: int, outputs: int) -> list[nn.Module]:
            return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]

        self.layers = nn.Sequential(
            *block(image_shape[0], width), nn.MaxPool2d(2),
            *block(width, 2 * width), nn.MaxPool2d(2),
            *block(2 * width, 4 * width), _AverageTo4(), nn.Flatten(),
            nn.Dropout(dropout), nn.Linear(4 * width * 16, classes),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:  # noqa: D102
        return self.layers(((images - 0.5) / 0.25).contiguous(memory_format=torch.channels_last))


class _AverageTo4(nn.Module):
    """(B, C, H, W) -> (B, C, 4, 4): the means of 4 x 4 parts, which overlap where they do not divide evenly.

    As adaptive pooling does it, by two matrix products: its own gradient is not deterministic on every device.
    """

    def forward(self, maps: Tensor) -> Tensor:
        rows, columns = (_parts(side).to(maps) for side in maps.shape[-2:])
        return rows @ maps @ columns.T


def _parts(side: int) -> Tensor:
    """(4, side): the weights of each of four parts of a side."""
    weights = torch.zeros(4, side)
    for part in range(4):
        start, end = part * side // 4, -(-(part + 1) * side // 4)
        weights[part, start:end] = 1 / (end - start)
    return weights


def save_classifier(path: Path, network: ConvClassifier, origin: dict[str, Any]) -> None:
    """Write the weights, and ``origin``: what decided them, in plain types."""
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    save_tensors(path, _KIND, {"weights": weights, "origin": origin})


def load_classifier(
    path: Path, origin: dict[str, Any], image_shape: tuple[int, int, int], classes: int
) -> ConvClassifier | None:
    """The network that :func:`save_classifier` wrote; None if there is none of this ``origin``, or a damaged one."""
    try:
        content = load_tensors(path, _KIND, "training it again")
        if content["origin"] != origin:
            return None
        network = ConvClassifier(image_shape, classes)
        network.load_state_dict(content["weights"])
    except (BadInput, KeyError, RuntimeError, TypeError, AttributeError):
        return None  # it is trained anew
    return network.eval()
