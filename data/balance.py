"""Against unequal classes: the order in which images are shown, or how much each counts."""

import numpy as np


def epoch_order(count: int, labels: np.ndarray | None, balance: str, seed: int, epoch: int) -> np.ndarray:
    """The rows that an epoch shows, in order: a function of the arguments alone, so that nothing is to be restored.

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
    return draw_balanced(labels, random) if balance == "sampler" else random.permutation(count)


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
