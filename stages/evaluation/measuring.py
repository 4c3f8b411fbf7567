"""Every measure of each space, by one of two protocols, and how repeated measurements are put together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from data.image_set import ImageSet
from data.test_data import TestData
from latent import cluster_probes, metrics
from latent.cluster_probes import Gaps
from latent.measures import (
    APART,
    CLASSIFIED,
    CLUSTERED,
    DESCRIBED,
    MAPPED,
    SEPARATED,
    Side,
    Values,
    declared,
    protocol_in_words,
    take,
    tells_apart,
)
from latent.number_of_clusters import find_gaps
from latent.options import FEWEST_ROWS
from latent.pixels import PIXELS, pixels_as_rows
from latent.projection import AS_IT_IS, draw_flat
from latent.separation import separation
from run.console import note, warn
from run.errors import BadInput
from run.random_subset import random_subset
from stages.evaluation.spaces import PIXELS_TURNED_INTO, Encode, Spaces

Runs = dict[str, list[Values]]  # space -> what was measured of it, a run each
Summary = dict[str, dict[str, Any]]  # measure -> its mean and spread over runs


@dataclass(frozen=True)
class Measured:
    """What was measured of each space, by its name.

    Attributes:
        runs: a run of what depends on no seed, and one for each seed.
        gaps: whether clusters and classes lie apart.
    """

    runs: Runs
    gaps: dict[str, Gaps]

    def of_each_image(self, space: str, name: str) -> np.ndarray | None:
        """A measure of each scored image, float (rows,), mean over the runs; None where it is not taken by image."""
        values = [run[name] for run in self.runs.get(space, []) if isinstance(run.get(name), np.ndarray)]
        return np.mean(values, axis=0) if values else None


def measure_spaces(
    spaces: Spaces, image_set: ImageSet, rows: tuple[np.ndarray, np.ndarray], num_clusters: int, seeds: Sequence[int]
) -> Measured:
    """Clusters and classes in each space: a run of what depends on no seed, and one for each seed.

    Args:
        rows: int64, the images to fit on and to score on; the same array twice is the transductive protocol.
        num_clusters: of k-means.
        seeds: of its runs.
    """
    measured = Measured({}, {})
    for name, encode in spaces.encoders():
        note(f"measuring {name}")
        sides = sides_of(image_set, rows, encode)
        once = measure_once(*sides)
        if name == PIXELS and spaces.pixels_turned_into:
            sides = sides_of(image_set, rows, spaces.pca.first(PIXELS_TURNED_INTO).encode)
        if name not in measured.gaps:  # of several trainings of a size, the first
            gaps = measure_gaps(sides[0], seeds[0])
            measured.gaps[name] = gaps
            once |= take([SEPARATED], sides[1].vectors, sides[1].labels, gaps)
        found = [measure_clusters(*sides, num_clusters, seed) for seed in seeds]
        if not any(found):
            warn(f"{name} has fewer than {num_clusters} different vectors, so no clusters were looked for in it")
        measured.runs.setdefault(name, []).extend([once, *found])
    return measured


def measure_gaps(fitted: Side, seed: int) -> Gaps:
    """Whether clusters, which know no class, lie apart in a space, and whether the classes do."""
    given = fitted.vectors, fitted.groups
    classes = separation(*given, fitted.labels, seed) if tells_apart(fitted.labels) else None
    if (found := find_gaps(*given, seed)) is None:
        return Gaps(None, classes)
    clusters, rows = found
    return Gaps(clusters.separation, classes, rows, clusters.pieces)


def sides_of(image_set: ImageSet, rows: tuple[np.ndarray, np.ndarray], encode: Encode) -> tuple[Side, Side]:
    """The fitting and the scored side in a space; one and the same where the images are."""

    def side(mine: np.ndarray) -> Side:
        labels = None if image_set.labels is None else image_set.labels[mine]
        return Side(encode(image_set.images[mine]), labels, image_set.groups[mine])

    fitted = side(rows[0])
    return fitted, fitted if rows[1] is rows[0] else side(rows[1])


def measure_once(fitted: Side, scored: Side) -> Values:
    """What depends on no seed. Arguments as :func:`sides_of` gives them."""
    given = scored.vectors, scored.labels
    of_classes = take([APART], *given, scored.groups) if scored is fitted else take([CLASSIFIED], *given, fitted)
    return take([DESCRIBED], *given) | of_classes


def measure_clusters(fitted: Side, scored: Side, num_clusters: int, seed: int) -> Values:
    """What is measured of k-means clusters; {} where the fitting side has fewer different rows than clusters."""
    try:
        clusters, assigned = cluster_probes.cluster_both(fitted.vectors, scored.vectors, num_clusters, seed)
    except BadInput:  # a collapsed bottleneck: everything else about it still comes out
        return {}
    found = cluster_probes.Clusters(fitted, clusters, scored, assigned, num_clusters, seed)
    return take([CLUSTERED], scored.vectors, scored.labels, found)


def measure_maps(
    spaces: Spaces, test_data: TestData, groups: np.ndarray, num_samples: int | None, seeds: Sequence[int]
) -> Runs:
    """Whether the 2-d map of each space can be believed; {} where there are too few images for maps.

    Args:
        groups: int64 (N,), of the test images.
        num_samples: test images on each map, at random; None takes all.
        seeds: of maps of more than 2 dimensions; the first one also draws the images.
    """
    rows = random_subset(len(test_data.images), num_samples, seeds[0])
    if len(rows) < FEWEST_ROWS:
        warn(f"a map needs at least {FEWEST_ROWS} images, and {len(rows)} are drawn; maps are left out")
        return {}
    images, pixels = test_data.images[rows], pixels_as_rows(test_data.images[rows])
    labels = None if test_data.labels is None else test_data.labels[rows]
    runs: Runs = {}
    for name, encode in spaces.encoders():
        note(f"mapping {name}")
        side = Side(encode(images), labels, groups[rows])
        for seed in seeds if side.vectors.shape[1] > 2 else seeds[:1]:
            runs.setdefault(name, []).append(measure_map(side, pixels, seed))
    return runs


def measure_map(side: Side, pixels: np.ndarray, seed: int) -> dict[str, float]:
    """What is measured of the UMAP of some latents, or of the latents themselves if they have two columns.

    Args:
        pixels: float (rows, P): the images that the latents stand for.
    """
    points, drawn = draw_flat(side.vectors, "umap", seed)
    return take([MAPPED], side.vectors, side.labels, metrics.Map(points, drawn == AS_IT_IS, pixels, side.groups))


def summarise(runs: Sequence[Values]) -> Summary:
    """Mean and spread of each measure over the runs that have it.

    Returns:
        For each measure ``mean``; ``spread``, the standard deviation of a sample of runs, None for a single run;
        ``runs``, how many there were.
    """
    names = list(dict.fromkeys(name for run in runs for name in run))
    summary = {}
    for name in names:
        values = np.array([np.mean(run[name]) for run in runs if name in run], np.float64)
        spread = float(values.std(ddof=1)) if len(values) > 1 and np.isfinite(values).all() else None
        summary[name] = {"mean": float(values.mean()), "spread": spread, "runs": len(values)}
    return summary


def with_protocol(numbers: Mapping[str, Summary], transductive: bool, through: str = "") -> dict[str, Summary]:
    """The protocol beside each number; ``through`` says what pixels were turned into before they were clustered."""

    def words(space: str, name: str) -> str:
        said = protocol_in_words(name, transductive)
        of_clusters = name in declared("clusters")
        return f"{said}; clusters looked for in {through}" if through and space == PIXELS and of_clusters else said

    return {
        space: {name: {**value, "protocol": words(space, name)} for name, value in measures.items()}
        for space, measures in numbers.items()
    }
