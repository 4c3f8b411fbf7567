"""Which size to take: the smallest beyond which nothing more is told apart, or the knee of the error.

It is chosen on validation images, which neither trained the networks nor are scored; what the test images say of the
size is said once. Where another way to choose says another size, that is said too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from latent.comparison import CANT_TELL, FEWEST, NO, RULE, YES, compare
from latent.pixels import PIXELS
from latent.verdicts import Verdict
from stages.sweep.answers import LEVEL

QUESTION = "Which N?"
_AGREE = 1.5  # times the smaller estimate of an intrinsic dimension, that the larger may be
_LEAST = 0.75  # an estimate of so little is no dimension; those of a line lie about 1
_KEPT = 0.95  # of the variance: a smallest size that keeps as much may be enough


@dataclass(frozen=True, eq=False)
class Watched:
    """What is known of each size from the images that it is chosen by.

    Attributes:
        on: what these images are: ``validation images``.
        groups: int (rows,), theirs.
        errors: size, rising -> squared error of each, float (rows,).
        pca_errors: the same of PCA of that size.
        right: space -> bool (rows,), on which a linear probe is right; {} without classes.
        dimensions: what -> estimator -> intrinsic dimension.
        variance: squared error of the mean training image; 0 where it is not known.
    """

    on: str
    groups: np.ndarray
    errors: Mapping[int, np.ndarray]
    pca_errors: Mapping[int, np.ndarray]
    right: Mapping[str, np.ndarray]
    dimensions: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    variance: float = 0.0


def knee(sizes: Sequence[int], errors: Sequence[float]) -> int | None:
    """The size at which the error bends: farthest below the chord over log sizes (Kneedle: Satopaa et al., 2011).

    Returns:
        None for fewer than 3 sizes, or where the bend is less than a tenth of the chord.
    """
    if len(sizes) < 3 or errors[0] <= errors[-1]:
        return None
    along = np.log(np.asarray(sizes, float) / sizes[0]) / np.log(sizes[-1] / sizes[0])
    left = (np.asarray(errors, float) - errors[-1]) / (errors[0] - errors[-1])
    below = 1 - along - left
    return int(sizes[int(below.argmax())]) if below.max() > 0.1 else None


def enough_to_tell(right: Mapping[str, np.ndarray], sizes: Sequence[int], groups: np.ndarray) -> int | None:
    """The smallest size beyond which no larger one tells more apart; None where even the best tells nothing."""
    mine = {size: right[f"bottleneck {size}"] for size in sizes}
    best = max(mine, key=lambda size: mine[size].mean())
    largest = next((hits for name, hits in right.items() if name.startswith("the largest class")), None)

    def better(first: np.ndarray, second: np.ndarray) -> bool:
        return compare(first, second, groups, comparisons=len(mine) + 1).better > 0

    if len(np.unique(groups)) < FEWEST or (largest is not None and not better(mine[best], largest)):
        return None
    return next(size for size, hits in mine.items() if size == best or not better(mine[best], hits))


def enough_for_pca(watched: Watched) -> int | None:
    """The smallest size from which the network's error is no less than PCA's by more than :data:`LEVEL`.

    At any larger size either. The same mark as of the test images, so that both answers say the same of the same error.
    """
    from_here = None
    for size in sorted(watched.errors, reverse=True):
        if watched.errors[size].mean() < (1 - LEVEL) * watched.pca_errors[size].mean():
            break
        from_here = size
    return from_here


def dimension(estimates: Mapping[str, float]) -> float | None:
    """The intrinsic dimension that two estimators agree on: their geometric mean; None where they don't."""
    values = list(estimates.values())
    if not values or min(values) < _LEAST or max(values) > _AGREE * min(values):
        return None
    return float(np.exp(np.log(values).mean()))


def _of_dimension(what: str, estimates: Mapping[str, float]) -> str:
    said = ", ".join(f"{value:.1f} by {by}" for by, value in estimates.items())
    if dimension(estimates) is not None:
        return f"intrinsic dimension of {what}: {said}"
    why = "below 1 is no dimension" if min(estimates.values()) < _LEAST else "the estimates differ too much"
    return f"intrinsic dimension of {what}: not known, {why} ({said})"


def _at_the_edge(watched: Watched, chosen: int) -> str:
    """What a knee can't say: that the smallest size was enough already. Nothing where it was not."""
    smallest = min(watched.errors)
    if smallest == chosen or not watched.variance:
        return ""
    kept = 1 - float(watched.errors[smallest].mean()) / watched.variance
    if kept < _KEPT:
        return ""
    return f"; {smallest}, the smallest that was trained, keeps {kept:.1%} already, and a knee can never be at an end"


def which_size(watched: Watched, test_scores: Mapping[int, str]) -> Verdict:
    """One size, its reason, what else would have been chosen, and what the test images say of it.

    Args:
        watched: on the images that it is chosen by.
        test_scores: size -> its scores on the test images, in words.
    """
    sizes = list(watched.errors)
    told = enough_to_tell(watched.right, sizes, watched.groups) if watched.right else None
    bend = knee(sizes, [float(watched.errors[size].mean()) for size in sizes])
    linear = enough_for_pca(watched)
    evidence = []
    if watched.right:
        what = "no size tells them apart" if told is None else f"from {told} on no larger size tells more apart"
        shares = ", ".join(f"{size}: {watched.right[f'bottleneck {size}'].mean():.1%}" for size in sizes)
        evidence.append(f"classes, by a linear probe: {what} ({shares}; {PIXELS} {watched.right[PIXELS].mean():.1%})")
    knees = "(Kneedle, over log sizes; never the smallest or the largest)"
    evidence.append(f"error: its knee is at {bend} {knees}" if bend else f"error: it has no knee {knees}")
    evidence.append(
        f"PCA: from {linear} on, its error is as low as the network's, to {LEVEL:.0%}"
        if linear
        else f"PCA: at the largest size its error is more than {LEVEL:.0%} above the network's"
    )
    evidence += [_of_dimension(what, each) for what, each in watched.dimensions.items()]
    chosen, rule = told or bend, [RULE] if watched.right else []
    if chosen is None:
        more = "more sizes between the smallest and the largest, or more images"
        verdict = CANT_TELL if len(np.unique(watched.groups)) < FEWEST else NO
        sentence = f"none can be named from {len(watched.groups):,} {watched.on}"
        return Verdict(verdict, sentence, (*evidence, *rule), more)
    why = "the smallest beyond which no larger one tells more classes apart" if told else "the knee of the error"
    others = {
        "the knee of the error": bend,
        "PCA being enough": linear,
        **{
            f"intrinsic dimension of {what}": dimension(each)
            for what, each in watched.dimensions.items()
            if what == "the images"
        },
    }
    apart = [f"{name} says {size:.0f}" for name, size in others.items() if size and not 0.5 <= size / chosen <= 2]
    sentence = f"N = {chosen}, {why}, chosen on {len(watched.groups):,} {watched.on}"
    sentence += f"; these disagree: {', '.join(apart)}" if apart else "; nothing says otherwise by more than twice"
    sentence += "" if told else _at_the_edge(watched, chosen)
    evidence += [f"on the test images, scored once: {test_scores[chosen]}", *rule]
    edge = " and larger sizes" if chosen == sizes[-1] else " and smaller sizes" if chosen == sizes[0] else ""
    return Verdict(YES, sentence, tuple(evidence), f"sizes between those that were trained{edge}; another seed")
