"""What the modes of generate_images.py are made of: ways, grids, traversals, neighbours, labels with known answers."""

import numpy as np
import pytest

from stages.generation.interpolation import linear_path, measure_way, spherical_path
from stages.generation.manifold import Map, cell_records, cells_of, grid, plane
from stages.generation.neighbours import nearest_rows, neighbour_agreement, neighbour_records, shared
from stages.generation.relabelling import Unchanged, measure_label, mse_between_classes, over_all
from stages.generation.samples import RealImages, find_nearest, lowest_bic, mixtures_to_choose
from stages.generation.traversal import choose_dimensions, traversal, variances_of


def test_the_round_way_keeps_its_distance_and_turns_evenly():
    centre = np.array([1.0, -2.0, 0.5])
    start, end = centre + np.array([3, 0, 0]), centre + np.array([0, 0, 3])
    way = spherical_path(start, end, 7, centre)
    assert way.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(way - centre, axis=1), 3, rtol=1e-6)
    np.testing.assert_allclose(np.diff(np.arctan2(way[:, 2] - 0.5, way[:, 0] - 1)), np.pi / 12, rtol=1e-4)
    np.testing.assert_array_equal(way[[0, -1]], np.float32([start, end]))


@pytest.mark.parametrize("end", [[-2.0, -4.0], [2.0, 4.0], [0.0, 0.0]], ids=["opposite", "same direction", "centre"])
def test_where_no_arc_is_the_shortest_the_round_way_is_straight(end):
    start = np.array([1.0, 2.0])
    np.testing.assert_array_equal(spherical_path(start, np.array(end), 5, np.zeros(2)), linear_path(start, end, 5))


def test_numbers_of_a_way():
    points = linear_path(np.zeros(2), np.array([3.0, 4.0]), 3)
    images = np.float32([0.0, 0.25, 1.0]).reshape(3, 1, 1, 1) * np.ones((1, 1, 2, 2), np.float32)
    steps, whole = measure_way(
        points, images, np.array([0, 255], np.uint8).reshape(2, 1, 1, 1).repeat(2, 2).repeat(2, 3)
    )
    assert [step["part"] for step in steps] == [0, 0.5, 1]
    assert [step["distance"] for step in steps] == [0, 2.5, 2.5]
    assert [step["mse_from_last"] for step in steps] == [0, 0.0625, 0.5625]
    assert [step["mse_to_end"] for step in steps] == [1, 0.5625, 0]
    assert whole == {"length": 5, "mse_at_start": 0, "mse_at_end": 0, "largest_step": pytest.approx(1.8)}


def test_a_grid_is_laid_out_as_a_picture_shows_it():
    span = np.array([[-1.0, 10.0], [1.0, 14.0]])
    places = grid(span, 4)
    np.testing.assert_allclose(places[0, 0], [-0.75, 13.5])  # top left
    np.testing.assert_allclose(places[-1, -1], [0.75, 10.5])  # bottom right
    np.testing.assert_array_equal(cells_of(places.reshape(-1, 2), span, 4), np.arange(16))
    np.testing.assert_array_equal(cells_of(np.array([[1.0, 10.0], [1.01, 12.0], [0.0, 9.9]]), span, 4), [15, -1, -1])
    where = Map(np.zeros((5, 2)), np.array([1, 1, 0, 0, 0]), ["a", "b"], span)
    records = cell_records(np.array([15, 15, 15, -1, 0]), where, 4)
    assert records[15]["test_images"] == 3
    assert (records[15]["commonest_class"], records[15]["share_of_commonest"]) == ("b", pytest.approx(2 / 3))
    assert (records[1]["test_images"], records[1]["commonest_class"]) == (0, "")


def test_ranges_and_variances_and_traversal():
    latents = np.stack([np.linspace(0, 1, 101), np.linspace(0, 100, 101), np.zeros(101)], axis=1)
    np.testing.assert_allclose(plane(latents[:, :2]), [[0.01, 1], [0.99, 99]], rtol=1e-5)
    assert choose_dimensions(latents, None, 2) == [1, 0]
    assert choose_dimensions(latents, [1, 3, 3], 2) == [0, 2]
    assert variances_of(latents)[2] == 0
    np.testing.assert_array_equal(traversal(np.array([1, 2, 3]), 1, np.array([7, 8])), [[1, 7, 3], [1, 8, 3]])


def test_as_many_components_as_there_are_clouds_have_the_lowest_bic():
    random = np.random.default_rng(0)
    centres = np.array([[0, 0, 50.0], [8, 0, 50], [0, 8, 50], [8, 8, 50]])
    clouds = centres[random.integers(0, 4, 1500)] + random.normal(0, [1, 1, 0.02], (1500, 3))
    tried = mixtures_to_choose(clouds, 0)
    assert list(tried) == [1, 2, 3, 4, 5, 6]  # two in a row did worse
    assert lowest_bic(tried) == 4
    assert lowest_bic(mixtures_to_choose(random.normal(size=(3000, 2)), 0)) == 1
    assert list(mixtures_to_choose(random.normal(size=(30, 8)), 0)) == [1]  # few for a covariance each


