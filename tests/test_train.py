"""What train.py promises: both models, a split with no leak, the same bytes twice; kills stand in test_kills.py."""

import json
import os
from pathlib import Path

import pytest
import torch

from data.test_data import load_test_data
from model.checkpoint import load_checkpoint
from run.artefacts import read_json
from tests.conftest import refusal, run_script

BRIEF = ["--dataset", "digits", "--latent_size", 6, "--num_epochs", 2, "--max_train", 300]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_both_models_and_the_test_split_are_saved(trained):
    test_data = load_test_data(trained / "test_data.pth")
    assert test_data.images.shape[1:] == (1, 8, 8)
    metrics = read_json(trained / "metrics_training.json")
    for size in (2, 8):
        model, record = load_checkpoint(trained / f"model_latent_size_{size}.pth")
        assert (model.latent_size, model.image_shape) == (size, (1, 8, 8))
        assert record["fingerprint"] == test_data.fingerprint
        assert record["held_out"][f"PCA of {size}"] == metrics["held_out"][f"PCA of {size}"]
    of_sizes = [f"{name} of {size}" for size in (2, 8) for name in ("PCA", "autoencoder")]
    refined = [f"PCA of {size}, refined" for size in (2, 8)]
    assert set(metrics["held_out"]) == {"mean image", *of_sizes, *refined}
    for size in (2, 8):  # PCA refined as the network is: better than its projection, and the network better still
        errors = [metrics["held_out"][name]["mse"] for name in
                  (f"autoencoder of {size}", f"PCA of {size}, refined", f"PCA of {size}")]  # fmt: skip
        assert errors == sorted(errors)
    assert "[0, 1]" in metrics["protocol"]
    lines = [json.loads(line) for line in (trained / "training_log.jsonl").read_text().splitlines()]
    assert [(line["latent_size"], line["epoch"]) for line in lines] == [(2, 1), (2, 2), (2, 3), (8, 1), (8, 2), (8, 3)]


def test_even_a_short_training_beats_pca(trained):
    held_out = read_json(trained / "metrics_training.json")["held_out"]
    for size in (2, 8):
        assert (
            held_out[f"autoencoder of {size}"]["mse"]
            < held_out[f"PCA of {size}"]["mse"]
            < held_out["mean image"]["mse"]
        )


def test_the_same_twice_and_once_for_a_bottleneck_of_2(tmp_path, data_dir):
    folders = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        done = run_script("train.py", *BRIEF, "--data_dir", data_dir, cwd=tmp_path / name, OMP_NUM_THREADS="2")
        assert done.returncode == 0, done.stderr
        folders.append(contents(tmp_path / name / "output"))
    assert folders[0].keys() == folders[1].keys()
    assert [name for name in folders[0] if folders[0][name] != folders[1][name]] == []

    words = [*BRIEF]
    words[words.index("--latent_size") + 1] = 2
    done = run_script("train.py", *words, "--data_dir", data_dir, "--output_dir", tmp_path / "two")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "two").glob("model_*")) == ["model_latent_size_2.pth"]


def test_a_bottleneck_trained_alone_is_the_one_that_is_trained_beside_2(tmp_path, data_dir):
    for name, arguments in {"alone": ["--only_named"], "beside": []}.items():
        output = tmp_path / name
        done = run_script("train.py", *BRIEF, *arguments, "--data_dir", data_dir, "--output_dir", output)
        assert done.returncode == 0, done.stderr
    assert not (tmp_path / "alone" / "model_latent_size_2.pth").exists()
    alone, beside = (load_checkpoint(tmp_path / name / "model_latent_size_6.pth")[0] for name in ("alone", "beside"))
    assert all(map(torch.equal, alone.state_dict().values(), beside.state_dict().values()))
    done = run_script("evaluate.py", "--latent_size", 6, "--data_dir", data_dir, "--output_dir", tmp_path / "alone",
                      "--seeds", 1, "--num_samples", 20)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "bottleneck 6" in done.stdout
    assert "bottleneck 2" not in done.stdout


def test_the_seed_of_training_leaves_the_split_alone(tmp_path, data_dir, trained):
    done = run_script("train.py", *BRIEF, "--seed", 5, "--data_dir", data_dir, "--output_dir", tmp_path)
    assert done.returncode == 0, done.stderr
    ours, theirs = load_test_data(tmp_path / "test_data.pth"), load_test_data(trained / "test_data.pth")
    assert ours.sample_ids == theirs.sample_ids
    assert ours.fingerprint != theirs.fingerprint  # fewer training images: another split all the same


