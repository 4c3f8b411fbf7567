"""What sets with a published test part have in common: files that torchvision lays out, read a part at a time."""

import hashlib
import os
import pickle
from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

import numpy as np

from data.arrays import array_batches
from data.download import Origin, download
from data.fitting import Shape
from data.pictures import Pictures
from data.source import Source
from run import console
from run.errors import BadInput, printable

Part = tuple[np.ndarray, np.ndarray, tuple[str, ...]]  # uint8 images (N, H, W, C), int labels (N,), class names
_DAMAGED = (ValueError, RuntimeError, KeyError, EOFError, IndexError, pickle.UnpicklingError)


class Published(Source):
    """A set in two parts, of which the second is its published test part.

    Attributes:
        files: what must be there, relative to ``data_dir``.
        origin: where torchvision gets them.
    """

    files: ClassVar[tuple[str, ...]]
    origin: ClassVar[Origin]

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        files = [data_dir / file for file in self.files]
        self.place = os.path.abspath(files[0].parent)
        if not all(file.is_file() for file in files):
            download(self.name, self.origin, data_dir, files[0].parent)
        digest = hashlib.sha256()
        for file in files:
            status = file.stat()
            digest.update(f"{file.name} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} ".encode())
        self.key = digest.hexdigest()

    @abstractmethod
    def read(self, data_dir: Path, train: bool) -> Part:
        """The training part, or the test part.

        Raises:
            ValueError, RuntimeError, KeyError, EOFError, IndexError, UnpicklingError: a file is damaged.
        """

    def open(self, image_size: tuple[int, int] | None, grayscale: bool, num_workers: int | None) -> Pictures:
        """Both parts, the test part last.

        Raises:
            BadInput: a file is damaged.
        """
        try:
            train_images, train_labels, class_names = self.read(self._data_dir, True)
            test_images, test_labels, _ = self.read(self._data_dir, False)
        except _DAMAGED as error:
            raise BadInput(
                f"the files of {self.name} in {printable(self.place)} are damaged ({printable(error)}); "
                "delete them and run the same command again"
            ) from None
        height, width = image_size or train_images.shape[1:3]
        channels = 1 if grayscale else train_images.shape[3]
        sizes = {"train": len(train_images), "test": len(test_images)}
        console.note(f"reading {sizes['train']:,} + {sizes['test']:,} images of {self.name}")
        return Pictures(
            shape=Shape(channels, height, width, own_size=False, grayscale=grayscale),
            batches=lambda shape: array_batches([train_images, test_images], shape, num_workers),
            ids=[f"{part}/{number}" for part, size in sizes.items() for number in range(size)],
            labels=np.concatenate([train_labels, test_labels]).astype(np.int64),
            class_names=class_names,
            groups=[None] * sum(sizes.values()),
            published_test=np.arange(sum(sizes.values())) >= sizes["train"],
            left_out=[],
        )


def checked(images: np.ndarray, labels: np.ndarray, class_names: tuple[str, ...]) -> Part:
    """A part whose labels fit its images.

    Raises:
        ValueError: they do not.
    """
    if len(images) != len(labels) or labels.min() < 0 or labels.max() >= len(class_names):
        raise ValueError("labels and images do not fit together")
    return images, labels, class_names
