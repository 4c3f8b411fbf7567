"""Latents on disk: what is written comes back, and nothing else is believed."""

import io
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from latent.archive import LatentSpace, load_latent_space, load_with_bottleneck_2, save_latent_space, sidecar_path
from run.artefacts import read_json, write_json
from run.errors import BadInput


def a_space(count: int = 6, size: int = 4, **changes: object) -> LatentSpace:
    parts = {
        "vectors": np.random.default_rng(size).normal(size=(count, size)).astype(np.float32),
        "labels": np.arange(count) % 2,
        "class_names": ("=cmd()", "$\\frac \udc80 مرحبا\n"),
        "sample_ids": tuple(f"b/{row}" for row in range(count)),
        "rows": np.arange(count) * 3,
        "groups": np.arange(count) // 2,
        "origin": {"dataset": "digits", "split_fingerprint": "f" * 64, "versions": {"numpy": "2"}},
    }
    return LatentSpace(**{**parts, **changes})


def test_what_is_saved_is_loaded(tmp_path: Path):
    space = a_space()
    save_latent_space(tmp_path / "x.npy", space)
    loaded = load_latent_space(tmp_path / "x.npy")
    np.testing.assert_array_equal(loaded.vectors, space.vectors)
    np.testing.assert_array_equal(loaded.labels, space.labels)
    np.testing.assert_array_equal(loaded.rows, space.rows)
    np.testing.assert_array_equal(loaded.groups, space.groups)
    assert (loaded.class_names, loaded.sample_ids, loaded.origin) == (space.class_names, space.sample_ids, space.origin)
    assert loaded.vectors.dtype == np.float32
    assert (loaded.name, loaded.contents) == ("bottleneck 4", "6 test images")


def test_the_same_space_gives_the_same_bytes(tmp_path: Path):
    for folder in ("a", "b"):
        save_latent_space(tmp_path / folder / "x.npy", a_space())
    for name in ("x.npy", "x.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_space_without_classes_comes_back_without(tmp_path: Path):
    save_latent_space(tmp_path / "x.npy", a_space(labels=None, class_names=(), rows=None))
    loaded = load_latent_space(tmp_path / "x.npy")
    assert loaded.labels is None
    assert loaded.rows is None
    assert list(loaded.describe_rows()[1])[1] == (1, "b/1", "", "")


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f8", "i4", "u1"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_persons_own_vectors_load_without_a_sidecar(tmp_path: Path, dtype: str, order: str):
    np.save(tmp_path / "own.npy", np.asarray([[1, 2, 3], [4, 5, 6]], dtype=dtype, order=order))
    loaded = load_latent_space(tmp_path / "own.npy")
    np.testing.assert_array_equal(loaded.vectors, np.array([[1, 2, 3], [4, 5, 6]], np.float32))
    assert loaded.labels is None
    assert (loaded.name, loaded.contents) == ("3 dimensions", "2 vectors")


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was opened",))


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def header_only(shape: str, descr: str = "'<f4'", version: bytes = b"\x01\x00") -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY" + version + len(header).to_bytes(2, "little") + header


GOOD = npy(np.ones((3, 2), np.float32))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "not a .npy file"),
        (b"hello", "not a .npy file"),
        (pickle.dumps(Bomb()), "not a .npy file"),
        (b"PK\x03\x04", "not a .npy file"),
        (GOOD[:-1], "truncated"),
        (GOOD[:40], "truncated"),
        (GOOD + b"x", "damaged"),
        (npy(np.array([[Bomb(), 1]], dtype=object)), "pickled Python objects"),
        (npy(np.zeros(3, dtype=[("a", "f4")])), "real numbers"),
        (npy(np.ones((3, 2), complex)), "real numbers"),
        (npy(np.array([["a"]])), "real numbers"),
        (npy(np.ones(3)), "(rows, dimensions)"),
        (npy(np.float64(3)), "(rows, dimensions)"),
        (npy(np.ones((3, 2, 2))), "(rows, dimensions)"),
        (npy(np.ones((0, 2))), "empty"),
        (npy(np.ones((3, 0))), "empty"),
        (npy(np.array([[1, np.nan], [1, 1]])), "NaN"),
        (npy(np.array([[1, 1], [np.inf, 1]])), "row 1"),
        (npy(np.array([[1e300, 1]])), "infinity"),
        (npy(np.array([[1e20, 1]])), "too large"),
        (header_only("(1000000000000, 1000000000)"), "truncated"),
        (header_only("(-5, 4)"), "empty"),
        (header_only("(5, 'a')"), "not a .npy file"),
        (header_only("(5, 4"), "not a .npy file"),
        (header_only("(5, 4)", version=b"\x09\x00"), "not a .npy file"),
        (header_only("(5, 4)", descr="'|O'"), "pickled Python objects"),
        (header_only("(5, 4)", descr="[('a', '<f4', (9999999, 9999999))]"), "is"),
    ],
)
def test_a_bad_file_gets_a_sentence(tmp_path: Path, content: bytes, complaint: str):
    path = tmp_path / "bad.npy"
    path.write_bytes(content)
    with pytest.raises(BadInput) as caught:
        load_latent_space(path)
    assert complaint in str(caught.value)
    assert "bad.npy" in str(caught.value)
    assert "as numpy.save writes it" in str(caught.value)  # a name of their own: no script here made it


