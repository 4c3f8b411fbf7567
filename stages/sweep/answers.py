"""The three questions that a sweep over sizes answers, in words from the numbers."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from latent.comparison import CANT_TELL, FEWEST, NO, RULE, YES, compare
from latent.pixels import PIXELS
from latent.verdicts import Verdict

QUESTIONS = (
    "How many dimensions keep the images?",
    "What does the network keep that PCA does not?",
    "How many dimensions do the classes need?",
)
SHARES = (0.8, 0.9, 0.95, 0.99)  # of the variance: customary marks, no thresholds of anything
LEVEL = 0.02  # of PCA's error: one that is below by less adds nothing

LARGEST = "the largest class alone"

Record = Mapping[str, Any]  # of a size: see :func:`answer_sweep`


def answer_sweep(
    records: Sequence[Record],
    largest_curve: int,
    right: Mapping[str, np.ndarray],
    groups: np.ndarray,
) -> list[dict[str, Any]]:
    """Questions, each with a verdict, the answer as a sentence, its evidence, and what would change it.

    Args:
        records: of each size, rising: ``latent_size``, ``mse``, ``pca_mse``, ``pca_refined_mse``; ``kept`` and
            ``pca_kept``, shares of the variance; ``as_pca_of``, of :func:`stages.sweep.measuring.equivalent_size`.
        largest_curve: the largest size of PCA that was looked at.
        right: which test images, bool (rows,), a linear probe gives their class on each ``bottleneck N``, ``PCA of N``,
            on :data:`PIXELS` and by :data:`LARGEST`; nothing without classes.
        groups: int (rows,), which test images belong together.
    """
    found = [_how_many_keep(records), _what_is_added(records, largest_curve), _how_many_tell(records, right, groups)]
    return [as_answer(question, each) for question, each in zip(QUESTIONS, found, strict=True)]


def as_answer(question: str, verdict: Verdict) -> dict[str, Any]:
    """An answer as it is written to sweep.json."""
    return {
        "question": question,
        "verdict": verdict.verdict,
        "sentence": verdict.sentence,
        "evidence": list(verdict.evidence),
        "would_change": verdict.would_change,
    }


def _how_many_keep(records: Sequence[Record]) -> Verdict:
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
    evidence = f"kept of the variance of held-out images around the mean training image, by dimensions: {each}"
    return Verdict(YES if enough else NO, "; ".join(parts), (evidence,), "sizes between these, or larger ones")


def _what_is_added(records: Sequence[Record], largest_curve: int) -> Verdict:
    each = ", ".join(f"{record['latent_size']}: {dimensions(record['as_pca_of'], largest_curve)}" for record in records)
    because = (f"dimensions that PCA needs for the held-out error of each bottleneck: {each}",)
    longer = "a longer training: --num_epochs"
    ahead = [record for record in records if record["mse"] < (1 - LEVEL) * record["pca_refined_mse"]]
    if not ahead:
        return Verdict(NO, "nothing: PCA of the same size is about as good or better at every size", because, longer)
    best = max(ahead, key=lambda record: min(record["as_pca_of"], largest_curve) / record["latent_size"])
    needed = dimensions(best["as_pca_of"], largest_curve)
    short = f"most, in proportion, at {best['latent_size']}: PCA needs {needed} dimensions for the same error"
    behind = [str(record["latent_size"]) for record in records if record not in ahead]
    return Verdict(YES, short + (f"; nothing at {', '.join(behind)}" if behind else ""), because, longer)


def _how_many_tell(records: Sequence[Record], right: Mapping[str, np.ndarray], groups: np.ndarray) -> Verdict:
    if not right:
        return Verdict(CANT_TELL, "can't be said", (), "test images of two classes or more: one folder a class")
    mine = {record["latent_size"]: right[f"bottleneck {record['latent_size']}"] for record in records}
    each = ", ".join(f"{size}: {hits.mean():.1%}" for size, hits in mine.items())
    beside = ", ".join(f"{name} {right[name].mean():.1%}" for name in (PIXELS, LARGEST))
    because = (f"linear probe, by dimensions: {each}; {beside}; of {independent_of(groups)}", RULE)
    more = "more test images, or tracks of them"
    if len(np.unique(groups)) < FEWEST:
        return Verdict(CANT_TELL, f"can't be said from {independent_of(groups)}", because, more)

    def better(first: np.ndarray, second: np.ndarray) -> bool:
        return compare(first, second, groups, comparisons=len(mine) + 2).better > 0

    best = max(mine, key=lambda size: mine[size].mean())
    if not better(mine[best], right[LARGEST]):
        return Verdict(NO, "none of these tells them apart", because, more)
    enough = next(size for size, hits in mine.items() if not better(mine[best], hits))
    short = f"{enough}, as far as the test images can tell"
    if enough == max(mine):
        short = f"{enough} or more: none smaller tells them apart as well"
    worse = [str(size) for size, hits in mine.items() if size > enough and better(mine[enough], hits)]
    if worse:
        short += f"; {', '.join(worse)} do worse"
    ahead = [name for name in (f"PCA of {enough}", PIXELS) if better(right[name], mine[enough])]
    if ahead:
        short += f"; a probe of {' or of '.join(ahead)} does better"
    return Verdict(YES, short, because, more)


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
