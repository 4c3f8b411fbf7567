"""Several processes train one network as one process would, end together, and are refused in one sentence."""

import collections
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from data.balance import epoch_order
from model.checkpoint import build_model, load_checkpoint
from model.noise import part_of_batch
from model.objective import Objective
from model.training_state import find_run
from run import collectives, ranks
from run.artefacts import read_json
from stages.training import shared_step
from tests.conftest import ROOT
from tests.forking import Done
from tests.launching import free_port, launched, said, together

# 43 images are trained on, a prime number; the last step of an epoch has 3, so that of 4 processes one has none
BRIEF = ["--dataset", "digits", "--latent_size", 3, "--only_named", "--num_epochs", 3, "--max_train", 45]
BRIEF += ["--batch_size", 20, "--model", "deep_dense", "--noise", 0.1, "--precision", "fp32", "--mirror", "yes"]
BRIEF += ["--seed", 1]  # by seed 0 an activation lies so near LeakyReLU's kink that rounding decides its side
STEPS, IMAGES = 3, 43
CHECKPOINT = "output/model_latent_size_3.pth"
# float32 sums in another order; each of these steps may move a weight by 5e-3
BOUND = 2e-4


def weights(path: Path) -> dict[str, torch.Tensor]:
    return load_checkpoint(path)[0].state_dict()


def differ(path: Path, other: Path) -> float:
    """The largest difference between weights of two networks."""
    ours, theirs = weights(path), weights(other)
    return max(float((ours[name] - theirs[name]).abs().max()) for name in ours if ours[name].is_floating_point()
               and not name.startswith("refinement"))  # fmt: skip


@pytest.fixture(scope="module")
def alone(forked, tmp_path_factory) -> Path:
    """The folder of a training by one process."""
    folder = tmp_path_factory.mktemp("alone")
    done = forked.run("train.py", *BRIEF, cwd=folder, fault={"seen": str(folder / "seen")})
    assert done.returncode == 0, done.stderr
    return folder


def images_seen(*paths: Path) -> dict[str, collections.Counter]:
    """By epoch, how often each image was."""
    found = collections.defaultdict(collections.Counter)
    for path in paths:
        for line in path.read_text().splitlines() if path.exists() else ():
            epoch, image = line.split()
            found[epoch][image] += 1
    return found


@pytest.mark.parametrize("size", [2, 4])
def test_the_network_is_that_of_one_process(forked, tmp_path, alone, size):
    seen = [tmp_path / f"seen{rank}" for rank in range(size)]
    done = together(forked, tmp_path, *BRIEF, size=size, faults={r: {"seen": str(p)} for r, p in enumerate(seen)})
    assert [each.returncode for each in done] == [0] * size, [each.stderr for each in done]
    others = [line for each in done[1:] for line in (each.stdout + each.stderr).splitlines()]
    assert [line for line in others if not line.startswith("[Gloo] ")] == []  # the first alone speaks; and torch 2.10
    together_seen = images_seen(*seen)
    assert together_seen == images_seen(alone / "seen")  # mirrored ones too
    assert [sum(images.values()) for images in together_seen.values()] == [IMAGES] * 3
    counts = [sum(sum(images.values()) for images in images_seen(path).values()) for path in seen]
    assert max(counts) - min(counts) <= 3 * STEPS, counts
    assert differ(tmp_path / CHECKPOINT, alone / CHECKPOINT) < BOUND
    theirs, ours = (read_json(folder / "output/metrics_training.json") for folder in (alone, tmp_path))
    for name, values in theirs["held_out"].items():
        assert ours["held_out"][name] == pytest.approx(values, rel=1e-3), name
    assert ours["held_out"]["PCA of 3"] == theirs["held_out"]["PCA of 3"]  # each test image counts once
    assert ours["fingerprint"] == theirs["fingerprint"]
    assert ours["processes"] == size
    ours, theirs = (sorted(path.name for path in (folder / "output").iterdir()) for folder in (tmp_path, alone))
    assert ours == theirs


