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

QUESTION = "Which N?"


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
    """

    on: str
    groups: np.ndarray
    errors: Mapping[int, np.ndarray]
    pca_errors: Mapping[int, np.ndarray]
    right: Mapping[str, np.ndarray]
    dimensions: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


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
    """The smallest size from which the network keeps no more than PCA of the same size, at any larger either."""
    from_here = None
    for size in sorted(watched.errors, reverse=True):
        gain = compare(-watched.errors[size], -watched.pca_errors[size], watched.groups, len(watched.errors))
        if gain.better > 0:
            break
        from_here = size
    return from_here


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
    evidence.append(f"error: its knee is at {bend} (Kneedle, over log sizes)" if bend else "error: it has no knee")
    evidence.append(
        f"PCA: from {linear} on, PCA of the same size is as good"
        if linear
        else "PCA: the network keeps more at all sizes"
    )
    for what, each in watched.dimensions.items():
        said = ", ".join(f"{value:.1f} by {by}" for by, value in each.items())
        evidence.append(f"intrinsic dimension of {what}: {said}")
    chosen = told or bend
    if chosen is None:
        evidence.append(RULE)
        more = "more sizes between the smallest and the largest, or more images"
        verdict = CANT_TELL if len(np.unique(watched.groups)) < FEWEST else NO
        return Verdict(verdict, f"none can be named from {len(watched.groups):,} {watched.on}", tuple(evidence), more)
    why = "the smallest beyond which no larger one tells more classes apart" if told else "the knee of the error"
    others = {
        "the knee of the error": bend,
        "PCA being enough": linear,
        **{
            f"intrinsic dimension of {what}": max(each.values())
            for what, each in watched.dimensions.items()
            if what == "the images" and each
        },
    }
    apart = [f"{name} says {size:.0f}" for name, size in others.items() if size and not 0.5 <= size / chosen <= 2]
    sentence = f"N = {chosen}, {why}, chosen on {len(watched.groups):,} {watched.on}"
    sentence += f"; these disagree: {', '.join(apart)}" if apart else "; nothing says otherwise by more than twice"
    evidence += [f"on the test images, scored once: {test_scores[chosen]}", RULE]
    edge = " and larger sizes" if chosen == sizes[-1] else " and smaller sizes" if chosen == sizes[0] else ""
    return Verdict(YES, sentence, tuple(evidence), f"sizes between those that were trained{edge}; another seed")
