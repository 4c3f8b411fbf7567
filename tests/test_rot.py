"""Every flipped bit and every missing byte of a file that a script reads is noticed, and the file is named.

Files that scripts read: checkpoints, test splits, training states and snapshots (.pth), latents (.npy) and clusters
(.npz) with their descriptions (.json), the log and metrics of a training, and the two files of a cache. Figures and
tables are read by people only; a person's own .npy has no sidecar, and so nothing its numbers could be held against.
"""

import os
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data import load_images
from data.test_data import load_test_data
from latent.archive import load_latent_space
from model.checkpoint import load_checkpoint
from model.training_state import find_run
from run.artefacts import read_json
from run.errors import BadInput
from run.tensor_file import load_tensors
from stages.clusters.assigner import load_assigner
from stages.curves import read_log
from tests.conftest import refusal

STATE = "training_state/latent_size_3.pth"
MADE_BY = "python train.py"
VECTORS, CLUSTERS = "latent_space_size_3.npy", "latent_space_size_3_kmeans_pca_fitted.npz"
ENCODE, DRAW = ["encode_latent_space.py", "--latent_size", 3], ["viz_latent_space.py", "--latent_size", 3]
ASSIGN = ["viz_kmeans_latent_space.py", "--latent_size", 3, "--space", "pca", "--assign", f"output/{VECTORS}"]
# kind -> (file, the script that reads it, how it is read in one process from the folder where it lies)
READ_BY = {
    "checkpoint": (
        "model_latent_size_3.pth",
        ["viz_reconstruction.py", "--latent_size", 3],
        lambda folder: load_checkpoint(folder / "model_latent_size_3.pth"),
    ),
    "checkpoint of 2": (
        "model_latent_size_2.pth",
        ENCODE,
        lambda folder: load_checkpoint(folder / "model_latent_size_2.pth"),
    ),
    "test split": ("test_data.pth", ENCODE, lambda folder: load_test_data(folder / "test_data.pth")),
    "training state": (STATE, ["train.py", "--resume", f"output/{STATE}"], lambda folder: find_run(folder / STATE)),
    "latents": (VECTORS, DRAW, lambda folder: load_latent_space(folder / VECTORS)),
    "sidecar": ("latent_space_size_3.json", DRAW, lambda folder: load_latent_space(folder / VECTORS)),
    "clusters": (CLUSTERS, ASSIGN, lambda folder: load_assigner(folder / CLUSTERS)),
    "clusters' description": (
        CLUSTERS.replace("npz", "json"),
        ASSIGN,
        lambda folder: load_assigner(folder / CLUSTERS),
    ),
    "snapshots": (
        "snapshots_latent_size_3.pth",
        ["viz_training.py"],
        lambda folder: load_tensors(folder / "snapshots_latent_size_3.pth", "snapshots of a training", MADE_BY),
    ),
    "metrics": (
        "metrics_training.json",
        ["viz_training.py"],
        lambda folder: read_json(folder / "metrics_training.json"),
    ),
    "log": (
        "training_log.jsonl",
        ["viz_training.py"],
        lambda folder: read_log(folder, None, read_json(folder / "metrics_training.json")["log_sha256"]),
    ),
}
BRIEF = ["--latent_size", 3, "--num_epochs", 1, "--max_train", 60, "--model", "dense"]


