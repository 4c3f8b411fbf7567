"""A random subset that depends on nothing but the seed and what it is drawn from."""

import numpy as np


def random_subset(among: int | np.ndarray, most: int | None, seed: int) -> np.ndarray:
    """At most ``most`` of some rows, drawn without replacement; all of them for None.

    Args:
        among: how many rows there are (then 0 .. ``among`` - 1), or the rows themselves, int (N,).

    Returns:
        int64 (min(N, most),), rising.
    """
    return np.sort(np.random.default_rng(seed).permutation(among)[:most])
