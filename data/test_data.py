"""``test_data.pth``: the held-out images themselves, so that no later script needs the data set."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data.image_set import ImageSet
from data.split import Split
from run.console import note
from run.errors import BadInput, printable
from run.hints import encoding_command, training_command
from run.tensor_file import TEST_SPLIT, load_tensors, save_tensors

_AT_ONCE = 256  # images that are copied at a time


@dataclass(frozen=True)
class TestData:
    """The test images of a split, in the order of their positions in the set."""

    images: np.ndarray  # uint8 (N, C, H, W)
    labels: np.ndarray | None  # int64 (N,) 0..K-1; None if unlabelled
    class_names: tuple[str, ...]  # K names
    sample_ids: tuple[str, ...]  # N
    dataset: str  # the set's name
    fingerprint: str  # of the split
    groups: np.ndarray  # int64 (N,): which images belong together

    def class_of(self, row: int) -> str:
        """The class of an image; "" without classes."""
        return "" if self.labels is None else self.class_names[self.labels[row]]

    def pixels(self, rows: Any) -> np.ndarray:
        """Some of the images, or one, as float32 (..., C, H, W) in [0, 1]."""
        return self.images[rows] / np.float32(255)


def save_test_data(path: Path, image_set: ImageSet, split: Split) -> None:
    """Write the test images of ``split`` into a folder that is there."""
    labels = None if image_set.labels is None else torch.from_numpy(image_set.labels[split.test])
    content = {
        "labels": labels,
        "class_names": list(image_set.class_names),
        "sample_ids": [image_set.sample_ids[position] for position in split.test],
        "dataset": image_set.name,
        "fingerprint": split.fingerprint,
        "groups": torch.from_numpy(image_set.groups[split.test].astype(np.int64)),
        "tones": image_set.tones,  # for whoever holds these images beside files of their own
    }
    with _gathered(image_set.images, split.test, path) as images:
        save_tensors(path, TEST_SPLIT, {"images": images, **content})


@contextmanager
def _gathered(images: np.ndarray, rows: np.ndarray, path: Path) -> Iterator[torch.Tensor]:
    """Some of (N, C, H, W) images as a tensor mapped from a nameless file beside ``path``: memory may hold less.

    Raises:
        OSError: there is no room for it. It names ``path``.
    """
    with tempfile.TemporaryFile(dir=path.parent) as file:
        try:
            for part in np.array_split(rows, len(rows) // _AT_ONCE + 1):
                file.write(np.ascontiguousarray(images[part]).data)
            file.flush()
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from None
        yield torch.from_numpy(np.memmap(file, np.uint8, "c", shape=(len(rows), *images.shape[1:])))


def load_test_data(path: Path) -> TestData:
    """Read what :func:`save_test_data` wrote.

    Raises:
        BadInput: the file is missing, damaged, of another kind, or not what such a file holds.
    """
    content = load_tensors(path, TEST_SPLIT, training_command)
    wrong = _what_is_wrong(content)
    if wrong:
        raise BadInput(
            f"{printable(path)} is not a test split of this suite: {wrong}; make it with: {training_command(path)}"
        )
    labels, groups = content["labels"], content["groups"]
    return TestData(
        images=content["images"].numpy(),
        labels=None if labels is None else labels.numpy(),
        class_names=tuple(content["class_names"]),
        sample_ids=tuple(content["sample_ids"]),
        dataset=content["dataset"],
        fingerprint=content["fingerprint"],
        groups=groups.numpy(),
    )


def load_encoded_images(path: Path, rows: np.ndarray | None, fingerprint: str | None) -> np.ndarray | None:
    """The test images that latents were made from, uint8 (rows, C, H, W).

    Args:
        path: of the test split; where there is none, the images are None, and this is said.
        rows: int64 (rows,), the places in it that the latents name; where they name none, the images are None.
        fingerprint: of the split that the latents name.

    Raises:
        BadInput: the file is damaged, or is not that split.
    """
    if rows is None:
        return None
    if not path.exists():
        note(f"{printable(path)} is not there, so pixels are left out of the comparison")
        return None
    test_data = load_test_data(path)
    if test_data.fingerprint != fingerprint or rows.max() >= len(test_data.images):
        raise BadInput(
            f"{printable(path)} is not the split that the latents were made from; encode it anew: "
            f"{encoding_command(path)}"
        )
    if np.array_equal(rows, np.arange(len(test_data.images))):  # which are mapped from the file, and need no memory
        return test_data.images
    return test_data.images[rows]


def _what_is_wrong(content: dict[str, Any]) -> str | None:
    """The first thing that does not hold of a test split, in words."""
    images, labels = content.get("images"), content.get("labels")
    names, ids = content.get("class_names"), content.get("sample_ids")
    if not (_is_dense(images, torch.uint8, 4) and images.shape[1] in (1, 3) and min(images.shape) > 0):
        return "its images are not uint8 (N, 1 or 3, H, W)"
    if not all(isinstance(texts, list) and all(isinstance(text, str) for text in texts) for texts in (names, ids)):
        return "its class names or sample ids are not texts"
    if not all(isinstance(content.get(key), str) for key in ("dataset", "fingerprint")):
        return "its data set or fingerprint is not a text"
    if len(ids) != len(images):
        return f"it has {len(images)} images and {len(ids)} sample ids"
    groups = content.get("groups")
    if not (_is_dense(groups, torch.int64, 1) and len(groups) == len(images)):
        return "its groups are not int64, one for each image"
    if labels is None:
        return None if "labels" in content else "it does not say whether it has labels"
    if not (_is_dense(labels, torch.int64, 1) and len(labels) == len(images)):
        return "its labels are not int64, one for each image"
    if labels.min() < 0 or labels.max() >= len(names):
        return f"a label lies outside the {len(names)} classes"
    return None


def _is_dense(value: Any, dtype: Any, dimensions: int) -> bool:
    return (
        isinstance(value, torch.Tensor)
        and value.layout == torch.strided
        and value.device.type == "cpu"
        and value.dtype == dtype
        and value.dim() == dimensions
    )
