"""Probes of classes and of clusters, against answers known beforehand."""

import numpy as np
import pytest

from latent.cluster_probes import (
    ClusteredRows,
    Clusters,
    assigned_scores,
    cluster_both,
    permutation_baseline,
    permuted_labels,
    silhouette,
)
from latent.measures import Side
from latent.metrics import clustering_scores
from latent.neighbours import neighbours_that_fit
from latent.probes import (
    apart_classes,
    classification_scores,
    knn_accuracy_apart,
    linear_classes,
    nearest_classes,
)
from run.errors import BadInput


def islands(rows: int, seed: int, classes: int = 4, size: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Balls far from one another, one for each class."""
    centres = 20 * np.eye(classes, size)
    labels = np.arange(rows) % classes
    return (centres[labels] + np.random.default_rng(seed).normal(size=(rows, size))).astype(np.float32), labels


def as_numbers(values: dict) -> dict[str, float]:
    return {name: float(np.mean(value)) for name, value in values.items()}


def test_islands_are_found_and_told_apart_on_rows_never_seen():
    fitted, scored = islands(200, 0), islands(81, 1)
    clusters, assigned = cluster_both(fitted[0], scored[0], 4, seed=0)
    assert assigned_scores(clusters, fitted[1], assigned, scored[1]) == pytest.approx(
        dict.fromkeys(["accuracy_hungarian", "accuracy_majority", "nmi", "ami", "ari"], 1.0)
    )
    np.testing.assert_array_equal(nearest_classes(*fitted, scored[0]), scored[1])
    np.testing.assert_array_equal(linear_classes(*fitted, scored[0]), scored[1])


def test_clusters_are_named_on_the_fitting_side_alone():
    # the fitting side says that cluster 0 is class 1; on the scored side it is class 0, which then counts as wrong
    scores = assigned_scores(np.array([0, 0, 1]), np.array([1, 1, 0]), np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1]))
    assert scores["accuracy_hungarian"] == scores["accuracy_majority"] == 0
    assert scores["nmi"] == pytest.approx(1)
    # a cluster that the fitting side leaves without a class is wrong wherever it stands
    scores = assigned_scores(np.array([0, 0, 1]), np.zeros(3, int), np.array([0, 1]), np.zeros(2, int))
    assert scores["accuracy_hungarian"] == 0.5
    assert scores["accuracy_majority"] == 1


def test_permuted_at_random_nothing_is_left():
    clusters = np.arange(400) % 8
    sides = ClusteredRows(clusters, clusters, np.arange(400))
    for scored in (sides, None):
        chance = permutation_baseline(sides, scored, seed=0)
        assert abs(chance["accuracy_majority"] - 1 / 8) < 0.1
        assert abs(chance["ami"]) < 0.02
        assert chance == permutation_baseline(sides, scored, seed=0)


def test_clusters_that_follow_tracks_are_no_better_than_chance_makes_them():
    groups = np.repeat(np.arange(40), 30)  # one cluster each, five to a class: agreement, and no knowledge in it
    labels = groups % 8
    by_image = permutation_baseline(ClusteredRows(groups, labels, np.arange(1200)), None, 0)["ami"]
    by_group = permutation_baseline(ClusteredRows(groups, labels, groups), None, 0)["ami"]
    assert by_image < 0.02
    assert by_group == pytest.approx(clustering_scores(groups, labels)["ami"], abs=0.02)
    assert by_group > 0.6


def test_permuted_classes_stay_together_by_track():
    groups, labels = np.array([5, 5, 3, 3, 9]), np.array([0, 0, 1, 1, 2])
    found = {tuple(permuted_labels(labels, groups, np.random.default_rng(seed))) for seed in range(40)}
    assert all(row[0] == row[1] and row[2] == row[3] and set(row) == {0, 1, 2} for row in found)
    assert len(found) == 6


def test_neighbours_of_the_same_group_have_no_vote():
    vectors = np.array([[0.0], [0.1], [0.2], [5.0], [5.1], [9.0]])
    labels, groups = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 0, 1, 1, 2])
    assert apart_classes(vectors, labels, groups).tolist() == [1, 1, 1, 2, 2, 1]
    assert apart_classes(vectors[:3], labels[:3], groups[:3]).tolist() == [-1, -1, -1]
    fitted, named = islands(90, 0)
    np.testing.assert_array_equal(apart_classes(fitted, named, np.arange(90)), named)


def test_neighbours_vote_and_the_nearest_breaks_a_tie():
    fitted = np.array([[0.0], [1.0], [2.0], [3.0]])
    labels = np.array([7, 9, 9, 7])
    assert nearest_classes(fitted, labels, np.array([[-1.0]]), neighbours=3)[0] == 9
    assert nearest_classes(fitted, labels, np.array([[-1.0]]))[0] == 7  # all four vote, two each
    assert nearest_classes(fitted, labels, np.array([[1.4]]))[0] == 9


def test_a_linear_probe_of_one_class_of_flat_columns_and_of_any_scale():
    vectors = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    assert set(linear_classes(vectors, np.full(60, 5), vectors)) == {5}
    labels = (vectors[:, 0] > 0).astype(np.int64)
    for scale in (1e-4, 1, 1e4):
        flat = np.hstack([vectors * np.float32(scale), np.full((60, 1), 3, np.float32)])
        assert (linear_classes(flat, labels, flat) == labels).mean() > 0.97
    assert len(set(linear_classes(np.ones((60, 2), np.float32), labels, np.ones((4, 2), np.float32)))) == 1


def test_a_balanced_probe_heeds_a_rare_class():
    random = np.random.default_rng(0)
    vectors = np.concatenate([random.normal(0, 1, (500, 1)), random.normal(1.5, 1, (25, 1))]).astype(np.float32)
    labels = np.repeat([0, 1], [500, 25])
    plain, balanced = [linear_classes(vectors, labels, vectors, weight) for weight in (None, "balanced")]
    assert balanced[labels == 1].mean() > plain[labels == 1].mean() + 0.3


def test_macro_f1_by_hand():
    labels, predicted = np.array([0, 0, 0, 1, 1, 3]), np.array([0, 0, 1, 1, 2, 3])
    scores = classification_scores(predicted, labels)
    assert scores["accuracy"] == pytest.approx(4 / 6)
    assert scores["macro_f1"] == pytest.approx((4 / 5 + 1 / 2 + 1) / 3)  # class 2 does not occur


def test_more_clusters_than_different_rows():
    with pytest.raises(BadInput, match="2 are different"):
        cluster_both(np.repeat([[0.0], [1.0]], 5, axis=0), np.zeros((1, 1)), 3, 0)


def test_silhouette_of_islands_and_of_one_cluster():
    vectors, labels = islands(80, 0)

    def of(rows: np.ndarray, clusters: np.ndarray) -> dict[str, float]:
        side = Side(rows, None, np.arange(len(rows)))
        return silhouette(rows, None, Clusters(side, clusters, side, clusters, 4, 0))

    assert of(vectors, labels)["silhouette"] > 0.8
    assert of(vectors, np.zeros(80, int)) == {}
    assert of(vectors[:4], np.arange(4)) == {}


def test_chance_is_above_one_in_so_many_classes_and_adjusts_to_0():
    random = np.random.default_rng(0)
    clusters, labels = random.integers(0, 20, 400), random.integers(0, 20, 400)
    rows = ClusteredRows(clusters, labels, np.arange(400))
    chance = permutation_baseline(rows, None, seed=0)
    assert 1 / 20 < chance["accuracy_hungarian"] < 0.15
    assert chance["accuracy_hungarian"] <= chance["accuracy_majority"]
    assert abs(chance["ari"]) < 0.01
    assert abs(chance["ami"]) < 0.02
    assert chance == permutation_baseline(rows, None, seed=0)


def test_neighbours_on_two_islands():
    vectors = np.concatenate([np.linspace(0, 1, 30), np.linspace(50, 51, 30)])[:, None]
    labels = np.repeat([3, 8], 30)
    assert as_numbers(knn_accuracy_apart(vectors, labels, np.arange(60))) == {
        "knn_accuracy": 1.0,
        "knn_accuracy_chance": 0.5,
        "knn_neighbours": 10,
    }
    labels[0] = 8  # one in the wrong place: it is misnamed, and its neighbours are not
    assert knn_accuracy_apart(vectors, labels, np.arange(60))["knn_accuracy"].mean() == 59 / 60


def test_a_row_is_not_its_own_neighbour():
    assert knn_accuracy_apart(np.array([[0.0], [1.0]]), np.array([0, 1]), np.arange(2))["knn_accuracy"].mean() == 0.0
    assert as_numbers(knn_accuracy_apart(np.ones((1, 3)), np.array([5]), np.array([0]))) == {
        "knn_accuracy": 0.0,
        "knn_accuracy_chance": 1.0,
        "knn_neighbours": 1,
    }
    # frames of one track answer for nobody of their own track
    labels, groups = np.array([0, 0, 1, 1]), np.array([5, 5, 6, 6])
    apart = knn_accuracy_apart(np.array([[0.0], [0.1], [1.0], [1.1]]), labels, groups)
    assert as_numbers(apart) == {"knn_accuracy": 0.0, "knn_accuracy_chance": 0.5, "knn_neighbours": 1}


def test_no_more_neighbours_are_asked_than_can_be_right():
    labels = np.repeat(np.arange(30), 3)  # each image has two others of its class: of ten eight would be wrong
    numbers = knn_accuracy_apart(labels[:, None] * 100.0 + np.arange(90)[:, None] % 3, labels, np.arange(90))
    assert as_numbers(numbers) == {"knn_accuracy": 1.0, "knn_accuracy_chance": 1 / 30, "knn_neighbours": 2}


@pytest.mark.parametrize(
    ("labels", "groups", "asked"),
    [
        (np.repeat([0, 1], 50), np.arange(100), 10),
        (np.repeat([0, 1, 2], [50, 45, 5]), np.arange(100), 10),  # one rare class does not decide for all
        (np.repeat([0, 1, 2], [50, 35, 5]), np.repeat(np.arange(18), 5), 10),
        (np.repeat([0, 1], 5), np.arange(10), 4),
        (np.repeat([0, 1], 20), np.repeat(np.arange(4), 10), 10),
        (np.repeat([0, 1], 20), np.repeat(np.arange(2), 20), 1),  # a class is one group
        (None, np.arange(10), 4),  # of 9 others no more than half
        (None, np.arange(2), 1),
    ],
)
def test_how_many_neighbours_fit(labels: np.ndarray | None, groups: np.ndarray, asked: int):
    assert neighbours_that_fit(labels, groups) == asked
