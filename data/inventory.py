"""What is in a set of images: how much of each class, which images are the same, how large they came."""

import os
from pathlib import Path

import numpy as np

from data import sources
from data.decode import quiet_pillow, read_size
from data.folder import Folder
from data.image_set import ImageSet, content_digests, joined_groups

_SIZES_OF = 20_000  # files whose headers are read; more say nothing new


def duplicates(image_set: ImageSet) -> list[np.ndarray]:
    """Groups of two and more images with the same pixels, as positions (int64), the largest group first.

    Images are compared as they were decoded and scaled; what differs only beyond that counts as the same, as it is the
    same to a network.
    """
    group_of = joined_groups(content_digests(image_set.images))
    order = np.argsort(group_of, kind="stable")
    starts = np.flatnonzero(np.diff(group_of[order], prepend=-1))
    groups = [group for group in np.split(order, starts[1:]) if len(group) > 1]
    return sorted(groups, key=lambda group: (-len(group), group[0]))


def in_conflict(image_set: ImageSet, group: np.ndarray) -> bool:
    """Whether images that are the same have different classes, of which at most one can be right."""
    return image_set.labels is not None and len(np.unique(image_set.labels[group])) > 1


def members_of_classes(image_set: ImageSet) -> list[np.ndarray]:
    """The positions (int64) of the images of each class; of all images where there are no classes."""
    if image_set.labels is None:
        return [np.arange(len(image_set))]
    return [np.flatnonzero(image_set.labels == label) for label in range(len(image_set.class_names))]


def mean_image(images: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """float32 (C, H, W) in [0, 1]: the mean of some of the uint8 images (N, C, H, W), a thousand at a time."""
    summed = sum(images[rows[start : start + 1000]].sum(axis=0, dtype=np.int64) for start in range(0, len(rows), 1000))
    return (summed / (255 * len(rows))).astype(np.float32)


def original_sizes(dataset: str, data_dir: Path, image_set: ImageSet) -> tuple[np.ndarray, np.ndarray] | None:
    """Height and width that the files of a folder have, before any scaling, from their headers.

    Args:
        dataset: what the images were loaded as, a name or a folder.

    Returns:
        Positions of the images (all, or 20,000 evenly spaced ones) and int64 (those, 2) heights and widths. None for
        sets that are not kept as a folder of image files: their images are of one size.
    """
    source = sources.find(dataset, Path(data_dir))
    if not isinstance(source, Folder):
        return None
    count = len(image_set)
    rows = np.unique(np.linspace(0, count - 1, min(count, _SIZES_OF)).astype(np.int64))
    with quiet_pillow():
        sizes = [read_size(os.path.join(source.place, image_set.sample_ids[row])) for row in rows]
    return rows, np.array(sizes, np.int64)
