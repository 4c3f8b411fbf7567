"""One rule for better, worse and level, and for how surely a number lies on one side of a mark.

Noise of a yardstick is never counted against what it measures: only the sampling error of what is measured is, over
independent units, which are images or, where they come in groups, groups of images.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

YES, NO, CANT_TELL = "yes", "no", "can't tell"
ERROR_RATE = 0.05  # of false verdicts, over all comparisons of one answer together (Bonferroni)
FEWEST = 10  # independent units that a sampling error is taken of

RULE = (
    "better, worse: the same images are compared one by one, images of one group count as one, and the difference is "
    "beyond what chance does in 1 of 20 such lists; level: it is not"
)


@dataclass(frozen=True)
class Comparison:
    """One thing beside another on the same images.

    Attributes:
        better: 1 if the first is, -1 if the second is, 0 if they are level.
        difference: of the means, first - second; ``error`` its sampling error, one standard deviation.
        units: independent ones that it was taken of.
    """

    better: int
    difference: float
    error: float
    units: int


def compare(
    first: np.ndarray, second: np.ndarray, groups: np.ndarray, comparisons: int = 1,
    over_seeds: Sequence[tuple[float, int]] = (),
) -> Comparison:  # fmt: skip
    """Whether one of two scores of the same images is better: paired, and by groups (Liang and Zeger, 1986).

    Args:
        first, second: float (rows,), of each image; more is better.
        groups: int (rows,): images of one group are no more than one observation.
        comparisons: how many are made in one answer; the more, the more each has to show (Bonferroni).
        over_seeds: of scores that are means over seeds: standard deviation over these, and how many there were. Other
            seeds would give other scores, so their error counts too, with few degrees of freedom (Welch, 1947).
    """
    difference = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    mean, error, units = clustered_mean(difference, groups)
    parts = [(error**2, units - 1), *((spread**2 / runs, runs - 1) for spread, runs in over_seeds if runs > 1)]
    variance = sum(part for part, _ in parts)
    freedom = variance**2 / max(sum(part**2 / max(of_part, 1) for part, of_part in parts), 1e-300)
    error = math.sqrt(variance)
    level = units < FEWEST or abs(mean) <= critical(freedom + 1, comparisons) * error
    return Comparison(0 if level else 1 if mean > 0 else -1, mean, error, units)


def compare_numbers(difference: float, spread: float, units: int, comparisons: int = 1) -> Comparison:
    """The same of two shares that nothing is known of image by image: with the largest error that shares can have."""
    error = math.hypot(spread, math.sqrt(0.5 / max(units, 1)))
    return Comparison(_sign(difference, error, units, comparisons), difference, error, units)


def clustered_mean(values: np.ndarray, groups: np.ndarray) -> tuple[float, float, int]:
    """Mean of values (rows,), its standard error with groups (rows,) as what is independent, and their number."""
    values = np.asarray(values, np.float64)
    mean = float(values.mean())
    summed = np.bincount(np.unique(groups, return_inverse=True)[1], weights=values - mean)
    units = len(summed)
    error = math.sqrt(float(np.square(summed).sum()) * units / max(units - 1, 1)) / len(values)
    return mean, error, units


def critical(units: float, comparisons: int = 1) -> float:
    """Standard errors that a difference has to have beyond 0, two-sided, at :data:`ERROR_RATE` over all comparisons."""
    return float(stats.t.ppf(1 - ERROR_RATE / 2 / max(comparisons, 1), max(units - 1, 1)))


def _sign(difference: float, error: float, units: int, comparisons: int) -> int:
    if units < FEWEST or abs(difference) <= critical(units, comparisons) * error:
        return 0
    return 1 if difference > 0 else -1


def judge(value: float, error: float, mark: float, units: int, comparisons: int = 1) -> str:
    """``YES`` if a number is surely ``mark`` or more, ``NO`` if it is surely less, else ``CANT_TELL``."""
    reach = critical(units, comparisons) * error
    if units >= FEWEST and value - reach >= mark:
        return YES
    return NO if units >= FEWEST and value + reach < mark else CANT_TELL


def how_many(units: int, value: float, error: float, mark: float, comparisons: int = 1) -> int:
    """How many units would tell on which side of ``mark`` a value lies, if it lies where it seems to."""
    needed = units * (critical(units, comparisons) * error / max(abs(value - mark), 0.02)) ** 2
    needed = max(needed, units + 1, FEWEST)
    step = 10 ** max(int(math.log10(needed)) - 1, 0)
    return math.ceil(needed / step) * step
