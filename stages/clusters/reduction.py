"""The space that clusters are looked for in, and the place in it of vectors that came later."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from latent.placing import place_among
from latent.projection import lowered_settings, principal_axes, project


@dataclass(frozen=True)
class SearchSpace:
    """The space that clusters are looked for in.

    Attributes:
        space: one of ``latent.options.SPACES``: ``latent`` (vectors as they are), ``pca``, ``umap``, or ``pca-umap``:
            UMAP of the first ``pca_size`` principal components.
        size: S, the dimensions of that PCA or UMAP; for PCA no more than there are.
        pca_size: principal components kept for ``pca-umap``.
        n_neighbors, min_dist: of UMAP.
        whiten: each dimension is first divided by its standard deviation to this power, 0..1: 0 leaves distances as
            they are, 1 makes all dimensions count alike, the faintest too.
    """

    space: str
    size: int
    pca_size: int
    n_neighbors: int
    min_dist: float
    whiten: float


@dataclass(frozen=True, eq=False)  # arrays have no equality that is one truth
class Reduction:
    """Vectors brought down to fewer dimensions.

    Attributes:
        points: float32 (rows, S).
        arrays: all that :func:`place` needs, plain numbers; {} where vectors stay as they are.
        words: what was done, for a person: ``UMAP to 10 dimensions of PCA of 50``.
        warnings: what to know before the points are trusted.
    """

    points: np.ndarray
    arrays: dict[str, np.ndarray]
    words: str
    warnings: tuple[str, ...] = ()


def reduce(vectors: np.ndarray, where: SearchSpace, seed: int) -> Reduction:
    """Bring vectors down to the space that clusters are looked for in.

    Args:
        vectors: float (rows, D), finite. Those of one or two dimensions stay as they are.
        where: that space.
        seed: the same seed, versions and machine give the same points.

    Raises:
        BadInput: too few vectors for UMAP.
    """
    if vectors.shape[1] <= 2:
        return Reduction(vectors, {}, "as they are")
    arrays, words, points, warnings = {}, "", vectors, []
    if where.whiten:
        deviations = points.std(axis=0, dtype=np.float64)
        # a dimension that hardly varies is no signal to be made loud
        divisors = np.where(deviations > 1e-6 * deviations.max(initial=0.0), deviations, 1.0) ** where.whiten
        arrays, points = {"divisors": divisors}, (points / divisors).astype(np.float32)
        words = f"latents whitened to the power {where.whiten:g}"
    if where.space == "latent":
        return Reduction(points, arrays, words or "as they are")
    points = np.asarray(points, np.float32)
    if where.space != "umap":
        wanted = where.size if where.space == "pca" else where.pca_size
        arrays["mean"], arrays["components"] = principal_axes(points, wanted, seed)
        points = _project_linearly(arrays, points)
        words = f"PCA of {points.shape[1]}" + (f" of {words}" if words else "")
    if where.space != "pca" and points.shape[1] > 2:
        wanted = {"n_neighbors": where.n_neighbors, "size": where.size, "min_dist": where.min_dist}
        reference, points = points, project(points, "umap", seed, **wanted)
        warnings = lowered_settings("umap", len(points), n_neighbors=where.n_neighbors)
        arrays |= {"references": reference, "places": points, "n_neighbors": np.array(where.n_neighbors)}
        words = f"UMAP to {where.size} dimensions" + (f" of {words}" if words else "")
    return Reduction(points, arrays, words, tuple(warnings))


def place(arrays: Mapping[str, np.ndarray], vectors: np.ndarray) -> np.ndarray:
    """Where vectors that came later lie in a space that was fitted without them, float32 (rows, S).

    PCA projects them on the components that were found. UMAP has no such rule; they are placed among its references by
    :func:`latent.placing.place_among`.

    Args:
        arrays: of :class:`Reduction`.
        vectors: float (rows, D), D as in the vectors that it was fitted on.
    """
    points = np.asarray(vectors, np.float32)
    if "divisors" in arrays:
        points = (points / arrays["divisors"]).astype(np.float32)
    if "mean" in arrays:
        points = _project_linearly(arrays, points)
    if "references" in arrays:
        points = place_among(arrays["references"], arrays["places"], points, int(arrays["n_neighbors"]))
    return points


def _project_linearly(arrays: Mapping[str, np.ndarray], vectors: np.ndarray) -> np.ndarray:
    return ((vectors - arrays["mean"]) @ arrays["components"].T).astype(np.float32)