def test_the_same_number_of_processes_gives_the_same_bytes(forked, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        assert together(forked, tmp_path / folder, *BRIEF)[0].returncode == 0
    assert (tmp_path / "a" / CHECKPOINT).read_bytes() == (tmp_path / "b" / CHECKPOINT).read_bytes()


class Summed:
    """Several ranks in this process, one after the other: what each would add up is summed afterwards."""

    def __init__(self, monkeypatch, size: int) -> None:
        self.rank, self.vectors = 0, []
        monkeypatch.setattr(ranks, "world_size", lambda: size)
        monkeypatch.setattr(ranks, "rank", lambda: self.rank)
        monkeypatch.setattr(collectives, "add_up", self.add_up)

    def add_up(self, vector: torch.Tensor) -> None:
        self.vectors.append(vector.clone())
        vector.copy_(sum(self.vectors))  # of the last rank it is the whole sum


@pytest.mark.parametrize(("name", "objective"), [
    ("conv", Objective()),
    ("conv", Objective(refined=True)),
    ("deep_dense", Objective({"ssim": 0.5, "l1": 0.5}, noise=0.2)),
    ("vae", Objective({"bce": 1.0}, kl_warmup=0.5)),
    ("cvae", Objective()),
])  # fmt: skip
@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("weighted", [True, False])
def test_an_epoch_of_double_precision_is_that_of_one_process(monkeypatch, name, objective, size, weighted):
    """17 images in steps of 6, 6 and 5; 3 and 5 processes have unequal parts."""
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)  # what rounds to float32 within the networks
    torch.manual_seed(0)
    images = torch.rand(17, 1, 8, 8, dtype=torch.float64)
    labels, weights = torch.arange(17) % 3, torch.rand(17, dtype=torch.float64)

    def epoch(size: int) -> tuple[torch.nn.Module, list[float]]:
        with monkeypatch.context() as patch:
            processes, losses = Summed(patch, size), []
            torch.manual_seed(1)
            model = build_model(name, 3, (1, 8, 8), **({"num_classes": 3} if name == "cvae" else {})).double().train()
            for values in (*model.parameters(), model.refinement.inverse):  # nothing is zero any more
                values.data += 0.01 * torch.randn_like(values)
            model.refined_from = 0.2
            optimizer = torch.optim.SGD(model.parameters(), 0.1)
            order = epoch_order(17, None, "none", 0, 1)
            for first in range(0, 17, 6):
                rows, generator = order[first : first + 6], torch.get_rng_state()
                processes.vectors.clear()
                for processes.rank in range(size):
                    torch.set_rng_state(generator)
                    mine = shared_step.my_part(len(rows))
                    some = torch.from_numpy(rows[mine.rows])
                    model.zero_grad()
                    with part_of_batch(mine.rows, mine.count):
                        classes = labels[some] if name == "cvae" else None
                        loss = model.loss(images[some], classes, objective, 0.3, weights[some] if weighted else None)
                    (loss["total"] * mine.share).backward()
                    loss, wishes = shared_step.add_up_step(model, loss, mine.share, [processes.rank == 1, False])
                assert wishes == [size > 1, False]
                losses.append(float(loss["total"].detach()))
                optimizer.step()
            return model, losses

    (one, its_losses), (several, losses) = epoch(1), epoch(size)
    for ours, theirs in zip(several.parameters(), one.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)
    assert losses == pytest.approx(its_losses, rel=1e-6)


@pytest.mark.parametrize("count", [0, 1, 2, 7, 13, 20])
@pytest.mark.parametrize("size", [1, 2, 3, 8])
def test_the_parts_of_all_are_each_row_once(monkeypatch, count, size):
    processes = Summed(monkeypatch, size)
    rows = []
    for processes.rank in range(size):
        rows += range(count)[ranks.part(count)]
    assert rows == list(range(count))


def test_killed_at_three_and_resumed_at_two(forked, tmp_path, alone):
    began = time.monotonic()
    done = together(forked, tmp_path, *BRIEF, size=3, faults={1: {"signalled": (STEPS + 1, signal.SIGKILL)}})
    assert time.monotonic() - began < 30
    assert [each.returncode for each in done] == [2, -signal.SIGKILL, 2]
    (sentence,) = said(done)
    assert "one of the 3 processes was killed" in sentence
    assert "--resume --output_dir output" in sentence
    kept = find_run(tmp_path / "output").states[3]["position"]
    assert (kept["epoch"], kept["step"]) == (2, 0)
    done = together(forked, tmp_path, "--resume")
    assert [each.returncode for each in done] == [0, 0], [each.stderr for each in done]
    assert differ(tmp_path / CHECKPOINT, alone / CHECKPOINT) < BOUND


