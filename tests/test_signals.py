"""Ctrl-C, SIGTERM and SIGHUP keep the state and leave; the second ends the process at once, whatever it computes; a
loss that is NaN changes nothing."""

import contextlib
import csv
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from model.training_state import find_run
from tests.conftest import ROOT, refusal

fcntl, pty, termios = (pytest.importorskip(name) for name in ("fcntl", "pty", "termios"))  # Windows has none

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


def test_a_stop_where_decoders_are_trained_at_refined_latents(forked, tmp_path):
    command = ["train.py", *BRIEF, "--model", "conv"]
    for name, fault, status in [
        ("plain", {}, 0), ("undisturbed", {"many": 0}, 0),
        ("stopped", {"many": 0, "signalled": (3 * STEPS - 2, signal.SIGINT)}, 130),
    ]:  # fmt: skip
        (tmp_path / name).mkdir()
        assert forked.run(*command, cwd=tmp_path / name, fault=fault).returncode == status
    done = forked.run("train.py", "--resume", cwd=tmp_path / "stopped", fault={"many": 0})
    assert done.returncode == 0, done.stderr
    plain, undisturbed, resumed = (contents(tmp_path / name) for name in ("plain", "undisturbed", "stopped"))
    assert resumed == undisturbed
    logs = (json.loads(each["training_log.jsonl"].splitlines()[-1]) for each in (plain, undisturbed))
    assert next(logs)["train_total"] != next(logs)["train_total"]


SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]


@pytest.mark.parametrize(("number", "status"), SIGNALS)
@pytest.mark.parametrize("step", [1, 3 * STEPS - 1, 5 * STEPS], ids=["first epoch", "last step", "second bottleneck"])
def test_a_signal_within_a_step_keeps_the_state_and_leaves(forked, tmp_path, undisturbed, number, status, step):
    done = forked.run("train.py", *BRIEF, cwd=tmp_path, fault={"signalled": (step, number)})
    assert done.returncode == status, done.stderr
    assert "train.py --resume --output_dir" in done.stderr.partition("go on with: ")[2]
    assert "Traceback" not in done.stderr
    epoch, within = divmod(step % (3 * STEPS), STEPS)
    kept = find_run(tmp_path / "output").states[2 if step < 3 * STEPS else 3]["position"]
    last = within == STEPS - 1  # of an epoch, which is then finished first
    assert (kept["epoch"], kept["step"]) == (epoch + 1, within + 1) or (last and kept["step"] in (0, STEPS))
    resume_and_compare(forked, tmp_path, undisturbed)


@pytest.mark.parametrize(("number", "status"), SIGNALS)
def test_a_signal_from_outside_is_heeded_within_ten_seconds(forked, tmp_path, number, status):
    child = forked.start("train.py", *ENDLESS, cwd=tmp_path)
    child.until((tmp_path / STATE).exists)
    asked = time.monotonic()
    child.send(number)
    assert child.wait(30).returncode == status
    assert time.monotonic() - asked < 10


