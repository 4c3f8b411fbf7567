"""Many small pictures as a few large ones, sheets, from which a page cuts what it shows."""

import base64
import io
from collections.abc import Iterable
from typing import Any

import numpy as np
from PIL import Image

_COLUMNS, _A_SHEET = 32, 1024  # images
_PIXELS = 20_000_000  # of all images together, about; more are made smaller
_SMALLEST, _LARGEST = 32, 256  # pixels of the longer side that images are made smaller to
_LOSSLESS_UP_TO = 16  # pixels of a side: of so small images a lossy picture is no smaller
_QUALITY = 82


def sheets(batches: Iterable[np.ndarray], count: int) -> dict[str, Any]:
    """Images as the page takes them: each ``height`` x ``width``, ``columns`` in a row, ``per_sheet`` on a sheet.

    Args:
        batches: uint8 (n, C, H, W), C 1 or 3, so many at a time.
        count: of all images.
    """
    made, waiting, size = [], [], (0, 0)
    for batch in batches:
        size = tile_size(*batch.shape[2:], count)
        waiting.extend(_tile(image, size) for image in batch)
        while len(waiting) >= _A_SHEET:
            made.append(_encoded(waiting[:_A_SHEET], size))
            del waiting[:_A_SHEET]
    if waiting:
        made.append(_encoded(waiting, size))
    return {"height": size[0], "width": size[1], "columns": _COLUMNS, "per_sheet": _A_SHEET, "sheets": made}


def tile_size(height: int, width: int, count: int) -> tuple[int, int]:
    """Height and width that each of so many images is shown at: its own, or less where they would be too much."""
    longest = min(_LARGEST, max(_SMALLEST, int((_PIXELS / count) ** 0.5)))
    shrink = min(1.0, longest / max(height, width))
    return max(1, round(height * shrink)), max(1, round(width * shrink))


def _tile(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """uint8 (C, H, W) -> uint8 (height, width, 3)."""
    pixels = np.broadcast_to(np.moveaxis(image, 0, -1), (*image.shape[1:], 3))
    if pixels.shape[:2] == size:
        return pixels
    resized = Image.fromarray(np.ascontiguousarray(pixels)).resize(size[::-1], Image.Resampling.LANCZOS)
    return np.asarray(resized)


def _encoded(tiles: list[np.ndarray], size: tuple[int, int]) -> str:
    height, width = size
    rows = -(-len(tiles) // _COLUMNS)
    sheet = np.zeros((rows * height, min(len(tiles), _COLUMNS) * width, 3), np.uint8)
    for place, tile in enumerate(tiles):
        top, left = place // _COLUMNS * height, place % _COLUMNS * width
        sheet[top : top + height, left : left + width] = tile
    content = io.BytesIO()
    lossless = max(size) <= _LOSSLESS_UP_TO
    Image.fromarray(sheet).save(content, "WEBP", lossless=lossless, quality=_QUALITY, method=4)
    return f"data:image/webp;base64,{base64.b64encode(content.getvalue()).decode()}"
