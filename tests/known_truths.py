"""Latents whose truth is known: each maker has knobs, and says what is true of what it makes.

The truth about clusters and about classes is ``yes``, ``no``, or None where a person would hesitate: verdicts on those
are drawn, and not counted. It is yes where the best possible classifier, which knows the distributions, is right in
nearly all images, and no where it is not in most, on the scale on which 0 is chance and no class counts more for being
larger. From so many rows it *could be known* where a classifier that is told the truth of all rows but one, and asked
about that one, is surely beyond the mark that verdicts go by. And *from these rows* where one is that learns from the
rows that verdicts look for gaps in, and is asked about those that verdicts are scored on.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from latent.comparison import NO, YES, judge
from latent.measures import Side
from latent.verdicts import KNOWN, Facts, Verdict, classes_verdict, clusters_verdict, known_classes
from stages.evaluation.facts import Images, facts_of
from stages.evaluation.measuring import Measured, measure_clusters, measure_gaps, measure_once, summarise

_KNOWN_FROM, _UNKNOWN_TO = 0.96, 0.6  # of the best classifier, above chance: 2 classes of 98% and 80%


@dataclass(frozen=True, eq=False)
class Case:
    """Latents (rows, D), labels and groups (rows,), what is true of clusters and classes, and which could be known."""

    vectors: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    clusters: str | None
    classes: str | None
    knowable: tuple[bool, bool] = (True, True)
    clouds: np.ndarray | None = None  # int (rows,): the cluster that each is of

    def held_out(self, seed: int) -> np.ndarray:
        """Which rows verdicts are scored on, bool (rows,): three tenths, in whole groups."""
        names = np.random.default_rng(seed).permutation(np.unique(self.groups))
        return np.isin(self.groups, names[: max(1, round(0.3 * len(names)))])

    def knowable_from_these(self, seed: int) -> tuple[bool, bool]:
        """As ``knowable``, by a classifier that learns from the rows that verdicts do, and is asked about theirs."""
        scored = self.held_out(seed)
        return tuple(
            told is not None and could_be_known_of_others(self.vectors, told, self.groups, scored)
            for told in (self.clouds, self.labels)
        )


def alone(
    vectors: np.ndarray, labels: np.ndarray, clusters: str | None, classes: str | None, knowable: tuple = (True, True),
    clouds: np.ndarray | None = None,
) -> Case:  # fmt: skip
    """A case whose rows are each a group of its own."""
    given = vectors.astype(np.float32), labels.astype(np.int64), np.arange(len(vectors))
    return Case(*given, clusters, classes, knowable, clouds)


def blobs(
    rows: int, seed: int, separation: float = 6, classes: int = 3, size: int = 8, largest: float | None = None,
    label_noise: float = 0.0,
) -> Case:  # fmt: skip
    """Normal clouds of deviation 1, one a class, all centres ``separation`` apart.

    Args:
        largest: share of the first class; None makes all alike.
        label_noise: share of labels that are drawn anew.
    """
    random = np.random.default_rng(seed)
    size = max(size, classes)
    centres = separation / 2**0.5 * np.eye(classes, size)
    shares = np.full(classes, 1 / classes)
    if largest is not None:
        shares = np.array([largest, *[(1 - largest) / (classes - 1)] * (classes - 1)])

    def draw(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Places, their clouds, labels, and the cloud that the best classifier gives."""
        of = random.choice(classes, count, p=shares)
        drawn = centres[of] + random.standard_normal((count, size))
        best = (drawn @ centres.T).argmax(axis=1)  # each class counts alike, and all centres are as far out
        told = np.where(random.random(count) < label_noise, random.integers(0, classes, count), of)
        return drawn, of, told, best

    _, of, told, best = draw(20_000)
    truth = []
    for given in (of, told):
        recall = np.mean([(best[given == each] == each).mean() for each in np.unique(given)])
        above = (recall - 1 / classes) / (1 - 1 / classes)
        truth.append(YES if above >= _KNOWN_FROM else NO if above <= _UNKNOWN_TO else None)
    if separation <= 1:
        truth[0] = NO
    vectors, of, told, _ = draw(rows)
    knowable = could_be_known(vectors, of), could_be_known(vectors, told)
    return alone(vectors, told, *truth, knowable, of)


