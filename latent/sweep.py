"""What each size of a bottleneck keeps, beside PCA of every size, and the answers that a sweep over sizes gives."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from latent import probes
from latent.answers import PIXELS, compare
from latent.evaluation import Side, tells_apart
from latent.metrics import latent_dimensions

QUESTIONS = (
    "How many dimensions keep the images?",
    "What does the network keep that PCA does not?",
    "How many dimensions do the classes need?",
)
SHARES = (0.8, 0.9, 0.95, 0.99)  # of the variance: customary marks, no thresholds of anything
_CURVE = 40  # sizes of PCA that make a curve
_FEWEST = 10  # images, or groups of them, from which a standard error is taken

LARGEST = "the largest class alone"

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


def measure_space(fitted: Side, scored: Side) -> tuple[dict[str, float], np.ndarray | None]:
    """How well classifiers that are fitted on the latents of one side tell the classes of the other apart.

    Returns:
        The dimensions in use and, with two classes or more among the scored ones, ``linear_accuracy`` and
        ``knn_accuracy`` with the same of the largest class alone (``_chance``); and which rows the linear probe gives
        their class, bool (rows,), or None.
    """
    measures = latent_dimensions(scored.vectors)
    if not tells_apart(scored.labels):
        return measures, None
    given = {
        "linear_accuracy": probes.linear_classes(fitted.vectors, fitted.labels, scored.vectors),
        "knn_accuracy": probes.nearest_classes(fitted.vectors, fitted.labels, scored.vectors),
    }
    chance = float((scored.labels == np.bincount(fitted.labels).argmax()).mean())
    for name, classes in given.items():
        measures |= {name: float((classes == scored.labels).mean()), f"{name}_chance": chance}
    return measures, given["linear_accuracy"] == scored.labels


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


def answers(
    records: Sequence[Record],
    largest_curve: int,
    right: Mapping[str, np.ndarray],
    groups: np.ndarray,
) -> list[dict[str, str]]:
    """A question, a short answer and the numbers behind it, three times.

    Args:
        records: of each size, rising: ``latent_size``, ``mse``, ``pca_mse``; ``kept`` and ``pca_kept``, shares of the
            variance; ``as_pca_of``, of :func:`equivalent_size`.
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
    ahead = [
        record
        for record in records
        # of errors no sampling is looked at, so the number of images plays no part
        if compare(*({"mean": record[name], "spread": None} for name in ("mse", "pca_mse")), "mse", 1) > 0
    ]
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
    """``13``, ``2.4``, ``more than 512``, ``less than 1``: what :func:`equivalent_size` gave, in words."""
    if math.isinf(equivalent):
        return f"more than {largest}"
    if equivalent == 0:
        return "less than 1"
    return f"{equivalent:.1f}" if equivalent < 10 else f"{equivalent:.0f}"
