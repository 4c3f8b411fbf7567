"""What evaluate.py measures of each space, and the three answers, against answers known beforehand."""

import numpy as np
import pytest

from latent.measures import Side
from latent.pca import fit_pca
from stages.evaluation.measuring import (
    measure_clusters,
    measure_gaps,
    measure_map,
    measure_once,
    summarise,
    with_protocol,
)
from stages.evaluation.reconstructions import measure_reconstruction
from stages.evaluation.spaces import Remembered, Spaces
from tests.test_latent_probes import islands


def test_without_labels_what_needs_none_comes_out():
    side = Side(islands(300, 0)[0], None, np.arange(300))
    part = Side(side.vectors[:50], None, np.arange(50))
    assert set(measure_clusters(side, part, 4, 0)) == {"silhouette"}
    assert set(measure_once(side, part)) == {"dimensions", "dimensions_that_vary", "effective_rank"}
    assert measure_gaps(side, 0).classes is None
    drawn = measure_map(Side(part.vectors[:, :2], None, part.groups), part.vectors, 0)
    assert set(drawn) == {"pixel_trustworthiness", "pixel_continuity"}


def test_one_class_alone_is_scored_like_none():
    vectors, labels = islands(300, 0)
    side, part = Side(vectors, labels, np.arange(300)), Side(vectors[:50], np.zeros(50, int), np.arange(50))
    assert set(measure_clusters(side, part, 4, 0)) == {"silhouette"}
    assert set(measure_once(side, part)) == {"dimensions", "dimensions_that_vary", "effective_rank"}
    assert "map_knn_accuracy" not in measure_map(Side(vectors[:50, :2], part.labels, part.groups), vectors[:50], 0)


def test_the_transductive_protocol_fits_no_probe_on_what_it_scores():
    vectors, labels = islands(100, 0)
    side = Side(vectors, labels, np.arange(100))
    measures = measure_once(side, side)
    assert measures["knn_accuracy"].mean() == 1
    assert measures["knn_accuracy_chance"] == 0.25
    assert not [name for name in measures if name.startswith("linear")]
    clusters = measure_clusters(side, side, 4, 0)
    assert clusters["accuracy_hungarian"].mean() == 1
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
    assert whole["mse"].mean() == pytest.approx(0.005, rel=1e-5)
    assert classes[0]["psnr_db"] == pytest.approx(20, rel=1e-5)
    assert classes[5]["mse"].max() < 1e-12
    assert measure_reconstruction(images, made, None)[1] == {}


def test_runs_are_put_together():
    summary = summarise([{"a": np.array([0.0, 2.0]), "b": 5.0}, {"a": 3.0}, {}])
    assert summary["a"] == {"mean": 2.0, "spread": pytest.approx(2**0.5), "runs": 2}
    assert summary["b"] == {"mean": 5.0, "spread": None, "runs": 1}


def test_no_image_is_encoded_twice():
    images, asked = np.random.default_rng(0).integers(0, 256, (9, 1, 4, 4), np.uint8), []

    def encode(mine: np.ndarray) -> np.ndarray:
        asked.append(len(mine))
        return mine.reshape(len(mine), -1)[:, :3].astype(np.float32)

    remembered = Remembered(encode)
    for rows in ([0, 1, 1, 2], [2, 0], [8, 2, 3], range(9)):
        mine = images[list(rows)]
        assert np.array_equal(remembered(mine), mine.reshape(len(mine), -1)[:, :3])
    assert asked == [3, 2, 4]


def test_pixels_that_are_clustered_by_their_components_say_so():
    images = np.random.default_rng(0).integers(0, 256, (30, 1, 33, 32), dtype=np.uint8)
    through = Spaces([], fit_pca(images, 256, 0), images, 0).pixels_turned_into
    assert through == "the first 29 principal components of the training images"
    fewer = images[:, :, :32]
    assert not Spaces([], fit_pca(fewer, 256, 0), fewer, 0).pixels_turned_into
    numbers = {space: {"ami": {"mean": 0.5}, "knn_accuracy": {"mean": 0.5}} for space in ("raw pixels", "bottleneck 2")}
    said = with_protocol(numbers, False, through)
    assert through in said["raw pixels"]["ami"]["protocol"]
    for value in (said["raw pixels"]["knn_accuracy"], said["bottleneck 2"]["ami"]):
        assert value["protocol"] == "fitted on training images, scored on test images"
