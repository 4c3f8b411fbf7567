"""Clusters: vectors grouped by nothing but where they lie."""

import numpy as np

from run.errors import BadInput


def cluster(vectors: np.ndarray, num_clusters: int, seed: int) -> np.ndarray:
    """k-means (Lloyd's, started by k-means++ ten times, the tightest result taken).

    Args:
        vectors: float (rows, D), finite.
        num_clusters: from 1 up to the number of different rows.
        seed: the same seed, versions and machine give the same clusters.

    Returns:
        int64 (rows,): the cluster of each row, 0 .. num_clusters - 1.

    Raises:
        BadInput: there are fewer different rows than clusters.
    """
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    different = len({row.tobytes() for row in vectors + 0.0})  # + 0.0 makes -0.0 equal to 0.0
    if num_clusters > different:
        have = f"{len(vectors)} vectors"
        if different < len(vectors):
            have += f", of which {different} {'is' if different == 1 else 'are'} different,"
        raise BadInput(
            f"{have} can't make {num_clusters} clusters; take --num_clusters {different} or fewer, or encode more: "
            f"python encode_latent_space.py --latent_size N --num_samples 1000"
        )
    with threadpool_limits(1, user_api="openmp"):  # more threads add up the centres in whatever order they finish
        return KMeans(num_clusters, n_init=10, random_state=seed).fit_predict(vectors).astype(np.int64)
