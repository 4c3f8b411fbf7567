"""What evaluate.py measures of each space, and the three answers, against answers known beforehand."""

import numpy as np
import pytest

from latent.measures import Side
from latent.pca import fit_pca
from stages.evaluation.answers import above_chance, answer_exercise, compare
from stages.evaluation.measuring import measure_clusters, measure_map, measure_once, summarise, with_protocol
from stages.evaluation.reconstructions import measure_reconstruction
from stages.evaluation.spaces import Spaces
from tests.test_latent_probes import islands


def test_without_labels_what_needs_none_comes_out():
    side = Side(islands(300, 0)[0], None, np.arange(300))
    part = Side(side.vectors[:50], None, np.arange(50))
    assert set(measure_clusters(side, part, 4, 0)) == {"stability", "stability_structureless", "silhouette"}
    assert set(measure_once(side, part)) == {"dimensions", "dimensions_that_vary", "effective_rank"}
    drawn = measure_map(Side(part.vectors[:, :2], None, part.groups), part.vectors, 0)
    assert set(drawn) == {"pixel_trustworthiness", "pixel_continuity"}


def test_one_class_alone_is_scored_like_none():
    vectors, labels = islands(300, 0)
    side, part = Side(vectors, labels, np.arange(300)), Side(vectors[:50], np.zeros(50, int), np.arange(50))
    assert set(measure_clusters(side, part, 4, 0)) == {"stability", "stability_structureless", "silhouette"}
    assert set(measure_once(side, part)) == {"dimensions", "dimensions_that_vary", "effective_rank"}
    assert "map_knn_accuracy" not in measure_map(Side(vectors[:50, :2], part.labels, part.groups), vectors[:50], 0)


def test_the_transductive_protocol_fits_no_probe_on_what_it_scores():
    vectors, labels = islands(100, 0)
    side = Side(vectors, labels, np.arange(100))
    measures = measure_once(side, side)
    assert measures["knn_accuracy"] == 1
    assert measures["knn_accuracy_chance"] == 0.25
    assert not [name for name in measures if name.startswith("linear")]
    clusters = measure_clusters(side, side, 4, 0)
    assert clusters["accuracy_hungarian"] == 1
    assert clusters["accuracy_hungarian_chance"] < 0.5


def test_a_collapsed_bottleneck_has_no_clusters_and_no_dimensions():
    collapsed = Side(np.ones((20, 2), np.float32), np.arange(20) % 3, np.arange(20))
    assert measure_clusters(collapsed, collapsed, 3, 0) == {}
    assert measure_once(collapsed, Side(*vars(collapsed).values()))["dimensions_that_vary"] == 0


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
    clusters, classes, comparison = answer_exercise(numbers, (8, 2), 10_000)
    assert clusters["answer"] == "bottleneck 8: yes; bottleneck 2: no"
    assert "less than the pixels had" in clusters["because"]
    assert classes["answer"] == "bottleneck 8: yes; bottleneck 2: no"
    assert "chance 11%" in classes["because"]
    assert comparison["answer"].startswith("bottleneck 8 beside bottleneck 2: better in reconstruction error")
    assert "Bottleneck 2 beside PCA of 2: better in reconstruction error; worse in" in comparison["because"]


def test_what_seeds_or_chance_may_explain_is_told_with_its_numbers():
    numbers = {"bottleneck 2": space(0.8, 0.3, 0.12, 0.2, 0.01)}
    numbers["bottleneck 2"]["stability"] = {"mean": 0.8, "spread": 0.4}
    clusters, classes, _ = answer_exercise(numbers, (2,), 10_000)
    assert clusters["answer"] == "bottleneck 2: no"
    assert "seem to be found again" in clusters["because"]
    assert "(0.80 beside 0.20: seeds differ by as much)" in clusters["because"]
    assert "holds 12% of the images, too near to chance to tell (chance 11%" in classes["because"]


def test_agreement_that_tracks_explain_is_a_no():
    numbers = {"bottleneck 8": space(0.9, 0.6, 0.3, 0.5, 0.01) | {"ami_chance": number(0.58)}}
    clusters = answer_exercise(numbers, (8,), 100)[0]
    assert clusters["answer"] == "bottleneck 8: no"
    assert "images of one group" in clusters["because"]
    assert above_chance(numbers["bottleneck 8"], "ami")["mean"] == pytest.approx(0.02 / 0.42)
    assert above_chance(numbers["bottleneck 8"], "mse")["mean"] == 0.01


def test_answers_without_classes_and_of_one_bottleneck():
    only = {"stability": number(0.8), "stability_structureless": number(0.3), "mse": number(0.1)}
    clusters, classes, comparison = answer_exercise({"bottleneck 2": only}, (2,), 100)
    assert clusters["answer"] == "bottleneck 2: yes"
    assert classes["answer"] == "can't be said"
    assert comparison["answer"] == "there is only one"
    assert answer_exercise({"bottleneck 2": {}}, (2,), 100)[0]["answer"] == "bottleneck 2: can't be said"


def test_a_bottleneck_that_has_collapsed_takes_no_answer_from_the_other():
    numbers = {"bottleneck 8": space(0.9, 0.8, 0.9, 0.95, 0.01), "bottleneck 2": {"mse": number(0.1)}}
    assert answer_exercise(numbers, (8, 2), 1000)[1]["answer"] == "bottleneck 8: yes; bottleneck 2: can't be said"


def test_classes_lie_apart_only_where_neighbours_know_more_than_the_largest_class():
    numbers = {"bottleneck 2": space(0.9, 0.3, 0.4, 0.9, 0.01)}
    assert "the classes lie apart" in answer_exercise(numbers, (2,), 1000)[1]["because"]
    numbers["bottleneck 2"]["knn_accuracy_chance"] = number(0.88)
    because = answer_exercise(numbers, (2,), 1000)[1]["because"]
    assert "the classes lie apart" not in because
    assert "nearest neighbours 90% (the largest class alone 88%)" in because


def test_pixels_that_are_clustered_by_their_components_say_so():
    images = np.random.default_rng(0).integers(0, 256, (30, 1, 33, 32), dtype=np.uint8)
    through = Spaces([], fit_pca(images, 256, 0)).pixels_turned_into
    assert through == "the first 29 principal components of the training images"
    assert not Spaces([], fit_pca(images[:, :, :32], 256, 0)).pixels_turned_into
    numbers = {space: {"ami": {"mean": 0.5}, "knn_accuracy": {"mean": 0.5}} for space in ("raw pixels", "bottleneck 2")}
    said = with_protocol(numbers, False, through)
    assert through in said["raw pixels"]["ami"]["protocol"]
    for value in (said["raw pixels"]["knn_accuracy"], said["bottleneck 2"]["ami"]):
        assert value["protocol"] == "fitted on training images, scored on test images"
