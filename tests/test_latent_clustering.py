"""k-means: finds what is plainly there, repeats, and refuses more clusters than there are vectors."""

import numpy as np
import pytest

from latent.clustering import cluster
from run.errors import BadInput


@pytest.fixture
def islands() -> np.ndarray:
    random = np.random.default_rng(0)
    return np.concatenate([random.normal(centre, 0.1, size=(20, 3)) for centre in (0, 5, 10)]).astype(np.float32)


def test_plain_islands_are_found(islands: np.ndarray):
    clusters = cluster(islands, 3, 0).reshape(3, 20)
    assert all(len(set(row)) == 1 for row in clusters.tolist())
    assert set(clusters[:, 0]) == {0, 1, 2}


def test_the_same_seed_gives_the_same_clusters(islands: np.ndarray):
    np.testing.assert_array_equal(cluster(islands, 7, 4), cluster(islands, 7, 4))


def test_as_many_clusters_as_rows_is_the_limit(islands: np.ndarray):
    assert len(set(cluster(islands[:5], 5, 0).tolist())) == 5
    with pytest.raises(BadInput, match="5 vectors can't make 6 clusters"):
        cluster(islands[:5], 6, 0)


def test_equal_rows_count_once():
    rows = np.array([[0.0, 1.0], [-0.0, 1.0], [2.0, 2.0]], np.float32)
    with pytest.raises(BadInput, match="of which 2 are different"):
        cluster(rows, 3, 0)
    assert not cluster(rows, 1, 0).any()
