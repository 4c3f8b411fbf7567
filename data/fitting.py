"""A decoded picture at the size and in the channels that every image of its set has.

Pictures are scaled to the wanted height and width with Pillow's antialiased bilinear filter, whatever their proportions
unless another ``fit`` is asked for (a sign or a digit fills its frame either way).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from PIL import Image

from data.tones import Tones


@dataclass(frozen=True)
class Shape:
    """What every image becomes."""

    channels: int
    height: int
    width: int
    own_size: bool  # the size was taken from the images: one of another size proves it wrong
    grayscale: bool  # colours are wanted as brightness; otherwise one channel means that all images are grey
    fit: str = "stretch"  # how other proportions are fitted: "stretch", "pad", "crop"
    tones: Tones = field(default_factory=Tones)
    max_pixels: int | None = None  # of a file; None for Pillow's own limit

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width


class ShapeDisproved(Exception):
    """An image does not fit the shape that was guessed from a sample; carries the shape that fits."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape


def fit(image: Image.Image, shape: Shape) -> Image.Image:
    """Scale an image of mode ``L`` or ``RGB``; it becomes ``L`` for one channel, and may stay so for three.

    Raises:
        ShapeDisproved: it has another size, or colours, than were guessed.
    """
    if shape.grayscale:
        image = image.convert("L")
    if image.size != (shape.width, shape.height):
        if shape.own_size:
            raise ShapeDisproved(replace(shape, height=32, width=32, own_size=False))
        image = _scaled(image, shape)
    if shape.channels == 1 and image.mode == "RGB":
        if has_colours(image):
            raise ShapeDisproved(replace(shape, channels=3, grayscale=False))
        return image.getchannel(0)
    return image


def stacked(pictures: Sequence[Image.Image], shape: Shape) -> np.ndarray:
    """n pictures that :func:`fit` gave as uint8 (n, C, H, W).

    They go by way of one sheet: Pillow takes longer to hand a small picture to numpy than to lay it beside others.
    """
    sheet = Image.new("L" if shape.channels == 1 else "RGB", (shape.width, len(pictures) * shape.height))
    for place, picture in enumerate(pictures):
        sheet.paste(picture, (0, place * shape.height))
    pixels = np.asarray(sheet).reshape(len(pictures), *shape.size, shape.channels)
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))


def _scaled(image: Image.Image, shape: Shape) -> Image.Image:
    """An image at the wanted size, with its proportions stretched, or kept by padding or by cropping."""
    size, by = (shape.width, shape.height), Image.Resampling.BILINEAR
    across, down = (wanted / own for wanted, own in zip(size, image.size, strict=True))
    if shape.fit == "stretch" or across == down:
        return image.resize(size, by)
    if shape.fit == "crop":
        kept = [wanted / max(across, down) for wanted in size]
        left, top = ((own - inner) / 2 for own, inner in zip(image.size, kept, strict=True))
        return image.resize(size, by, box=(left, top, left + kept[0], top + kept[1]))
    inner = image.resize([max(1, round(own * min(across, down))) for own in image.size], by)
    padded = Image.new(image.mode, size, _edge_colour(np.asarray(inner)))
    padded.paste(inner, tuple((whole - part) // 2 for whole, part in zip(size, inner.size, strict=True)))
    return padded


def _edge_colour(pixels: np.ndarray) -> int | tuple[int, ...]:
    """The median colour along the edge of pixels (H, W) or (H, W, 3)."""
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    middle = np.median(edge, axis=0)
    return int(middle) if pixels.ndim == 2 else tuple(map(int, middle))


def has_colours(image: Image.Image) -> bool:
    """Whether a picture shows any."""
    return image.mode == "RGB" and not is_grey(np.asarray(image))


def is_grey(pixels: np.ndarray) -> bool:
    """Whether pixels (..., 3) show no colour at all, though they are stored as colours."""
    return bool((pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 1] == pixels[..., 2]).all())
