"""What every image of a folder will become, as far as a sample of them tells; and how many frames files hold."""

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from data.decode import count_frames, opened, quiet_pillow, upright
from data.fitting import Shape, is_grey
from data.formats import FORMATS
from data.tones import Tones
from data.workers import in_order

_SAMPLE = 64
_DEFAULT_SIZE = (32, 32)
_AT_ONCE = 64


@dataclass(frozen=True)
class Wanted:
    """What a person wants of the pixels; (height, width) is None where the images' own would do."""

    image_size: tuple[int, int] | None
    grayscale: bool
    fit: str
    tones: Tones
    max_pixels: int | None


def guess_shape(paths: list[str], wanted: Wanted) -> Shape:
    """The shape that a sample of the files suggests; decoding all of them proves it or puts it right."""
    sizes, colour = set(), False
    # whatever is black and white in it, colours are seen all the same
    tones = replace(Tones(integers=(0, 65535), floats=(0, 1)), ground=255)
    with quiet_pillow():
        for path in paths[:: -(-len(paths) // _SAMPLE)]:
            if wanted.image_size is not None and (wanted.grayscale or colour):  # nothing is left to find out
                break
            try:
                with opened(path, wanted.image_size or _DEFAULT_SIZE, wanted.max_pixels) as (image, size):
                    picture, _ = upright(image, tones)
            except Exception:  # a damaged file; decoding them all will say so
                continue
            sizes.add(size)
            colour = colour or (picture.mode == "RGB" and not is_grey(np.asarray(picture)))
    own = wanted.image_size is None and len(sizes) == 1 and all(8 <= side <= 1024 for side in next(iter(sizes)))
    height, width = next(iter(sizes)) if own else wanted.image_size or _DEFAULT_SIZE
    return Shape(
        3 if colour and not wanted.grayscale else 1,
        height,
        width,
        own_size=own,
        grayscale=wanted.grayscale,
        fit=wanted.fit,
        tones=wanted.tones,
        max_pixels=wanted.max_pixels,
    )


def count_frames_of(paths: list[str], num_workers: int | None) -> list[int]:
    """How many frames each file holds; 1 of what can't be read, which decoding it will find out."""

    def count(some: list[str]) -> list[int]:
        return [_count_frames(path) for path in some]

    with quiet_pillow():
        pieces = [paths[start : start + _AT_ONCE] for start in range(0, len(paths), _AT_ONCE)]
        return [number for numbers in in_order(count, pieces, num_workers) for number in numbers]


def _count_frames(path: str) -> int:
    try:
        with Image.open(path, formats=FORMATS) as image:
            return count_frames(image)
    except Exception:  # Pillow's decoders raise of every kind; decoding the file says why it is left out
        return 1