def test_a_missing_file_and_a_folder_get_a_sentence(tmp_path: Path):
    with pytest.raises(BadInput, match="not there"):
        load_latent_space(tmp_path / "none.npy")
    with pytest.raises(BadInput, match="not a file"):
        load_latent_space(tmp_path)


def rewrite(path: Path, **changes: object) -> None:
    write_json(sidecar_path(path), {**read_json(sidecar_path(path)), **changes})


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"labels": [0, 1]}, "not as many labels"),
        ({"rows": [0]}, "not as many rows"),
        ({"sample_ids": ["a"]}, "not as many sample ids"),
        ({"labels": [0, 1, 0, 1, 0, 2]}, "not all among its 2 classes"),
        ({"labels": [0, 1, 0, 1, 0, -1]}, "not all among"),
        ({"labels": [0, 1, 0, 1, 0, True]}, "not all among"),
        ({"class_names": None}, "not texts"),
        ({"rows": [2**70] * 6}, "places in a test split"),
        ({"groups": [1]}, "not as many groups"),
        ({"groups": [2.0] * 6}, "groups are not whole"),
        ({"origin": None}, "where they come from"),
        ({"kind": "recipe"}, "something else"),
        ({"npy_sha256": "0" * 64}, "damaged"),
    ],
)
def test_a_sidecar_that_does_not_fit_is_refused(tmp_path: Path, changes: dict, complaint: str):
    path = tmp_path / "x.npy"
    save_latent_space(path, a_space())
    rewrite(path, **changes)
    with pytest.raises(BadInput, match=complaint):
        load_latent_space(path)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"kind": 1, "checksum": ""}', b"\xff\xfe", b"[1]", b"[" * 100_000])
def test_a_damaged_sidecar_is_refused_and_named(tmp_path: Path, content: bytes):
    path = tmp_path / "x.npy"
    save_latent_space(path, a_space())
    sidecar_path(path).write_bytes(content)
    with pytest.raises(BadInput, match=r"x\.json"):
        load_latent_space(path)


def test_vectors_beside_the_sidecar_of_others_are_refused(tmp_path: Path):
    path = tmp_path / "x.npy"
    save_latent_space(path, a_space())
    np.save(path, a_space().vectors + 1)
    with pytest.raises(BadInput, match="damaged"):
        load_latent_space(path)


def test_parts_that_do_not_fit_are_not_saved(tmp_path: Path):
    for changes in ({"labels": np.arange(3)}, {"vectors": np.full((6, 4), np.nan)}, {"vectors": np.ones(6)}):
        with pytest.raises(ValueError, match=r"labels|vectors"):
            save_latent_space(tmp_path / "x.npy", a_space(**changes))
    assert not list(tmp_path.iterdir())


def test_the_bottleneck_of_2_is_found_beside_the_other(tmp_path: Path):
    larger, two = tmp_path / "latent_space_size_4.npy", tmp_path / "latent_space_size_2.npy"
    save_latent_space(larger, a_space())
    save_latent_space(two, a_space(size=2))
    spaces, warnings = load_with_bottleneck_2(larger)
    assert (list(spaces), warnings) == ([two, larger], [])
    assert list(load_with_bottleneck_2(two)[0]) == [two]


def test_a_missing_bottleneck_of_2_is_said(tmp_path: Path):
    save_latent_space(tmp_path / "latent_space_size_4.npy", a_space())
    spaces, (warning,) = load_with_bottleneck_2(tmp_path / "latent_space_size_4.npy")
    assert len(spaces) == 1
    assert "latent_space_size_2.npy is not there" in warning


def test_a_persons_own_vectors_stay_alone(tmp_path: Path):
    save_latent_space(tmp_path / "latent_space_size_2.npy", a_space(size=2))
    np.save(tmp_path / "own.npy", np.ones((3, 5)))
    spaces, warnings = load_with_bottleneck_2(tmp_path / "own.npy")
    assert (list(spaces), warnings) == ([tmp_path / "own.npy"], [])


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": {"split_fingerprint": "0" * 64}},
        {"rows": np.arange(6)},
        {"labels": np.zeros(6, int)},
        {"sample_ids": tuple("abcdef")},
    ],
)
def test_spaces_of_different_images_do_not_stand_side_by_side(tmp_path: Path, changes: dict):
    save_latent_space(tmp_path / "latent_space_size_4.npy", a_space())
    save_latent_space(tmp_path / "latent_space_size_2.npy", a_space(size=2, **changes))
    with pytest.raises(BadInput, match="different"):
        load_with_bottleneck_2(tmp_path / "latent_space_size_4.npy")


def test_the_sidecar_is_json_that_others_can_read(tmp_path: Path):
    save_latent_space(tmp_path / "x.npy", a_space())
    assert json.loads((tmp_path / "x.json").read_text())["labels"] == [0, 1, 0, 1, 0, 1]
