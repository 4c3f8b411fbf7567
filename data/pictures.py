"""What a source hands to the cache: images still to be decoded, and what is known of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from data.decode import Batch
from data.fitting import Shape
from data.tones import Tones


@dataclass(frozen=True)
class Pictures:
    """Images of a source that has been opened; M of them, of which some may prove unreadable."""

    shape: Shape  # what every image becomes, as far as is known before all are decoded
    batches: Callable[[Shape], Iterator[Batch]]  # all of them, in order
    ids: list[str]  # M sample ids
    labels: np.ndarray | None  # int64 (M,)
    class_names: tuple[str, ...]
    groups: list[str | None]  # M: what images of one group share; None where nothing is known
    published_test: np.ndarray | None  # bool (M,)
    left_out: list[tuple[str, str]]  # (sample id, reason) of what is known already not to be taken
    published_val: np.ndarray | None = None  # bool (M,): images that a published split validates on
    layout: str = ""  # how they lie, in a few lines for a person
    # as ``batches``, from the image at a position on, which begins a batch; None where decoding takes no time
    batches_from: Callable[[Shape, int], Iterator[Batch]] | None = None
    survey: Callable[[Shape], Tones] | None = None  # looks at all files, once none of them alone tells black and white
