"""Clusters: points grouped by nothing but where they lie, and new points given to the groups that were found."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sklearn.cluster import HDBSCAN, KMeans
from threadpoolctl import threadpool_limits

from latent.metrics import NOISE
from latent.mixture import Mixture, fit_mixture
from latent.neighbours import nearest
from run.console import count
from run.errors import BadInput
from run.hints import encoding_at_hand, own_command

# what is known of a point and its cluster, beside which one it is
MEASURES = {
    "kmeans": "distance to the centre",
    "gmm": "probability",
    "hdbscan": "distance to the nearest member",
}

_STARTS = 10  # of k-means
_ASSIGNED_AT_ONCE = 16_384  # points


@dataclass(frozen=True, eq=False)  # arrays have no equality that is one truth
class Clustering:
    """Clusters of some points.

    Attributes:
        method: one of ``latent.options.CLUSTERERS``.
        clusters: int64 (rows,), 0 .. count - 1, or ``NOISE``.
        measured: float64 (rows,): what ``MEASURES`` says of each point.
        arrays: all that :func:`assign` needs, plain numbers.
        warnings: what to know before the clusters are trusted.
    """

    method: str
    clusters: np.ndarray
    measured: np.ndarray
    arrays: dict[str, np.ndarray]
    warnings: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many clusters there are; noise is none."""
        return len(self.arrays["reach" if self.method == "hdbscan" else "centres"])

    @property
    def noise(self) -> int:
        """How many points are in no cluster."""
        return int((self.clusters == NOISE).sum())


