"""Disks that fail at any write, fsync or rename: each file is then the old or the new one, and the script says so."""

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from latent.archive import load_latent_space
from model.training_state import find_run, has_states
from run.tensor_file import load_tensors
from stages.clusters.assigner import load_assigner
from tests.conftest import ROOT, refusal
from tests.faults import ERRORS, KILL, points

# Every script that writes, with arguments that make it quick; each reads what those before it wrote.
CHAIN = {
    "train": ["train.py", "--dataset", "digits", "--num_epochs", 2, "--max_train", 100, "--max_test", 40,
              "--batch_size", 50, "--model", "conditional", "--svg", "--snapshot_epochs", 1],
    "viz_training": ["viz_training.py"],
    "viz_reconstruction": ["viz_reconstruction.py", "--svg"],
    "encode": ["encode_latent_space.py", "--num_samples", 30],
    "viz_latent_space": ["viz_latent_space.py", "--vis_type", "pca"],
    "viz_kmeans": ["viz_kmeans_latent_space.py", "--num_clusters", 3, "--space", "pca"],
    "viz_dataset": ["viz_dataset.py", "--dataset", "digits", "--num_images", 2],
    "evaluate": ["evaluate.py", "--seeds", 2, "--num_fit", 60],
    "sweep": ["sweep_latent_size.py", "--num_fit", 60, "--num_images", 2],
    "train_classifier": ["train_classifier.py", "--max_fit", 60, "--num_epochs", 1, "--classifiers", "mlp", "knn"],
    "sample": ["generate_images.py", "sample", "--num_images", 3, "--num_components", 2],
    "manifold": ["generate_images.py", "manifold", "--grid", 2, "--labels", 0],
    "interpolate": ["generate_images.py", "interpolate", "--steps", 2],
    "traverse": ["generate_images.py", "traverse", "--steps", 2],
    "relabel": ["generate_images.py", "relabel", "--cnn_epochs", 1, "--max_fit", 60, "--labels", 0, 1],
    "neighbours": ["generate_images.py", "neighbours", "--num_neighbours", 2],
    "odd_images": ["find_odd_images.py", "--num_images", 4, "--num_neighbours"],
    "explore": ["explore_latent_space.py", "--vis_type", "pca"],
    "report": ["report.py", "--hand_in"],
}  # fmt: skip
SIZES = {"viz_dataset": [], "sweep": [], "manifold": ["--latent_size", 2]}  # of all others the bottleneck of 3
UNSEEDED = {"viz_training": [], "odd_images": ["{}"], "report": ["{}"]}  # another number goes to the flag before


def command(name: str, seed: int) -> list[object]:
    script, *arguments = CHAIN[name]
    seeded = [each.format(seed) for each in UNSEEDED.get(name, ["--seed", "{}"])]
    return [script, *arguments, *seeded, *SIZES.get(name, ["--latent_size", 3])]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def linked_copy(source: Path, target: Path) -> Path:
    """A copy that shares its files with the source: a script that wrote into one instead of replacing it would show."""
    return shutil.copytree(source, target, copy_function=os.link)


@pytest.fixture(scope="module")
def old(forked, tmp_path_factory) -> Path:
    """A folder in which every script has run once."""
    folder = tmp_path_factory.mktemp("old")
    for script in CHAIN:
        done = forked.run(*command(script, 1), cwd=folder)
        assert done.returncode == 0, (script, done.stderr)
    return folder


@pytest.fixture(scope="module")
def renewed(forked, old, tmp_path_factory) -> Callable[[str], tuple[dict[str, bytes], list[tuple[str, str]]]]:
    """For a script: what ``old`` becomes when it runs again with another seed, and the points of that run."""
    known = {}

    def renew(script: str) -> tuple[dict[str, bytes], list[tuple[str, str]]]:
        if script not in known:
            place = tmp_path_factory.mktemp("new")
            folder = linked_copy(old, place / "run")
            done = forked.run(*command(script, 2), cwd=folder, fault={"record": str(place / "points")})
            assert done.returncode == 0, done.stderr
            known[script] = contents(folder), points(place / "points")
        return known[script]

    return renew


def without_earlier(found: dict[str, bytes]) -> dict[str, bytes]:
    """Contents of a folder but for the trainings that another one has moved aside."""
    return {name: content for name, content in found.items() if not name.startswith("output/earlier/")}


def check_all_is_old_or_new(folder: Path, before: dict[str, bytes], after: dict[str, bytes]) -> None:
    passing = (".partial", ".training.lock")  # of a process that was killed
    found = {name: content for name, content in contents(folder).items() if not name.endswith(passing)}
    moved = {f"output/{name.split('/', 3)[3]}" for name in found if name.startswith("output/earlier/")}
    for name, content in found.items():
        if name.startswith("output/earlier/"):  # moved aside by another training, or on the way there
            assert content == before[f"output/{name.split('/', 3)[3]}"]
            continue
        if content in (before.get(name), after.get(name)):
            continue
        if name.endswith(".before.json"):  # of a file that has not followed its new description yet
            assert content == before[name.replace(".before", "").replace("/.", "/")]
            continue
        if "training_state" in name:  # of an epoch between
            load_tensors(folder / name, "training state", "")
        else:
            assert name.endswith("training_log.jsonl"), name
            assert set(content.splitlines()) <= set(after[name].splitlines())  # of bottlenecks side by side
    lost = (
        (before.keys() & after.keys()) - found.keys() - moved
    )  # the states of a run that another has taken the place of
    lost -= {name.replace(".before", "").replace("/.", "/") for name in found if name.endswith(".before.json")}
    assert not [name for name in lost if "training_state" not in name]


