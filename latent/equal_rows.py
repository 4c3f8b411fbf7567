"""Which rows are equal to which, so that they are counted, placed and clustered as one."""

import numpy as np


def first_equal(vectors: np.ndarray) -> np.ndarray:
    """For each row of (rows, D) the first that equals it, int64 (rows,); -0 is 0."""
    first: dict[bytes, int] = {}
    return np.array([first.setdefault((row + 0.0).tobytes(), place) for place, row in enumerate(vectors)], np.int64)
