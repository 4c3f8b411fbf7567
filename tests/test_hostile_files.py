"""Malicious checkpoints, latents, sidecars and archives: no code runs, nothing is written elsewhere, memory is kept."""

import contextlib
import io
import os
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest

from data.test_data import load_test_data
from run.artefacts import read_json
from run.tensor_file import load_tensors
from tests import hostile
from tests.conftest import refusal

MEMORY = 300 << 20  # bytes a refusal may take beyond what the imported modules hold
MODEL, TEST_DATA = "output/model_latent_size_3.pth", "output/test_data.pth"
NPY, SIDECAR = "output/latent_space_size_3.npy", "output/latent_space_size_3.json"
STATE = "output/training_state/latent_size_3.pth"
READERS = {
    MODEL: ["viz_reconstruction.py", "--latent_size", 3],
    TEST_DATA: ["viz_reconstruction.py", "--latent_size", 3],
    NPY: ["viz_latent_space.py", "--latent_size", 3, "--vis_type", "pca"],
    SIDECAR: ["viz_latent_space.py", "--latent_size", 3, "--vis_type", "pca"],
    STATE: ["train.py", "--resume", STATE, "--num_epochs", 3],
}


@pytest.fixture(scope="module")
def sound(forked, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    for script, *arguments in (
        ["train.py", "--dataset", "digits", "--latent_size", 3, "--num_epochs", 2, "--max_train", 60, "--max_test", 40,
         "--model", "dense"],
        ["encode_latent_space.py", "--latent_size", 3, "--num_samples", "all"],
    ):  # fmt: skip
        done = forked.run(script, *arguments, cwd=folder)
        assert done.returncode == 0, done.stderr
    for size in (2, 3):
        (folder / f"output/training_state/latent_size_{size}_previous.pth").unlink()
    return folder


def attempt(forked, sound: Path, folder: Path, target: str, put) -> str:
    """What a script says to a folder in which ``put`` has laid a hostile file in the place of ``target``."""
    place, log = folder / "place", folder / "seen"
    shutil.copytree(sound, place, copy_function=os.link)
    (place / target).unlink()
    put(place / target)
    before = {path for path in folder.rglob("*")}
    done = forked.run(*READERS[target], cwd=place, fault={"watch": str(log), "memory": 2 << 30}, timeout=60)
    assert not log.exists(), log.read_text()
    assert {path for path in folder.rglob("*")} == before  # no canary, nothing written, here or beside
    assert done.peak < forked.baseline + MEMORY, f"{done.peak >> 20} MB"
    sentence = refusal(done)
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    shutil.rmtree(place)
    return sentence


def try_all(forked, sound: Path, folder: Path, target: str, files: dict[str, bytes]) -> int:
    for what, content in files.items():
        sentence = attempt(forked, sound, folder, target, lambda path, content=content: path.write_bytes(content))
        assert "python " in sentence or "train anew" in sentence, (what, sentence)
    return len(files)


def test_checkpoints(forked, sound, tmp_path):
    files = hostile.checkpoints(load_tensors(sound / MODEL, "autoencoder checkpoint", ""))
    assert try_all(forked, sound, tmp_path, MODEL, files) >= 20


def test_test_splits(forked, sound, tmp_path):
    try_all(forked, sound, tmp_path, TEST_DATA, hostile.splits(load_tensors(sound / TEST_DATA, "test split", "")))


def test_training_states(forked, sound, tmp_path):
    state = load_tensors(sound / STATE, "training state", "")
    for what, content in hostile.training_states(state, tmp_path / "elsewhere").items():
        with_state_only = tmp_path / "alone"
        shutil.copytree(sound, with_state_only, copy_function=os.link)
        (with_state_only / STATE.replace("size_3", "size_2")).unlink()
        if not what.startswith(("moments", "a position", "records", "a generator")):
            attempt(forked, with_state_only, tmp_path, STATE, lambda path, content=content: path.write_bytes(content))
        else:  # found out when its bottleneck's turn has come
            (with_state_only / STATE).unlink()
            (with_state_only / STATE).write_bytes(content)
            done = forked.run(*READERS[STATE], cwd=with_state_only, fault={"memory": 2 << 30})
            assert "does not fit" in refusal(done), what
        shutil.rmtree(with_state_only)
    assert not (tmp_path / "elsewhere").exists()


def test_arrays(forked, sound, tmp_path):
    try_all(forked, sound, tmp_path, NPY, hostile.arrays())


def test_sidecars(forked, sound, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try_all(forked, sound, tmp_path, SIDECAR, hostile.sidecars(read_json(sound / SIDECAR)))


def terabyte_of_nothing(path: Path) -> None:
    with open(path, "wb") as file:
        file.truncate(1 << 40)


def terabyte_of_zeros(path: Path) -> None:
    rows = (1 << 40) // 4 - 32
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, 1)}}".ljust(117) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode())
    os.truncate(path, path.stat().st_size + 4 * rows)


