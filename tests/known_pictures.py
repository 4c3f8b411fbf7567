"""Pictures whose truth is known: uint8 images and their labels, and how they are laid out in folders, one a class."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

Pictures = tuple[np.ndarray, np.ndarray]  # uint8 (N, H, W) or (N, H, W, 3); int (N,)


def solid_colours(seed: int = 0, each: int = 100) -> Pictures:
    """Three colours with noise: as many clusters, which are the classes."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(3), each)
    colours = np.array([(200, 30, 30), (30, 200, 30), (30, 30, 200)])[labels]
    return _as_bytes(colours[:, None, None] + random.normal(0, 12, (len(labels), 8, 8, 3))), labels


def overlapping_brightness(seed: int = 0, count: int = 600) -> Pictures:
    """Two classes of brightness that overlap by half: whoever knows all is right in 75%."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    brightness = random.normal(0.4 + 0.135 * labels, 0.1)
    return _as_bytes(255 * (brightness[:, None, None] + random.normal(0, 0.02, (count, 8, 8)))), labels


def faint_signs(seed: int = 0, count: int = 600, classes: int = 10) -> Pictures:
    """Faint signs under light that differs much more: of the nearest neighbours most show another sign."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    signs = np.random.default_rng(1).normal(size=(classes, 8, 8))
    light = np.einsum("nk,khw->nhw", random.normal(size=(count, 2)), np.random.default_rng(2).normal(size=(2, 8, 8)))
    return _as_bytes(128 + 16 * light + 8 * signs[labels] + random.normal(0, 6, (count, 8, 8))), labels


def noise(seed: int = 0, count: int = 400) -> Pictures:
    """Random pixels, and two classes at random."""
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (count, 8, 8), dtype=np.uint8), random.integers(0, 2, count)


def turned_bar(seed: int = 0, count: int = 600) -> Pictures:
    """A bar turned through all angles, a ring: four classes are stretches of it."""
    random = np.random.default_rng(seed)
    angle = random.uniform(0, np.pi, count)
    across, down = np.meshgrid(*[np.linspace(-1, 1, 12)] * 2)
    away = across * np.sin(angle)[:, None, None] - down * np.cos(angle)[:, None, None]
    pixels = 255 * np.exp(-((away / 0.25) ** 2)) + random.normal(0, 5, away.shape)
    return _as_bytes(pixels), (angle / np.pi * 4).astype(int)


PICTURES: dict[str, Callable[..., Pictures]] = {
    each.__name__: each for each in (solid_colours, overlapping_brightness, faint_signs, noise, turned_bar)
}


def lay_out(pictures: Pictures, folder: Path) -> Path:
    """Write pictures as PNG files, one folder a class; the folder."""
    for number, (image, label) in enumerate(zip(*pictures, strict=True)):
        place = folder / f"class {label}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{number:04}.png")
    return folder


def _as_bytes(pixels: np.ndarray) -> np.ndarray:
    return np.clip(pixels.round(), 0, 255).astype(np.uint8)
