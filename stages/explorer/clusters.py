"""The clusters that viz_kmeans_latent_space.py has found of the same images, from its tables."""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from latent.archive import LatentSpace
from latent.options import CLUSTERERS, SPACES
from run.errors import printable

_COLUMN = "cluster in "
_MOST_BYTES = 256 << 20


@dataclass(frozen=True)
class FoundClusters:
    """Clusters of the rows of a space.

    Attributes:
        title: how they were found, and in which space.
        groups: int (rows,), from 0 up; -1 for none.
    """

    title: str
    groups: np.ndarray


def read_clusters(latents: Path, space: LatentSpace) -> tuple[list[FoundClusters], list[str]]:
    """Every clustering whose table lies beside some latents.

    Returns:
        The clusterings; and a sentence for each table that is not of these images, or can't be read.
    """
    found, complaints = [], []
    for clusterer, name in CLUSTERERS.items():
        for searched in SPACES:
            path = latents.with_name(f"{latents.stem}_{clusterer}_{searched}.csv")
            if not path.exists():
                continue
            try:
                columns = _read(path, space)
            except (OSError, ValueError, csv.Error):
                complaints.append(f"{printable(path.name)} is damaged, or is not of these images; cluster them anew")
                continue
            found += [FoundClusters(f"{name} ({searched}) of {where}", groups) for where, groups in columns]
    return found, complaints


def _read(path: Path, space: LatentSpace) -> list[tuple[str, np.ndarray]]:
    """(space, int (rows,)) of each column of clusters.

    Raises:
        ValueError: the rows are not those of ``space``.
        OSError, csv.Error: it can't be read.
    """
    if not path.is_file() or path.stat().st_size > _MOST_BYTES:
        raise ValueError
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    known, expected = space.describe_rows()
    if len(rows) != len(space.vectors) or not rows:
        raise ValueError
    if any(None in row or None in row.values() for row in rows):  # cut off, or with more than its columns
        raise ValueError
    if any(row.get(known[0]) != str(mine[0]) for row, mine in zip(rows, expected, strict=True)):
        raise ValueError
    columns = [name for name in rows[0] if name and re.fullmatch(f"{_COLUMN}bottleneck [0-9]+", name)]
    return [(name.removeprefix(_COLUMN), np.array([_cluster(row[name]) for row in rows], np.int32)) for name in columns]


def _cluster(cell: str) -> int:
    if cell == "noise":
        return -1
    if not re.fullmatch("[0-9]{1,6}", cell):
        raise ValueError
    return int(cell)
