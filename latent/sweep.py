"""What each size of a bottleneck keeps, beside PCA of every size, and the answers that a sweep over sizes gives."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from latent.answers import compare

QUESTIONS = (
    "How many dimensions keep the images?",
    "What does the network keep that PCA does not?",
    "How many dimensions do the classes need?",
)
SHARES = (0.8, 0.9, 0.95, 0.99)  # of the variance: customary marks, no thresholds of anything
_CURVE = 40  # sizes of PCA that make a curve
_MARGIN = 0.02  # errors nearer than that part of each other are level, as in latent.answers

Record = Mapping[str, Any]  # of a size: see :func:`answers`


def curve_sizes(largest: int, among: Sequence[int]) -> list[int]:
    """Sizes from 1 to ``largest``, evenly spread by their ratios, and those ``among`` them that must be there."""
    spread = np.geomspace(1, largest, min(_CURVE, largest)).round().astype(int).tolist()
    return sorted({*spread, *(size for size in among if size <= largest)})


def equivalent_size(error: float, sizes: Sequence[int], errors: Sequence[float]) -> float:
    """How many dimensions PCA needs for an error, between its sizes on a straight line of the logarithms.

    Args:
        error: of a network.
        sizes: of PCA, rising.
        errors: of PCA at these sizes.

    Returns:
        0 where PCA is better with its first size already, infinity where it is worse with its last.
    """
    reached = [place for place, of_pca in enumerate(errors) if of_pca <= error]
    if not reached:
        return math.inf
    last = reached[0]
    if last == 0:
        return float(sizes[0]) if errors[0] == error else 0.0
    if errors[last] <= 0:  # exact from here on, which has no logarithm
        return float(sizes[last])
    above, below, here = (math.log(each) for each in (errors[last - 1], errors[last], error))
    low, high = math.log(sizes[last - 1]), math.log(sizes[last])
    return math.exp(low + (high - low) * (above - here) / (above - below))


def answers(
    records: Sequence[Record], independent: int, pixels: Mapping[str, float], largest_curve: int
) -> list[dict[str, str]]:
    """A question, a short answer and the numbers behind it, three times.

    Args:
        records: of each size, rising: ``latent_size``; ``kept`` and ``pca_kept``, shares of variance; ``below_pca``,
            the part of PCA's error that is saved; ``as_pca_of``, of :func:`equivalent_size`; with classes
            ``linear_accuracy``, ``linear_accuracy_chance`` and ``pca_linear_accuracy``.
        independent: how many images, or tracks of images, the accuracies were scored on.
        pixels: the measures of the raw pixels.
        largest_curve: the largest size of PCA that was looked at.
    """
    found = [
        _how_many_keep(records),
        _what_is_added(records, largest_curve),
        _how_many_tell(records, independent, pixels),
    ]
    return [
        {"question": question, "answer": short, "because": because}
        for question, (short, because) in zip(QUESTIONS, found, strict=True)
    ]


def _how_many_keep(records: Sequence[Record]) -> tuple[str, str]:
    parts = []
    for share in SHARES:
        enough = next((record["latent_size"] for record in records if record["kept"] >= share), None)
        if enough is None:  # nor more of it
            parts.append(f"none of these keeps {share:.0%} of the variance")
            break
        parts.append(f"{enough} for {share:.0%} of the variance")
    each = ", ".join(
        f"{record['latent_size']} keep {record['kept']:.1%} (PCA {record['pca_kept']:.1%})" for record in records
    )
    return (
        "; ".join(parts),
        f"Of held-out images, beside what the mean image leaves, {each}. The number of dimensions is the smallest of "
        "those that were trained.",
    )


def _what_is_added(records: Sequence[Record], largest_curve: int) -> tuple[str, str]:
    each = ", ".join(
        f"{record['latent_size']} is worth PCA of {dimensions(record['as_pca_of'], largest_curve)}"
        for record in records
    )
    ahead = [record for record in records if record["below_pca"] > _MARGIN]
    because = f"By held-out error, a bottleneck of {each}."
    if not ahead:
        return "nothing: PCA of the same size is about as good or better at every size", because
    best = max(ahead, key=lambda record: min(record["as_pca_of"], largest_curve) / record["latent_size"])
    behind = [str(record["latent_size"]) for record in records if record not in ahead]
    needed = dimensions(best["as_pca_of"], largest_curve)
    short = f"in proportion most at {best['latent_size']}: PCA needs {needed} dimensions for the same error"
    if behind:
        short += f"; nothing at {', '.join(behind)}"
    return short, because


def _how_many_tell(records: Sequence[Record], independent: int, pixels: Mapping[str, float]) -> tuple[str, str]:
    known = [record for record in records if "linear_accuracy" in record]
    if not known:
        return "can't be said", "That takes test images of two classes or more."

    def against(first: float, second: float) -> int:
        numbers = ({"mean": value, "spread": None} for value in (first, second))
        return compare(*numbers, "linear_accuracy", independent)

    best = max(known, key=lambda record: record["linear_accuracy"])
    chance, margin = best["linear_accuracy_chance"], independent**-0.5
    each = ", ".join(f"{record['latent_size']} {record['linear_accuracy']:.1%}" for record in known)
    because = (
        f"Linear probe: {each}; raw pixels {pixels['linear_accuracy']:.1%}, the largest class alone {chance:.1%}. On "
        f"{independent:,} test images (or tracks of them), less than {100 * margin:.1f} points apart is level."
    )
    if 1 - chance <= margin:
        return "can't be said from so few test images", because
    if against(best["linear_accuracy"], chance) <= 0:
        return "none of these tells them apart", because
    enough = next(record for record in known if against(best["linear_accuracy"], record["linear_accuracy"]) == 0)
    short = f"{enough['latent_size']}, as far as the test images can tell"
    if enough is known[-1]:
        short = f"{enough['latent_size']} or more: none smaller tells them apart as well"
    others = [
        (f"PCA of {enough['latent_size']}", enough["pca_linear_accuracy"]),
        ("raw pixels", pixels["linear_accuracy"]),
    ]
    better = [name for name, accuracy in others if against(accuracy, enough["linear_accuracy"]) > 0]
    if better:
        short += f"; {' and '.join(better)} do better"
    return short, because


def dimensions(equivalent: float, largest: int) -> str:
    """``13``, ``2.4``, ``more than 512``, ``less than 1``: what :func:`equivalent_size` gave, in words."""
    if math.isinf(equivalent):
        return f"more than {largest}"
    if equivalent == 0:
        return "less than 1"
    return f"{equivalent:.1f}" if equivalent < 10 else f"{equivalent:.0f}"
