"""The folder of a training: its lock, and how another training's files are moved aside."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from run import training_folder
from run.errors import BadInput
from run.training_folder import locked_for_training, move_aside, results_in, training_under_way, undisturbed
from tests.conftest import ROOT

HOLD = (
    "import pathlib, sys, time; from run.training_folder import locked_for_training\n"
    "with locked_for_training(pathlib.Path(sys.argv[1]), 'python train.py --latent_size 8', ''):\n"
    "    print('locked', flush=True); time.sleep(60)"
)


def held(folder: Path) -> subprocess.Popen:
    process = subprocess.Popen([sys.executable, "-c", HOLD, folder], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "locked\n"
    return process


def test_a_locked_folder_says_who_has_it_and_is_free_after_a_kill(tmp_path):
    process = held(tmp_path / "output")
    try:
        assert training_under_way(tmp_path / "output") == "python train.py --latent_size 8"
        with (
            pytest.raises(BadInput, match=r"by: python train.py --latent_size 8 \(process \d+\).*elsewhere: python x"),
            locked_for_training(tmp_path / "output", "python train.py", "python x"),
        ):
            pass
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    assert training_under_way(tmp_path / "output") is None
    with locked_for_training(tmp_path / "output", "python train.py", ""):
        assert training_under_way(tmp_path / "output") == "python train.py"
    assert list((tmp_path / "output").iterdir()) == []


def test_a_folder_that_was_made_for_nothing_goes_again(tmp_path):
    with pytest.raises(BadInput), locked_for_training(tmp_path / "a" / "b", "x", ""):
        raise BadInput("no such data set")
    assert not (tmp_path / "a" / "b").exists()


def test_results_are_moved_aside_whole_and_nothing_else(tmp_path):
    for name in ("model_latent_size_2.pth", "test_data.pth", "training_curves.png", "README.md", "notes.txt"):
        (tmp_path / name).write_text(name)
    (tmp_path / "training_state").mkdir()
    (tmp_path / "vae").mkdir()
    (tmp_path / "vae" / "test_data.pth").write_text("another training")
    assert move_aside(tmp_path, "digits: conv, 2 and 16") == tmp_path / "earlier" / "digits_conv_2_and_16"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md", "earlier", "notes.txt", "vae"]
    moved = tmp_path / "earlier" / "digits_conv_2_and_16"
    assert (moved / "test_data.pth").read_text() == "test_data.pth"
    assert (moved / "training_state").is_dir()
    assert move_aside(tmp_path, "digits: conv, 2 and 16") is None
    (tmp_path / "test_data.pth").write_text("new")
    assert move_aside(tmp_path, "digits: conv, 2 and 16").name == "digits_conv_2_and_16_2"


@pytest.mark.parametrize("moves", range(4))
def test_killed_while_moving_the_old_training_is_whole_again(tmp_path, monkeypatch, moves):
    names = ["metrics.json", "model_latent_size_2.pth", "test_data.pth"]
    for name in names:
        (tmp_path / name).write_text(name)
    replace, done = os.replace, []

    def dying(*paths: Path) -> None:
        if len(done) == moves:
            raise KeyboardInterrupt
        done.append(paths)
        replace(*paths)

    monkeypatch.setattr(training_folder.os, "replace", dying)
    with pytest.raises(KeyboardInterrupt):
        move_aside(tmp_path, "old")
    monkeypatch.undo()
    with undisturbed(tmp_path):
        assert [path.name for path in results_in(tmp_path)] == names
    assert list((tmp_path / "earlier").iterdir()) == []


def test_who_reads_holds_up_who_moves(tmp_path):
    (tmp_path / "test_data.pth").write_text("old")
    mover = (
        "import pathlib, sys; from run.training_folder import move_aside; move_aside(pathlib.Path(sys.argv[1]), 'old')"
    )
    with undisturbed(tmp_path):
        process = subprocess.Popen([sys.executable, "-c", mover, tmp_path], cwd=ROOT)
        time.sleep(1)
        assert process.poll() is None
        assert (tmp_path / "test_data.pth").read_text() == "old"
    assert process.wait(timeout=30) == 0
    assert not (tmp_path / "test_data.pth").exists()
