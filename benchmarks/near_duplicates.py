"""How many altered copies of real images are found to be nearly the same, and how many images are that are no copies.

    python -m benchmarks.near_duplicates --data_dir data

Makes the tables of docs/results/near_duplicates.md.
"""

import argparse
import io
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from data import load_images, near_duplicates
from data.image_set import content_digests

_COPIED = 600
_THRESHOLDS = (0.01, 0.02, 0.03, 0.05)


def as_jpeg(quality: int) -> Callable[[Image.Image], Image.Image]:
    def alter(image: Image.Image) -> Image.Image:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        return Image.open(file)

    return alter


def resized(factor: float) -> Callable[[Image.Image], Image.Image]:
    def alter(image: Image.Image) -> Image.Image:
        other = [round(side * factor) for side in image.size]
        return image.resize(other, Image.Resampling.BILINEAR).resize(image.size, Image.Resampling.BILINEAR)

    return alter


def cropped(image: Image.Image) -> Image.Image:
    width, height = image.size
    return image.resize(image.size, Image.Resampling.BILINEAR, box=(1, 1, width, height))


ALTERATIONS = {
    "JPEG, quality 95": as_jpeg(95),
    "JPEG, quality 75": as_jpeg(75),
    "JPEG, quality 50": as_jpeg(50),
    "enlarged to twice and back": resized(2),
    "5% brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.05),
    "20% brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.2),
    "reduced to three quarters and enlarged again": resized(0.75),
    "cropped by a pixel": cropped,
}


def found_copies(originals: np.ndarray, alter: Callable[[Image.Image], Image.Image]) -> list[float]:
    """The part of altered copies of images (N, C, H, W) that is found at each threshold."""
    pictures = [Image.fromarray(np.moveaxis(each, 0, -1).squeeze()) for each in originals]
    copies = [np.asarray(alter(each).convert(each.mode)).reshape(*each.size[::-1], -1) for each in pictures]
    both = np.concatenate([originals, np.moveaxis(np.stack(copies), -1, 1)])
    shares = []
    usual = near_duplicates.NEAR
    for threshold in _THRESHOLDS:
        near_duplicates.NEAR = threshold
        pairs = near_duplicates.near_duplicates(both)
        shares.append(float((pairs[:, 1] - pairs[:, 0] == len(originals)).sum() / len(originals)))
    near_duplicates.NEAR = usual
    return shares


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data_dir", type=Path, default=Path("data"))
    parser.add_argument("--datasets", nargs="+", default=["mnist", "gtsrb"])
    args = parser.parse_args()
    for name in args.datasets:
        images = load_images(name, args.data_dir)
        started = time.process_time()
        pairs = near_duplicates.near_duplicates(images.images)
        seconds = time.process_time() - started
        digests = np.array(content_digests(images.images))
        equal = int((digests[pairs[:, 0]] == digests[pairs[:, 1]]).sum())
        grouped = int((images.groups[pairs[:, 0]] == images.groups[pairs[:, 1]]).sum())
        alike = int((images.labels[pairs[:, 0]] == images.labels[pairs[:, 1]]).sum())
        print(f"| {name} | {len(images):,} | {len(pairs):,} | {equal:,} | {grouped:,} | {alike:,} | {seconds:.1f} |")
        rows = np.sort(np.random.default_rng(0).permutation(len(images))[:_COPIED])
        originals = np.asarray(images.images[rows])
        for what, alter in ALTERATIONS.items():
            cells = " | ".join(f"{share:.0%}" for share in found_copies(originals, alter))
            print(f"| {name}: {what} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
