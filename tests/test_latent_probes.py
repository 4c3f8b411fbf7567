"""Probes, repeated measurements and the three answers, against answers known beforehand."""

import numpy as np
import pytest

from latent.answers import above_chance, answers, compare
from latent.evaluation import Side, measure_classes, measure_clusters, measure_map, summarise
from latent.metrics import clustering_scores, continuity, silhouette, trustworthiness
from latent.probes import (
    apart_classes,
    assigned_scores,
    classification_scores,
    cluster_both,
    cluster_stability,
    confusion,
    linear_classes,
    nearest_classes,
    neighbour_accuracy,
    per_class_scores,
    permutation_baseline,
    permuted_labels,
)
from run.errors import BadInput
from stages.evaluation.reconstructions import measure_reconstruction


def islands(rows: int, seed: int, classes: int = 4, size: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Balls far from one another, one for each class."""
    centres = 20 * np.eye(classes, size)
    labels = np.arange(rows) % classes
    return (centres[labels] + np.random.default_rng(seed).normal(size=(rows, size))).astype(np.float32), labels


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


def test_dealt_at_random_nothing_is_left():
    clusters = np.arange(400) % 8
    sides = (clusters, clusters, np.arange(400))
    for scored in (sides, None):
        chance = permutation_baseline(sides, scored, seed=0)
        assert abs(chance["accuracy_majority"] - 1 / 8) < 0.1
        assert abs(chance["ami"]) < 0.02
        assert chance == permutation_baseline(sides, scored, seed=0)


def test_clusters_that_follow_tracks_are_no_better_than_chance_makes_them():
    groups = np.repeat(np.arange(40), 30)  # one cluster each, five to a class: agreement, and no knowledge in it
    labels = groups % 8
    by_image = permutation_baseline((groups, labels, np.arange(1200)), None, 0)["ami"]
    by_group = permutation_baseline((groups, labels, groups), None, 0)["ami"]
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
    assert apart_classes(vectors, labels, groups).tolist() == [1, 1, 1, 0, 0, 0]
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


def test_per_class_scores_by_hand():
    labels, predicted = np.array([0, 0, 0, 1, 1, 3]), np.array([0, 0, 1, 1, 2, 3])
    counts = confusion(predicted, labels, 4)
    assert counts.tolist() == [[2, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1]]
    precision, recall, f1, rows = per_class_scores(predicted, labels, 4)
    np.testing.assert_allclose(precision, [1, 1 / 2, 0, 1])
    np.testing.assert_allclose(recall, [2 / 3, 1 / 2, 0, 1])
    np.testing.assert_allclose(f1, [4 / 5, 1 / 2, 0, 1])
    assert rows.tolist() == [3, 2, 0, 1]
    scores = classification_scores(predicted, labels)
    assert scores["accuracy"] == pytest.approx(4 / 6)
    assert scores["macro_f1"] == pytest.approx((4 / 5 + 1 / 2 + 1) / 3)  # class 2 does not occur


def test_real_clusters_are_stable_and_structureless_rows_no_more_than_their_like():
    alone = np.arange(600)
    found = cluster_stability(islands(600, 0)[0], alone, 4, seed=0)
    assert found["stability"] > 0.99
    assert found["stability_structureless"] < 0.8
    blob = np.random.default_rng(0).normal(size=(600, 6))
    nothing = cluster_stability(blob, alone, 4, seed=0)
    assert abs(nothing["stability"] - nothing["stability_structureless"]) < 0.15
    assert cluster_stability(blob, alone, 1, 0) == {}
    assert cluster_stability(blob[:30], alone[:30], 4, 0) == {}
    assert cluster_stability(np.ones((600, 2)), alone, 4, 0) == {}
    assert cluster_stability(blob, np.zeros(600, int), 4, 0) == {}  # a single track has no two parts


def test_more_clusters_than_different_rows():
    with pytest.raises(BadInput, match="2 are different"):
        cluster_both(np.repeat([[0.0], [1.0]], 5, axis=0), np.zeros((1, 1)), 3, 0)
    collapsed = Side(np.ones((20, 2), np.float32), np.arange(20) % 3, np.arange(20))
    assert measure_clusters(collapsed, None, 3, 0) == {}
    assert measure_classes(collapsed, collapsed)["dimensions_that_vary"] == 0


def test_continuity_is_trustworthiness_exchanged():
    random = np.random.default_rng(0)
    vectors, points = random.normal(size=(100, 5)), random.normal(size=(100, 2))
    swapped = trustworthiness(points, vectors)["trustworthiness"]
    assert continuity(vectors, points) == {"continuity": swapped}
    assert continuity(vectors, vectors)["continuity"] == 1
    assert continuity(vectors, np.ones((100, 2))) == {}


def test_silhouette_of_islands_and_of_one_cluster():
    vectors, labels = islands(80, 0)
    assert silhouette(vectors, labels, 0)["silhouette"] > 0.8
    assert silhouette(vectors, np.zeros(80, int), 0) == {}
    assert silhouette(vectors[:4], np.arange(4), 0) == {}


def test_without_labels_what_needs_none_comes_out():
    side = Side(islands(300, 0)[0], None, np.arange(300))
    part = Side(side.vectors[:50], None, np.arange(50))
    assert set(measure_clusters(side, part, 4, 0)) == {"stability", "stability_structureless", "silhouette"}
    assert set(measure_classes(side, part)) == {"dimensions", "dimensions_that_vary", "effective_rank"}
    drawn = measure_map(Side(part.vectors[:, :2], None, part.groups), part.vectors, 0)
    assert set(drawn) == {"pixel_trustworthiness", "pixel_continuity"}


def test_one_class_alone_is_scored_like_none():
    vectors, labels = islands(300, 0)
    side, part = Side(vectors, labels, np.arange(300)), Side(vectors[:50], np.zeros(50, int), np.arange(50))
    assert set(measure_clusters(side, part, 4, 0)) == {"stability", "stability_structureless", "silhouette"}
    assert set(measure_classes(side, part)) == {"dimensions", "dimensions_that_vary", "effective_rank"}
    assert "map_knn_accuracy" not in measure_map(Side(vectors[:50, :2], part.labels, part.groups), vectors[:50], 0)


def test_the_transductive_protocol_fits_no_probe_on_what_it_scores():
    vectors, labels = islands(100, 0)
    side = Side(vectors, labels, np.arange(100))
    measures = measure_classes(side, None)
    assert measures["knn_accuracy"] == 1
    assert measures["knn_accuracy_chance"] == 0.25
    assert not [name for name in measures if name.startswith("linear")]
    clusters = measure_clusters(side, None, 4, 0)
    assert clusters["accuracy_hungarian"] == 1
    assert clusters["accuracy_hungarian_chance"] < 0.5


def test_reconstruction_by_class_adds_up():
    images = np.full((4, 1, 8, 8), 102, np.uint8)  # 0.4
    made = np.full(images.shape, 0.5, np.float32)
    made[2:] = 0.4
    whole, classes = measure_reconstruction(images, made, np.array([0, 0, 5, 5]))
    assert whole["mse"] == pytest.approx(0.005, rel=1e-5)
    assert classes[0]["psnr_db"] == pytest.approx(20, rel=1e-5)
    assert classes[5]["mse"] < 1e-12
    assert measure_reconstruction(images, made, None)[1] == {}


def test_runs_are_put_together():
    summary = summarise([{"a": 1.0, "b": 5.0}, {"a": 3.0}, {}])
    assert summary["a"] == {"mean": 2.0, "spread": pytest.approx(2**0.5), "runs": 2}
    assert summary["b"] == {"mean": 5.0, "spread": None, "runs": 1}


def number(mean: float, spread: float | None = None) -> dict[str, float | None]:
    return {"mean": mean, "spread": spread}


def test_numbers_differ_only_beyond_their_spread_and_the_sampling_error():
    assert compare(number(0.9), number(0.8), "ami", 10_000) == 1
    assert compare(number(0.9, 0.06), number(0.8, 0.01), "ami", 10_000) == 0
    assert compare(number(0.9), number(0.8), "ami", 50) == 0
    assert compare(number(0.01), number(0.02), "mse", 50) == 1
    assert compare(number(0.0200), number(0.0199), "mse", 50) == 0


def space(stability: float, ami: float, share: float, known: float, mse: float) -> dict[str, dict]:
    return {
        "stability": number(stability), "stability_structureless": number(0.2), "ami": number(ami),
        "ami_chance": number(0.0), "accuracy_hungarian": number(share), "accuracy_hungarian_chance": number(0.11),
        "knn_accuracy": number(known), "knn_accuracy_chance": number(0.1), "mse": number(mse),
    }  # fmt: skip


def test_the_answer_is_yes_where_the_numbers_say_so_and_no_where_they_do_not():
    numbers = {
        "bottleneck 8": space(0.9, 0.8, 0.9, 0.95, 0.01),
        "bottleneck 2": space(0.21, 0.03, 0.12, 0.2, 0.05),
        "PCA of 8": space(0.8, 0.6, 0.7, 0.9, 0.02),
        "PCA of 2": space(0.5, 0.3, 0.3, 0.5, 0.06),
        "raw pixels": space(0.8, 0.9, 0.8, 0.97, 0.0),
    }
    del numbers["raw pixels"]["mse"]
    clusters, classes, comparison = answers(numbers, (8, 2), 10_000)
    assert clusters["answer"] == "bottleneck 8: yes; bottleneck 2: no"
    assert "less than the pixels had" in clusters["because"]
    assert classes["answer"] == "bottleneck 8: yes; bottleneck 2: no"
    assert "chance 11%" in classes["because"]
    assert comparison["answer"].startswith("bottleneck 8 beside bottleneck 2: better in reconstruction error")
    assert "Bottleneck 2 beside PCA of 2: better in reconstruction error; worse in" in comparison["because"]


def test_what_seeds_or_chance_may_explain_is_told_with_its_numbers():
    numbers = {"bottleneck 2": space(0.8, 0.3, 0.12, 0.2, 0.01)}
    numbers["bottleneck 2"]["stability"] = {"mean": 0.8, "spread": 0.4}
    clusters, classes, _ = answers(numbers, (2,), 10_000)
    assert clusters["answer"] == "bottleneck 2: no"
    assert "seem to be found again" in clusters["because"]
    assert "(0.80 beside 0.20: seeds differ by as much)" in clusters["because"]
    assert "holds 12% of the images, too near to chance to tell (chance 11%" in classes["because"]


def test_agreement_that_tracks_explain_is_a_no():
    numbers = {"bottleneck 8": space(0.9, 0.6, 0.3, 0.5, 0.01) | {"ami_chance": number(0.58)}}
    clusters = answers(numbers, (8,), 100)[0]
    assert clusters["answer"] == "bottleneck 8: no"
    assert "images of one group" in clusters["because"]
    assert above_chance(numbers["bottleneck 8"], "ami")["mean"] == pytest.approx(0.02 / 0.42)
    assert above_chance(numbers["bottleneck 8"], "mse")["mean"] == 0.01


def test_answers_without_classes_and_of_one_bottleneck():
    only = {"stability": number(0.8), "stability_structureless": number(0.3), "mse": number(0.1)}
    clusters, classes, comparison = answers({"bottleneck 2": only}, (2,), 100)
    assert clusters["answer"] == "bottleneck 2: yes"
    assert classes["answer"] == "can't be said"
    assert comparison["answer"] == "there is only one"
    assert answers({"bottleneck 2": {}}, (2,), 100)[0]["answer"] == "bottleneck 2: can't be said"


def test_a_bottleneck_that_has_collapsed_takes_no_answer_from_the_other():
    numbers = {"bottleneck 8": space(0.9, 0.8, 0.9, 0.95, 0.01), "bottleneck 2": {"mse": number(0.1)}}
    assert answers(numbers, (8, 2), 1000)[1]["answer"] == "bottleneck 8: yes; bottleneck 2: can't be said"


def test_classes_lie_apart_only_where_neighbours_know_more_than_the_largest_class():
    numbers = {"bottleneck 2": space(0.9, 0.3, 0.4, 0.9, 0.01)}
    assert "the classes lie apart" in answers(numbers, (2,), 1000)[1]["because"]
    numbers["bottleneck 2"]["knn_accuracy_chance"] = number(0.88)
    because = answers(numbers, (2,), 1000)[1]["because"]
    assert "the classes lie apart" not in because
    assert "nearest neighbours 90% (the largest class alone 88%)" in because


def test_chance_is_above_one_in_so_many_classes_and_adjusts_to_0():
    random = np.random.default_rng(0)
    clusters, labels = random.integers(0, 20, 400), random.integers(0, 20, 400)
    chance = permutation_baseline((clusters, labels, np.arange(400)), None, seed=0)
    assert 1 / 20 < chance["accuracy_hungarian"] < 0.15
    assert chance["accuracy_hungarian"] <= chance["accuracy_majority"]
    assert abs(chance["ari"]) < 0.01
    assert abs(chance["ami"]) < 0.02
    assert chance == permutation_baseline((clusters, labels, np.arange(400)), None, seed=0)


def test_neighbours_on_two_islands():
    vectors = np.concatenate([np.linspace(0, 1, 30), np.linspace(50, 51, 30)])[:, None]
    labels = np.repeat([3, 8], 30)
    assert neighbour_accuracy(vectors, labels, np.arange(60)) == {
        "neighbour_accuracy": 1.0,
        "chance_largest_class": 0.5,
    }
    labels[0] = 8  # one in the wrong place: it is misnamed, and its neighbours are not
    assert neighbour_accuracy(vectors, labels, np.arange(60))["neighbour_accuracy"] == 59 / 60


def test_a_row_is_not_its_own_neighbour():
    assert neighbour_accuracy(np.array([[0.0], [1.0]]), np.array([0, 1]), np.arange(2))["neighbour_accuracy"] == 0.0
    assert neighbour_accuracy(np.ones((1, 3)), np.array([5]), np.array([0])) == {"chance_largest_class": 1.0}
    # frames of one track answer for nobody of their own track
    labels, groups = np.array([0, 0, 1, 1]), np.array([5, 5, 6, 6])
    apart = neighbour_accuracy(np.array([[0.0], [0.1], [1.0], [1.1]]), labels, groups)
    assert apart == {"neighbour_accuracy": 0.0, "chance_largest_class": 0.5}