def test_hanging_up_is_heeded_where_the_terminal_has_gone(tmp_path):
    """As when an ssh connection is closed: nothing can be said any more, and the state is kept all the same."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, ROOT / "train.py", *map(str, ENDLESS)],
        cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )  # fmt: skip
    os.close(theirs)
    os.set_blocking(ours, False)

    def trained() -> bool:
        with contextlib.suppress(BlockingIOError):
            os.read(ours, 4096)
        return (tmp_path / STATE).exists()

    wait_for(trained)
    os.close(ours)
    assert process.wait(60) == 129
    assert find_run(tmp_path / "output").states[2]["position"]["epoch"] >= 1


def test_hanging_up_is_ignored_where_nohup_asked_for_it(tmp_path):
    process = subprocess.Popen(
        ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", sys.executable, ROOT / "train.py", *map(str, ENDLESS)],
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wait_for((tmp_path / STATE).exists)
    process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    process.terminate()
    assert process.wait(60) == 143


def wait_for(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# Within a moment of the first, another SIGTERM or SIGHUP is the same request sent twice, as timeout(1) does.
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (signal.SIGINT, signal.SIGINT),
        (signal.SIGTERM, signal.SIGTERM),
        (signal.SIGINT, signal.SIGHUP),
        (signal.SIGHUP, signal.SIGTERM),
    ],
)
@pytest.mark.parametrize("computing", ["stuck", "locked"])
def test_the_second_signal_ends_any_computation_and_loses_nothing(forked, tmp_path, first, second, computing):
    """The first waits for the end of a step that takes for ever; locked, it keeps Python's lock meanwhile."""
    child = forked.start("train.py", *ENDLESS, cwd=tmp_path, fault={computing: 10 * STEPS})
    child.until(lambda: "stuck" in child.said())
    child.send(first)
    time.sleep(0.3 if second == signal.SIGINT else 1.2)
    child.send(second)
    asked = time.monotonic()
    expected = 128 + second if computing == "stuck" else -signal.SIGKILL  # by a process beside it: nothing else can
    assert child.wait(30).returncode == expected
    assert time.monotonic() - asked < 2
    assert find_run(tmp_path / "output").states[2]["position"]["epoch"] == 11


def test_the_same_request_twice_is_one(forked, tmp_path, undisturbed):
    child = forked.start("train.py", *ENDLESS, cwd=tmp_path)
    child.until((tmp_path / STATE).exists)
    child.send(signal.SIGTERM)
    time.sleep(0.01)
    child.send(signal.SIGTERM)
    done = child.wait(30)
    assert done.returncode == 143
    assert "train.py --resume --output_dir" in done.stderr.partition("go on with: ")[2]


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_processes_that_decode_end_with_the_script(forked, tmp_path, number, status):
    (tmp_path / "images").mkdir()
    for count in range(4000):
        (tmp_path / "images" / f"{count}.ppm").write_bytes(b"P6 16 16 255\n" + bytes(3 * 16 * 16))
    child = forked.start("train.py", *BRIEF, "--dataset", "images", "--num_workers", 3, cwd=tmp_path)
    child.until(lambda: any(tmp_path.glob("data/cache/*/.decoding.partial")))
    child.until(lambda: len(children_of(child.pid)) > 3)  # the guard is one of them
    others = children_of(child.pid)
    child.send(number)
    done = child.wait()
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    wait_for(lambda: not any(is_alive(other) for other in others))


@pytest.mark.parametrize("moment", ["os.register_at_fork(before=signalled); os.fork() or os._exit(0)",
                                     "weakref.finalize(thing := Thing(), signalled); del thing"])  # fmt: skip
@pytest.mark.parametrize(("number", "status"), SIGNALS)
def test_a_signal_where_exceptions_end_nothing_is_heeded_all_the_same(number, status, moment):
    program = f"""
import os, time, weakref
from run.command import execute

class Thing:
    pass

def signalled():
    os.kill(os.getpid(), {number:d})

def main():
    {moment}
    time.sleep(30)

execute(main)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stderr.strip().partition(" ")[0]) == (status, "stopped"), done.stderr


def children_of(process: int) -> list[int]:
    return [int(child) for thread in Path(f"/proc/{process}/task").iterdir()
            for child in (thread / "children").read_text().split()]  # fmt: skip


def is_alive(process: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


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
    (moved,) = (tmp_path / "output" / "earlier").iterdir()
    (tmp_path / "again").mkdir()
    moved.rename(tmp_path / "again" / "output")
    (tmp_path / "again" / "output" / "model_latent_size_3.pth").unlink()
    resume_and_compare(forked, tmp_path / "again", undisturbed)


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
    folder, _, command = sentence.partition("go on where it began: cd ")[2].partition(" && python ")
    done = forked.run("train.py", *shlex.split(command)[1:], cwd=Path(folder))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "here" / "output" / "metrics_training.json").exists()
