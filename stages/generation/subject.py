"""What every mode of generate_images.py is given and gives back: settings, a subject to look at, a result to save."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from data.test_data import TestData
from figure.style import shown
from model.autoencoder import Autoencoder
from model.inference import encode
from run.arguments import nearest
from run.errors import BadInput, printable
from run.hints import training_at_hand
from stages.generation.sheet import Cell

LOWEST, HIGHEST = 0.01, 0.99  # quantiles that a grid or a traversal spans: what lies beyond is a rare image or none
RANGE = f"{LOWEST:.0%} to {HIGHEST:.0%} quantiles of the test images' latents"
_LISTED = 12  # classes named in a refusal


@dataclass(frozen=True, kw_only=True)
class SharedSettings:
    """The flags that every mode has; each mode adds its own."""

    mode: str
    model_path: Path
    latent_size: int | None  # as it was typed, to find model_path by
    test_data: Path
    output_dir: Path
    seed: int
    device: str
    svg: bool
    show: bool


@dataclass(frozen=True)
class Subject:
    """What is looked at: networks, and the test images of their split."""

    models: dict[int, Autoencoder]  # by latent size; the first is the one that was named
    records: dict[int, dict[str, Any]]  # of their checkpoints, likewise
    test_data: TestData

    @property
    def model(self) -> Autoencoder:
        """The network that was named."""
        return next(iter(self.models.values()))

    @property
    def record(self) -> dict[str, Any]:
        """Of the checkpoint that was named."""
        return next(iter(self.records.values()))

    @functools.cached_property
    def latents(self) -> dict[int, np.ndarray]:
        """float32 (N, D) of the test images, by latent size."""
        return {size: encode(model, self.test_data.images) for size, model in self.models.items()}

    def labels(self, asked: Sequence[str] | None) -> np.ndarray | None:
        """The classes to decode under, int64 (K,): see :func:`choose_labels`; None for a network that takes none.

        Raises:
            BadInput: a class that the network does not know, or any for a network that takes none.
        """
        if self.model.takes_labels:
            return choose_labels(self.test_data.class_names[: self.model.num_classes], asked)
        if asked is not None:
            raise BadInput(
                f"--labels: a {self.model.architecture} network takes no labels; leave them out, or train one that "
                f"does: {training_at_hand({'--model': ['cvae']})}"
            )
        return None

    def original(self, row: int) -> Cell:
        """A test image as a cell of a sheet."""
        return Cell(self.test_data.pixels(row), self.test_data.class_of(row))

    def title(self, text: str) -> str:
        """Of a figure."""
        return f"{shown(self.test_data.dataset)}: {text}"


@dataclass(frozen=True)
class Result:
    """What a mode made."""

    stem: str  # of the files' names
    figure: Figure
    records: list[dict[str, Any]]  # rows of the .csv
    facts: dict[str, Any]  # of the .json
    images: np.ndarray | None = None  # float32 (..., C, H, W) in [0, 1]


def choose_labels(names: Sequence[str], asked: Sequence[str] | None) -> np.ndarray:
    """The classes that were asked for, by name or by number, int64 (K,), each once; all of them for None.

    Args:
        names: of the classes that the network knows.
        asked: names or numbers.

    Raises:
        BadInput: a class that is not among them.
    """
    if asked is None:
        return np.arange(len(names))
    found = []
    for word in asked:
        if word in names:
            found.append(names.index(word))
        elif word.isascii() and word.isdigit() and int(word) < len(names):
            found.append(int(word))
        else:
            near = nearest(word, names)
            meant = f" (did you mean {printable(near)}?)" if near else ""
            listed = ", ".join(map(printable, names[:_LISTED])) + (", ..." if len(names) > _LISTED else "")
            raise BadInput(
                f"--labels {printable(word)}: the network was trained on no such class{meant}; name some of {listed}, "
                f"or their numbers, 0 to {len(names) - 1}"
            )
    return np.array(list(dict.fromkeys(found)))


def require_images(test_data: TestData, count: int, what: str) -> None:
    """Refuse a test split of fewer images than ``what`` needs.

    Raises:
        BadInput: it has fewer.
    """
    total = len(test_data.images)
    if total < count:
        raise BadInput(
            f"the test split has {total} image{'s' * (total != 1)} only, and {what} needs {count}; train with more to "
            f"test on: {training_at_hand({'--test_fraction': [0.5], '--max_test': None})}"
        )
