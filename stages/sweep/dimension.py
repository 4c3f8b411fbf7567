"""Intrinsic dimension by two published estimators: of how many numbers points are, as their neighbours see it."""

import numpy as np

from latent.neighbours import nearest
from latent.separation import spread_over_units, units_of

_LOOKED_AT = 2000  # points, of as many groups as there are
_NEIGHBOURS = 20
_KEPT = 0.9  # of the ratios: the largest are of points at the edge


def intrinsic_dimensions(vectors: np.ndarray, groups: np.ndarray) -> dict[str, float]:
    """Both estimates; {} of fewer than 30 points of groups of their own, equal ones being one.

    Args:
        vectors: float (rows, D).
        groups: int (rows,): one row of each is looked at.
    """
    units = units_of(vectors, groups)
    count = min(_LOOKED_AT, len(np.unique(units)))
    if count < 30:
        return {}
    points = vectors[spread_over_units(units, count, np.random.default_rng(0))]
    away = nearest(points, count=min(_NEIGHBOURS, count // 3))[1]
    away = away[away[:, 0] > 0]
    return {"TwoNN": two_nn(away), "maximum likelihood": maximum_likelihood(away)}


def two_nn(away: np.ndarray) -> float:
    """TwoNN (Facco et al., 2017): from how much farther the second neighbour is than the first.

    Args:
        away: float (rows, K), distances to the nearest neighbours, rising, above 0.
    """
    ratios = np.sort(away[:, 1] / away[:, 0])[: int(_KEPT * len(away))]
    place = -np.log(1 - np.arange(1, len(ratios) + 1) / (len(away) + 1))
    logs = np.log(ratios)
    return float((logs @ place) / max(logs @ logs, 1e-12))


def maximum_likelihood(away: np.ndarray) -> float:
    """The maximum likelihood of Levina and Bickel (2004), inverses averaged (MacKay and Ghahramani, 2005)."""
    logs = np.log(away[:, -1:] / away[:, :-1]).sum(axis=1) / (away.shape[1] - 2)
    return float(1 / max(logs.mean(), 1e-12))