def test_a_row_is_no_neighbour_of_its_own():
    vectors = np.array([[0.0], [1.0], [3.0], [3.0]])
    near, far = nearest_rows(vectors, np.array([0, 2]), 2)
    assert near.tolist() == [[1, 2], [3, 1]]
    assert far.tolist() == [[1, 3], [0, 2]]
    assert nearest_rows(vectors, np.array([2]), 2, np.array([0, 0, 1, 1]))[0].tolist() == [[1, 0]]


def test_agreement_passes_over_the_own_track():
    # 20 groups of 15 frames at one place each, in pairs of different classes: a frame's 10 nearest are its own track,
    # the 10 nearest of other groups are its neighbour's
    groups = np.repeat(np.arange(20), 15)
    vectors = np.stack([groups // 2 * 100.0 + groups % 2, np.zeros(300)], axis=1)
    measures, near = neighbour_agreement(vectors, groups % 2, groups, seed=0)
    assert measures["agreement"] == 0
    assert measures["agreement_own_group_too"] == 1
    assert measures["agreement_chance"] == pytest.approx(135 / 285)
    assert shared(near, near) == 1
    assert neighbour_agreement(vectors, None, groups, seed=0)[0] == {}
    few = np.repeat(np.arange(30), 3)  # two others of each class: both are found, and none of another class beside them
    measures, near = neighbour_agreement(few[:, None] * 10.0, few, np.arange(90), seed=0)
    assert (measures["agreement"], near.shape[1]) == (1, 2)
    assert neighbour_agreement(vectors, groups % 2, np.zeros(300), seed=0)[0] == {}


def test_a_copy_is_told_from_an_image_that_is_merely_near(monkeypatch: pytest.MonkeyPatch):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (50, 1, 8, 8), dtype=np.uint8)
    images[1] = images[0]  # twins: of one group
    groups = np.concatenate([[0, 0], np.arange(1, 49)])
    queries = np.stack([images[0] / 255, 0.5 * (images[2] / 255.0) + 0.5 * (images[3] / 255.0), images[7] / 255])
    real = RealImages("training", images, None, [str(row) for row in range(50)], groups)
    monkeypatch.setattr("stages.generation.samples._VALUES", 7 * 64)  # fewer images at a time than there are
    nearest = find_nearest(queries.astype(np.float32), real)
    assert nearest.rows[0] in (0, 1)
    assert nearest.rows[1] in (2, 3)
    assert nearest.rows[2] == 7
    assert nearest.copies.tolist() == [True, False, True]
    np.testing.assert_allclose(nearest.errors[[0, 2]], 0, atol=1e-12)
    expected = np.sort(((queries[1] - images / 255.0) ** 2).mean(axis=(1, 2, 3)))
    np.testing.assert_allclose([nearest.errors[1], nearest.next_errors[1]], expected[:2], rtol=1e-5)
    twins = RealImages("training", images[:2], None, ["0", "1"], groups[:2])
    alone = find_nearest(queries[:1].astype(np.float32), twins)
    assert np.isinf(alone.next_errors).all()
    assert not alone.copies.any()
    # real images among themselves: the own group is passed over
    others = find_nearest(images[:2] / np.float32(255), real, groups[:2])
    assert (others.errors > 0.05).all()
    assert not others.copies.any()


def test_records_of_neighbours():
    near, distances = np.array([2, 1, -1]), np.array([0.5, 1.5, np.inf])
    records = neighbour_records(0, near, distances, ["a", "b", "a"], ["x", "y", "z"], np.array([7, 7, 8]))
    assert [list(record.values()) for record in records] == [
        [1, 2, "z", "a", "yes", "no", 0.5],
        [2, 1, "y", "b", "no", "yes", 1.5],
    ]
    without = neighbour_records(0, near, distances, ["", "", ""], ["x", "y", "z"], np.arange(3))
    assert [record["same_class"] for record in without] == ["", ""]


def test_numbers_of_relabelling():
    made = np.full((4, 1, 2, 2), 0.5)
    own, read = np.array([1, 1, 2, 2]), np.array([3, 1, 3, 3])
    everything = np.arange(5)[1:]  # the first image is of class 3 itself
    unchanged = Unchanged(np.zeros((5, 2)), np.append(3, own), np.zeros((5, 1, 2, 2)), np.array([3, 1, 3, 2, 2]))
    numbers = measure_label(3, made, read, unchanged, everything)
    expected = {"images": 4, "read_as_it": 0.75, "so_before": 0.25, "still_read_as_own": 0.25, "mse_moved": 0.25}
    assert numbers == expected
    other = {"images": 12, "read_as_it": 0.0, "so_before": 0.25, "still_read_as_own": 1.0, "mse_moved": 0.0}
    both = over_all([numbers, other])
    assert both == {
        "images": 16,
        "read_as_it": 0.1875,
        "so_before": 0.25,
        "still_read_as_own": 0.8125,
        "mse_moved": 0.0625,
    }
    images = np.repeat([0.0, 0.2], 50).reshape(-1, 1, 1, 1)
    assert mse_between_classes(images, np.repeat([0, 1], 50), seed=0) == pytest.approx(0.04)
    assert mse_between_classes(images, np.zeros(100), seed=0) is None
