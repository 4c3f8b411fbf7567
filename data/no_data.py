"""Pixels that stand for no data: NaN, infinity, what GDAL's tag names, and the numbers usually taken for it.

A number is taken for it without a tag where it is exactly one of those below, and the lowest or highest of its picture
with no other value within a tenth of it. So each picture tells by itself, and those that come after a training are read
as those before. Ends of usual ranges, 0 or 65,535, are none of them: they are black and white of honest pictures.
"""

import numpy as np
from PIL import Image

_GDAL_NODATA = 42113  # of a TIFF
_SMALL = (-999, -9999, -99999, -999999, -32767, -32768, 1 - 2**31, -(2**31))
_LARGE = (1e20, 1e30, 1e36, 9.96920996838687e36, 1.70141e38, 2.0**127, 3.4e38, np.finfo(np.float32).max)
_HIGHEST = {float(np.float32(mark)) for mark in _LARGE}
_LOWEST = {*_SMALL, *(-mark for mark in _HIGHEST)}
_NEAR = 0.1


def no_data(values: np.ndarray, named: float | None) -> np.ndarray | None:
    """Which pixels of a picture with more than 8 bits hold no data, bool (H, W); None where all hold some.

    Args:
        values: (H, W), or (H, W, 3), where a pixel holds none if no channel does.
        named: what the file itself calls no data.
    """
    low, high = float(values.min()), float(values.max())
    if named is None and np.isfinite([low, high]).all() and low not in _LOWEST and high not in _HIGHEST:
        return None
    missing = ~np.isfinite(values)
    if named is not None:
        with np.errstate(over="ignore"):  # a number that float32 can't hold is none of these
            missing |= values == named
    if values.ndim == 3:
        missing = missing.all(axis=-1)
    for marks, extreme in ((_LOWEST, np.min), (_HIGHEST, np.max)):
        held = values[~missing]
        while held.size and (mark := float(extreme(held))) in marks:
            held = held[held != mark]
            if held.size and abs(float(extreme(held)) - mark) < _NEAR * abs(mark):
                break
            missing |= values == mark
    return missing if missing.any() else None


def named_by(image: Image.Image) -> float | None:
    """What an opened TIFF's frame calls no data, as GDAL writes it; None where it says nothing, and of other files."""
    try:
        return float(getattr(image, "tag_v2", {}).get(_GDAL_NODATA))
    except (TypeError, ValueError):
        return None
