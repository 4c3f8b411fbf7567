"""A training that was stopped, and the same command again: nothing is lost, and the person is told what goes on."""

import shlex

import pytest

from model.checkpoint import load_checkpoint
from tests.conftest import refusal

RUN = ["train.py", "--dataset", "digits", "--max_train", 60, "--max_test", 20, "--model", "dense", "--batch_size", 8,
       "--latent_size", 3, "--num_epochs", 3, "--output_dir", "out"]  # fmt: skip


def go_on(forked, sentence: str, cwd):
    words = shlex.split(sentence[sentence.rindex("python ") :])
    return forked.run("train.py", *words[2:], cwd=cwd)


# 8 steps an epoch of each bottleneck: that of 2 is trained first
@pytest.mark.parametrize(("poison", "kept_of_two"), [(12, False), (35, True)])
def test_the_same_command_again_tells_of_the_stopped_training(forked, tmp_path, data_dir, poison, kept_of_two):
    command = [*RUN, "--data_dir", data_dir]
    stopped = forked.run(*command, "--save_every", 1e-9, cwd=tmp_path, fault={"poison": poison})
    assert "no longer finite" in refusal(stopped)
    assert (tmp_path / "out" / "model_latent_size_2.pth").exists() == kept_of_two
    again = forked.run(*command, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    said = next(line for line in again.stderr.splitlines() if "a stopped training of this very command" in line)
    assert "in epoch 2 of 3" in said
    assert "--resume" in said
    assert "another training" not in again.stderr
    assert go_on(forked, said, tmp_path).returncode == 0
    moved = next((tmp_path / "out" / "earlier").iterdir())
    for size in (2, 3):
        of_both = [load_checkpoint(place / f"model_latent_size_{size}.pth")[1] for place in (moved, tmp_path / "out")]
        assert of_both[0]["held_out"] == of_both[1]["held_out"]


def test_another_command_tells_of_the_stopped_training_too(forked, tmp_path, data_dir):
    command = [*RUN, "--data_dir", data_dir, "--save_every", 1e-9]
    forked.run(*command, cwd=tmp_path, fault={"poison": 12})
    other = forked.run(*command, "--seed", 5, cwd=tmp_path)
    said = next(line for line in other.stderr.splitlines() if "which was stopped" in line)
    assert go_on(forked, said, tmp_path).returncode == 0


def test_where_the_new_one_kept_nothing_the_earlier_one_is_offered(forked, tmp_path, data_dir):
    command = [*RUN, "--data_dir", data_dir]
    forked.run(*command, "--save_every", 1e-9, cwd=tmp_path, fault={"poison": 12})
    forked.run(*command, cwd=tmp_path, fault={"poison": 0})  # stopped before its first state
    assert not (tmp_path / "out" / "training_state").exists()
    sentence = refusal(forked.run("train.py", "--resume", "--output_dir", "out", cwd=tmp_path))
    assert "out/earlier/" in sentence
    assert go_on(forked, sentence, tmp_path).returncode == 0
