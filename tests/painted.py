"""Folders of painted pictures, and what is loaded of them."""

from pathlib import Path

from PIL import Image

from data import load_images
from data.image_set import ImageSet

RED, GREY = (200, 30, 40), (90, 90, 90)


def paint(
    path: Path, colour: object = RED, size: tuple[int, int] = (12, 10), mode: str = "RGB", **options: object
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path, **options)
    return path


def load(folder: Path, **options: object) -> ImageSet:
    return load_images(str(folder), folder.parent / "data", **options)


def pixel(images: ImageSet, name: str) -> list[int]:
    return images.images[images.sample_ids.index(name), :, 5, 5].tolist()