def find_clusters(
    points: np.ndarray,
    method: str,
    num_clusters: int | None,
    seed: int,
    *,
    min_cluster_size: int | None = None,
    spare_copy: bool = False,
) -> Clustering:
    """Cluster points.

    Args:
        points: float (rows, S), finite.
        method: ``kmeans`` (Lloyd's, started by k-means++ ten times, the tightest result taken); ``gmm`` (a Gaussian
            mixture by expectation maximisation, started by k-means three times, the likeliest taken, each component
            with a covariance of its own: full, or diagonal where a cluster has fewer than two points a dimension);
            ``hdbscan`` (Campello, Moulavi and Sander, 2013), which finds the number itself and may leave points out
            as noise.
        num_clusters: from 1 up to the number of different points; None for hdbscan.
        seed: the same seed, versions and machine give the same clusters.
        min_cluster_size: of hdbscan: the fewest points that make a cluster. A hundredth of all, but at least 5, for
            None.
        spare_copy: whether k-means may round the points anew instead of copying them: of 50,000 images that is 600 MB.

    Raises:
        BadInput: there are fewer different points than clusters, or fewer points than hdbscan needs for one.
    """
    if method == "hdbscan":
        return _hdbscan(points, min_cluster_size or max(5, len(points) // 100))
    if method == "kmeans":
        found = fit_kmeans(points, num_clusters, seed, _STARTS, spare_copy=spare_copy)
        arrays = {"centres": found.cluster_centers_.astype(np.float64)}
        return Clustering(method, *assign(method, arrays, points), arrays)
    require_different(points, num_clusters)
    mixture = fit_mixture(points, num_clusters, seed)
    arrays = {"centres": mixture.means, "weights": mixture.weights, "precision_roots": mixture.precision_roots}
    moving = f"the mixture of {num_clusters} was still moving when it was stopped; another --seed may do better"
    return Clustering(method, *assign(method, arrays, points), arrays, () if mixture.converged else (moving,))


def assign(method: str, arrays: Mapping[str, np.ndarray], points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give points to clusters that were found before.

    k-means: the nearest centre. Mixture: the component most likely to have made the point. HDBSCAN, which has no rule
    for new points of its own: the cluster of the nearest point that is in one, if that is no farther away than any
    member of the cluster is from its nearest fellow; else noise.

    Args:
        method: as it was found by.
        arrays: of :class:`Clustering`.
        points: float (rows, S), S as in the points that clusters were found in.

    Returns:
        int64 clusters and float64 measures, as in :class:`Clustering`.
    """
    if method != "gmm" and len(points) > _ASSIGNED_AT_ONCE:  # pixels take as much again, and more, in float64
        starts = range(0, len(points), _ASSIGNED_AT_ONCE)
        pieces = [assign(method, arrays, points[start : start + _ASSIGNED_AT_ONCE]) for start in starts]
        return tuple(map(np.concatenate, zip(*pieces, strict=True)))
    points = np.asarray(points, np.float64)
    if method == "gmm":
        mixture = Mixture(arrays["weights"], arrays["centres"], arrays["precision_roots"])
        shares = mixture.probabilities(points)
        return shares.argmax(axis=1), shares.max(axis=1)
    among = arrays["centres" if method == "kmeans" else "members"]
    if not len(among):
        return np.full(len(points), NOISE), np.full(len(points), np.inf)
    near, away = (each[:, 0] for each in nearest(among, points, count=1))
    if method == "kmeans":
        return near, away
    clusters = arrays["clusters"][near].astype(np.int64)
    return np.where(away <= arrays["reach"][clusters], clusters, NOISE), away


def fit_kmeans(points: np.ndarray, num_clusters: int, seed: int, starts: int, *, spare_copy: bool = False) -> KMeans:
    """k-means (Lloyd's, started by k-means++), fitted on points (rows, S): the tightest of so many starts.

    With ``spare_copy`` their mean is taken off and added again in place, which rounds them anew.

    Raises:
        BadInput: fewer different points than clusters.
    """
    require_different(points, num_clusters)
    with threadpool_limits(1, user_api="openmp"):  # more threads add up the centres in whatever order they finish
        return KMeans(num_clusters, n_init=starts, random_state=seed, copy_x=not spare_copy).fit(points)


def most_central(points: np.ndarray, clusters: np.ndarray, cluster: int, count: int) -> np.ndarray:
    """The rows of the ``count`` points of a cluster that lie nearest to the mean of its points, nearest first."""
    rows = np.flatnonzero(clusters == cluster)
    away = np.linalg.norm(points[rows] - points[rows].mean(axis=0, dtype=np.float64), axis=1)
    return rows[np.argsort(away, kind="stable")[:count]]


def count_different(points: np.ndarray, enough: int | None = None) -> int:
    """How many different rows there are, counted no further than ``enough``; -0 is 0."""
    seen = set()
    for row in points:
        seen.add((row + 0.0).tobytes())
        if len(seen) == enough:
            break
    return len(seen)


def require_different(points: np.ndarray, num_clusters: int) -> None:
    """Refuse to make more clusters than there are different points (rows, S).

    Raises:
        BadInput: saying how many there are.
    """
    different = count_different(points, num_clusters)
    if num_clusters > different:
        have = f"{len(points)} vectors"
        if different < len(points):
            have += f", of which {different} {'is' if different == 1 else 'are'} different,"
        raise BadInput(
            f"{have} can't make {num_clusters} clusters; encode more, or take fewer: "
            f"{own_command({'--num_clusters': [different]})}"
        )


def _hdbscan(points: np.ndarray, min_cluster_size: int) -> Clustering:
    if not 2 <= min_cluster_size <= len(points):
        remedy = f"take fewer: {own_command({'--min_cluster_size': [2]})}"
        if len(points) < 2:
            remedy = f"encode more: {encoding_at_hand({'--num_samples': ['all']})}"
        raise BadInput(f"{count(len(points), 'vector')} can't hold a cluster of {min_cluster_size}; {remedy}")
    points = np.asarray(points, np.float64)
    clusters = HDBSCAN(min_cluster_size=min_cluster_size, copy=True).fit_predict(points).astype(np.int64)
    members, lost = clusters != NOISE, clusters == NOISE
    away = np.full(len(points), np.inf)  # to the nearest fellow; of noise, to the nearest member of any cluster
    reach = np.zeros(clusters.max() + 1)
    for cluster in range(len(reach)):
        mine = clusters == cluster
        away[mine] = nearest(points[mine], count=1)[1][:, 0]
        reach[cluster] = away[mine].max()
    if members.any() and lost.any():
        away[lost] = nearest(points[members], points[lost], count=1)[1][:, 0]
    return Clustering(
        "hdbscan", clusters, away, {"members": points[members], "clusters": clusters[members], "reach": reach}
    )