@pytest.mark.parametrize(("rank", "number", "status"), [(1, signal.SIGTERM, 143), (0, signal.SIGINT, 130)])
def test_a_signal_to_one_stops_all_at_the_same_step(forked, tmp_path, alone, rank, number, status):
    done = together(forked, tmp_path, *BRIEF, faults={rank: {"signalled": (STEPS + 1, number)}})
    assert [each.returncode for each in done] == [status, status], [each.stderr for each in done]
    assert len(said(done)) == 1
    kept = find_run(tmp_path / "output").states[3]["position"]
    assert (kept["epoch"], kept["step"]) == (2, 2)  # in the middle of an epoch, which was finished
    resumed = forked.run("train.py", "--resume", cwd=tmp_path)  # by one
    assert resumed.returncode == 0, resumed.stderr
    assert differ(tmp_path / CHECKPOINT, alone / CHECKPOINT) < BOUND


def refused(done: list[Done]) -> str:
    """The one sentence of all processes that were refused."""
    assert [each.returncode for each in done] == [2] * len(done), [each.stderr for each in done]
    (sentence,) = said(done)
    return sentence


def test_a_loss_that_is_not_finite_is_said_once(forked, tmp_path):
    done = together(forked, tmp_path, *BRIEF, faults={1: {"poison": STEPS + 1}})
    assert "epoch 2, step 2 of 3" in refused(done)
    assert len((tmp_path / "output/not_finite.csv").read_text().splitlines()) == 1 + 20  # of the whole batch


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--batch_size", 10], "different arguments: --batch_size is 20 in process 0 and 10 in process 1"),
        (["--batch_sise", 10], "unrecognized arguments: --batch_sise"),
        (["--output_dir", "elsewhere"], "the output folder of process 1 is not that of process 0"),
        (["--data_dir", "/proc/none/data"], ""),
    ],
)
def test_processes_that_differ_are_refused(forked, tmp_path, more, words):
    done = together(forked, tmp_path, *BRIEF, more={1: more})
    if not words:  # where a cache is kept decides nothing
        assert [each.returncode for each in done] == [0, 0]
        return
    assert words in refused(done)
    assert not (tmp_path / "output").exists()


def test_different_images_are_refused(forked, tmp_path, trained_without_classes):
    folders = [tmp_path / name for name in "ab"]
    for number, folder in enumerate(folders):
        (folder / "images").mkdir(parents=True)
        for path in sorted((trained_without_classes / "images").iterdir())[number:]:
            (folder / "images" / path.name).write_bytes(path.read_bytes())
    port = free_port()
    children = [
        forked.start("train.py", "--dataset", "images", "--latent_size", 2, "--num_epochs", 1, "--output_dir",
                     "../output", cwd=folder, **launched(rank, 2, port) | {"GROUP_RANK": str(rank), "LOCAL_RANK": "0"})
        for rank, folder in enumerate(folders)
    ]  # fmt: skip
    assert "different images" in refused([child.wait(60) for child in children])


def test_what_several_can_not_do_is_refused(forked, tmp_path):
    assert "normalises by batch" in refused(together(forked, tmp_path, *BRIEF[:-8], "--model", "cae"))
    done = together(forked, tmp_path, "--output_dir", "elsewhere", script="evaluate.py")
    assert [each.returncode for each in done] == [2, 2]
    refusals = [each.stderr for each in done if "runs as one process" in each.stderr]
    assert len(refusals) == 1
    assert refusals[0].strip().endswith("evaluate.py --output_dir elsewhere")


