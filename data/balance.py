"""The order in which images are shown, and how much each counts, also where classes are unequal."""

import numpy as np

NEARBY_FROM = 1_000_000  # rows, from which on they are shuffled nearby
BLOCK, BLOCKS = 1024, 64  # rows that lie together; blocks whose rows are shuffled together


def epoch_order(count: int, labels: np.ndarray | None, balance: str, seed: int, epoch: int) -> np.ndarray:
    """The rows that an epoch shows, in order: a function of the arguments alone, so that nothing is to be restored.

    From a million rows on, which may be more than memory holds, they are shuffled nearby (:func:`shuffled_nearby`).

    Args:
        count: N, the number of images.
        labels: int64 (N,) the class of each; None if unlabelled, which only ``sampler`` minds.
        balance: ``sampler`` draws N rows with replacement, each class as often as any other; else each row comes once.
        seed: of the run.
        epoch: from 1 up.

    Returns:
        int64 (N,).
    """
    random = np.random.default_rng([seed, epoch])
    if balance == "sampler":
        return draw_balanced(labels, random)
    return random.permutation(count) if count < NEARBY_FROM else shuffled_nearby(count, random)


def shuffled_nearby(count: int, random: np.random.Generator, block: int = BLOCK, blocks: int = BLOCKS) -> np.ndarray:
    """Each of so many rows once, int64 (count,), in an order that a slow disk can follow.

    Blocks of rows that lie together are drawn from anywhere, so many at a time, and their rows shuffled: each row comes
    among those of 64 places in the file, and whatever the disk reads beside it is soon wanted too.
    """
    drawn = random.permutation(-(-count // block))
    together = [
        drawn[first : first + blocks, None] * block + np.arange(block) for first in range(0, len(drawn), blocks)
    ]
    return np.concatenate([random.permutation(rows[rows < count]) for rows in together])


def draw_balanced(labels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """As many rows as there are, drawn with replacement so that each class is as likely as any other."""
    chances = 1 / np.bincount(labels)[labels]
    return random.choice(len(labels), len(labels), p=chances / chances.sum())


def class_weights(labels: np.ndarray, num_classes: int = 0) -> np.ndarray:
    """How much an image of each class counts where all classes count the same: float32 (K,), 1 on average over images.

    A class without images gets 0. There are at least ``num_classes``.
    """
    counts = np.bincount(labels, minlength=num_classes)
    return np.where(counts > 0, len(labels) / np.maximum(counts, 1) / (counts > 0).sum(), 0).astype(np.float32)
