"""The three questions that a sweep over sizes answers, in words from the numbers."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from latent.pixels import PIXELS

QUESTIONS = (
    "How many dimensions keep the images?",
    "What does the network keep that PCA does not?",
    "How many dimensions do the classes need?",
)
SHARES = (0.8, 0.9, 0.95, 0.99)  # of the variance: customary marks, no thresholds of anything
_FEWEST = 10  # images, or groups of them, from which a standard error is taken
_LEVEL = 0.02  # of PCA's error: one that is below by less adds nothing

LARGEST = "the largest class alone"

Record = Mapping[str, Any]  # of a size: see :func:`answer_sweep`


def surely_more(first: np.ndarray, second: np.ndarray, groups: np.ndarray) -> bool:
    """Whether one classifier is right more often than another on the same rows, by more than two standard errors.

    Paired, since both see the same images, and with whole groups as what is independent (Liang and Zeger 1986).

    Args:
        first, second: bool (rows,), which rows each is right on.
        groups: int (rows,), which rows belong together.
    """
    difference = first.astype(float) - second
    mean = difference.mean()
    summed = np.bincount(np.unique(groups, return_inverse=True)[1], weights=difference - mean)
    return bool(mean > 2 * np.sqrt(np.square(summed).sum()) / len(difference)) and len(summed) >= _FEWEST


def answer_sweep(
    records: Sequence[Record],
    largest_curve: int,
    right: Mapping[str, np.ndarray],
    groups: np.ndarray,
) -> list[dict[str, str]]:
    """A question, a short answer and the numbers behind it, three times.

    Args:
        records: of each size, rising: ``latent_size``, ``mse``, ``pca_mse``; ``kept`` and ``pca_kept``, shares of the
            variance; ``as_pca_of``, of :func:`stages.sweep.measuring.equivalent_size`.
        largest_curve: the largest size of PCA that was looked at.
        right: which test images, bool (rows,), a linear probe gives their class on each ``bottleneck N``, ``PCA of N``,
            on :data:`PIXELS` and by :data:`LARGEST`; nothing without classes.
        groups: int (rows,), which test images belong together.
    """
    found = [_how_many_keep(records), _what_is_added(records, largest_curve), _how_many_tell(records, right, groups)]
    return [
        {"question": question, "answer": short, "because": because}
        for question, (short, because) in zip(QUESTIONS, found, strict=True)
    ]


def _how_many_keep(records: Sequence[Record]) -> tuple[str, str]:
    enough: dict[int, float] = {}  # the largest share that each size is the first to keep
    for share in SHARES:
        size = next((record["latent_size"] for record in records if record["kept"] >= share), None)
        if size is None:
            break
        enough[size] = share
    parts = [f"{size} for {share:.0%} of the variance" for size, share in enough.items()]
    if size is None:
        parts.append(f"none of these keeps {share:.0%}" + ("" if parts else " of the variance"))
    each = ", ".join(
        f"{record['latent_size']}: {record['kept']:.1%} (PCA {record['pca_kept']:.1%})" for record in records
    )
    return "; ".join(parts), (
        f"Kept of the variance of held-out images around the mean training image, by number of dimensions: {each}."
    )


def _what_is_added(records: Sequence[Record], largest_curve: int) -> tuple[str, str]:
    each = ", ".join(f"{record['latent_size']}: {dimensions(record['as_pca_of'], largest_curve)}" for record in records)
    because = f"Dimensions that PCA needs for the held-out error of each bottleneck: {each}."
    ahead = [record for record in records if record["mse"] < (1 - _LEVEL) * record["pca_mse"]]
    if not ahead:
        return "nothing: PCA of the same size is about as good or better at every size", because
    best = max(ahead, key=lambda record: min(record["as_pca_of"], largest_curve) / record["latent_size"])
    needed = dimensions(best["as_pca_of"], largest_curve)
    short = f"most, in proportion, at {best['latent_size']}: PCA needs {needed} dimensions for the same error"
    behind = [str(record["latent_size"]) for record in records if record not in ahead]
    return short + (f"; nothing at {', '.join(behind)}" if behind else ""), because


def _how_many_tell(records: Sequence[Record], right: Mapping[str, np.ndarray], groups: np.ndarray) -> tuple[str, str]:
    if not right:
        return "can't be said", "That takes test images of two classes or more."
    mine = {record["latent_size"]: right[f"bottleneck {record['latent_size']}"] for record in records}
    each = ", ".join(f"{size}: {hits.mean():.1%}" for size, hits in mine.items())
    beside = ", ".join(f"{name} {right[name].mean():.1%}" for name in (PIXELS, LARGEST))
    because = (
        f"Linear probe, by number of dimensions: {each}; {beside}. A size counts as worse where it is right on fewer "
        f"of the same {independent_of(groups)} by more than two standard errors."
    )
    if len(np.unique(groups)) < _FEWEST:
        return f"can't be said from {independent_of(groups)}", because
    best = max(mine, key=lambda size: mine[size].mean())
    if not surely_more(mine[best], right[LARGEST], groups):
        return "none of these tells them apart", because
    enough = next(size for size, hits in mine.items() if not surely_more(mine[best], hits, groups))
    short = f"{enough}, as far as the test images can tell"
    if enough == max(mine):
        short = f"{enough} or more: none smaller tells them apart as well"
    worse = [str(size) for size, hits in mine.items() if size > enough and surely_more(mine[enough], hits, groups)]
    if worse:
        short += f"; {', '.join(worse)} do worse"
    better = [name for name in (f"PCA of {enough}", PIXELS) if surely_more(right[name], mine[enough], groups)]
    if better:
        short += f"; a probe of {' or of '.join(better)} does better"
    return short, because


def independent_of(groups: np.ndarray) -> str:
    """``180 test images``, ``91 groups of test images``: what is independent, in words."""
    count = len(np.unique(groups))
    return f"{count:,} test images" if count == len(groups) else f"{count:,} groups of test images"


def dimensions(equivalent: float, largest: int) -> str:
    """``13``, ``2.4``, ``more than 512``, ``less than 1``: what ``equivalent_size`` gave, in words."""
    if math.isinf(equivalent):
        return f"more than {largest}"
    if equivalent == 0:
        return "less than 1"
    return f"{equivalent:.1f}" if equivalent < 10 else f"{equivalent:.0f}"
