"""Places for vectors that a map was fitted without: those that came later, and those of a set too large to fit."""

import numpy as np

from latent.neighbours import nearest
from run.console import Progress
from run.random_subset import random_subset

FITTED_ON = 50_000  # rows: what is fitted on more is fitted on so many, drawn at random, and the others are placed
_PLACED_AT_ONCE = 20_480


def fitted_rows(rows: int, seed: int) -> np.ndarray:
    """Which of so many rows are fitted on, int64, rising: all, or ``FITTED_ON`` that the seed draws."""
    return random_subset(rows, FITTED_ON, seed)


def place_among(references: np.ndarray, places: np.ndarray, vectors: np.ndarray, n_neighbors: int) -> np.ndarray:
    """Each vector at the mean of the places of its exact nearest references, weighted by :func:`memberships`.

    That is where ``umap.UMAP.transform`` puts new points before it lets them settle (McInnes, Healy and Melville,
    2018), and where openTSNE begins (Poličar, Stražar and Zupan, 2019). Nothing settles here, so that a place depends
    on nothing random and on no other new point. A vector that equals a reference goes to its place.

    Args:
        references: float (N, D), N from 1 up.
        places: float (N, S), where they lie on the map.
        vectors: float (M, D).
        n_neighbors: references that count; all where there are fewer.

    Returns:
        float32 (M, S).
    """
    placed = np.empty((len(vectors), places.shape[1]), np.float32)
    with Progress(len(vectors)) as progress:
        for start in range(0, len(vectors), _PLACED_AT_ONCE):
            piece = slice(start, start + _PLACED_AT_ONCE)
            near, away = nearest(references, vectors[piece], count=min(n_neighbors, len(references)))
            strengths = memberships(away)
            between = (strengths[:, :, None] * places[near]).sum(axis=1) / strengths.sum(axis=1, keepdims=True)
            same = away[:, 0] == 0
            between[same] = places[near[same, 0]]
            placed[piece] = between
            progress.advance("placing", len(between))
            progress.news(f"placed {start + len(between):,} of {len(vectors):,} vectors on the map")
    return placed


def memberships(away: np.ndarray) -> np.ndarray:
    """How strongly points belong to their neighbours, by distances (rows, k) in rising order; in (0, 1].

    ``exp(-distance / width)``, the width such that strengths add up to the binary logarithm of k: UMAP's smoothed
    nearest-neighbour distance, with no neighbour for granted, as its ``transform`` has it for points that are not
    among the references.
    """
    wanted = np.log2(away.shape[1])
    low, high = np.zeros(len(away)), np.full(len(away), np.inf)
    width = np.maximum(away.mean(axis=1), 1e-12)
    for _ in range(64):
        total = np.exp(-away / width[:, None]).sum(axis=1)
        high = np.where(total > wanted, width, high)
        low = np.where(total > wanted, low, width)
        width = np.where(np.isinf(high), 2 * width, (low + high) / 2)
        width = np.maximum(width, 1e-300)
    # a width that vanishes beside the distances would leave nothing of any strength
    return np.exp(-away / np.maximum(width, 1e-3 * away.mean(axis=1) + 1e-300)[:, None])