def could_be_known(vectors: np.ndarray, labels: np.ndarray) -> bool:
    """Whether the nearest mean of the classes, each row left out of its own, is surely beyond the mark of verdicts."""
    names, label, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if len(names) < 2 or counts.min() < 2:
        return False
    sums = np.stack([vectors[label == each].sum(axis=0) for each in range(len(names))])
    away = ((vectors[:, None] - sums / counts[:, None]) ** 2).sum(axis=2)
    without = (sums[label] - vectors) / (counts[label] - 1)[:, None]
    away[np.arange(len(label)), label] = ((vectors - without) ** 2).sum(axis=1)
    hits = away.argmin(axis=1) == label
    asked = known_classes(hits, label, np.arange(len(label)), "nearest means", 0.0)
    return judge(asked.above_chance, asked.error, KNOWN, asked.units) == YES


def could_be_known_of_others(vectors: np.ndarray, labels: np.ndarray, groups: np.ndarray, scored: np.ndarray) -> bool:
    """Whether the nearest mean of the classes of some rows is surely beyond the mark for the others, ``scored``."""
    names = np.unique(labels[~scored])
    if len(np.unique(labels[scored])) < 2 or not np.isin(labels[scored], names).all():
        return False
    means = np.stack([vectors[~scored & (labels == each)].mean(axis=0) for each in names])
    given = names[((vectors[scored][:, None] - means) ** 2).sum(axis=2).argmin(axis=1)]
    asked = known_classes(given == labels[scored], labels[scored], groups[scored], "nearest means", 0.0)
    return judge(asked.above_chance, asked.error, KNOWN, asked.units) == YES


def cloud(rows: int, seed: int, size: int = 8, classes: int = 4, elongated: bool = False) -> Case:
    """One normal cloud, and labels at random."""
    random = np.random.default_rng(seed)
    scale = np.geomspace(10, 0.5, size) if elongated else 1.0
    return alone(random.standard_normal((rows, size)) * scale, random.integers(0, classes, rows), NO, NO)


def block(rows: int, seed: int, size: int = 2, classes: int = 4) -> Case:
    """Uniformly filled, and labels at random."""
    random = np.random.default_rng(seed)
    return alone(random.uniform(size=(rows, size)), random.integers(0, classes, rows), NO, NO)


def ring(rows: int, seed: int, noise: float = 0.05, size: int = 8, classes: int = 4) -> Case:
    """A circle with noise in all directions, cut into arcs that are the classes."""
    random = np.random.default_rng(seed)
    angle = random.uniform(0, 2 * np.pi, rows)
    vectors = np.zeros((rows, size))
    vectors[:, 0], vectors[:, 1] = np.cos(angle), np.sin(angle)
    return alone(vectors + noise * random.standard_normal(vectors.shape), angle / 2 / np.pi * classes, NO, NO)


def sheet(rows: int, seed: int, dimension: int = 2, size: int = 20, noise: float = 0.02, classes: int = 4) -> Case:
    """A curved continuum of some dimension; the classes are stretches of its first coordinate."""
    random = np.random.default_rng(seed)
    place = random.uniform(-1, 1, (rows, dimension))
    bends = [np.random.default_rng(1).normal(size=(dimension, size)) for _ in range(2)]
    vectors = np.tanh(place @ bends[0]) + 0.5 * np.sin(2 * place @ bends[1])
    vectors = vectors + noise * random.standard_normal(vectors.shape)
    return alone(vectors, (place[:, 0] + 1) / 2 * classes, NO, NO)


def strange_classes(rows: int, seed: int, separation: float = 8, clusters: int = 4, size: int = 8) -> Case:
    """Clouds that lie apart, and classes that have nothing to do with them."""
    case = blobs(rows, seed, separation, clusters, size)
    labels = np.random.default_rng(seed + 1).integers(0, 3, rows)
    return alone(case.vectors, labels, case.clusters, NO, case.knowable, case.clouds)


def pieces(rows: int, seed: int, separation: float = 8, size: int = 8) -> Case:
    """Two classes, each of two clouds, all four apart."""
    case = blobs(rows, seed, separation, 4, size)
    return alone(case.vectors, case.labels % 2, case.clusters, case.classes, case.knowable, case.clouds)


def tracks(rows: int, seed: int, frames: int = 10, size: int = 8, classes: int = 4) -> Case:
    """One cloud of tracks, each a bundle of frames of one class at random."""
    random = np.random.default_rng(seed)
    track = np.arange(rows) // frames
    centres = random.standard_normal((track.max() + 1, size))
    labels = random.integers(0, classes, track.max() + 1)[track]
    vectors = centres[track] + 0.05 * random.standard_normal((rows, size))
    return Case(vectors.astype(np.float32), labels, track, NO, NO)


