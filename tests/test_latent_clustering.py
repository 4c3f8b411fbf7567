"""Clusters: what is plainly there is found, repeats, takes in new points; more clusters than vectors are refused."""

import numpy as np
import pytest

from latent import clustering
from latent.clustering import assign, find_clusters, most_central
from latent.metrics import NOISE, clustering_scores, match_clusters
from run.errors import BadInput


def cluster(points: np.ndarray, number: int, seed: int) -> np.ndarray:
    return find_clusters(points, "kmeans", number, seed).clusters


@pytest.fixture
def islands() -> np.ndarray:
    random = np.random.default_rng(0)
    return np.concatenate([random.normal(centre, 0.1, size=(20, 3)) for centre in (0, 5, 10)]).astype(np.float32)


@pytest.mark.parametrize("method", ["kmeans", "gmm", "hdbscan"])
def test_plain_islands_are_found_and_take_in_new_points(islands: np.ndarray, method: str):
    found = find_clusters(islands, method, None if method == "hdbscan" else 3, 0)
    clusters = found.clusters.reshape(3, 20)
    assert all(len(set(row)) == 1 for row in clusters.tolist())
    assert set(clusters[:, 0]) == {0, 1, 2}
    assert (found.count, found.noise) == (3, 0)
    near, measured = assign(method, found.arrays, islands[::20] + 0.05)
    np.testing.assert_array_equal(near, clusters[:, 0])
    expected = {"kmeans": (0, 0.5), "gmm": (0.99, 1.01), "hdbscan": (0, 0.2)}[method]
    assert ((expected[0] <= measured) & (measured <= expected[1])).all()
    np.testing.assert_array_equal(assign(method, found.arrays, islands)[0], found.clusters)


def test_the_same_seed_gives_the_same_clusters(islands: np.ndarray):
    np.testing.assert_array_equal(cluster(islands, 7, 4), cluster(islands, 7, 4))


def test_as_many_clusters_as_rows_is_the_limit(islands: np.ndarray):
    assert len(set(cluster(islands[:5], 5, 0).tolist())) == 5
    with pytest.raises(BadInput, match="5 vectors can't make 6 clusters"):
        cluster(islands[:5], 6, 0)
    with pytest.raises(BadInput, match="hold a cluster of 6"):
        find_clusters(islands[:5], "hdbscan", None, 0, min_cluster_size=6)


@pytest.mark.parametrize("method", ["kmeans", "gmm"])
def test_equal_rows_count_once(method: str):
    rows = np.array([[0.0, 1.0], [-0.0, 1.0], [2.0, 2.0]], np.float32)
    with pytest.raises(BadInput, match="of which 2 are different"):
        find_clusters(rows, method, 3, 0)
    assert not find_clusters(rows, method, 1, 0).clusters.any()


def test_a_mixture_sees_spreads_that_k_means_does_not():
    random = np.random.default_rng(0)
    points = np.concatenate([random.normal(0, 0.2, (300, 2)), random.normal((5, 0), 3, (300, 2))])
    classes = np.repeat([0, 1], 300)
    scores = {
        method: clustering_scores(find_clusters(points, method, 2, 0).clusters, classes)["accuracy_hungarian"]
        for method in ("kmeans", "gmm")
    }
    assert scores["gmm"] > 0.97 > 0.92 > scores["kmeans"]


def test_a_mixture_of_tiny_values_is_one_of_large_ones(islands: np.ndarray):
    large, tiny = (find_clusters(islands * scale, "gmm", 3, 0) for scale in (1.0, 1e-6))
    np.testing.assert_array_equal(large.clusters, tiny.clusters)


def test_what_lies_apart_is_noise_and_counts_as_wrong(islands: np.ndarray):
    points = np.concatenate([islands, [[50, 50, 50]]]).astype(np.float32)
    found = find_clusters(points, "hdbscan", None, 0)
    assert found.clusters[-1] == NOISE
    assert (found.count, found.noise) == (3, 1)
    assert assign("hdbscan", found.arrays, np.array([[5, 5, 20.0]]))[0][0] == NOISE
    labels = np.append(np.repeat([0, 1, 2], 20), 2)
    scores = clustering_scores(found.clusters, labels)
    assert scores["accuracy_hungarian"] == scores["accuracy_majority"] == 60 / 61
    assert scores["nmi"] < 1
    assert NOISE not in match_clusters(found.clusters, labels)[1]


def test_nothing_but_noise():
    points = np.random.default_rng(0).uniform(size=(12, 2))
    found = find_clusters(points, "hdbscan", None, 0, min_cluster_size=12)
    assert (found.count, found.noise) == (0, 12)
    assert set(assign("hdbscan", found.arrays, points)[0]) == {NOISE}
    scores = clustering_scores(found.clusters, np.arange(12) % 2)
    assert scores["accuracy_hungarian"] == scores["accuracy_majority"] == 0
    assert match_clusters(found.clusters, np.arange(12) % 2) == ({}, {})


def test_the_most_central_come_first():
    points = np.array([[0.0], [1.0], [2.0], [3.0], [10.0], [100.0]])
    np.testing.assert_array_equal(
        most_central(points, np.array([0, 0, 0, 0, 0, 1]), 0, 3), [3, 2, 1]
    )  # the mean is 3.2


@pytest.mark.parametrize("method", ["kmeans", "hdbscan"])
def test_many_points_are_assigned_piece_by_piece(method, monkeypatch):
    """To the same clusters and measures as all at once, so that float64 is never held of all of them."""
    random = np.random.default_rng(0)
    points = (10 * random.integers(0, 3, (5000, 1)) + random.normal(size=(5000, 4))).astype(np.float32)
    found = find_clusters(points[:500], method, None if method == "hdbscan" else 3, 0)
    whole = assign(method, found.arrays, points)
    monkeypatch.setattr(clustering, "_ASSIGNED_AT_ONCE", 2048)
    for ours, theirs in zip(assign(method, found.arrays, points), whole, strict=True):
        np.testing.assert_array_equal(ours, theirs)
