"""A fitted reduction and its clusters on disk, so that vectors that come later can be given clusters of their own."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from latent.archive import LatentSpace
from latent.clustering import assign
from latent.options import CLUSTERERS
from run.array_file import load_arrays, save_arrays
from run.errors import BadInput, printable
from run.hints import encoding_at_hand, own_command
from stages.clusters.reduction import place

_KIND = "clustering"
_REDUCTION, _CLUSTERING = "reduction.", "clustering."  # what the names of arrays begin with


@dataclass(frozen=True, eq=False)  # arrays have no equality that is one truth
class Assigner:
    """What gives a vector its cluster.

    Attributes:
        method: of the clusters, one of ``CLUSTERERS``.
        size: D of the vectors that it takes.
        reduction: arrays of :class:`stages.clusters.reduction.Reduction`.
        clustering: arrays of :class:`latent.clustering.Clustering`.
        class_of: cluster -> name of the commonest class among the points that it was found in; {} without classes.
        about: plain values that say what it was fitted on and how.
    """

    method: str
    size: int
    reduction: dict[str, np.ndarray]
    clustering: dict[str, np.ndarray]
    class_of: dict[int, str] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)

    def assign(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """float (rows, D) -> int64 clusters and float64 measures (rows,), as :func:`latent.clustering.assign` says.

        Raises:
            BadInput: the vectors are of another size.
        """
        if vectors.shape[1] != self.size:
            raise BadInput(
                f"the clusters are of vectors of {self.size} dimensions, and these have {vectors.shape[1]}; encode "
                f"with the same model: {encoding_at_hand({})}"
            )
        return assign(self.method, self.clustering, place(self.reduction, vectors))

    def may_know(self, space: LatentSpace) -> bool:
        """Whether vectors come out of the model whose latents were clustered, as far as is known of either."""
        digests = {each.get("checkpoint_sha256") for each in (self.about, space.origin)}
        return len(digests - {None}) < 2


def save_assigner(path: Path, assigner: Assigner) -> list[Path]:
    """Write as ``path`` (.npz) and a .json beside it; the paths written."""
    arrays = {_REDUCTION + name: array for name, array in assigner.reduction.items()}
    arrays |= {_CLUSTERING + name: array for name, array in assigner.clustering.items()}
    return save_arrays(
        path,
        _KIND,
        arrays,
        {
            "method": assigner.method,
            "size": assigner.size,
            "class_of": {str(cluster): name for cluster, name in assigner.class_of.items()},
            "about": assigner.about,
        },
    )


def load_assigner(path: Path) -> Assigner:
    """Read what :func:`save_assigner` wrote.

    Raises:
        BadInput: the files are missing, damaged, or do not hold what such files hold.
    """
    made_by = own_command({"--assign": None})
    arrays, about = load_arrays(path, _KIND, made_by)
    parts = [
        {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}
        for start in (_REDUCTION, _CLUSTERING)
    ]
    try:
        assigner = Assigner(
            str(about["method"]),
            int(about["size"]),
            *parts,
            {int(cluster): str(name) for cluster, name in about["class_of"].items()},
            dict(about["about"]),
        )
        if assigner.method not in CLUSTERERS:
            raise ValueError("method")
        assigner.assign(np.zeros((1, assigner.size), np.float32))  # arrays that do not fit one another are found here
    except (KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
        raise BadInput(
            f"{printable(path)} does not hold clusters that this version can use ({type(error).__name__}); "
            f"make it with: {made_by}"
        ) from None
    return assigner
