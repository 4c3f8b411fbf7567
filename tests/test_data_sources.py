"""Named sets: where they are looked for, how they are read, what happens when they are absent."""

import dataclasses
import hashlib
import importlib
import io
import os
import shlex
import socket
import subprocess
import sys
import tarfile
import time
import types
from pathlib import Path

import numpy as np
import pytest

from data import DATASETS, download, gtsrb, idx_sets, load_images, torchvision_sets
from data.split import split_images
from run.errors import BadInput

ROOT = Path(__file__).parent.parent
REAL = Path(os.environ.get("AUTOENCODER_DATA_DIR", ROOT / "data"))


def needs(place: str, name: str) -> pytest.MarkDecorator:
    reason = f"{name} is not in {REAL}; AUTOENCODER_DATA_DIR may name another folder"
    return pytest.mark.skipif(not (REAL / place).exists(), reason=reason)


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """The real sets, with a cache of their own: links to them in a fresh folder."""
    for place in ("gtsrb", "MNIST", "FashionMNIST"):
        if (REAL / place).exists():
            os.symlink(REAL.resolve() / place, tmp_path / place)
    return tmp_path


def write_idx(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    header = np.array([0x0800 + values.ndim, *values.shape], ">i4").tobytes()
    path.write_bytes(header + values.astype(np.uint8).tobytes())


def write_mnist(root: Path, folder: str = "MNIST", prefixes: tuple[str, str] = ("train", "t10k")) -> np.ndarray:
    """A set of 20 + 10 images; the first test image is the first training image once more."""
    images = np.random.default_rng(0).integers(0, 256, (30, 28, 28), np.uint8)
    images[20] = images[0]
    for prefix, side in ((prefixes[0], slice(20)), (prefixes[1], slice(20, 30))):
        write_idx(root / folder / "raw" / f"{prefix}-images-idx3-ubyte", images[side])
        write_idx(root / folder / "raw" / f"{prefix}-labels-idx1-ubyte", np.arange(30)[side] % 10)
    return images


def test_digits_are_scaled_to_bytes(tmp_path):
    images = load_images("digits", tmp_path / "absent")
    assert images.images.shape == (1797, 1, 8, 8)
    assert (images.images.min(), images.images.max()) == (0, 255)
    assert not images.images.flags.writeable
    assert images.class_names == tuple("0123456789")
    assert load_images("digits", tmp_path, (16, 12)).images.shape == (1797, 1, 16, 12)
    assert not (tmp_path / "absent").exists()


def test_idx_sets_keep_their_published_test_part(tmp_path):
    pixels = write_mnist(tmp_path)
    for _ in range(2):  # read, then from the cache
        images = load_images("mnist", tmp_path)
        assert np.array_equal(images.images[:, 0], pixels)
        assert images.labels.tolist() == [number % 10 for number in range(30)]
        assert images.published_test.tolist() == [False] * 20 + [True] * 10
        assert images.sample_ids[19:21] == ("train/19", "test/0")
        assert images.groups[0] == images.groups[20]
    split = split_images(images, val_fraction=0.1)
    assert split.kind == "published"
    assert split.test.tolist() == list(range(20, 30))
    assert 0 not in split.train
    assert 0 not in split.val
    assert split.dropped == 1


def test_emnist_stands_upright(tmp_path):
    pixels = write_mnist(tmp_path, "EMNIST", ("emnist-balanced-train", "emnist-balanced-test"))
    images = load_images("emnist", tmp_path)
    assert np.array_equal(images.images[:, 0], pixels.transpose(0, 2, 1))
    assert len(idx_sets.EMNIST.class_names) == 47


def test_stl10(tmp_path):
    folder = tmp_path / "stl10_binary"
    folder.mkdir()
    images = np.random.default_rng(0).integers(0, 256, (4, 3, 96, 96), np.uint8)
    for part, count in (("train", 3), ("test", 1)):
        images[:count].transpose(0, 1, 3, 2).tofile(folder / f"{part}_X.bin")
        np.arange(1, count + 1, dtype=np.uint8).tofile(folder / f"{part}_y.bin")
    (folder / "class_names.txt").write_text("airplane\nbird\ncar\n")
    found = load_images("stl10", tmp_path)
    assert np.array_equal(found.images, images[[0, 1, 2, 0]])
    assert found.class_names == ("airplane", "bird", "car")
    assert found.labels.tolist() == [0, 1, 2, 0]


@pytest.mark.parametrize("damage", ["truncated", "grown", "header", "empty", "labels"])
def test_damaged_idx_file_gets_a_sentence(tmp_path, damage):
    write_mnist(tmp_path)
    file = tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte"
    content = file.read_bytes()
    changed = {"truncated": content[:-1], "grown": content + b"\0", "header": b"\x1f\x8b" + content[2:], "empty": b""}
    if damage == "labels":
        write_idx(tmp_path / "MNIST" / "raw" / "train-labels-idx1-ubyte", np.full(20, 10))
    else:
        file.write_bytes(changed[damage])
    with pytest.raises(BadInput, match=r"mnist in .*raw are damaged .*delete them"):
        load_images("mnist", tmp_path)


def test_cifar_opens_no_pickle_but_the_published_one(tmp_path):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    evil = b"cos\nsystem\n(S'touch " + str(tmp_path / "run").encode() + b"'\ntR."
    for file in torchvision_sets.CIFAR10.files:
        (tmp_path / file).write_bytes(evil)
    with pytest.raises(BadInput, match="damaged"):
        load_images("cifar10", tmp_path)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("typed", ["mnits", "MNIST", "fashon_mnist", "gstrb", "cifar-10"])
def test_mistyped_name_is_met_with_the_nearest(tmp_path, monkeypatch, typed):
    monkeypatch.setattr("sys.argv", ["viz_dataset.py", f"--dataset={typed}", "--max_train", "9"])
    with pytest.raises(
        BadInput,
        match=r"did you mean: python \S*viz_dataset\.py --dataset=(mnist|fashion_mnist|gtsrb|cifar10) --max_train 9$",
    ):
        load_images(typed, tmp_path)


def test_path_that_is_no_folder(tmp_path):
    with pytest.raises(BadInput, match="there is no such folder"):
        load_images(str(tmp_path / "absent" / "mnist"), tmp_path)
    for name in ("file.txt", "file.zip", "file.tar.gz"):
        (tmp_path / name).touch()
    with pytest.raises(BadInput, match=r"file\.txt is a file.* --dataset \S+$"):
        load_images(str(tmp_path / "file.txt"), tmp_path)
    with pytest.raises(BadInput, match=r"python -m zipfile -e \S+file\.zip \S+file && .* --dataset \S+file$"):
        load_images(str(tmp_path / "file.zip"), tmp_path)
    with pytest.raises(BadInput, match=r"python -m tarfile -e \S+file\.tar\.gz \S+file && .* --dataset \S+file$"):
        load_images(str(tmp_path / "file.tar.gz"), tmp_path)


@pytest.fixture
def silent_server():
    """Takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def test_absent_set_without_a_network_fails_fast_in_one_sentence(tmp_path, monkeypatch, silent_server):
    monkeypatch.setattr(download, "_ANSWER_SECONDS", 1)
    mirrors = (silent_server, "http://127.0.0.1:1/", "http://name.invalid/")
    monkeypatch.setattr(idx_sets.MNIST, "origin", dataclasses.replace(idx_sets.MNIST.origin, mirrors=mirrors))
    started = time.monotonic()
    with pytest.raises(BadInput) as refused:
        load_images("mnist", tmp_path)
    assert time.monotonic() - started < 3
    sentence = str(refused.value)
    assert str(tmp_path / "MNIST" / "raw") in sentence
    assert "--dataset digits" in sentence
    assert "\n" not in sentence
    assert list(tmp_path.iterdir()) == []


def test_every_named_set_says_where_its_files_belong(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "any_answers", lambda mirrors: False)
    fetched = [name for name, (_, module, source) in DATASETS.items()
               if not hasattr(getattr(importlib.import_module(module), source), "place")]  # fmt: skip
    assert len(fetched) >= 9
    for name in fetched:
        with pytest.raises(BadInput, match=f"put its files into {tmp_path}"):
            load_images(name, tmp_path)


@pytest.fixture
def torchvision(monkeypatch):
    """A stand-in whose sets are written by the test."""
    fake = types.SimpleNamespace(datasets=types.SimpleNamespace())
    monkeypatch.setitem(sys.modules, "torchvision", fake)
    monkeypatch.setattr(download, "any_answers", lambda mirrors: True)
    return fake.datasets


def test_download_arrives_whole(tmp_path, torchvision):
    torchvision.MNIST = lambda root, download, train: write_mnist(root)
    assert len(load_images("mnist", tmp_path)) == 30
    assert {path.name for path in tmp_path.iterdir()} == {"MNIST", "cache"}


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), RuntimeError("File not found or corrupted."), TimeoutError(), EOFError()]
)
def test_download_that_breaks_off_leaves_nothing(tmp_path, torchvision, error):
    def half_a_set(root: Path, download: bool, split: str) -> None:
        (root / "gtsrb" / "GTSRB" / "Training" / "00000").mkdir(parents=True)
        raise error

    torchvision.GTSRB = half_a_set
    with pytest.raises((BadInput, KeyboardInterrupt)):
        load_images("gtsrb", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_archives_stay_inside(tmp_path):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name in ("../outside", "/tmp/absolute_outside"):
            tar.addfile(tarfile.TarInfo(name), io.BytesIO())
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "../.."
        tar.addfile(link)
    (tmp_path / "in").mkdir()
    for member in range(3):
        archive.seek(0)
        with download._archives_stay_inside(), tarfile.open(fileobj=archive) as tar:
            try:
                tar.extract(tar.getmembers()[member], tmp_path / "in")
            except tarfile.FilterError:
                continue
    assert not (tmp_path / "outside").exists()
    assert not (tmp_path / "in" / "link").exists()


def test_sign_names():
    assert len(gtsrb._SIGNS) == 43
    assert (gtsrb._SIGNS[13], gtsrb._SIGNS[14]) == ("yield", "stop")


@needs("gtsrb/GTSRB/Training/00042", "GTSRB")
def test_gtsrb(real):
    images = load_images("gtsrb", real)
    assert images.images.shape == (26638, 3, 32, 32)
    assert images.left_out == (("00007/00026_00023.ppm", "empty file"), ("00033/00015_00004.ppm", "empty file"))
    assert len(images.class_names) == 43
    assert images.class_names[14] == "14 stop"
    assert images.groups.max() + 1 == 888
    started = time.monotonic()
    again = load_images("gtsrb", real)
    assert time.monotonic() - started < 2
    assert hashlib.sha256(again.images).digest() == hashlib.sha256(images.images).digest()
    split = split_images(images)
    assert split.kind == "group"
    sides = [set(images.groups[side].tolist()) for side in (split.train, split.val, split.test)]
    assert sum(map(len, sides)) == len(set.union(*sides)) == 888
    assert 0.09 < len(split.test) / len(images) < 0.11
    assert set(images.labels[split.test]) == set(images.labels[split.train]) == set(range(43))
    # other ways to the same pixels: one channel, and the folder named as a path
    part = load_images(str(real / "gtsrb" / "GTSRB" / "Training" / "00000"), real, grayscale=True)
    assert part.images.shape == (150, 1, 32, 32)
    assert len(set(part.groups.tolist())) == 5


@needs("MNIST/raw/t10k-images-idx3-ubyte", "MNIST")
def test_mnist(real):
    images = load_images("mnist", real)
    assert images.images.shape == (70000, 1, 28, 28)
    split = split_images(images)
    assert split.kind == "published"
    assert (len(split.train), len(split.val), len(split.test)) == (57000, 3000, 10000)
    assert np.bincount(images.labels[split.test]).tolist()[:3] == [980, 1135, 1032]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("picturse", r"did you mean: python .* --dataset \S+pictures$"),
        ("elsewhere/deep", r"there is no such folder \(of its path, \S+ is there\)"),
    ],
)
def test_a_mistyped_folder_is_met_with_the_one_beside_it(tmp_path, typed, said):
    (tmp_path / "pictures").mkdir()
    with pytest.raises(BadInput, match=said):
        load_images(str(tmp_path / typed), tmp_path)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("https://a.b/c.zip", "is an address; download and unpack it first"),
        ("C:\\pictures", "is a path of Windows"),
        ("C:/pictures", "is a path of Windows"),
    ],
)
def test_what_is_no_path_here_is_said_to_be_none(tmp_path, typed, said):
    with pytest.raises(BadInput, match=said) as refused:
        load_images(typed, tmp_path)
    assert "digits" not in str(refused.value)


@pytest.mark.parametrize("name", ["my set.npz", "set.npy"])
def test_an_array_is_written_as_pictures_by_the_command_that_is_said(tmp_path, name):
    array = np.random.default_rng(0).integers(0, 255, (12, 9, 9), dtype=np.uint8)
    np.savez(tmp_path / name, pixels=array) if name.endswith("npz") else np.save(tmp_path / name, array)
    with pytest.raises(BadInput, match="is an array") as refused:
        load_images(str(tmp_path / name), tmp_path)
    words = shlex.split(str(refused.value)[str(refused.value).index("python -c") :])
    subprocess.run([sys.executable, *words[1 : words.index("&&")]], check=True)
    images = load_images(str(tmp_path / f"{name.partition('.')[0]}_images"), tmp_path / "data").images
    assert np.array_equal(np.asarray(images[:, 0]), array)