@pytest.mark.parametrize("target", list(READERS))
def test_files_that_are_none(forked, sound, tmp_path, target):
    """A device without end, a pipe nobody writes to, a folder, a terabyte of nothing, a link to itself."""
    kinds = [lambda path: path.symlink_to("/dev/zero"), os.mkfifo, Path.mkdir, terabyte_of_nothing]
    if target == NPY:
        kinds.append(terabyte_of_zeros)
    for put in kinds:
        if target == STATE and put is Path.mkdir:
            continue
        attempt(forked, sound, tmp_path, target, put)


def member(name: str, **changes: object) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    for key, value in changes.items():
        setattr(entry, key, value)
    return entry


@pytest.mark.parametrize(
    "entry",
    [
        member("../outside", size=1),
        member("/tmp/outside_of_all", size=1),
        member("link", type=tarfile.SYMTYPE, linkname="/etc"),
        member("link", type=tarfile.LNKTYPE, linkname="../../outside"),
        member("device", type=tarfile.CHRTYPE, devmajor=1, devminor=5),
    ],
    ids=["dots", "absolute", "symbolic link", "hard link", "device"],
)
def test_archives_that_torchvision_extracts(tmp_path, entry):
    from torchvision.datasets.utils import extract_archive

    from data.download import _archives_stay_inside

    with tarfile.open(tmp_path / "set.tar", "w") as archive:
        archive.addfile(entry, io.BytesIO(b"x") if entry.isreg() else None)
        archive.addfile(member("link/outside", size=1), io.BytesIO(b"x"))
    (tmp_path / "inside").mkdir()
    with _archives_stay_inside(), contextlib.suppress(tarfile.FilterError):
        extract_archive(str(tmp_path / "set.tar"), str(tmp_path / "inside"))
    assert sorted(os.listdir(tmp_path)) == ["inside", "set.tar"]
    assert not Path("/tmp/outside_of_all").exists()
    made = [path for path in (tmp_path / "inside").rglob("*") if not path.is_dir()]
    assert all(path.is_file() and not path.is_symlink() and path.stat().st_nlink == 1 for path in made)
    assert len(made) == (2 if entry.name.startswith("/") else 0)  # which then lies inside


def test_zips_that_torchvision_extracts(tmp_path):
    from torchvision.datasets.utils import extract_archive

    from data.download import _archives_stay_inside

    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for name in ("../../outside", "/outside", "inner/../../outside"):
            archive.writestr(name, "x")
    with _archives_stay_inside():
        extract_archive(str(tmp_path / "set.zip"), str(tmp_path / "inside"))
    assert sorted(os.listdir(tmp_path)) == ["inside", "set.zip"]


def test_an_archive_is_no_folder_of_images(forked, tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../outside.png", bytes(1 << 24))
    done = forked.run("train.py", "--latent_size", 3, "--dataset", "set.zip", cwd=tmp_path)
    assert "is an archive; unpack it" in (said := refusal(done))
    assert "python -m zipfile -e set.zip set && python" in said
    assert said.endswith("train.py --latent_size 3 --dataset set")
    assert os.listdir(tmp_path) == ["set.zip"]


def test_hostile_names_in_a_test_split_are_text(forked, sound, tmp_path):
    shutil.copytree(sound, tmp_path / "place", copy_function=os.link)
    content = load_tensors(sound / TEST_DATA, "test split", "")
    names = [
        "\x1b]0;owned\x07\x1b[2J",
        "<img src=x onerror=alert(1)>",
        "$\\frac",
        "=cmd|' /C calc'!A0",
        "مرحبا",
        "🙂\udcff",
    ]
    content["class_names"] = (names * 2)[: len(content["class_names"])]
    content["dataset"] = names[0]
    hostile.resave(tmp_path / "place" / TEST_DATA, "test split", {k: v for k, v in content.items() if k != "kind"})
    assert load_test_data(tmp_path / "place" / TEST_DATA).class_names[0] == names[0]
    done = forked.run("viz_reconstruction.py", "--latent_size", 3, "--svg", cwd=tmp_path / "place")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    table = (tmp_path / "place/output/reconstructions_latent_size_3.csv").read_text(encoding="utf-8")
    assert "'=cmd" in table
    assert ",=cmd" not in table
    drawn = (tmp_path / "place/output/reconstructions_latent_size_3.svg").read_text(encoding="utf-8")
    assert "<img" not in drawn