def grouped_blobs(rows: int, seed: int, frames: int = 10, separation: float = 8, classes: int = 3) -> Case:
    """Clouds that lie apart, of tracks: each a bundle of frames."""
    case = blobs(-(-rows // frames), seed, separation, classes)
    track = np.repeat(np.arange(len(case.labels)), frames)[:rows]
    vectors = case.vectors[track] + 0.05 * np.random.default_rng(seed).standard_normal((rows, case.vectors.shape[1]))
    given = vectors.astype(np.float32), case.labels[track], track
    return Case(*given, case.clusters, case.classes, case.knowable, case.clouds[track])


def rare(case: Case, seed: int, share: float = 0.05) -> Case:
    """The same latents, of which a few at random are of another class."""
    labels = (np.random.default_rng(seed + 2).random(len(case.vectors)) < share).astype(np.int64)
    return alone(case.vectors, labels, case.clusters, NO)


def duplicates(rows: int, seed: int, share: float = 0.6, size: int = 8) -> Case:
    """One cloud, of which a share of rows are one and the same; labels at random."""
    case = cloud(rows, seed, size)
    case.vectors[: int(share * rows)] = case.vectors[0]
    return case


def twins(rows: int, seed: int, size: int = 8, classes: int = 4) -> Case:
    """One cloud in which each row has a twin of the same label at random, and nobody says so."""
    half = cloud(rows // 2, seed, size, classes)
    near = half.vectors + 0.01 * np.random.default_rng(seed + 1).standard_normal(half.vectors.shape)
    return alone(np.concatenate([half.vectors, near]), np.concatenate([half.labels] * 2), NO, NO)


MAKERS: dict[str, Callable[[int, int], Case]] = {
    "blobs, 6 apart": blobs,
    "blobs, 5 apart": lambda rows, seed: blobs(rows, seed, 5),
    "blobs of 2 dimensions, 6 apart": lambda rows, seed: blobs(rows, seed, 6, 2, 2),
    "blobs, 8 apart, 10 classes": lambda rows, seed: blobs(rows, seed, 8, 10, 16),
    "blobs, 6 apart, 10 classes": lambda rows, seed: blobs(rows, seed, 6, 10, 16),
    "blobs, 10 apart, 100 classes": lambda rows, seed: blobs(rows, seed, 10, 100, 100),
    "blobs, 6 apart, 95 to 5": lambda rows, seed: blobs(rows, seed, 6, 2, largest=0.95),
    "blobs, 8 apart, 95 to 5": lambda rows, seed: blobs(rows, seed, 8, 2, largest=0.95),
    "blobs, half of labels noise": lambda rows, seed: blobs(rows, seed, 8, 3, label_noise=0.6),
    "blobs, overlapping by half": lambda rows, seed: blobs(rows, seed, 1, 2, 2),
    "blobs, 3 apart": lambda rows, seed: blobs(rows, seed, 3, 3),
    "clusters that are not the classes": strange_classes,
    "classes in two pieces": pieces,
    "groups, 8 apart": grouped_blobs,
    "one cloud": cloud,
    "one cloud, 95 to 5": lambda rows, seed: rare(cloud(rows, seed), seed),
    "one cloud, 100 classes": lambda rows, seed: cloud(rows, seed, 16, 100),
    "one long cloud": lambda rows, seed: cloud(rows, seed, 16, elongated=True),
    "one block": block,
    "ring": ring,
    "ring with noise": lambda rows, seed: ring(rows, seed, 0.2),
    "sheet of 1 dimension": lambda rows, seed: sheet(rows, seed, 1),
    "sheet of 2 dimensions": sheet,
    "sheet of 5 dimensions": lambda rows, seed: sheet(rows, seed, 5),
    "tracks": tracks,
    "duplicates": duplicates,
    "unlabelled twins": twins,
}


def facts_about(case: Case, seed: int = 0) -> Facts:
    """What evaluate.py would know of these latents: fitted on seven tenths, in whole groups, scored on the rest."""
    scored = case.held_out(seed)
    sides = [Side(case.vectors[rows], case.labels[rows], case.groups[rows]) for rows in (~scored, scored)]
    count = len(np.unique(case.labels))
    runs = [measure_once(*sides), measure_clusters(*sides, count, seed)]
    measured = Measured({"x": runs}, {"x": measure_gaps(sides[0], seed)})
    numbers = {"x": summarise(measured.runs["x"])}
    names_of = [str(label) for label in range(int(case.labels.max()) + 1)]
    images = [Images(np.zeros((len(each.labels), 1, 2, 2), np.uint8), each.labels, each.groups) for each in sides]
    return facts_of("x", measured, numbers, *images, names_of)


def verdicts_on(case: Case, seed: int = 0) -> tuple[Verdict, Verdict]:
    """About clusters, and about classes."""
    facts = facts_about(case, seed)
    return clusters_verdict(facts), classes_verdict(facts)
