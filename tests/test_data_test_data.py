"""test_data.pth: what goes in comes out, and nothing else comes in."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from data.split import split_images
from data.test_data import load_encoded_images, load_test_data, save_test_data
from run.errors import BadInput
from run.tensor_file import save_tensors
from tests.test_data_split import make


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "test_data.pth"


def test_round_trip(path):
    images = make(list(range(50)), [position % 3 for position in range(50)])
    odd = tuple(f"caf\udce9/🙂\n{number:02}.png" for number in range(50))  # a name that is not UTF-8
    images = dataclasses.replace(images, sample_ids=odd, class_names=("<b>", "caf\udce9", "=cmd"))
    images.images.flags.writeable = False
    split = split_images(images, test_fraction=0.3)
    save_test_data(path, images, split)
    found = load_test_data(path)
    assert np.array_equal(found.images, images.images[split.test])
    assert found.images.dtype == np.uint8
    assert np.array_equal(found.labels, images.labels[split.test])
    assert found.class_names == images.class_names
    assert found.sample_ids == tuple(odd[position] for position in split.test)
    assert np.array_equal(found.groups, images.groups[split.test])
    assert (found.dataset, found.fingerprint) == ("made", split.fingerprint)


def test_unlabelled(path):
    images = make(list(range(20)))
    save_test_data(path, images, split_images(images))
    assert load_test_data(path).labels is None
    assert load_test_data(path).class_names == ()


def test_the_images_of_latents_are_found_again_or_refused(path, capsys):
    images = make(list(range(20)))
    split = split_images(images, test_fraction=0.3)
    rows = np.array([3, 0, 3])
    assert load_encoded_images(path, None, split.fingerprint) is None
    assert load_encoded_images(path, rows, split.fingerprint) is None
    assert "is not there" in capsys.readouterr().err
    save_test_data(path, images, split)
    assert np.array_equal(load_encoded_images(path, rows, split.fingerprint), images.images[split.test[rows]])
    for other, fingerprint in [(rows, "0" * 64), (rows, None), (rows + len(split.test), split.fingerprint)]:
        with pytest.raises(BadInput, match="not the split that the latents were made from"):
            load_encoded_images(path, other, fingerprint)


def test_same_bytes_twice(path):
    images = make(list(range(20)))
    contents = []
    for _ in range(2):
        save_test_data(path, images, split_images(images))
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]


GOOD = {
    "images": torch.zeros((2, 1, 8, 8), dtype=torch.uint8),
    "labels": torch.tensor([0, 1]),
    "class_names": ["a", "b"],
    "sample_ids": ["1.png", "2.png"],
    "dataset": "made",
    "fingerprint": "f",
    "groups": torch.tensor([0, 1]),
}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("images", None),
        ("images", GOOD["images"].float()),
        ("images", GOOD["images"][0]),
        ("images", torch.zeros((0, 1, 8, 8), dtype=torch.uint8)),
        ("images", torch.zeros((2, 2, 8, 8), dtype=torch.uint8)),
        ("images", GOOD["images"].to_sparse()),
        ("labels", [0, 1]),
        ("labels", torch.tensor([0, 2])),
        ("labels", torch.tensor([-1, 0])),
        ("labels", torch.tensor([0.0, 1.0])),
        ("labels", torch.tensor([0])),
        ("class_names", None),
        ("class_names", ["a", 1]),
        ("class_names", []),
        ("sample_ids", ["1.png"]),
        ("sample_ids", "ab"),
        ("dataset", None),
        ("fingerprint", 7),
        ("groups", None),
        ("groups", [0, 1]),
        ("groups", torch.tensor([0])),
    ],
)
def test_anything_else_is_refused(path, key, value):
    save_tensors(path, "test split", GOOD)
    assert len(load_test_data(path).images) == 2
    save_tensors(path, "test split", {**GOOD, key: value})
    with pytest.raises(BadInput, match=r"is not a (test split|file) .*python train\.py"):
        load_test_data(path)


def test_missing_key_and_missing_file(path):
    with pytest.raises(BadInput, match=r"is not there.*python train\.py"):
        load_test_data(path)
    save_tensors(path, "test split", {key: value for key, value in GOOD.items() if key != "labels"})
    with pytest.raises(BadInput, match="is not a test split"):
        load_test_data(path)
    save_tensors(path, "checkpoint", GOOD)
    with pytest.raises(BadInput, match="test split was expected"):
        load_test_data(path)