def fail_at(forked, place: Path, old: Path, script: str, after: dict[str, bytes], at: int, how: str) -> None:
    folder = linked_copy(old, place)
    before = contents(old)
    done = forked.run(*command(script, 2), cwd=folder, fault={"at": at, "how": how})
    if how == KILL:
        assert done.returncode == -signal.SIGKILL, done.stderr
    else:
        sentence = refusal(done)
        assert "output" in sentence  # names the place
        assert not [name for name in contents(folder) if name.endswith(".partial")]
    check_all_is_old_or_new(folder, before, after)
    assert contents(old) == before
    if script == "train":
        places = [folder / "output", *(folder / "output").glob("earlier/*")]
        assert any(has_states(place) and find_run(place).states for place in places)
    for path in (folder / "output").glob("latent_space_*.npy"):
        assert load_latent_space(path).labels is not None
    for path in (folder / "output").glob("*_fitted.npz"):
        load_assigner(path)
    if how == KILL:  # what it left lying about is in nobody's way
        done = forked.run(*command(script, 2), cwd=folder)
        assert done.returncode == 0, done.stderr
        assert without_earlier(contents(folder)) == without_earlier(after)
    shutil.rmtree(folder)


# those that are quick
@pytest.mark.parametrize(
    "script", ["train", "encode", "viz_reconstruction", "viz_dataset", "relabel", "odd_images", "explore", "report"]
)
def test_a_fault_at_some_points(forked, tmp_path, old, renewed, script):
    after, all_points = renewed(script)
    chance = random.Random(script)
    for turn in range(4 if script in ("train", "encode") else 2):
        how = KILL if turn % 2 else chance.choice(ERRORS)
        fail_at(forked, tmp_path / str(turn), old, script, after, chance.randrange(len(all_points)), how)


@pytest.mark.long
@pytest.mark.parametrize("script", list(CHAIN))
def test_a_fault_at_every_point(forked, tmp_path, old, renewed, script):
    after, all_points = renewed(script)
    for at in range(len(all_points)):
        for how in (ERRORS[at % len(ERRORS)], KILL):
            fail_at(forked, tmp_path / f"{at}{how}", old, script, after, at, how)
    print(f"{script}: {len(all_points)} points, each failed once and killed once")


@pytest.mark.parametrize("script", list(CHAIN))
def test_nothing_is_written_in_another_way(renewed, script):
    """Each artefact is written, flushed and renamed, and its folder flushed, in this order."""
    _, all_points = renewed(script)
    calls: dict[str, list[str]] = {}
    for number, (call, target) in enumerate(all_points):
        name = Path(target).name
        moved_aside = "/earlier" in target or name in (
            "earlier",
            "output",
        )  # a folder's files, whole: see test_training_folder.py
        if call == "rename" and not moved_aside and not name.endswith(("_previous.pth", ".before.json")):
            calls.setdefault(name, []).append(all_points[number + 1][0])
            before = [c for c, t in all_points[:number] if Path(t).name.startswith(f".{name}.")]
            assert before[-1] == "fsync"
            assert "write" in before
    assert calls
    assert all(set(following) == {"fsync"} for following in calls.values())


def in_a_mount(kind: str, folder: Path, arguments: list[object]) -> subprocess.CompletedProcess:
    """Run train.py in ``folder``, its ``output`` mounted by the shell words ``kind``; what it leaves is in ``left``."""
    command = f'set -e; {kind}; set +e; "$@"; code=$?; cp -r output left; exit $code'
    return subprocess.run(
        ["unshare", "-rm", "sh", "-c", command, "sh", sys.executable, ROOT / "train.py", *map(str, arguments)],
        cwd=folder, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


def has_mounts() -> bool:
    if shutil.which("unshare") is None:
        return False
    probe = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not has_mounts(), reason="this account may not mount a small disk of its own (unshare -rm)")
@pytest.mark.parametrize("kind", ["full", "read-only"])
def test_a_real_disk(tmp_path, old, renewed, kind):
    after, _ = renewed("train")
    shutil.copytree(old / "output", tmp_path / "output")
    before = contents(tmp_path / "output")
    if kind == "full":  # room for some of the new files, which stand beside the old ones until they replace them
        room = sum(-(-len(content) // 4096) * 4 for content in before.values()) + 300
        mount = f"cp -r output kept; mount -t tmpfs -o size={room}k tmpfs output; cp -r kept/. output"
    else:
        mount = "mount --bind output output; mount -o remount,ro,bind output"
    done = in_a_mount(mount, tmp_path, command("train", 2)[1:])
    assert {"full": "the disk is full", "read-only": "read-only"}[kind] in refusal(done)
    left = {f"output/{name}": content for name, content in contents(tmp_path / "left").items()}
    (tmp_path / "output").rename(tmp_path / "before")
    (tmp_path / "left").rename(tmp_path / "output")
    for name in ("before", "kept"):
        shutil.rmtree(tmp_path / name, ignore_errors=True)
    check_all_is_old_or_new(tmp_path, {f"output/{name}": content for name, content in before.items()}, after)
    assert left
    places = [tmp_path / "output", *(tmp_path / "output").glob("earlier/*")]
    assert any(has_states(place) and find_run(place).states for place in places)
