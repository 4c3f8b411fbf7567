"""Fits on disk: new vectors find their place and their cluster, and nothing else is believed."""

from pathlib import Path

import numpy as np
import pytest

from latent.clustering import find_clusters
from latent.placing import memberships
from run.artefacts import file_sha256, read_json, write_json
from run.errors import BadInput
from stages.clusters.assigner import Assigner, load_assigner, save_assigner
from stages.clusters.reduction import Reduction, SearchSpace, place, reduce


def reduced(vectors: np.ndarray, space: str, **changes: object) -> Reduction:
    """:func:`reduce` with the defaults of the command line."""
    usual = {"size": 2, "pca_size": 50, "n_neighbors": 15, "min_dist": 0.1, "whiten": 0.0}
    return reduce(vectors, SearchSpace(space, **usual | changes), 0)


def islands(seed: int, rows: int = 20, size: int = 6) -> np.ndarray:
    """``rows`` points around each of three corners."""
    random = np.random.default_rng(seed)
    return np.concatenate([random.normal(9 * np.eye(size)[each], 0.5, (rows, size)) for each in range(3)]).astype("f4")


@pytest.mark.parametrize(("space", "words"), [
    ("latent", "as they are"), ("pca", "PCA of 2"), ("umap", "UMAP to 2 dimensions"),
    ("pca-umap", "UMAP to 2 dimensions of PCA of 4"),
])  # fmt: skip
def test_vectors_that_come_later_lie_among_their_own(tmp_path: Path, space: str, words: str):
    reduction = reduced(islands(0), space, pca_size=4)
    assert reduction.words == words
    assert reduction.points.shape == (60, 6 if space == "latent" else 2)
    np.testing.assert_allclose(place(reduction.arrays, islands(0)), reduction.points, atol=1e-5)
    clustering = find_clusters(reduction.points, "gmm", 3, 0)
    save_assigner(tmp_path / "x.npz", Assigner("gmm", 6, reduction.arrays, clustering.arrays, {0: "=cmd()"}, {"a": 1}))
    loaded = load_assigner(tmp_path / "x.npz")
    assert (loaded.class_of, loaded.about) == ({0: "=cmd()"}, {"a": 1})
    np.testing.assert_array_equal(loaded.assign(islands(0))[0], clustering.clusters)
    np.testing.assert_array_equal(loaded.assign(islands(1))[0], clustering.clusters)  # other points of the same islands


def test_whitened_dimensions_count_alike_and_later_vectors_are_divided_by_the_same_numbers():
    vectors = islands(0) * np.array([1, 10, 100, 1, 1, 0], np.float32)
    whole, half = (reduced(vectors, "latent", whiten=power) for power in (1.0, 0.5))
    np.testing.assert_allclose(whole.points.std(axis=0), [1, 1, 1, 1, 1, 0], rtol=1e-4)
    np.testing.assert_allclose(half.points.std(axis=0), vectors.std(axis=0) ** 0.5, rtol=1e-4)
    assert half.words == "latents whitened to the power 0.5"
    np.testing.assert_allclose(place(half.arrays, vectors[:5] + 1), half.points[:5] + 1 / half.arrays["divisors"], 1e-4)
    mapped = reduced(vectors, "pca-umap", pca_size=3, whiten=1.0)
    assert mapped.words == "UMAP to 2 dimensions of PCA of 3 of latents whitened to the power 1"
    np.testing.assert_allclose(place(mapped.arrays, vectors), mapped.points, atol=1e-5)


def test_two_dimensions_stay_as_they_are():
    vectors = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
    assert reduced(vectors, "umap", whiten=1.0).points is vectors


def test_more_dimensions_than_two():
    assert reduced(islands(0), "umap", size=4, min_dist=0).points.shape == (60, 4)
    assert reduced(islands(0), "pca", size=50).points.shape == (60, 6)
    with pytest.raises(BadInput, match="at least 13 vectors"):
        reduced(islands(0, rows=4), "umap", size=10)


def test_memberships_add_up_to_the_logarithm_of_their_number():
    away = np.sort(np.random.default_rng(0).uniform(0.5, 3, (5, 8)), axis=1)
    np.testing.assert_allclose(memberships(away).sum(axis=1), 3, rtol=1e-6)
    assert (np.diff(memberships(away)) < 0).all()
    assert np.isfinite(memberships(np.zeros((2, 8)))).all()  # among equal references
    assert (memberships(np.full((1, 8), 1e-30)) > 0).all()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    clustering = find_clusters(islands(0), "kmeans", 3, 0)
    save_assigner(tmp_path / "x.npz", Assigner("kmeans", 6, {}, clustering.arrays))
    return tmp_path / "x.npz"


def test_the_same_fit_gives_the_same_bytes(path: Path):
    first = [path.read_bytes(), path.with_suffix(".json").read_bytes()]
    save_assigner(path, load_assigner(path))
    assert [path.read_bytes(), path.with_suffix(".json").read_bytes()] == first


def test_vectors_of_another_size_are_refused(path: Path):
    with pytest.raises(BadInput, match="of 6 dimensions, and these have 5"):
        load_assigner(path).assign(np.zeros((2, 5), np.float32))


def rewrite(path: Path, arrays: dict[str, np.ndarray], save=np.savez, **changes: object) -> None:
    """A forged pair that fits together."""
    save(path, **arrays)
    described = path.with_suffix(".json")
    write_json(described, {**read_json(described), "npz_sha256": file_sha256(path), **changes})


def test_what_is_damaged_or_forged_is_refused(path: Path):
    def refused() -> str:
        with pytest.raises(BadInput, match="make it with: python ") as caught:
            load_assigner(path)
        return str(caught.value)

    good = dict(np.load(path))
    name = next(iter(good))
    for arrays, changes, complaint in [
        (good, {"kind": "latent space"}, "something else"),
        (good, {"method": "forest"}, "can use"),
        (good, {"size": 7}, "can use"),
        (good, {"class_of": 3}, "can use"),
        ({}, {}, "can use"),
        ({name: good[name] * np.nan}, {}, "finite"),
        ({name: np.array(["a"])}, {}, "finite"),
    ]:
        rewrite(path, good, kind="clustering", method="kmeans", size=6, class_of={})
        load_assigner(path)
        rewrite(path, arrays, **changes)
        assert complaint in refused()
    rewrite(path, good, kind="clustering", method="kmeans", size=6, class_of={}, save=np.savez_compressed)
    assert "not an archive" in refused()
    np.savez(path, **{name: np.array([{}], dtype=object)})  # pickled
    write_json(path.with_suffix(".json"), {"kind": "clustering", "npz_sha256": file_sha256(path)})
    assert "not an archive" in refused()
    path.write_bytes(path.read_bytes()[:-1])
    assert "damaged" in refused()
    path.with_suffix(".json").write_text("{}")
    assert "no sound description" in refused()
    path.unlink()
    assert "is not there" in refused()
