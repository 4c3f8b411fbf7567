"""The images of a set, in memory or mapped from the cache, with what is known of each."""

import hashlib
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class ImageSet:
    """N images of one shape."""

    name: str  # "gtsrb", or the folder's name
    images: np.ndarray  # uint8 (N, C, H, W), C 1 or 3; read-only
    labels: np.ndarray | None  # int64 (N,) 0..K-1, -1 of an image without one; None if none has one
    class_names: tuple[str, ...]  # K names; () if unlabelled
    sample_ids: tuple[str, ...]  # N different texts: path relative to the source, or "train/123"
    groups: np.ndarray  # int64 (N,): images that belong together (a track; equal pixels) share a number
    published_test: np.ndarray | None  # bool (N,): the set's published test part; None if it has none
    left_out: tuple[tuple[str, str], ...]  # (sample id, reason) of each image that could not be read, or has no label
    published_val: np.ndarray | None = None  # bool (N,): images that a published split validates on
    near_duplicates: np.ndarray | None = None  # int64 (pairs, 2) of images that are nearly the same; None if not sought
    layout: str = ""  # how the images lie and how they were read, in a few lines for a person
    doubts: tuple[str, ...] = ()  # what a person should look at before trusting them
    wide: int = 0  # how many came with more than 8 bits a channel
    tones: dict[str, Any] | None = None  # of files: data.tones.Tones in plain types, by which new ones are read as well

    def __len__(self) -> int:
        return len(self.images)

    def class_of(self, row: int) -> str:
        """The class of an image; "" where it has none."""
        return "" if self.labels is None or self.labels[row] < 0 else self.class_names[self.labels[row]]


def content_digests(images: np.ndarray) -> list[bytes]:
    """A digest of the pixels of each image (N, C, H, W): equal for two images exactly if their pixels are."""
    return [hashlib.blake2b(image, digest_size=16).digest() for image in np.asarray(images, order="C")]


def joined_groups(*memberships: Iterable[Hashable]) -> np.ndarray:
    """Groups of items that are linked by any of several memberships, directly or through others.

    Args:
        memberships: each N keys, one an item; items of equal key belong together.

    Returns:
        int64 (N,) group numbers, counted from 0 in the order of first appearance.
    """
    columns = [list(membership) for membership in memberships]
    parent = list(range(len(columns[0])))

    def root(item: int) -> int:
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    for column in columns:
        first: dict[Hashable, int] = {}
        for item, key in enumerate(column):
            other = first.setdefault(key, item)
            if other != item:
                low, high = sorted((root(other), root(item)))
                parent[high] = low  # the root is always the first item, so that numbers follow first appearance
    numbers: dict[int, int] = {}
    return np.array([numbers.setdefault(root(item), len(numbers)) for item in range(len(parent))], np.int64)
