"""The digits that scikit-learn ships."""

from pathlib import Path

import numpy as np

from data.arrays import array_batches
from data.fitting import Shape
from data.pictures import Pictures
from data.source import Source


class Digits(Source):
    """1,797 handwritten digits of 8x8 pixels and 17 grey levels; no download."""

    name, place, key = "digits", "scikit-learn", ""
    cached = False  # they are part of an installed package, and small

    def __init__(self, data_dir: Path) -> None:
        pass  # nothing of them lies there

    def open(self, image_size: tuple[int, int] | None, grayscale: bool, num_workers: int | None) -> Pictures:
        """All of them."""
        from sklearn.datasets import load_digits  # half a second, for this set alone

        digits = load_digits()
        images = np.round(digits.images * (255 / 16)).astype(np.uint8)  # (1797, 8, 8), 0..16 -> 0..255
        height, width = image_size or (8, 8)
        return Pictures(
            shape=Shape(1, height, width, own_size=False, grayscale=False),
            batches=lambda shape: array_batches([images[..., None]], shape, num_workers),
            ids=[f"digits/{number}" for number in range(len(images))],
            labels=digits.target.astype(np.int64),
            class_names=tuple("0123456789"),
            groups=[None] * len(images),
            published_test=None,
            left_out=[],
        )
