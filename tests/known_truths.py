"""Latents whose truth is known: each maker has knobs, and says what is true of what it makes.

The truth about clusters and about classes is ``yes``, ``no``, or None where a person would hesitate (classes that a
classifier told the truth knows in 80 to 98% of images): verdicts on those are drawn, and not counted.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from latent.comparison import NO, YES
from latent.measures import Side
from latent.verdicts import Facts, Verdict, classes_verdict, clusters_verdict
from stages.evaluation.facts import facts_of
from stages.evaluation.measuring import Measured, measure_clusters, measure_gaps, measure_once, summarise

_KNOWN_FROM, _UNKNOWN_TO = 0.98, 0.8  # share of images that a classifier told the truth is right on


@dataclass(frozen=True, eq=False)
class Case:
    """Latents (rows, D), labels and groups (rows,), and what is true of clusters and of classes."""

    vectors: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    clusters: str | None
    classes: str | None


def alone(vectors: np.ndarray, labels: np.ndarray, clusters: str | None, classes: str | None) -> Case:
    """A case whose rows are each a group of its own."""
    return Case(vectors.astype(np.float32), labels.astype(np.int64), np.arange(len(vectors)), clusters, classes)


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
    labels = random.choice(classes, rows, p=shares)
    vectors = centres[labels] + random.standard_normal((rows, size))
    many = random.choice(classes, 4000, p=shares)
    drawn = centres[many] + random.standard_normal((4000, size))
    log_shares = np.log(shares) - ((drawn[:, None] - centres) ** 2).sum(axis=2) / 2
    right = float((log_shares.argmax(axis=1) == many).mean())
    noise = random.random(rows) < label_noise
    labels = np.where(noise, random.integers(0, classes, rows), labels)
    told = right * (1 - label_noise + label_noise / classes)
    truth = [YES if each >= _KNOWN_FROM else NO if each <= _UNKNOWN_TO else None for each in (right, told)]
    if separation <= 1:
        truth[0] = NO
    return alone(vectors, labels, *truth)


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
    return alone(case.vectors, np.random.default_rng(seed + 1).integers(0, 3, rows), YES, NO)


def pieces(rows: int, seed: int, separation: float = 8, size: int = 8) -> Case:
    """Two classes, each of two clouds, all four apart."""
    case = blobs(rows, seed, separation, 4, size)
    return alone(case.vectors, case.labels % 2, YES, YES)


def tracks(rows: int, seed: int, frames: int = 10, size: int = 8, classes: int = 4) -> Case:
    """One cloud of tracks, each a bundle of frames of one class at random."""
    random = np.random.default_rng(seed)
    track = np.arange(rows) // frames
    centres = random.standard_normal((track.max() + 1, size))
    labels = random.integers(0, classes, track.max() + 1)[track]
    vectors = centres[track] + 0.05 * random.standard_normal((rows, size))
    return Case(vectors.astype(np.float32), labels, track, NO, NO)


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
    "blobs, 8 apart, 10 classes": lambda rows, seed: blobs(rows, seed, 8, 10, 16),
    "blobs, 6 apart, 95 to 5": lambda rows, seed: blobs(rows, seed, 6, 2, largest=0.95),
    "blobs, half of labels noise": lambda rows, seed: blobs(rows, seed, 8, 3, label_noise=0.6),
    "blobs, overlapping by half": lambda rows, seed: blobs(rows, seed, 1, 2, 2),
    "clusters that are not the classes": strange_classes,
    "classes in two pieces": pieces,
    "one cloud": cloud,
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
    random = np.random.default_rng(seed)
    names = random.permutation(np.unique(case.groups))
    scored = np.isin(case.groups, names[: max(1, round(0.3 * len(names)))])
    sides = [Side(case.vectors[rows], case.labels[rows], case.groups[rows]) for rows in (~scored, scored)]
    count = len(np.unique(case.labels))
    found, assigned = measure_clusters(*sides, count, seed)
    measured = Measured({"x": [measure_once(*sides), found]}, {"x": measure_gaps(sides[0], seed)}, {"x": assigned})
    images = np.zeros((int(scored.sum()), 1, 2, 2), np.uint8)
    numbers = {"x": summarise(measured.runs["x"])}
    names_of = [str(label) for label in range(int(case.labels.max()) + 1)]
    return facts_of("x", measured, numbers, images, sides[1].labels, sides[1].groups, names_of)


def verdicts_on(case: Case, seed: int = 0) -> tuple[Verdict, Verdict]:
    """About clusters, and about classes."""
    facts = facts_about(case, seed)
    return clusters_verdict(facts), classes_verdict(facts)
