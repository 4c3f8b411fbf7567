"""What is in a set of images: how much of each class, which images are the same, how large they came."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from data import sources
from data.annotations import Annotations
from data.decode import quiet_pillow, read_size
from data.image_set import ImageSet, content_digests, joined_groups
from data.split import Split

_SIZES_OF = 20_000  # files whose headers are read; more say nothing new


@dataclass(frozen=True)
class Inventory:
    """A set of N images in K classes, its split, and what was found in it.

    Attributes:
        image_set: the images.
        split: which are trained on, watched and tested on; None where none can be made.
        sized: int64 (M,), positions of images whose original sizes are known.
        sizes: int64 (M, 2), their heights and widths before any scaling; None where there were no files.
    """

    image_set: ImageSet
    split: Split | None
    sized: np.ndarray | None
    sizes: np.ndarray | None

    @property
    def names(self) -> tuple[str, ...]:
        """The classes; one for all images where there are none."""
        return self.image_set.class_names or ("all images",)

    @cached_property
    def members(self) -> list[np.ndarray]:
        """Positions (int64) of the images of each class."""
        return members_of_classes(self.image_set)

    @property
    def counts(self) -> np.ndarray:
        """Images of each class, int64 (K,)."""
        return np.array([len(rows) for rows in self.members])

    @property
    def sides(self) -> list[tuple[str, np.ndarray]]:
        """(name, images of each class) of training, validation and test; of all images where there is no split."""
        if self.split is None:
            return [("images", self.counts)]
        labels = self.image_set.labels  # those on the sides are of images that have one
        labels = np.zeros(len(self.image_set), np.int64) if labels is None else labels
        sides = [("train", self.split.train), ("val", self.split.val), ("test", self.split.test)]
        return [(name, np.bincount(labels[rows], minlength=len(self.members))) for name, rows in sides]

    @cached_property
    def same(self) -> list[np.ndarray]:
        """Groups of images with the same pixels; see :func:`duplicates`."""
        return duplicates(self.image_set)

    @cached_property
    def conflicts(self) -> list[np.ndarray]:
        """Those groups of ``same`` whose images have different classes, of which at most one can be right."""
        return [group for group in self.same if in_conflict(self.image_set, group)]

    def median_size(self, rows: np.ndarray) -> list[float] | None:
        """Median height and width of the images at ``rows`` whose sizes are known; None where none is."""
        if self.sized is None or not (known := np.isin(self.sized, rows)).any():
            return None
        return np.median(self.sizes[known], axis=0).tolist()

    @property
    def facts(self) -> dict[str, Any]:
        """The numbers about the whole set, in plain types."""
        image_set, counts = self.image_set, self.counts
        facts: dict[str, Any] = {
            "images": len(image_set),
            "shape": list(image_set.images.shape[1:]),
            "unreadable": len(image_set.left_out),
            "groups": int(image_set.groups.max()) + 1,
            "same_pixels_groups": len(self.same),
            "same_pixels_images": int(sum(map(len, self.same))),
            "same_pixels_different_classes": len(self.conflicts),
        }
        if image_set.labels is not None:
            facts |= {
                "classes": len(counts),
                "largest_class": int(counts.max()),
                "smallest_class": int(counts.min()),
                "imbalance_ratio": float(counts.max() / counts.min()),
                "largest_class_share": float(counts.max() / counts.sum()),
            }
        if self.sizes is not None:
            for column, side in enumerate(("height", "width")):
                low, median, high = np.percentile(self.sizes[:, column], [0, 50, 100])
                facts[f"original_{side}"] = {"smallest": int(low), "median": float(median), "largest": int(high)}
        if self.split is None:
            return {**facts, "split": None}
        return {**facts, "split": self.split.kind, "fingerprint": self.split.fingerprint}


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
    if image_set.labels is None:
        return False
    labels = image_set.labels[group]
    return len(np.unique(labels[labels >= 0])) > 1


def members_of_classes(image_set: ImageSet) -> list[np.ndarray]:
    """The positions (int64) of the images of each class; of all images where there are no classes."""
    if image_set.labels is None:
        return [np.arange(len(image_set))]
    return [np.flatnonzero(image_set.labels == label) for label in range(len(image_set.class_names))]


def mean_image(images: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """float32 (C, H, W) in [0, 1]: the mean of some of the uint8 images (N, C, H, W), a thousand at a time."""
    summed = sum(images[rows[start : start + 1000]].sum(axis=0, dtype=np.int64) for start in range(0, len(rows), 1000))
    return (summed / (255 * len(rows))).astype(np.float32)


def original_sizes(
    dataset: str,
    data_dir: Path,
    image_set: ImageSet,
    annotations: Annotations = Annotations(),  # noqa: B008  (frozen)
) -> tuple[np.ndarray, np.ndarray] | tuple[None, None]:
    """Height and width that image files have, before any scaling, from their headers.

    Args:
        dataset: what the images were loaded as, a name or a folder.
        data_dir: where named sets are kept.
        image_set: what was loaded.
        annotations: what was said of a folder.

    Returns:
        Positions of the images (all, or 20,000 evenly spaced ones) and int64 (those, 2) heights and widths. None for
        sets whose images are not files of their own: they are of one size.
    """
    source = sources.find(dataset, Path(data_dir), annotations)
    count = len(image_set)
    rows = np.unique(np.linspace(0, count - 1, min(count, _SIZES_OF)).astype(np.int64))
    files = [source.file_of(image_set.sample_ids[row]) for row in rows]
    if None in files:
        return None, None
    with quiet_pillow():
        return rows, np.array([read_size(file) for file in files], np.int64)
