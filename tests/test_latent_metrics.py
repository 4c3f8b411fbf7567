"""Measures against answers worked out by hand."""

import numpy as np
import pytest
from sklearn import metrics

from latent.metrics import (
    clustering_scores,
    continuity,
    latent_dimensions,
    match_clusters,
    trustworthiness,
)


def test_agreement_is_that_of_scikit_learn():
    random = np.random.default_rng(0)
    for count, clusters, classes in [(200, 5, 3), (60, 40, 43), (300, 2, 2), (50, 1, 4), (50, 4, 1), (20, 1, 1)]:
        labels = random.integers(0, classes, count)
        found = np.where(random.random(count) < 0.5, labels, random.integers(0, clusters, count)) % clusters + 7
        scores = clustering_scores(found, labels)
        assert scores["nmi"] == pytest.approx(metrics.normalized_mutual_info_score(labels, found), abs=1e-9)
        assert scores["ami"] == pytest.approx(metrics.adjusted_mutual_info_score(labels, found), abs=1e-9)
        assert scores["ari"] == pytest.approx(metrics.adjusted_rand_score(labels, found), abs=1e-9)
    assert clustering_scores(labels, labels) == clustering_scores(labels + 3, labels)


def test_perfect_clusters_score_1_whatever_they_are_called():
    scores = clustering_scores(np.array([7, 7, 2, 2, 5, 5]), np.array([0, 0, 1, 1, 4, 4]))
    assert scores == pytest.approx(dict.fromkeys(scores, 1.0))


def test_a_class_split_in_two_costs_the_one_to_one_accuracy_only():
    clusters, labels = np.array([0, 0, 0, 1, 1, 2, 2, 2]), np.array([0, 0, 0, 0, 0, 1, 1, 1])
    scores = clustering_scores(clusters, labels)
    assert scores["accuracy_majority"] == 1.0
    assert scores["accuracy_hungarian"] == 6 / 8  # cluster 1 is left without a class
    one_to_one, majority = match_clusters(clusters, labels)
    assert one_to_one == {0: 0, 2: 1}
    assert majority == {0: 0, 1: 0, 2: 1}


def test_the_one_to_one_pairing_is_the_best_one_not_the_greedy_one():
    # greedy takes cluster 0 with class 0 (5) and is left with 0; the best is 4 + 4
    counts = {(0, 0): 5, (0, 1): 4, (1, 0): 4, (1, 1): 0}
    clusters = np.concatenate([np.full(n, c) for (c, _), n in counts.items()])
    labels = np.concatenate([np.full(n, k) for (_, k), n in counts.items()])
    assert clustering_scores(clusters, labels)["accuracy_hungarian"] == 8 / 13


def test_fewer_clusters_than_classes():
    scores = clustering_scores(np.zeros(10, int), np.repeat([0, 1], [7, 3]))
    assert scores["accuracy_hungarian"] == scores["accuracy_majority"] == 0.7
    assert scores["nmi"] == scores["ari"] == 0


def test_one_class_only_has_scores():
    scores = clustering_scores(np.array([0, 0, 1, 1]), np.zeros(4, int))
    assert scores["accuracy_majority"] == 1.0
    assert scores["accuracy_hungarian"] == 0.5
    assert all(np.isfinite(value) for value in scores.values())


def test_a_faithful_map_is_trusted_and_a_random_one_is_not():
    vectors = np.random.default_rng(0).normal(size=(200, 2))
    assert trustworthiness(vectors, vectors * 3) == {"trustworthiness": 1.0}
    assert trustworthiness(vectors, np.random.default_rng(1).permutation(vectors))["trustworthiness"] < 0.6
    assert trustworthiness(vectors[:3], vectors[:3]) == {}
    assert trustworthiness(np.ones((20, 3)), np.ones((20, 2))) == {}


def test_continuity_is_trustworthiness_exchanged():
    random = np.random.default_rng(0)
    vectors, points = random.normal(size=(100, 5)), random.normal(size=(100, 2))
    swapped = trustworthiness(points, vectors)["trustworthiness"]
    assert continuity(vectors, points) == {"continuity": swapped}
    assert continuity(vectors, vectors)["continuity"] == 1
    assert continuity(vectors, np.ones((100, 2))) == {}


def test_dimensions_in_use():
    # orthogonal columns of equal length: the effective rank is their number, exactly
    square = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]], float)
    assert latent_dimensions(square)["effective_rank"] == pytest.approx(2)
    padded = np.hstack([square, np.full((4, 1), 7.0)])
    assert latent_dimensions(padded) == pytest.approx({"dimensions": 3, "dimensions_that_vary": 2, "effective_rank": 2})
    line = np.outer(np.arange(5), [1.0, 2.0, 3.0])
    assert latent_dimensions(line)["effective_rank"] == pytest.approx(1)
    assert latent_dimensions(np.ones((5, 3))) == {"dimensions": 3, "dimensions_that_vary": 0, "effective_rank": 0.0}


def test_effective_rank_by_hand():
    # singular values in the ratio 3 : 1, so p = (3/4, 1/4)
    vectors = np.array([[3, 0], [-3, 0], [0, 1], [0, -1]], float)
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    assert latent_dimensions(vectors)["effective_rank"] == pytest.approx(np.exp(entropy))
    wide = np.random.default_rng(0).normal(size=(10, 30))  # fewer rows than dimensions
    singular = np.linalg.svd(wide - wide.mean(axis=0), compute_uv=False)[:9]
    share = singular / singular.sum()
    assert latent_dimensions(wide)["effective_rank"] == pytest.approx(np.exp(-(share * np.log(share)).sum()), rel=1e-6)
