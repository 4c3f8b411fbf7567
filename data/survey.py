"""All files looked at once, before they are decoded, for what none of them tells alone: black, white and ground."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from PIL import Image

from data.decode import opened
from data.fitting import Shape
from data.pixel_values import Wide, load
from data.tones import GROUNDS, Tones, usual_range
from data.workers import Frames, in_order
from run import console

_FAINT = 26  # of 255: a picture that differs less from its ground, over what is opaque of it, can't be seen


@dataclass
class _Extremes:
    """Of some files: the lowest and highest wide values, and how many pictures can't be seen on each ground."""

    wide: dict[str, tuple[float, float]] = field(default_factory=dict)
    unseen: np.ndarray = field(default_factory=lambda: np.zeros(len(GROUNDS), np.int64))

    def look(self, picture: Image.Image | Wide) -> None:
        if isinstance(picture, Wide):
            if span := picture.span:
                self.span(picture.kind, *span)
        elif picture.mode == "RGBA":
            self.unseen += _unseen(np.asarray(picture))

    def span(self, kind: str, low: float, high: float) -> None:
        known = self.wide.get(kind, (low, high))
        self.wide[kind] = (min(known[0], low), max(known[1], high))


def survey(files: Sequence[Frames], shape: Shape, num_workers: int | None) -> Tones:
    """The tones of all files; what is known of them stays. To be called within :class:`data.decode.quiet_pillow`.

    Args:
        files: each with the frames of it that are used.
        shape: what they become, with the tones that are known.
        num_workers: how many at a time; None takes one a core.
    """
    console.note("looking which values are black and white, and what is transparent")
    found = _Extremes()
    for each in in_order(lambda one: _look_at(one, shape), files, num_workers):
        for kind, span in each.wide.items():
            found.span(kind, *span)
        found.unseen += each.unseen
    tones, ground = shape.tones, int(found.unseen.argmin())  # the first of those on which the fewest are lost
    ranges = {
        kind: usual_range(*span, kind == "floats") for kind, span in found.wide.items() if getattr(tones, kind) is None
    }
    if tones.ground is None:
        ranges |= {"ground": list(GROUNDS.values())[ground], "unseen": int(found.unseen[0]) if ground else 0}
    elif not ranges:  # of a picture that has changed meanwhile; nothing is looked for a third time
        ranges = {"integers": tones.integers or (0.0, 65535.0), "floats": tones.floats or (0.0, 1.0)}
    return replace(tones, **ranges)


def _look_at(file: Frames, shape: Shape) -> _Extremes:
    found = _Extremes()
    try:
        with opened(file.path, None if shape.own_size else shape.size, shape.max_pixels) as (image, _):
            for frame in range(1) if file.frames is None else file.frames:
                image.seek(frame)
                if may_be_special(image):
                    found.look(load(image))
    except Exception:  # decoding it will say what is wrong with it
        return found
    return found


def may_be_special(image: Image.Image) -> bool:
    """Whether an opened file may hold wide values or be transparent, from its header alone."""
    tile = image.tile[0].args if image.tile else None
    wide = ";16" in str(tile[0] if isinstance(tile, tuple) and tile else tile) or image.format == "TIFF"
    return wide or image.mode not in ("L", "RGB", "1", "P", "CMYK", "YCbCr") or "transparency" in image.info


def _unseen(pixels: np.ndarray) -> np.ndarray:
    """Whether RGBA pixels (H, W, 4) can't be seen on each of the grounds, int64 (grounds,)."""
    opacity = pixels[..., 3].astype(np.float32) / 255
    total = float(opacity.sum())
    if not total:  # nothing is there that could be seen
        return np.zeros(len(GROUNDS), np.int64)
    colours = pixels[..., :3].astype(np.int16)
    differ = [
        float((np.abs(colours - ground).max(axis=-1) * opacity * opacity).sum()) / total for ground in GROUNDS.values()
    ]
    return np.array([each < _FAINT for each in differ], np.int64)
