"""Test images that a person names, or random ones where none are named."""

from collections.abc import Sequence

import numpy as np

from data.test_data import TestData
from run.errors import BadInput


def choose_test_rows(test_data: TestData, asked: Sequence[int] | None, count: int, seed: int) -> list[int]:
    """The rows that were asked for, or ``count`` random ones, of different classes as far as there are.

    Raises:
        BadInput: a row that the test split has not.
    """
    total, labels = len(test_data.images), test_data.labels
    if asked is not None:
        if max(asked) >= total:
            raise BadInput(
                f"--images {max(asked)}: the test split has {total:,} image{'s' * (total != 1)}, numbered from 0 to "
                f"{total - 1}; name one of these"
            )
        return list(asked)
    shuffled = np.random.default_rng(seed).permutation(total)
    if labels is not None:
        rank = np.zeros(total, np.int64)  # of each image among those of its class
        for label in np.unique(labels):
            mine = np.flatnonzero(labels[shuffled] == label)
            rank[mine] = np.arange(len(mine))
        shuffled = shuffled[np.argsort(rank, kind="stable")]
    return shuffled[:count].tolist()
