"""Some images of a set, read when they are asked for: a split of a set that is larger than memory takes none of it."""

import numpy as np


class Selection:
    """Rows of an array of images that behave like the array of these rows, which is never made as a whole.

    Indexing by a slice or by an array of positions gives a plain array of those images.

    Args:
        images: uint8 (N, C, H, W), in memory or mapped from a file.
        rows: int (M,), positions in it.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(self, images: np.ndarray, rows: np.ndarray) -> None:
        self._images, self._rows = images, np.asarray(rows)
        self.shape = (len(rows), *images.shape[1:])

    @property
    def size(self) -> int:
        """How many numbers all of them are."""
        return int(np.prod(self.shape))

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, place: slice | np.ndarray) -> np.ndarray:
        """uint8 (n, C, H, W): those at a slice or at positions (n,)."""
        return np.asarray(self._images[self._rows[place]])