def test_a_port_that_is_taken_is_a_sentence(forked, tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        done = forked.run("train.py", *BRIEF, cwd=tmp_path, **launched(0, 2, other.getsockname()[1]))
    assert done.returncode == 2
    assert "that port is taken" in done.stderr.strip().splitlines()[-1]


def test_torchrun_starts_it_and_passes_a_signal_on(tmp_path):
    """As a person starts it, with two bottlenecks; what is killed is torchrun's own process."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    words = ["torchrun", "--nproc_per_node=2", "--standalone", ROOT / "train.py", "--dataset", "digits"]
    words = [sys.executable, "-m", "torch.distributed.run", *words[1:], "--latent_size", 3, "--max_train", 60]
    process = subprocess.Popen(
        [*map(str, words), "--model", "dense", "--num_epochs", "1000000"], cwd=tmp_path, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not (tmp_path / "output/training_state/latent_size_2.pth").exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=60)
    assert errors.count("stopped by SIGTERM") == 1
    assert "go on with: torchrun --nproc_per_node=2" in errors
    assert output.count("random split") == 1
    assert find_run(tmp_path / "output").states[2]["position"]["epoch"] >= 2
    assert not list((tmp_path / "output/training_state").glob("*.partial"))


def test_of_each_row_there_is_one_number(monkeypatch):
    processes = Summed(monkeypatch, 3)
    monkeypatch.setattr(ranks, "meet", lambda: None)
    values = np.random.default_rng(0).random((7, 2))
    for processes.rank in range(3):
        found = collectives.of_each(7, lambda rows: values[rows])
    np.testing.assert_array_equal(found, values)
    processes.vectors.clear()
    for processes.rank in range(3):
        mean = collectives.mean_of_all(7, lambda rows: values[rows].mean(axis=0))
    np.testing.assert_allclose(mean, values.mean(axis=0), rtol=1e-12)


def test_machines_that_run_the_same_list_train_each_once(forked, tmp_path):
    """Two run the same commands, one folder a training: whoever comes second is refused, or finds it trained."""
    brief = ["--dataset", "digits", "--latent_size", 3, "--only_named", "--num_epochs", 2, "--max_train", 60]
    said = ""
    for pair in [(0, 0), (1, 1), (0, 1)]:
        children = [
            forked.start("train.py", *brief, "--seed", seed, "--output_dir", f"shared/{seed}", cwd=tmp_path)
            for seed in pair
        ]
        for child in children:
            done = child.wait(60)
            assert done.returncode in (0, 2), done.stderr
            said += done.stderr
    assert said.count("epoch   1/2") == 2
    assert said.count("is being trained into by") + said.count("trained already") == 4
    assert not list((tmp_path / "shared").glob("*/earlier"))


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"WORLD_SIZE": "abc"}, "WORLD_SIZE is 'abc'"),
        ({"RANK": ""}, "RANK is ''"),
        ({"RANK": "-1"}, "RANK is '-1'"),
        ({"WORLD_SIZE": "0"}, "RANK is 1 and WORLD_SIZE 0"),
        ({"RANK": "5"}, "RANK is 5 and WORLD_SIZE 2"),
        ({"MASTER_ADDR": "a..b"}, "there is no a..b"),
        ({"LOCAL_RANK": "x"}, "LOCAL_RANK is 'x'"),
        ({"MASTER_PORT": "99999999"}, "there is no 127.0.0.1:99999999"),
        ({"MASTER_PORT": ""}, "MASTER_PORT is not set"),
        ({"MASTER_ADDR": "no.such.host.invalid"}, "there is no no.such.host.invalid"),
    ],
)
def test_what_a_launcher_says_wrong_is_a_sentence(forked, tmp_path, more, sentence):
    done = forked.run("train.py", *BRIEF, cwd=tmp_path, **{**launched(1, 2, free_port()), **more})
    assert done.returncode == 2
    assert sentence in (line := done.stderr.strip().splitlines()[-1])
    assert "env -u RANK -u WORLD_SIZE python" in line
    assert "Traceback" not in done.stderr


def test_what_listens_and_is_no_process_of_ours_lets_a_signal_through(forked, tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        child = forked.start("train.py", *BRIEF, cwd=tmp_path, **launched(1, 2, other.getsockname()[1]))
        connection, _ = other.accept()  # it has come to meet the others, and waits for an answer
        with connection:
            child.send(signal.SIGTERM)
            done = child.wait(30)
    assert done.returncode == 128 + signal.SIGTERM
    assert done.stderr.strip() == ""  # a launcher sends it when another process has said why