def test_patience_keeps_the_best_weights_and_stops(tmp_path, data_dir):
    done = run_script(
        "train.py", "--dataset", "digits", "--latent_size", 2, "--num_epochs", 40, "--max_train", 100, "--lr", 0.003,
        "--patience", 2, "--data_dir", data_dir, "--output_dir", tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    errors = [json.loads(line)["val_mse"] for line in (tmp_path / "training_log.jsonl").read_text().splitlines()]
    assert len(errors) < 40
    assert len(errors) - 1 - errors.index(min(errors)) == 2


def test_a_loss_that_is_not_finite_stops_and_the_training_before_is_whole(tmp_path, data_dir):
    done = run_script("train.py", *BRIEF, "--data_dir", data_dir, "--output_dir", tmp_path)
    assert done.returncode == 0, done.stderr
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    done = run_script("train.py", *BRIEF, "--lr", 9.9, "--num_epochs", 30, "--data_dir", data_dir,
                      "--output_dir", tmp_path)  # fmt: skip
    sentence = refusal(done)
    assert "no longer finite" in sentence
    assert "--lr" in sentence
    (moved,) = (tmp_path / "earlier").iterdir()
    assert {path.name: path.read_bytes() for path in moved.iterdir() if path.is_file()} == before
    assert not (tmp_path / "model_latent_size_6.pth").exists()


LONGER = ["--dataset", "digits", "--latent_size", 6, "--num_epochs", 6, "--max_train", 400, "--save_every", 0.001]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, data_dir) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("undisturbed")
    done = run_script("train.py", *LONGER, "--data_dir", data_dir, cwd=folder)
    assert done.returncode == 0, done.stderr
    return contents(folder / "output")


def differences(folder: Path, undisturbed: dict[str, bytes]) -> list[str]:
    """Names of artefacts that differ; the states before the last depend on when states were kept."""
    found = contents(folder / "output")
    names = {name for name in {*found, *undisturbed} if not name.endswith("_previous.pth")}
    return sorted(name for name in names if found.get(name) != undisturbed.get(name))


def test_resuming_refuses_what_would_change_the_run(tmp_path, data_dir, undisturbed):
    output = tmp_path / "output"
    for name, content in undisturbed.items():
        (output / name).parent.mkdir(parents=True, exist_ok=True)
        (output / name).write_bytes(content)
    for arguments in (["--lr", 0.5], ["--batch_size", 7], ["--num_epochs", 3], ["--dataset", "mnist"]):
        sentence = refusal(run_script("train.py", "--resume", *arguments, "--data_dir", data_dir, cwd=tmp_path))
        assert arguments[0] in sentence
    assert contents(output) == undisturbed
    done = run_script("train.py", "--resume", "--num_epochs", 7, "--data_dir", data_dir, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len((output / "training_log.jsonl").read_text().splitlines()) == 14


def test_a_damaged_state_gives_way_to_the_one_before(tmp_path, data_dir, undisturbed):
    for name, content in undisturbed.items():
        (tmp_path / "output" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "output" / name).write_bytes(content)
    state = tmp_path / "output" / "training_state" / "latent_size_6.pth"
    state.write_bytes(state.read_bytes()[:-1000])
    done = run_script("train.py", "--resume", "--data_dir", data_dir, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "the state before it is taken" in done.stderr
    assert differences(tmp_path, undisturbed) == []


def test_nothing_to_resume_is_said(tmp_path):
    assert "start one: python train.py --num_epochs 10 --latent_size 256" in refusal(
        run_script("train.py", "--resume", "--output_dir", tmp_path)
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--latent_size", 64], "no bottleneck"),
        (["--latent_size", 4, "--dataset", "digitz"], "digits"),
        (["--latent_size", 4, "--lr", "nan"], "--lr"),
        (["--latent_size", 4, "--batch_size", 0], "a whole number from 1 up"),
        (["--latent_size", 4, "--split", "group"], "--split random"),
        (["--latent_size", 4, "--resume", "/nowhere/at/all"], "no training to resume"),
        ([], "--latent_size"),
    ],
)
def test_bad_input_gets_one_sentence(tmp_path, data_dir, arguments, said):
    done = run_script("train.py", "--dataset", "digits", "--data_dir", data_dir, "--output_dir", tmp_path, *arguments)
    assert said in refusal(done)
    assert os.listdir(tmp_path) == []
