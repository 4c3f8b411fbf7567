"""The numbers of an evaluation as tables to be read on a terminal, each under the protocol by which it was measured."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from latent.evaluation import DESCRIBED, FITTED, LEFT_OUT, MAPPED, TRANSDUCTIVE, summarise
from run.console import table

Summary = Mapping[str, Mapping[str, Mapping[str, Any]]]  # space -> measure -> what evaluation.summarise gives

ERROR_COLUMNS = {"mse": "MSE", "psnr_db": "PSNR dB", "ssim": "SSIM"}
CLUSTER_COLUMNS = {
    "accuracy_hungarian": "one to one %",
    "accuracy_hungarian_chance": "chance %",
    "accuracy_majority": "majority %",
    "nmi": "NMI",
    "ari": "ARI",
    "ami": "AMI",
    "ami_chance": "chance",
    "stability": "stability",
    "stability_structureless": "if no clusters",
    "silhouette": "silhouette*",
}
CLASS_COLUMNS = {
    "knn_accuracy": "10-NN %",
    "linear_accuracy": "linear probe %",
    "linear_macro_f1": "macro-F1 %",
    "knn_accuracy_chance": "largest class %",
    "dimensions_that_vary": "vary",
    "effective_rank": "eff. rank",
}
MAP_COLUMNS = {
    "trustworthiness": "trustworthy",
    "continuity": "continuous",
    "pixel_trustworthiness": "trustw. of pixels",
    "pixel_continuity": "cont. of pixels",
    "map_knn_accuracy": "10-NN %",
}
_PLACES = {"mse": 5, "psnr_db": 2, "dimensions_that_vary": 0, "effective_rank": 1}


def evaluation_tables(errors: Summary, numbers: Summary, maps: Summary, num_clusters: int, transductive: bool) -> str:
    """Everything that was measured, in four tables."""
    protocol = TRANSDUCTIVE if transductive else FITTED
    lines = [f"\nreconstruction, pixels in [0, 1] ({FITTED})", as_table(errors, ERROR_COLUMNS)]
    if any("ami" in measures for measures in numbers.values()):
        lines += [
            f"\n{num_clusters} k-means clusters against classes ({protocol};",
            "chance: the same clusters after the classes were permuted over whole groups)",
        ]
    else:
        lines.append(f"\n{num_clusters} k-means clusters ({protocol})")
    lines.append(as_table(numbers, CLUSTER_COLUMNS))
    if any("silhouette" in measures for measures in numbers.values()):
        lines.append("* falls with the number of dimensions: no measure to rank spaces of different sizes by")
    if any("knn_accuracy" in measures for measures in numbers.values()):
        lines.append(f"\nclasses that are known ({LEFT_OUT if transductive else protocol}), and dimensions in use")
    else:
        lines.append(f"\ndimensions in use ({DESCRIBED})")
    lines.append(as_table(numbers, CLASS_COLUMNS))
    if maps:
        lines += [f"\nUMAP of each space, 2 dimensions as they are ({MAPPED})", as_table(maps, MAP_COLUMNS)]
    return "\n".join(lines)


def as_table(numbers: Summary, columns: Mapping[str, str]) -> str:
    """A row for each space that has any of the measures, a column for each measure that any space has."""
    shown = [name for name in columns if any(name in measures for measures in numbers.values())]
    rows = [
        (space, *(_cell(measures.get(name), name, columns[name]) for name in shown))
        for space, measures in numbers.items()
        if any(name in measures for name in shown)
    ]
    return table(["", *(columns[name] for name in shown)], rows)


def per_class_table(
    per_class: Mapping[str, Mapping[int, Sequence[Mapping[str, float]]]], class_names: Sequence[str], labels: np.ndarray
) -> tuple[list[str], list[list[object]]]:
    """Header and a row for each class: how many test images it has, and how well each space reconstructs them.

    Args:
        per_class: space -> class -> the fidelity that each space has of it, a run each; the
            same classes in all spaces, none without classes.
        class_names: of all classes.
        labels: int64 (test images,).
    """
    measures = list(ERROR_COLUMNS)
    header = ["class", "test images", *(f"{measure} {name}" for name in per_class for measure in measures)]
    rows = []
    for label in sorted(next(iter(per_class.values()), {})):
        summaries = [summarise(classes[label]) for classes in per_class.values()]
        rows.append(
            [
                class_names[label],
                int(np.sum(labels == label)),
                *(
                    summary[measure]["mean"] if measure in summary else ""
                    for summary in summaries
                    for measure in measures
                ),
            ]
        )
    return header, rows


def _cell(value: Mapping[str, Any] | None, measure: str, column: str) -> str:
    """``54.6 ± 1.2``: a number and its spread, in the form that suits the measure."""
    if value is None:
        return "-"
    in_percent = column.endswith("%")
    scale, places = (100, 1) if in_percent else (1, _PLACES.get(measure, 3))
    text = f"{round(value['mean'] * scale, places) + 0.0:.{places}f}"
    return text if value["spread"] is None else f"{text} ± {value['spread'] * scale:.{places}f}"
