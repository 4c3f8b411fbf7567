"""Images that are arrays already."""

from collections.abc import Iterator

import numpy as np
from PIL import Image

from data.decode import Batch
from data.fitting import Shape, fit, stacked
from data.image_set import content_digests
from data.workers import in_order

_BATCH = 1024


def array_batches(parts: list[np.ndarray], shape: Shape, num_workers: int | None) -> Iterator[Batch]:
    """Images (N, H, W, C) of each part in turn, scaled where ``shape`` asks for it."""
    pieces = [part[start : start + _BATCH] for part in parts for start in range(0, len(part), _BATCH)]

    def convert(images: np.ndarray) -> np.ndarray:
        if images.shape[1:] == (shape.height, shape.width, shape.channels):
            return images.transpose(0, 3, 1, 2)
        plain = images[..., 0] if images.shape[-1] == 1 else images
        return stacked([fit(Image.fromarray(np.ascontiguousarray(image)), shape) for image in plain], shape)

    first = 0
    for converted in in_order(convert, pieces, num_workers):
        yield Batch(converted, content_digests(converted), list(range(first, first + len(converted))), [])
        first += len(converted)
