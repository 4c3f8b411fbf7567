"""Clusters as tables: which row fell into which, which class each stands for, and how the two overlap."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from latent.archive import LatentSpace
from latent.clustering import MEASURES, Clustering
from latent.metrics import NOISE, match_clusters
from run.console import table

SCORES = {
    "accuracy_majority": "accuracy (majority)",
    "accuracy_hungarian": "accuracy (one to one)",
    "nmi": "NMI",
    "ami": "AMI",
    "ari": "ARI",
}


def score_table(title: str, scores: Mapping[str, Mapping[str, float]]) -> str:
    """A row for each space, under ``title``; its ``SCORES`` in columns."""
    rows = [[name, *(_decimal(each[score], 3) for score in SCORES)] for name, each in scores.items()]
    return table([title, *SCORES.values()], rows)


def score_line(scores: Mapping[str, float]) -> str:
    """The scores of one space in words."""
    return (
        f"accuracy {scores['accuracy_majority']:.1%} (majority), {scores['accuracy_hungarian']:.1%} (one to one), "
        f"NMI {_decimal(scores['nmi'], 2)}, ARI {_decimal(scores['ari'], 2)}"
    )


def cluster_rows(space: LatentSpace, found: Mapping[str, Clustering]) -> tuple[list[str], Iterator[list[object]]]:
    """Header and a row for each image: what it is, and which cluster it fell into in each space, and how surely.

    Args:
        space: any of the spaces, all of the same images.
        found: name of a space -> its clusters.
    """
    header, columns = [], []
    for name, clustering in found.items():
        header += [f"cluster in {name}", f"{MEASURES[clustering.method]} in {name}"]
        columns += [named(clustering.clusters), rounded(clustering.measured)]
        if space.labels is not None:
            one_to_one, majority = match_clusters(clustering.clusters, space.labels)
            for how, class_of in [("one to one", one_to_one), ("majority", majority)]:
                header.append(f"class of that cluster ({how})")
                paired = [class_of.get(number) for number in clustering.clusters.tolist()]
                columns.append(["" if label is None else space.class_names[label] for label in paired])
    known, rows = space.describe_rows()
    return [*known, *header], ([*row, *cells] for row, *cells in zip(rows, *columns, strict=True))


def assigned_rows(
    space: LatentSpace, clusters: np.ndarray, measured: np.ndarray, class_of: Mapping[int, str], method: str
) -> tuple[list[str], Iterator[list[object]]]:
    """Header and a row for each image that came later: what it is, its cluster, and the class that this stands for."""
    known, rows = space.describe_rows()
    columns = [named(clusters), rounded(measured), [class_of.get(number, "") for number in clusters.tolist()]]
    header = ["cluster", MEASURES[method], "class of that cluster (majority)"]
    return [*known, *header], ([*row, *cells] for row, *cells in zip(rows, *columns, strict=True))


def cluster_classes(clusters: np.ndarray, labels: np.ndarray | None, names: Sequence[str]) -> dict[int, str]:
    """Cluster -> the name of the commonest class in it; {} without classes."""
    return {} if labels is None else {each: names[label] for each, label in match_clusters(clusters, labels)[1].items()}


def summary_rows(clusters: np.ndarray, class_of: Mapping[int, str]) -> list[list[object]]:
    """A row for each cluster that has any image: its number, how many, and the class that it stands for."""
    found, counts = np.unique(clusters, return_counts=True)
    return [
        [name, f"{count:,}", class_of.get(number, "")]
        for name, number, count in zip(named(found), found.tolist(), counts.tolist(), strict=True)
    ]


def cluster_confusion(clusters: np.ndarray, labels: np.ndarray, num_classes: int) -> tuple[np.ndarray, list[str]]:
    """How many rows of each class fell into each cluster, the columns in an order that makes a diagonal.

    Clusters stand in the order of the classes that they are paired with one to one; then those that are left over,
    by their commonest class; then noise.

    Returns:
        int64 counts (num_classes, columns), and what to call each column.
    """
    one_to_one, majority = match_clusters(clusters, labels)
    order = sorted(majority, key=lambda each: (each not in one_to_one, one_to_one.get(each, majority[each]), each))
    order += [NOISE] if (clusters == NOISE).any() else []
    counts = np.zeros((num_classes, len(order)), np.int64)
    column_of = {cluster: column for column, cluster in enumerate(order)}
    np.add.at(counts, (labels, [column_of[cluster] for cluster in clusters.tolist()]), 1)
    return counts, named(np.array(order))


def named(clusters: np.ndarray) -> list[str]:
    """The number of each cluster as a text, noise by its name."""
    return ["noise" if number == NOISE else str(number) for number in clusters.tolist()]


def _decimal(value: float, places: int) -> str:
    """Fixed decimals, without the sign of a zero: an adjusted score of chance is as often -0.0001 as 0.0001."""
    return f"{round(value, places) + 0.0:.{places}f}"


def rounded(values: np.ndarray) -> list[float | str]:
    """Six figures of each; nothing where a value is infinite."""
    return [float(f"{value:.6g}") if np.isfinite(value) else "" for value in values]
