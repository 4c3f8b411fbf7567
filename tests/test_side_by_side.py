"""Bottlenecks in processes of their own, and what becomes of the folder that they are trained into."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from model.checkpoint import load_checkpoint
from tests.conftest import ROOT, refusal, run_script
from tests.forking import ONE_THREAD

BRIEF = ["--dataset", "digits", "--latent_size", 5, "--num_epochs", 12, "--max_train", 600, "--save_every", 0.0001]
several_cores = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core: nothing runs side by side")


def train(output: Path, *more: object, one_core: bool = False) -> subprocess.CompletedProcess:
    command = [*BRIEF, "--data_dir", output.parent / "data", "--output_dir", output, *more]
    if not one_core:
        return run_script("train.py", *command)
    core = str(min(os.sched_getaffinity(0)))
    words = ["taskset", "-c", core, sys.executable, str(ROOT / "train.py"), *map(str, command)]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)


def begun(output: Path, num_epochs: int = 1000) -> subprocess.Popen:
    """A training, once both of its bottlenecks have kept a state."""
    command = [*BRIEF, "--num_epochs", num_epochs, "--data_dir", output.parent / "data", "--output_dir", output]
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "train.py"), *map(str, command)], cwd=ROOT, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not all((output / "training_state" / f"latent_size_{size}.pth").exists() for size in (2, 5)):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return process


def children(process: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == process:
            found.append(int(status.parent.name))
    return found


def trainers(process: int) -> list[int]:
    """The processes that train, which are those that compute."""
    return sorted(
        (each for each in children(process) if "train.py" in Path(f"/proc/{each}/cmdline").read_text()),
        key=lambda each: -int(Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()[11]),
    )[:2]


def weights(output: Path, size: int) -> dict[str, bytes]:
    model, record = load_checkpoint(output / f"model_latent_size_{size}.pth")
    return {name: tensor.numpy().tobytes() for name, tensor in model.state_dict().items()} | {
        "held out": json.dumps(record["held_out"]).encode()
    }


@pytest.fixture(scope="module")
def trained_at_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training with all cores. To be read, not written."""
    output = tmp_path_factory.mktemp("at_once") / "output"
    done = train(output)
    assert done.returncode == 0, done.stderr
    return output


@several_cores
def test_the_same_bytes_with_one_core_and_with_all(tmp_path, trained_at_once):
    done = train(tmp_path / "output", one_core=True)
    assert done.returncode == 0, done.stderr
    for size in (2, 5):
        assert weights(tmp_path / "output", size) == weights(trained_at_once, size)
    for name in ("training_log.jsonl", "test_data.pth", "training_curves.png"):
        assert (tmp_path / "output" / name).read_bytes() == (trained_at_once / name).read_bytes()


@several_cores
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_stopped_or_killed_it_goes_on_to_the_same_bytes(tmp_path, number, trained_at_once):
    output = tmp_path / "output"
    process = begun(output, num_epochs=12)
    mine = children(process.pid)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}[number], said
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{each}").exists() for each in mine):
        assert time.monotonic() < deadline, "processes were left behind"
        time.sleep(0.05)
    if number != signal.SIGKILL:
        assert said.count("train.py --resume ") == 1
        assert f"--output_dir {output}" in said.partition("train.py --resume ")[2]
    done = run_script("train.py", "--resume", "--output_dir", output, "--data_dir", tmp_path / "data")
    assert done.returncode == 0, done.stderr
    for size in (2, 5):
        assert weights(output, size) == weights(trained_at_once, size)
    assert (output / "training_log.jsonl").read_bytes() == (trained_at_once / "training_log.jsonl").read_bytes()


@several_cores
def test_a_process_that_is_killed_is_told_and_the_others_keep_their_states(tmp_path):
    process = begun(tmp_path / "output")
    os.kill(trainers(process.pid)[0], signal.SIGKILL)
    out, said = process.communicate(timeout=60)
    assert process.returncode == 2, (out, said)
    assert "was killed (is the memory used up?)" in said.strip().splitlines()[-1]
    assert "--resume" in said
    assert "Traceback" not in said


def test_a_second_training_is_told_who_has_the_folder(tmp_path):
    process = begun(tmp_path / "output")
    try:
        sentence = refusal(train(tmp_path / "output"))
        assert "is being trained into by: python train.py --dataset digits" in sentence
        elsewhere = sentence.partition("train elsewhere: ")[2]
        assert f"--output_dir {tmp_path / 'output_2'}" in elsewhere
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()
    words = elsewhere.split()
    done = run_script(*words[1:])
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "output_2" / "model_latent_size_5.pth").exists()


def test_sizes_are_added_and_nothing_is_trained_twice(tmp_path, trained_at_once):
    output = tmp_path / "output"
    assert train(output).returncode == 0
    before = {path.name: path.read_bytes() for path in output.glob("model_*.pth")}
    done = train(output, "--latent_size", 3)
    assert done.returncode == 0, done.stderr
    assert "bottlenecks 2 and 5: trained already" in done.stderr
    assert "bottleneck   3" in done.stderr
    assert "bottleneck   2" not in done.stderr
    assert {name: (output / name).read_bytes() for name in before} == before
    assert "autoencoder of 5" in done.stdout
    sizes = [json.loads(line)["latent_size"] for line in (output / "training_log.jsonl").read_text().splitlines()]
    assert sizes == [2] * 12 + [3] * 12 + [5] * 12
    assert not (output / "earlier").exists()
    done = train(output, "--retrain")
    assert "bottleneck   5" in done.stderr
    assert weights(output, 5) == weights(trained_at_once, 5)


def test_another_training_moves_what_was_there_aside(tmp_path):
    output = tmp_path / "output"
    assert train(output).returncode == 0
    before = {path.name: path.read_bytes() for path in output.iterdir() if path.is_file()}
    (output / "notes.txt").write_text("mine")
    done = train(output, "--num_epochs", 2)
    assert done.returncode == 0, done.stderr
    (moved,) = (output / "earlier").iterdir()
    assert f"they are in {moved} now" in done.stderr
    assert {path.name: path.read_bytes() for path in moved.iterdir() if path.is_file()} == before
    assert (output / "notes.txt").read_text() == "mine"
    assert run_script("viz_reconstruction.py", "--latent_size", 5, "--output_dir", moved).returncode == 0


@several_cores
def test_a_caller_may_have_used_several_threads_before():
    """As in a notebook: a forked process has none of its parent's threads, and must not wait for them."""
    code = (
        "import torch; torch.set_num_threads(2); torch.ones(1_000_000).mul_(2)\n"
        "from stages.training.side_by_side import train_all\n"
        "train = lambda size, report, stop: torch.ones(1_000_000).mul_(size).mean().item()\n"
        "print(sorted(train_all([2, 3], train, None, in_processes=True).items()))"
    )
    environment = {name: value for name, value in os.environ.items() if name not in ONE_THREAD}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100
    )
    assert done.stdout == "[(2, 2.0), (3, 3.0)]\n", done.stderr
