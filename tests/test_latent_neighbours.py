"""The one search for nearest neighbours, against distances worked out one by one."""

import numpy as np
import pytest

from latent.neighbours import nearest


def all_distances(queries: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    return np.linalg.norm(queries[:, None].astype(np.float64) - vectors[None], axis=-1)


def test_points_on_a_line():
    near, far = nearest(np.array([[0.0], [1.0], [3.0], [7.0]], np.float32), count=2)
    np.testing.assert_array_equal(near, [[1, 2], [0, 2], [1, 0], [2, 1]])
    np.testing.assert_allclose(far, [[1, 3], [1, 2], [2, 3], [4, 6]])
    near, far = nearest(np.array([[0.0], [1.0], [3.0]]), np.array([[2.9]]), count=5)
    np.testing.assert_array_equal(near, [[2, 1, 0, -1, -1]])  # there are no more
    np.testing.assert_allclose(far, [[0.1, 1.9, 2.9, np.inf, np.inf]])


@pytest.mark.parametrize("largest", [1, 4, 30])
def test_groups_are_passed_over(largest: int):
    random = np.random.default_rng(0)
    vectors, groups = random.normal(size=(60, 5)).astype(np.float32), np.arange(60) // largest
    expected = all_distances(vectors, vectors)
    expected[groups[:, None] == groups[None]] = np.inf
    near, far = nearest(vectors, count=6, groups=groups)
    np.testing.assert_array_equal(near, np.argsort(expected, axis=1)[:, :6])
    np.testing.assert_allclose(far, np.sort(expected, axis=1)[:, :6], rtol=1e-6)
    assert (nearest(vectors, count=1, groups=np.zeros(60))[0] == -1).all()


def test_queries_pass_over_the_groups_that_they_name():
    random = np.random.default_rng(1)
    vectors, groups, queries = random.normal(size=(50, 3)), np.arange(50) // 3, random.normal(size=(7, 3))
    named = random.integers(0, 17, (7, 2))
    expected = all_distances(queries, vectors)
    expected[(groups[None, :, None] == named[:, None, :]).any(axis=2)] = np.inf
    near, far = nearest(vectors, queries, count=4, groups=groups, query_groups=named)
    np.testing.assert_array_equal(near, np.argsort(expected, axis=1)[:, :4])
    np.testing.assert_allclose(far, np.sort(expected, axis=1)[:, :4])


def test_equal_rows_are_no_distance_apart_and_none_is_its_own_neighbour():
    rows = np.random.default_rng(0).uniform(size=(40, 300)).astype(np.float32)
    near, far = nearest(np.tile(rows, (3, 1)), count=3)
    assert not far[:, :2].any()  # where distances are multiplied out they are not quite 0
    assert (far[:, 2] > 1).all()
    assert ((near[:, :2] - np.arange(120)[:, None]) % 40 == 0).all()
    assert all(len({row, *others}) == 4 for row, others in enumerate(near.tolist()))
