"""What becomes of images that are decoded under another label than their own."""

from collections.abc import Sequence

import numpy as np


def relabelling(
    label: int, own: np.ndarray, read: np.ndarray, read_before: np.ndarray, made: np.ndarray, before: np.ndarray
) -> dict[str, float]:
    """The numbers of one label, over N images of other classes.

    Args:
        label: what they were decoded under.
        own: int (N,), the classes that they have.
        read, read_before: int (N,), what a classifier reads in them, decoded under the label and under their own.
        made, before: float (N, C, H, W) in [0, 1], likewise.

    Returns:
        ``images``: N. ``read_as_it``: share read as the label; ``so_before``: share that was read so under their own
        label, which is what a label without effect would give. ``still_read_as_own``. ``mse_moved``: how far the images
        moved, on average.
    """
    return {
        "images": len(own),
        "read_as_it": float((read == label).mean()),
        "so_before": float((read_before == label).mean()),
        "still_read_as_own": float((read == own).mean()),
        "mse_moved": float(((made - before) ** 2).mean(dtype=np.float64)),
    }


def over_all(numbers: Sequence[dict[str, float]]) -> dict[str, float]:
    """Several labels' :func:`relabelling` put together, each image counting alike."""
    counts = [each["images"] for each in numbers]
    means = {name: np.average([each[name] for each in numbers], weights=counts) for name in list(numbers[0])[1:]}
    return {"images": sum(counts), **{name: float(mean) for name, mean in means.items()}}


def mse_between_classes(images: np.ndarray, labels: np.ndarray, seed: int) -> float | None:
    """What to hold against how far images moved: the mean MSE between random images of different classes.

    Args:
        images: float (N, C, H, W) in [0, 1].
        labels: int (N,).
        seed: of the pairs, one for each image.

    Returns:
        None where no pair was of different classes.
    """
    other = np.random.default_rng(seed).permutation(len(images))
    differ = labels != labels[other]
    if not differ.any():
        return None
    return float(((images[differ] - images[other[differ]]) ** 2).mean(dtype=np.float64))
