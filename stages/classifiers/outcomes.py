"""What came of classifiers on spaces, and the tables of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import precision_recall_fscore_support

from latent.comparison import RULE, compare
from latent.probes import classification_scores
from run.console import table


@dataclass(frozen=True, eq=False)  # arrays have no equality that is one truth
class Outcome:
    """What came of one classifier on one space."""

    dataset: str
    model: str  # architecture of the autoencoder; "" where none took part
    space: str  # "bottleneck 32", "PCA of 32", "raw pixels"
    numbers: int  # that an image is described by
    classifier: str
    class_names: tuple[str, ...]
    predicted: np.ndarray  # int64 (test images,)
    labels: np.ndarray  # int64 (test images,)
    scores: dict[str, float]  # what scores_of gives
    log: list[dict[str, Any]]  # a record an epoch, of those that are trained in steps
    groups: np.ndarray | None = None  # int (test images,), which belong together; None takes each for itself


def scores_of(predicted: np.ndarray, labels: np.ndarray, train_labels: np.ndarray) -> dict[str, float]:
    """Accuracy and macro-F1, and what they would be if every image were given the largest class of the training."""
    largest = np.full(len(labels), np.bincount(train_labels).argmax())
    chance = {f"{name}_chance": value for name, value in classification_scores(largest, labels).items()}
    return classification_scores(predicted, labels) | chance


def outcome_table(outcomes: Sequence[Outcome], names: Mapping[str, str]) -> str:
    """A row for each space; accuracy and macro-F1 of each classifier, in per cent, in columns.

    Those of several checkpoints of the same data set, architecture and size are put together as mean ± standard
    deviation.

    Args:
        names: classifier -> its heading, in the order of the columns.
    """
    kinds = [kind for kind in names if any(each.classifier == kind for each in outcomes)]
    found: dict[tuple[str, str, str], dict[str, list[Outcome]]] = {}
    for each in outcomes:
        found.setdefault((each.dataset, each.model, each.space), {}).setdefault(each.classifier, []).append(each)
    rows = []
    for (dataset, model, space), by_kind in found.items():
        first = next(iter(by_kind.values()))[0]
        cells = [_cell(by_kind.get(kind, ()), score) for kind in kinds for score in ("accuracy", "macro_f1")]
        title = f"{dataset}: {model} {space}" if model else f"{dataset}: {space}"
        rows.append((title, f"{first.numbers:,}", *cells, f"{first.scores['accuracy_chance']:.1%}"))
    header = [part for kind in kinds for part in (names[kind], "F1")]
    return table(["", "numbers", *header, "largest class"], rows)


def comparisons_in_words(outcomes: Sequence[Outcome], names: Mapping[str, str]) -> list[str]:
    """A line for each bottleneck and classifier: better, level or worse than on PCA of its size and on raw pixels.

    Args:
        names: classifier -> its heading.
    """
    pairs = []
    for each in outcomes:
        if each.model:
            size = each.space.removeprefix("bottleneck ")
            pairs += [
                (each, other)
                for other in outcomes
                if (other.dataset, other.classifier) == (each.dataset, each.classifier)
                and other.space in (f"PCA of {size}", "raw pixels")
                and len(other.labels) == len(each.labels)
            ]
    lines: dict[tuple[str, str, str, str], list[str]] = {}
    for each, other in pairs:
        groups = np.arange(len(each.labels)) if each.groups is None else each.groups
        right = [one.predicted == one.labels for one in (each, other)]
        word = {1: "better than on", 0: "level with", -1: "worse than on"}[compare(*right, groups, len(pairs)).better]
        key = each.dataset, names[each.classifier], each.model, each.space
        lines.setdefault(key, []).append(f"{word} {other.space}")
    said = [f"{dataset}: {kind} on {model} {space}: {', '.join(dict.fromkeys(words))}"
            for (dataset, kind, model, space), words in lines.items()]  # fmt: skip
    return [*said, f"({RULE})"] if said else []


def outcome_rows(outcomes: Sequence[Outcome]) -> tuple[list[str], list[list[object]]]:
    """Header and a row for each outcome."""
    rows = [[*_what(each), len(each.labels), *each.scores.values()] for each in outcomes]
    return [*_HEADER, "test images", *outcomes[0].scores], rows


def class_rows(outcomes: Sequence[Outcome]) -> tuple[list[str], list[list[object]]]:
    """Header and a row for each class of each outcome: precision, recall, F1, empty where it has no test image."""
    rows = []
    for each in outcomes:
        classes = np.arange(len(each.class_names))
        scores = precision_recall_fscore_support(each.labels, each.predicted, labels=classes, zero_division=0)
        columns = [each.class_names, *(values.tolist() for values in scores)]
        for name, *values, count in zip(*columns, strict=True):
            rows.append([*_what(each), name, *(values if count else [""] * len(values)), count])
    return [*_HEADER, "class", "precision", "recall", "f1", "test images"], rows


def epoch_records(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """A record for each epoch of each outcome that is trained in steps."""
    return [{**dict(zip(_HEADER, _what(each), strict=True)), **epoch} for each in outcomes for epoch in each.log]


_HEADER = ["data set", "model", "space", "numbers", "classifier"]


def _what(each: Outcome) -> list[object]:
    return [each.dataset, each.model, each.space, each.numbers, each.classifier]


def _cell(outcomes: Sequence[Outcome], score: str) -> str:
    if not outcomes:
        return "-"
    values = 100 * np.array([each.scores[score] for each in outcomes])
    return f"{values.mean():.1f}" + (f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else "")
