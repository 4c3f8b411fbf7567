"""Ctrl-C and SIGTERM keep the state and leave; a second Ctrl-C leaves at once; a loss that is NaN changes nothing."""

import csv
import shutil
import signal
import time
from pathlib import Path

import pytest

from model.training_state import find_run
from tests.conftest import refusal

BRIEF = ["--dataset", "digits", "--latent_size", 3, "--num_epochs", 3, "--max_train", 60, "--batch_size", 20]
BRIEF += ["--model", "dense"]
STEPS = 3  # an epoch: 57 training images
ENDLESS = [*BRIEF, "--num_epochs", 1_000_000]
STATE = "output/training_state/latent_size_2.pth"


def contents(folder: Path) -> dict[str, bytes]:
    paths = [path for path in (folder / "output").rglob("*") if path.is_file()]
    return {path.name: path.read_bytes() for path in paths if not path.name.endswith("_previous.pth")}


@pytest.fixture(scope="module")
def undisturbed(forked, tmp_path_factory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("undisturbed")
    done = forked.run("train.py", *BRIEF, cwd=folder)
    assert done.returncode == 0, done.stderr
    return contents(folder)


def resume_and_compare(forked, folder: Path, undisturbed: dict[str, bytes]) -> None:
    done = forked.run("train.py", "--resume", cwd=folder)
    assert done.returncode == 0, done.stderr
    found = contents(folder)
    assert [name for name in {*found, *undisturbed} if found.get(name) != undisturbed.get(name)] == []


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("step", [1, 3 * STEPS - 1, 5 * STEPS], ids=["first epoch", "last step", "second bottleneck"])
def test_a_signal_within_a_step_keeps_the_state_and_leaves(forked, tmp_path, undisturbed, number, status, step):
    done = forked.run("train.py", *BRIEF, cwd=tmp_path, fault={"signalled": (step, number)})
    assert done.returncode == status, done.stderr
    assert "go on with: python train.py --resume" in done.stderr
    assert "Traceback" not in done.stderr
    epoch, within = divmod(step % (3 * STEPS), STEPS)
    kept = find_run(tmp_path / "output").states[2 if step < 3 * STEPS else 3]["position"]
    last = within == STEPS - 1  # of an epoch, which is then finished first
    assert (kept["epoch"], kept["step"]) == (epoch + 1, within + 1) or (last and kept["step"] in (0, STEPS))
    resume_and_compare(forked, tmp_path, undisturbed)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_from_outside_is_heeded_within_ten_seconds(forked, tmp_path, number, status):
    child = forked.start("train.py", *ENDLESS, cwd=tmp_path)
    child.until((tmp_path / STATE).exists)
    asked = time.monotonic()
    child.send(number)
    assert child.wait(30).returncode == status
    assert time.monotonic() - asked < 10


def test_a_second_ctrl_c_leaves_at_once_and_loses_nothing(forked, tmp_path):
    """The second comes while the first waits for the end of a step that takes for ever."""
    child = forked.start("train.py", *ENDLESS, cwd=tmp_path, fault={"stuck": 10 * STEPS})
    child.until(lambda: "stuck" in child.said())
    child.send(signal.SIGINT)
    time.sleep(0.3)
    child.send(signal.SIGINT)
    asked = time.monotonic()
    assert child.wait(30).returncode in (130, -signal.SIGINT)  # a shell says 130 to either
    assert time.monotonic() - asked < 2
    assert find_run(tmp_path / "output").states[2]["position"]["epoch"] == 11


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes are looked up in Linux's /proc")
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_processes_that_decode_end_with_the_script(forked, tmp_path, number, status):
    (tmp_path / "images").mkdir()
    for count in range(2000):
        (tmp_path / "images" / f"{count}.ppm").write_bytes(b"P6 16 16 255\n" + bytes(3 * 16 * 16))
    child = forked.start("train.py", *BRIEF, "--dataset", "images", "--num_workers", 3, cwd=tmp_path)
    children = Path(f"/proc/{child.pid}/task/{child.pid}/children")
    child.until(lambda: len(children.read_text().split()) == 3)
    decoding = children.read_text().split()
    child.send(number)
    done = child.wait()
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{process}").exists() for process in decoding):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("step", [4, 3 * STEPS + 4], ids=["first bottleneck", "second bottleneck"])
def test_a_loss_that_is_nan_stops_before_the_step_and_keeps_the_last_state(forked, tmp_path, undisturbed, step):
    done = forked.run("train.py", *BRIEF, cwd=tmp_path, fault={"poison": step})
    sentence = refusal(done)
    size = 2 if step < 3 * STEPS else 3
    assert f"bottleneck {size}, epoch 2, step 2 of 3" in sentence
    with open(tmp_path / "output" / "not_finite.csv", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["sample_id"]
    assert len(rows) == 20
    assert all(row[0].startswith("digits/") for row in rows)
    assert all(row[0] in sentence for row in rows[:5])
    kept = find_run(tmp_path / "output").states[size]["position"]
    assert (kept["epoch"], kept["step"]) == (2, 0)  # the end of the first epoch
    (tmp_path / "output" / "not_finite.csv").unlink()
    resume_and_compare(forked, tmp_path, undisturbed)  # the NaN was the test's: without it the run is the same


def test_a_run_that_fails_at_once_leaves_the_one_before_it(forked, tmp_path, undisturbed):
    done = forked.run("train.py", *BRIEF, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    refusal(forked.run("train.py", *BRIEF, "--seed", 5, cwd=tmp_path, fault={"poison": 0}))
    (tmp_path / "output" / "not_finite.csv").unlink()
    (tmp_path / "output" / "model_latent_size_3.pth").unlink()
    resume_and_compare(forked, tmp_path, undisturbed)


def test_resuming_in_another_place(forked, tmp_path, undisturbed):
    """A folder, one state and the state before it may be named; what is made belongs beside them."""
    done = forked.run("train.py", *BRIEF, cwd=tmp_path, fault={"poison": 3 * STEPS + 4})
    refusal(done)
    (tmp_path / "output" / "not_finite.csv").unlink()
    state = "training_state/latent_size_3.pth"
    for number, named in enumerate(["run", f"run/{state}", "run/training_state/latent_size_2_previous.pth"]):
        place = tmp_path / str(number)
        shutil.copytree(tmp_path / "output", place / "run")
        done = forked.run("train.py", "--resume", named, cwd=place)
        assert done.returncode == 0, done.stderr
        (place / "run").rename(place / "output")
        found = contents(place)
        assert [name for name in undisturbed if found.get(name) != undisturbed[name]] == []
    (tmp_path / "backup").mkdir()
    shutil.copy(tmp_path / "output" / state, tmp_path / "backup" / "mine.pth")
    done = forked.run("train.py", "--resume", "backup/mine.pth", "--output_dir", "elsewhere", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "epoch   2/3" in done.stderr
    made = (tmp_path / "elsewhere" / "model_latent_size_3.pth").read_bytes()
    assert made == undisturbed["model_latent_size_3.pth"]


def test_a_folder_of_images_named_from_another_place(forked, tmp_path):
    (tmp_path / "here" / "set" / "images").mkdir(parents=True)
    for count in range(60):
        (tmp_path / "here" / "set" / "images" / f"{count}.ppm").write_bytes(b"P6 16 16 255\n" + bytes([count] * 768))
    run = ["train.py", *BRIEF, "--dataset", "set/images"]
    refusal(forked.run(*run, cwd=tmp_path / "here", fault={"poison": 4}))
    sentence = refusal(forked.run("train.py", "--resume", "here/output", cwd=tmp_path))
    assert "--dataset set/images" in sentence
    assert "go on from the folder in which it began" in sentence
