"""Probes: classifiers that are fitted on some vectors and scored on others that they have not seen.

Classes are learnt on the fitting side (the training images); numbers are taken on the scored side (the test images).
For each probe the two sides have the same columns and may have any number of rows.
"""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.utils.extmath import weighted_mode

from latent.measures import APART, CLASSIFIED, MAPPED, Measure, Side, Values, measure
from latent.metrics import Map
from latent.neighbours import NEIGHBOURS, nearest, neighbours_that_fit

_PENALTY = 1e-4  # of the linear probe's weights, beside the mean loss of a row
_STEPS = 100  # of L-BFGS; 300 gave 0.4 percentage points less on the pixels of GTSRB, in three times the time


_KNN = (
    Measure("knn_accuracy", heading="k-NN", percent=True, better="more", chance="knn_accuracy_chance",
            compared_as="nearest neighbours", above_chance=True),
    Measure("knn_accuracy_chance", heading="largest class", percent=True),
)  # fmt: skip


@measure(CLASSIFIED, *_KNN, of_classes=True)
def knn_accuracy(latents: np.ndarray, labels: np.ndarray, fitted: Side) -> Values:
    """Share of rows of the commonest class among their 10 nearest fitted ones, and of these' largest class."""
    near = nearest_classes(fitted.vectors, fitted.labels, latents)
    chance = float((labels == largest_class(fitted.labels)).mean())
    return {"knn_accuracy": (near == labels).astype(float), "knn_accuracy_chance": chance}


@measure(APART, *_KNN, Measure("knn_neighbours"), of_classes=True)
def knn_accuracy_apart(latents: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> Values:
    """Share of rows of the commonest class among their nearest of other groups, of the largest class; how many vote.

    These are 10, or fewer where classes have fewer rows: see :func:`latent.neighbours.neighbours_that_fit`.
    """
    near, chance = apart_classes(latents, labels, groups), float((labels == largest_class(labels)).mean())
    asked = neighbours_that_fit(labels, groups)
    return {"knn_accuracy": (near == labels).astype(float), "knn_accuracy_chance": chance, "knn_neighbours": asked}


@measure(
    CLASSIFIED,
    Measure("linear_accuracy", heading="linear probe", percent=True, better="more", chance="linear_accuracy_chance",
            compared_as="linear probe", above_chance=True),
    Measure("linear_accuracy_chance"),
    Measure("linear_macro_f1", heading="macro-F1", percent=True, better="more", chance="linear_macro_f1_chance"),
    Measure("linear_macro_f1_chance"),
    of_classes=True,
)  # fmt: skip
def linear_scores(latents: np.ndarray, labels: np.ndarray, fitted: Side) -> Values:
    """How well :func:`linear_classes` tells classes apart, and how well the largest class of the fitted rows does.

    The transductive protocol has no such probe: scored on what it was fitted on, it would say nothing.
    """
    given = linear_classes(fitted.vectors, fitted.labels, latents)
    scores = classification_scores(given, labels) | {"accuracy": (given == labels).astype(float)}
    chance = classification_scores(np.full(len(labels), largest_class(fitted.labels)), labels)
    return {f"linear_{name}": value for name, value in scores.items()} | {
        f"linear_{name}_chance": value for name, value in chance.items()
    }


@measure(MAPPED, Measure("map_knn_accuracy", heading="k-NN", percent=True, better="more"), of_classes=True)
def map_knn_accuracy(latents: np.ndarray, labels: np.ndarray, drawn: Map) -> dict[str, float]:
    """As :func:`knn_accuracy_apart`, of the points of a map."""
    return {"map_knn_accuracy": float((apart_classes(drawn.points, labels, drawn.groups) == labels).mean())}


def apart_classes(vectors: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The commonest class among the nearest rows of other groups, int64; -1 where there is no other group.

    As many vote as :func:`latent.neighbours.neighbours_that_fit` says, 10 at most.
    Frames of one track are each other's nearest neighbours; left in, they would answer for one another.
    """
    return _commonest(nearest(vectors, count=neighbours_that_fit(labels, groups), groups=groups)[0], labels)


def nearest_classes(
    fitted: np.ndarray, fitted_labels: np.ndarray, scored: np.ndarray, neighbours: int = NEIGHBOURS
) -> np.ndarray:
    """The commonest class among the nearest fitted rows (Euclidean), int64; on a tie, the one whose rows are nearer.

    With fewer fitted rows than ``neighbours``, all of them vote.
    """
    return _commonest(nearest(fitted, scored, count=neighbours)[0], fitted_labels)


def _commonest(near: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The commonest class among the neighbours of each row, int64 (rows, K), -1 for none; on a tie as above."""
    there, count = near >= 0, near.shape[1]
    # a vote weighs a little less the farther the neighbour is, too little to outweigh another vote
    weights = there * (2 * count**2 - np.arange(count))
    return np.where(there.any(axis=1), weighted_mode(labels[near], weights, axis=1)[0][:, 0], -1).astype(np.int64)


def linear_classes(
    fitted: np.ndarray, fitted_labels: np.ndarray, scored: np.ndarray, class_weight: str | None = None
) -> np.ndarray:
    """The classes that a linear probe gives, int64: multinomial logistic regression on standardised columns.

    Columns are scaled to unit variance as the fitted rows have it (those that hardly vary there are left faint, so
    that no rare value becomes enormous), and the weights are held back by an L2 penalty of 1e-4 beside the mean
    loss, so that sets of any size are fitted alike. Nothing is random.

    Args:
        class_weight: ``balanced`` has every class count alike however many rows it has.
    """
    present = np.unique(fitted_labels)
    if len(present) == 1:
        return np.full(len(scored), present[0], np.int64)
    centre, scale = standardisation(fitted)
    probe = LogisticRegression(C=1 / (_PENALTY * len(fitted)), max_iter=_STEPS, tol=1e-4, class_weight=class_weight)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "The number of unique classes")  # many classes of a few rows are no mistake
        probe.fit((fitted - centre) * scale, fitted_labels)
        return probe.predict((scored - centre) * scale).astype(np.int64)


def standardisation(fitted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What to subtract from each column and then multiply it by; float32 (D,) each."""
    spread = fitted.std(axis=0, dtype=np.float64)
    floor = 0.05 * spread.max() if spread.max() > 0 else 1.0
    centre, scale = fitted.mean(axis=0, dtype=np.float64), 1 / np.maximum(spread, floor)
    return centre.astype(np.float32), scale.astype(np.float32)


def largest_class(labels: np.ndarray) -> int:
    """The commonest class among labels, int64 (rows,); given to all rows, it is chance. On a tie the lowest."""
    return int(np.bincount(labels).argmax())


def classification_scores(predicted: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """``accuracy``, and ``macro_f1``: the mean F1 of the classes that occur among ``labels``, each counting alike.

    Args:
        predicted, labels: int (rows,).
    """
    macro = f1_score(labels, predicted, labels=np.unique(labels), average="macro", zero_division=0)
    return {"accuracy": float((predicted == labels).mean()), "macro_f1": float(macro)}
