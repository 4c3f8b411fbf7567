"""Pictures that a network has not seen, read as those were that it was trained on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from data import load_images
from data.annotations import Annotations
from data.image_set import ImageSet
from run.console import note
from run.errors import printable

_NAMED = 5


def load_new_images(
    folder: Path,
    data_dir: Path,
    image_shape: tuple[int, int, int],
    record: Mapping[str, Any],
    num_workers: int | None = None,
) -> tuple[ImageSet, np.ndarray]:
    """The images of a folder as a network sees them: its size and channels, its black, white and ground.

    What is not as it was in training is converted and said.

    Args:
        folder: of images; its folders need mean nothing.
        data_dir: where decoded images are kept.
        image_shape: (C, H, W) of the network.
        record: of its checkpoint.
        num_workers: how many decode at a time; None takes one a core.

    Returns:
        What is known of the images, and they themselves, uint8 (N, C, H, W).

    Raises:
        BadInput: the folder holds no readable image, or the record is damaged.
    """
    channels, height, width = image_shape
    trained = Annotations.as_trained(record)
    new = load_images(
        str(folder), data_dir, (height, width), channels == 1, num_workers, trained, is_new=True, near_duplicates=False
    )
    colours = "grey" if channels == 1 else "colour"
    note(f"the network sees them at {height} x {width} in {colours}, as what it was trained on")
    if new.images.shape[1] < channels:
        note("they are grey, and the network was trained on colours: grey stands in all three channels")
    known = trained.tones
    if known is not None and new.wide and known.integers is None and known.floats is None:
        note("it was trained on pictures of 8 bits alone, so black and white of wider ones are found among the new")
    if known is not None and not new.wide and (known.integers or known.floats) is not None:
        note("it was trained on pictures of more than 8 bits; of these, which have 8, white is 255")
    seen = record.get("class_names") or []
    strange = [name for name in new.class_names if name not in seen]
    if seen and strange:
        names = ", ".join(map(printable, strange[:_NAMED])) + ", ..." * (len(strange) > _NAMED)
        note(f"{len(strange):,} of their {len(new.class_names):,} classes are none that it was trained on: {names}")
    return new, np.broadcast_to(new.images, (len(new), *image_shape))
