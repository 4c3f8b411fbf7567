"""Maps: the fast path gives what UMAP gives by itself, twice the same, and small or flat sets are no trouble."""

import types

import numpy as np
import pytest
from sklearn.datasets import load_digits

from latent.metrics import trustworthiness
from latent.projection import (
    _import_umap,
    _keep_compiled,
    draw_flat,
    lowered_settings,
    map_settings,
    principal_axes,
    project,
)
from run.errors import BadInput


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    return (load_digits().data[:300] / 16).astype(np.float32)


def test_exact_neighbours_give_what_umap_finds_itself(digits: np.ndarray):
    umap = _import_umap()
    _keep_compiled(umap)
    own = umap.UMAP(random_state=0, n_jobs=1).fit_transform(digits)
    ours = project(digits, "umap", 0)
    theirs_trusted, ours_trusted = (trustworthiness(digits, drawn)["trustworthiness"] for drawn in (own, ours))
    assert ours_trusted == pytest.approx(theirs_trusted, abs=0.01)
    assert ours_trusted > 0.95


@pytest.mark.parametrize("method", ["umap", "tsne", "pca"])
def test_the_same_seed_gives_the_same_map(digits: np.ndarray, method: str):
    first, second = project(digits[:60], method, 3), project(digits[:60], method, 3)
    assert first.tobytes() == second.tobytes()
    assert first.shape == (60, 2)
    assert first.dtype == np.float32


@pytest.mark.parametrize("method", ["umap", "tsne"])
def test_another_seed_gives_another_map(digits: np.ndarray, method: str):
    # t-SNE starts at PCA, whose randomized solver is what the seed decides; both may agree on easy data
    assert np.isfinite(project(digits[:60], method, 1)).all()
    if method == "umap":
        assert not np.array_equal(project(digits[:60], method, 1), project(digits[:60], method, 2))


@pytest.mark.parametrize("method", ["umap", "tsne", "pca"])
def test_duplicates_and_constants_are_drawn(method: str):
    duplicates = np.repeat(np.random.default_rng(0).normal(size=(4, 6)), 8, axis=0).astype(np.float32)
    assert np.isfinite(project(duplicates, method, 0)).all()
    assert not project(np.ones((20, 6), np.float32), method, 0).any()


@pytest.mark.parametrize("method", ["umap", "tsne", "pca"])
@pytest.mark.parametrize("shape", [(5, 3), (40, 1), (40, 2)])
def test_small_and_narrow_sets_are_drawn(method: str, shape: tuple[int, int]):
    drawn = project(np.random.default_rng(0).normal(size=shape).astype(np.float32), method, 0)
    assert drawn.shape == (shape[0], 2)
    assert np.isfinite(drawn).all()


def test_large_values_do_not_overflow(digits: np.ndarray):
    assert np.isfinite(project(digits[:60] * np.float32(1e15), "umap", 0)).all()


def test_settings_give_way_to_few_rows_and_say_so(capsys: pytest.CaptureFixture):
    assert map_settings("umap", 1000) == {"n_neighbors": 15}
    assert map_settings("umap", 7) == {"n_neighbors": 6}
    assert map_settings("tsne", 1000) == {"perplexity": 30}
    assert map_settings("tsne", 31) == {"perplexity": 10}
    assert map_settings("pca", 1) == {}
    (sentence,) = lowered_settings("tsne", 7)
    assert sentence == "of 7 vectors the most that --perplexity can be is 2, not 30"
    assert lowered_settings("umap", 7, n_neighbors=6) == lowered_settings("as_it_is", 2) == []
    assert np.isfinite(project(np.random.default_rng(0).normal(size=(7, 3)), "tsne", 0)).all()


@pytest.mark.parametrize("method", ["umap", "tsne"])
def test_fewer_than_5_rows_are_refused(method: str):
    with pytest.raises(BadInput, match="at least 5"):
        project(np.ones((4, 3)), method, 0)


def test_two_dimensions_are_drawn_as_they_are(digits: np.ndarray):
    points, drawn = draw_flat(digits[:, 20:22], "umap", 0)
    np.testing.assert_array_equal(points, digits[:, 20:22])
    assert drawn == "as_it_is"
    points, drawn = draw_flat(digits[:, 20:21], "umap", 0)
    np.testing.assert_array_equal(points[:, :1], digits[:, 20:21])
    assert drawn == "as_it_is"
    assert draw_flat(digits, "pca", 0)[1] == "pca"


def test_numba_keeps_what_it_compiled(digits: np.ndarray):
    project(digits[:60], "umap", 0)
    stats = _import_umap().umap_.smooth_knn_dist.stats
    assert stats.cache_path is not None


def test_another_version_of_umap_only_costs_time():
    def refuse():
        raise RuntimeError("cannot cache function: no locator available")

    without_folder = types.SimpleNamespace(enable_caching=refuse, signatures=[])
    for content in ({}, {"f": without_folder}, {"f": len}):
        module = types.SimpleNamespace(**content)
        _keep_compiled(types.SimpleNamespace(umap_=module, layouts=module))


@pytest.mark.parametrize("method", ["umap", "tsne", "pca"])
def test_nothing_goes_by_lu_which_may_wait_for_memory_for_ever(monkeypatch: pytest.MonkeyPatch, method: str):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("scipy.linalg.lu")

    monkeypatch.setattr("scipy.linalg.lu", refuse)
    vectors = np.random.default_rng(0).standard_normal((600, 1100)).astype(np.float32)
    assert project(vectors, method, seed=0).shape == (600, 2)


def test_one_vector_has_a_mean_and_no_direction():
    mean, axes = principal_axes(np.array([[1.0, 2.0, 3.0]], np.float32), 2, 0)
    assert mean.tolist() == [1, 2, 3]
    assert axes.shape == (0, 3)
