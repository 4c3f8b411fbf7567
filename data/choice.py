"""Test images and classes that a person names, or that are drawn where none is named."""

from collections.abc import Sequence

import numpy as np

from data.test_data import TestData
from run.arguments import nearest
from run.errors import BadInput, printable

_LISTED = 12


def choose_images(test_data: TestData, asked: list[int] | None, count: int, seed: int) -> list[int]:
    """The rows that were asked for, or ``count`` random ones, of different classes as far as there are.

    Raises:
        BadInput: a row that the test split has not.
    """
    total, labels = len(test_data.images), test_data.labels
    if asked is not None:
        if max(asked) >= total:
            raise BadInput(
                f"--images {max(asked)}: the test split has {total:,} image{'s' * (total != 1)}, numbered from 0 to "
                f"{total - 1}; name one of these"
            )
        return asked
    shuffled = np.random.default_rng(seed).permutation(total)
    if labels is not None:
        rank = np.zeros(total, np.int64)  # of each image among those of its class
        for label in np.unique(labels):
            mine = np.flatnonzero(labels[shuffled] == label)
            rank[mine] = np.arange(len(mine))
        shuffled = shuffled[np.argsort(rank, kind="stable")]
    return shuffled[:count].tolist()


def choose_pairs(test_data: TestData, asked: list[int] | None, count: int, seed: int) -> list[tuple[int, int]]:
    """The pairs of rows that were asked for, or at most ``count`` random ones.

    Raises:
        BadInput: a row that the test split has not, an odd number of rows, an image and itself, or a single image.
    """
    require_images(test_data, 2, "a way from one to another")
    rows = choose_images(test_data, asked, 2 * min(count, len(test_data.images) // 2), seed)
    if len(rows) % 2:
        raise BadInput(f"--images takes pairs, and {len(rows)} is an odd number of images; add or drop one")
    pairs = list(zip(rows[::2], rows[1::2], strict=True))
    for first, second in pairs:
        if first == second:
            raise BadInput(
                f"--images {first} {second}: there is no way from an image to itself; name two different ones"
            )
    return pairs


def require_images(test_data: TestData, count: int, what: str) -> None:
    """Refuse a test split of fewer images than ``what`` needs.

    Raises:
        BadInput: it has fewer.
    """
    total = len(test_data.images)
    if total < count:
        raise BadInput(
            f"the test split has {total} image{'s' * (total != 1)} only, and {what} needs {count}; train with more to "
            "test on: python train.py --latent_size N --test_fraction 0.1"
        )


def choose_labels(
    class_names: Sequence[str], asked: list[str] | None, known: int | None, architecture: str, latent_size: int
) -> np.ndarray | None:
    """The classes to decode under that were asked for, by name or by number, int64; all of them for None.

    Args:
        class_names: of the test images.
        asked: names or numbers.
        known: how many of these classes the network knows, the first ones; None of one that takes no labels.
        architecture, latent_size: of the network.

    Returns:
        None for a network that takes no labels.

    Raises:
        BadInput: a class that is not among them, or any for a network that takes none.
    """
    if known is None and asked is not None:
        raise BadInput(
            f"--labels: a {architecture} network takes no labels; leave them out, or train one that does: "
            f"python train.py --model cvae --latent_size {latent_size}"
        )
    if known is None:
        return None
    names = list(class_names)[:known]
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
