"""Sets too large to be fitted: what is fitted on a sample gives all others a place and a cluster."""

import json
from pathlib import Path

import numpy as np
import pytest

from latent import placing
from latent.placing import FITTED_ON, fitted_rows
from latent.projection import project
from tests.conftest import run_script

MANY = FITTED_ON + 1000


def islands(rows: int, size: int = 3) -> np.ndarray:
    """Row i lies around corner i % 3, 20 deviations from the others."""
    random = np.random.default_rng(0)
    return (20 * np.eye(3, size)[np.arange(rows) % 3] + random.standard_normal((rows, size))).astype(np.float32)


def test_few_rows_are_all_fitted_and_many_are_drawn():
    assert fitted_rows(5, 0).tolist() == [0, 1, 2, 3, 4]
    rows = fitted_rows(MANY, 0)
    assert len(np.unique(rows)) == FITTED_ON
    assert (np.diff(rows) > 0).all()
    assert not np.array_equal(rows, fitted_rows(MANY, 1))


@pytest.mark.parametrize("method", ["umap", "tsne"])
def test_a_map_of_more_rows_is_that_of_the_sample_with_the_others_among_their_own(
    monkeypatch: pytest.MonkeyPatch, method: str
):
    vectors = np.concatenate([islands(600), islands(600)[:30]])  # the last equal earlier ones
    alone = {}
    for fitted_on in (10_000, 300):
        monkeypatch.setattr(placing, "FITTED_ON", fitted_on)
        monkeypatch.setattr("latent.projection.FITTED_ON", fitted_on)
        rows = fitted_rows(len(vectors), 0)
        alone = project(vectors[rows], method, 0)
    drawn = project(vectors, method, 0)
    np.testing.assert_array_equal(drawn[rows], alone)
    np.testing.assert_array_equal(drawn[600:], drawn[:30])
    centres = np.stack([drawn[:600][corner::3].mean(axis=0) for corner in range(3)])
    nearest = np.linalg.norm(drawn[:600, None] - centres, axis=2).argmin(axis=1)
    np.testing.assert_array_equal(nearest, np.arange(600) % 3)


def test_the_scripts_say_what_is_fitted_on_a_sample_and_give_all_rows_a_place_and_a_cluster(tmp_path: Path):
    np.save(tmp_path / "own.npy", islands(MANY))
    drawn = run_script("viz_latent_space.py", "--latent_space", "own.npy", "--vis_type", "pca", cwd=tmp_path)
    assert drawn.returncode == 0, drawn.stderr
    assert "fitted and measured on 50,000 of 51,000 vectors, drawn at random" in drawn.stderr
    assert len((tmp_path / "own_pca.csv").read_text().splitlines()) == MANY + 1
    numbers = json.loads((tmp_path / "metrics_own_pca.json").read_text())["maps"][0]
    assert (numbers["points"], numbers["rows"]) == (MANY, FITTED_ON)

    np.save(tmp_path / "flat.npy", islands(MANY, size=2))  # is drawn as it is
    flags = ["--space", "latent", "--num_clusters", "3"]
    found = run_script("viz_kmeans_latent_space.py", "--latent_space", "flat.npy", *flags, cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert "fitted on 50,000 of 51,000 vectors, drawn at random; the others are placed" in found.stderr
    lines = (tmp_path / "flat_kmeans_latent.csv").read_text().splitlines()[1:]
    clusters = np.array([int(line.split(",")[4]) for line in lines])
    assert len(clusters) == MANY
    assert all(len(set(clusters[corner::3].tolist())) == 1 for corner in range(3))
    assert len(set(clusters[:3].tolist())) == 3
