"""kill -9 at any moment, and a resume to the same bytes as a run that nothing disturbed."""

import random
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import refusal
from tests.faults import points
from tests.forking import Done, Server

BRIEF = ["--latent_size", 5, "--num_epochs", 3, "--batch_size", 32]
OFTEN = ["--save_every", 0.001]  # minutes: within epochs too, as often as the clock has it
VARIANTS = {
    "dropout, decoded in one thread": [*OFTEN, "--num_workers", 1],
    "samples and noise, decoded in two": [
        "--model", "vae", "--noise", 0.1, "--snapshot_epochs", 2, *OFTEN, "--num_workers", 2,
    ],
    "neither": ["--model", "dense"],  # saved after each epoch alone, so that its writes can be numbered
}  # fmt: skip


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """120 images in two classes: decoded, cached and trained on within a second."""
    folder = tmp_path_factory.mktemp("pictures") / "set"
    chance = np.random.default_rng(0)
    for number in range(120):
        path = folder / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        ramp = np.linspace(0, 150 + number, 64).reshape(8, 8)
        Image.fromarray((ramp + chance.integers(0, 50, (8, 8))).clip(0, 255).astype(np.uint8)).save(path)
    return folder


class Undisturbed:
    """Runs that nothing disturbs, one a variant: what it leaves and how long it takes."""

    def __init__(self, forked: Server, pictures: Path, folder: Path) -> None:
        self._forked, self._pictures, self._folder = forked, pictures, folder
        self._known: dict[str, tuple[dict[str, bytes], float]] = {}

    def arguments(self, variant: str) -> list[object]:
        return ["--dataset", self._pictures, *BRIEF, *VARIANTS[variant]]

    def __call__(self, variant: str) -> tuple[dict[str, bytes], float]:
        if variant not in self._known:
            place = self._folder / str(len(self._known))
            place.mkdir()
            done = self._forked.run("train.py", *self.arguments(variant), cwd=place)
            assert done.returncode == 0, done.stderr
            self._known[variant] = contents(place), done.seconds
        return self._known[variant]


@pytest.fixture(scope="module")
def undisturbed(forked, pictures, tmp_path_factory) -> Undisturbed:
    return Undisturbed(forked, pictures, tmp_path_factory.mktemp("undisturbed"))


def contents(folder: Path) -> dict[str, bytes]:
    """Name -> bytes of everything that a run leaves, but for states before the last: they depend on the clock."""
    paths = [path for path in sorted((folder / "output").rglob("*")) if path.is_file()]
    return {path.name: path.read_bytes() for path in paths if not path.name.endswith("_previous.pth")}


def differences(found: dict[str, bytes], expected: dict[str, bytes]) -> list[str]:
    return sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))


def states(folder: Path) -> list[Path]:
    return sorted((folder / "output" / "training_state").glob("latent_size_*.pth"))


def go_on(forked: Server, folder: Path, first: list[object], **options: object):
    """Start the run of ``folder``, or what is left of it."""
    workers = first[-2:] if "--num_workers" in first else []
    return forked.start("train.py", *(["--resume", *workers] if states(folder) else first), cwd=folder, **options)


def finish(forked: Server, folder: Path, first: list[object], **options: object) -> Done:
    done = go_on(forked, folder, first, **options).wait()
    assert done.returncode == 0, done.stderr
    return done


def kill_at_random(forked: Server, folder: Path, variant: str, kills: int, undisturbed: Undisturbed) -> None:
    """Kill runs ``kills`` times; whenever one comes to its end, it must have come to the right one."""
    expected, seconds = undisturbed(variant)
    first, chance = undisturbed.arguments(variant), random.Random(kills)
    killed = runs = saving = 0
    while killed < kills:
        folder.joinpath(str(runs)).mkdir(exist_ok=True)
        child = go_on(forked, folder / str(runs), first)
        time.sleep(chance.uniform(0, seconds))
        child.send(signal.SIGKILL)
        done = child.wait()
        if done.returncode == 0:
            assert differences(contents(folder / str(runs)), expected) == []
            runs += 1
            continue
        assert done.returncode == -signal.SIGKILL, done.stderr
        killed += 1
        saving += bool(list((folder / str(runs)).rglob("*.partial")))
    print(f"{variant}: {killed} kills, {saving} of them in the middle of writing a file, {runs + 1} runs completed")
    finish(forked, folder / str(runs), first)
    assert differences(contents(folder / str(runs)), expected) == []


@pytest.mark.parametrize("variant", list(VARIANTS)[:2])
def test_ten_kills_at_random_moments(forked, tmp_path, undisturbed, variant):
    kill_at_random(forked, tmp_path, variant, 5, undisturbed)


@pytest.mark.long
@pytest.mark.parametrize("variant", list(VARIANTS)[:2])
def test_fifty_kills_at_random_moments(forked, tmp_path, undisturbed, variant):
    kill_at_random(forked, tmp_path, variant, 25, undisturbed)


@pytest.fixture(scope="module")
def points_of_training(forked, undisturbed, tmp_path_factory) -> list[tuple[str, str]]:
    folder = tmp_path_factory.mktemp("recorded")
    done = forked.run(
        "train.py", *undisturbed.arguments("neither"), cwd=folder, fault={"record": str(folder / "points")}
    )
    assert done.returncode == 0, done.stderr
    return points(folder / "points")


@pytest.mark.parametrize("size", [2, 5])
def test_ten_kills_inside_a_save(forked, tmp_path, undisturbed, points_of_training, size):
    """At each step of writing a state, in the training of either bottleneck; then on from there."""
    first, (expected, _) = undisturbed.arguments("neither"), undisturbed("neither")
    last = max(
        n for n, (_, target) in enumerate(points_of_training) if target.endswith(f"state/latent_size_{size}.pth")
    )
    steps = points_of_training[last - 3 : last + 2]
    assert [call for call, _ in steps] == ["write", "fsync", "rename", "rename", "fsync"]
    for at in range(last - 3, last + 2):
        folder = tmp_path / str(at)
        folder.mkdir()
        child = go_on(forked, folder, first, fault={"at": at})
        assert child.wait().returncode == -signal.SIGKILL
        finish(forked, folder, first)
        assert differences(contents(folder), expected) == []
        assert not list(folder.rglob("*.partial"))


def test_a_resume_that_leaves_a_generator_out_is_found_out(forked, tmp_path, undisturbed):
    """The control of all the others: they compare what would differ."""
    variant = next(iter(VARIANTS))
    first, (expected, _) = undisturbed.arguments(variant), undisturbed(variant)
    # in the second epoch of the bottleneck of 5, for that of 2 draws no random numbers
    done = forked.run("train.py", *first, cwd=tmp_path, fault={"poison": 18})
    assert "no longer finite" in refusal(done)
    (tmp_path / "output" / "not_finite.csv").unlink()
    shutil.copytree(tmp_path / "output", tmp_path / "kept" / "output")
    finish(forked, tmp_path / "kept", first)
    assert differences(contents(tmp_path / "kept"), expected) == []
    finish(forked, tmp_path, first, fault={"without_generator": "torch"})
    assert "model_latent_size_5.pth" in differences(contents(tmp_path), expected)
