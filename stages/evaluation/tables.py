"""The numbers of an evaluation as tables to be read on a terminal, each under the protocol by which it was measured."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from latent.measures import APART, CLUSTERED, DESCRIBED, MAPPED, RECONSTRUCTED, Measure, declared
from run.console import table
from stages.evaluation.measuring import Summary, summarise


def evaluation_tables(
    errors: Mapping[str, Summary], numbers: Mapping[str, Summary], maps: Mapping[str, Summary], num_clusters: int,
    transductive: bool,
) -> str:  # fmt: skip
    """Everything that was measured of each space, in four tables."""
    measured = {name for measures in numbers.values() for name in measures}
    protocol = CLUSTERED.words(transductive)
    lines = [f"\nreconstruction, pixels in [0, 1] ({RECONSTRUCTED.words(transductive)})"]
    lines.append(as_table(errors, declared("reconstruction")))
    if "ami" in measured:
        lines += [
            f"\n{num_clusters} k-means clusters against classes ({protocol};",
            "chance: the same clusters after the classes were permuted over whole groups; viz_kmeans_latent_space.py",
            "scores other clusters: of the map that it draws, found and scored on the same test images)",
        ]
    else:
        lines.append(f"\n{num_clusters} k-means clusters ({protocol})")
    lines.append(as_table(numbers, declared("clusters")))
    if "knn_accuracy" in measured:
        known = APART.words(transductive) or protocol
        lines.append(f"\nclasses that are known ({known}), and dimensions in use")
    else:
        lines.append(f"\ndimensions in use ({DESCRIBED.words(transductive)})")
    lines.append(as_table(numbers, declared("classes", "description")))
    if maps:
        lines.append(f"\nUMAP of each space, 2 dimensions as they are ({MAPPED.words(transductive)})")
        lines.append(as_table(maps, declared("maps")))
    return "\n".join(lines)


def as_table(numbers: Mapping[str, Summary], measures: Mapping[str, Measure]) -> str:
    """A row for each space that has any of the measures, a column for each measure that any space has; footnotes."""
    shown = [each for name, each in measures.items() if each.heading and any(name in mine for mine in numbers.values())]
    rows = [
        (space, *(_cell(mine.get(each.name), each) for each in shown))
        for space, mine in numbers.items()
        if any(each.name in mine for each in shown)
    ]
    headings = [f"{each.heading}{' %' * each.percent}{'*' * bool(each.footnote)}" for each in shown]
    return "\n".join([table(["", *headings], rows), *(f"* {each.footnote}" for each in shown if each.footnote)])


def per_class_table(
    per_class: Mapping[str, Mapping[int, Sequence[Mapping[str, float]]]], class_names: Sequence[str], labels: np.ndarray
) -> tuple[list[str], list[list[object]]]:
    """Header and a row for each class: how many test images it has, and how well each space reconstructs them.

    Args:
        per_class: space -> class -> its fidelity, a run each; the same classes in all spaces, none without classes.
        class_names: of all classes.
        labels: int64 (test images,).
    """
    measures = list(declared("reconstruction"))
    header = ["class", "test images", *(f"{measure} {name}" for name in per_class for measure in measures)]
    rows = []
    for label in sorted(next(iter(per_class.values()), {})):
        summaries = [summarise(classes[label]) for classes in per_class.values()]
        values = [mine[name]["mean"] if name in mine else "" for mine in summaries for name in measures]
        rows.append([class_names[label], int(np.sum(labels == label)), *values])
    return header, rows


def _cell(value: Mapping[str, Any] | None, measure: Measure) -> str:
    """``54.6 ± 1.2``: a number and its spread, in the form that suits the measure."""
    if value is None:
        return "-"
    scale, places = (100, 1) if measure.percent else (1, 3)
    places = places if measure.places is None else measure.places
    text = f"{round(value['mean'] * scale, places) + 0.0:.{places}f}"
    return text if value["spread"] is None else f"{text} ± {value['spread'] * scale:.{places}f}"