@pytest.fixture(scope="module")
def sound(forked, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    for script, *arguments in (
        ["train.py", "--dataset", "digits", *BRIEF, "--max_test", 30, "--snapshot_epochs", 1],
        ["encode_latent_space.py", "--latent_size", 3, "--num_samples", "all"],
        ["viz_kmeans_latent_space.py", "--latent_size", 3, "--space", "pca"],
    ):
        done = forked.run(script, *arguments, cwd=folder)
        assert done.returncode == 0, done.stderr
    for path in folder.glob("output/training_state/*_previous.pth"):
        path.unlink()
    return folder


def damaged(content: bytes, count: int, seed: int) -> list[bytes]:
    """``content`` with one bit flipped, or cut short, ``count`` times: at its ends, and anywhere."""
    chance = random.Random(seed)
    size, versions = len(content), []
    places = [0, size - 1, size - 2, size // 2, *(chance.randrange(size) for _ in range(count))][: (count + 1) // 2]
    for place in places:
        flipped = bytes([content[place] ^ (1 << chance.randrange(8))])
        versions.append(content[:place] + flipped + content[place + 1 :])
    lengths = [size - 1, 0, size - 71, *(chance.randrange(size) for _ in range(count))]
    return versions + [content[:length] for length in lengths[: count // 2]]


def rot(sound: Path, folder: Path, kind: str, count: int) -> list[Path]:
    """Folders in each of which one file is damaged, each in another way."""
    name = READ_BY[kind][0]
    folders = []
    for number, content in enumerate(damaged((sound / "output" / name).read_bytes(), count, len(kind))):
        shutil.copytree(sound, folder / str(number), copy_function=os.link)
        (folder / str(number) / "output" / name).unlink()
        (folder / str(number) / "output" / name).write_bytes(content)
        folders.append(folder / str(number))
    return folders


@pytest.mark.parametrize("kind", list(READ_BY))
def test_every_damage_is_noticed(sound, tmp_path, kind):
    name, _, load = READ_BY[kind]
    for folder in rot(sound, tmp_path, kind, 20):
        path = folder / "output" / name
        with pytest.raises(BadInput) as caught:
            load(folder / "output")
        assert path.name in str(caught.value)
        shutil.rmtree(folder)


def through_the_script(forked, sound: Path, folder: Path, kind: str, count: int) -> None:
    name, command, _ = READ_BY[kind]
    for place in rot(sound, folder, kind, count):
        before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
        assert Path(name).name in refusal(forked.run(*command, cwd=place))
        assert before == {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
        shutil.rmtree(place)


@pytest.mark.parametrize("kind", list(READ_BY))
def test_a_script_names_the_damaged_file(forked, sound, tmp_path, kind):
    through_the_script(forked, sound, tmp_path, kind, 2)


@pytest.mark.long
@pytest.mark.parametrize("kind", list(READ_BY))
def test_a_script_names_the_damaged_file_20_times(forked, sound, tmp_path, kind):
    through_the_script(forked, sound, tmp_path, kind, 20)


def picture_folder(folder: Path) -> Path:
    (folder / "set").mkdir(parents=True)
    for number, pixels in enumerate(np.random.default_rng(0).integers(0, 256, (12, 8, 8), dtype=np.uint8)):
        Image.fromarray(pixels).save(folder / "set" / f"{number}.png")
    return folder / "set"


@pytest.mark.parametrize("name", ["images.npy", "index.json"])
def test_a_damaged_cache_is_noticed_and_made_anew(tmp_path, capfd, name):
    pictures = picture_folder(tmp_path)
    images = load_images(str(pictures), tmp_path / "data").images.copy()
    path = next((tmp_path / "data").rglob(name))
    whole = path.read_bytes()
    for content in damaged(whole, 30, 0):
        path.unlink()
        path.write_bytes(content)
        capfd.readouterr()
        assert np.array_equal(load_images(str(pictures), tmp_path / "data").images, images)
        said = capfd.readouterr().err
        assert path.parent.name in said
        assert "decoded again" in said
        assert path.read_bytes() == whole


def test_a_script_goes_on_from_a_damaged_cache(forked, tmp_path):
    pictures = picture_folder(tmp_path)
    command = ["train.py", "--dataset", pictures, *BRIEF]
    assert forked.run(*command, cwd=tmp_path).returncode == 0
    before = (tmp_path / "output" / "test_data.pth").read_bytes()
    path = next((tmp_path / "data").rglob("images.npy"))
    path.write_bytes(path.read_bytes()[:-1])
    done = forked.run(*command, cwd=tmp_path)
    assert done.returncode == 0
    assert "decoded again" in done.stderr
    assert (tmp_path / "output" / "test_data.pth").read_bytes() == before


def test_a_damaged_state_gives_way_to_the_one_before_and_never_displaces_it(forked, tmp_path):
    """Killed while it writes the first state after the fall-back, the run still has the good one."""
    command = ["train.py", "--dataset", "digits", *BRIEF, "--save_every", 1e-6, "--batch_size", 20]
    (tmp_path / "whole").mkdir()
    assert forked.run(*command, cwd=tmp_path / "whole").returncode == 0
    expected = (tmp_path / "whole" / "output" / "model_latent_size_3.pth").read_bytes()
    for at in range(3, 8):
        shutil.copytree(tmp_path / "whole", tmp_path / str(at))
        state = tmp_path / str(at) / "output" / "training_state" / "latent_size_3.pth"
        state.write_bytes(state.read_bytes()[:-1])
        forked.run("train.py", "--resume", cwd=tmp_path / str(at), fault={"at": at})
        (tmp_path / str(at) / "output" / "model_latent_size_3.pth").unlink()
        done = forked.run("train.py", "--resume", cwd=tmp_path / str(at))
        assert done.returncode == 0, done.stderr
        assert (tmp_path / str(at) / "output" / "model_latent_size_3.pth").read_bytes() == expected
