"""The values that a file holds, before they are made bytes: Pillow's picture, or numbers of more than 8 bits."""

from typing import NamedTuple

import numpy as np
from PIL import Image

from data.formats import FORMATS
from data.no_data import named_by, no_data
from data.tones import Range

_BITS, _PLANES, _SEPARATE = 258, 284, 2  # of a TIFF: bits a sample, how colours lie
_PHOTOMETRIC, _MIN_IS_WHITE = 262, 0
_UNSIGNED = ("I;32", "I;32N", "I;32B")  # which Pillow gives as signed
_OTHER_ORDER = {
    f"{mode};16{order}": f"{mode};16{other}"
    for mode in ("RGB", "RGBA", *"RGB")
    for order, other in (("B", "L"), ("L", "B"), ("N", "B"))  # N: this machine's, on all that are in use L
}


class Wide(NamedTuple):
    """A picture with more than 8 bits a channel."""

    values: np.ndarray  # (H, W) or (H, W, 3)
    kind: str  # "integers" or "floats"
    missing: np.ndarray | None  # bool (H, W): pixels without data; None where there are none
    alpha: np.ndarray | None = None  # uint8 (H, W)

    @property
    def span(self) -> Range | None:
        """The lowest and highest value; None where no pixel holds data."""
        held = self.values if self.missing is None else self.values[~self.missing]
        return (float(held.min()), float(held.max())) if held.size else None

    @property
    def marks(self) -> tuple[str, ...]:
        """The different values that stand for no data, in words."""
        found = () if self.missing is None else np.unique(self.values[self.missing])
        return tuple(str(mark).removesuffix(".0").replace("nan", "NaN") for mark in found)


def load(image: Image.Image) -> Image.Image | Wide:
    """The pixels of an opened file's frame as they are: mode ``L``, ``RGB``, ``RGBA`` where it is transparent anywhere,
    or with more than 8 bits.
    """
    wide_colours = _wide_colours(image)
    if wide_colours is not None:
        return wide_colours
    unsigned = image.mode == "I" and any(_order(tile.args) in _UNSIGNED for tile in image.tile)
    image.load()
    mode = image.mode
    if mode in ("LA", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        picture = image.convert("RGBA")
        return picture if picture.getextrema()[3][0] < 255 else picture.convert("RGB")
    if mode == "I" or mode.startswith("I;16"):
        values = np.asarray(image)
        values = values.view(np.uint32) if unsigned else values
        missing = no_data(values, named_by(image))
        if mode.startswith("I;16") and getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == _MIN_IS_WHITE:
            values = np.uint16(65535) - values  # as Pillow does it with 8 bits
        return Wide(values, "integers", missing)
    if mode == "F":
        values = np.asarray(image)
        return Wide(values, "floats", no_data(values, named_by(image)))
    if mode in ("L", "RGB"):
        return image
    return image.convert("L" if mode == "1" else "RGB")


def _wide_colours(image: Image.Image) -> Wide | None:
    """Colours of 16 bits a channel, of which Pillow alone gives the upper 8; None for what is no such file.

    The lower 8 are what it gives when it is told that the bytes stand in the other order.
    """
    tiles = _as_16_bits(image)
    orders = {_order(tile.args) for tile in tiles}
    if not orders or not orders <= set(_OTHER_ORDER):
        return None
    image.tile = tiles
    with Image.open(image.filename, formats=FORMATS) as again:
        again.seek(image.tell())
        again.tile = [tile._replace(args=_in_other_order(tile.args)) for tile in tiles]
        again.load()
        low = np.asarray(again)
    image.load()
    high = np.asarray(image)
    alpha = high[..., 3] if high.shape[-1] == 4 and high[..., 3].min() < 255 else None
    values = high[..., :3].astype(np.uint16) << 8 | low[..., :3]
    return Wide(values, "integers", no_data(values, named_by(image)), alpha)


def _as_16_bits(image: Image.Image) -> list:
    """The tiles of an opened file; of a TIFF whose colours lie one after the other, Pillow takes 16 bits for 8."""
    tags = getattr(image, "tag_v2", {})
    if tags.get(_PLANES) != _SEPARATE or set(tags.get(_BITS, ())) != {16}:
        return image.tile
    order = "L" if tags.prefix == b"II" else "B"
    return [
        tile._replace(args=(f"{tile.args[0]};16{order}", *tile.args[1:])) if tile.args[0] in "RGB" else tile
        for tile in image.tile
    ]


def _order(args: object) -> object:
    return args[0] if isinstance(args, tuple) and args else args


def _in_other_order(args: object) -> object:
    return (_OTHER_ORDER[args[0]], *args[1:]) if isinstance(args, tuple) else _OTHER_ORDER[args]
