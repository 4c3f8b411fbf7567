"""Every architecture through the scripts, in one process: it trains, resumes to the same bytes, and is drawn."""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import encode_latent_space
import evaluate
import train
import viz_reconstruction
import viz_training
from model import ARCHITECTURES
from model.checkpoint import architecture_class, load_checkpoint
from model.training_state import StateKeeper
from run.artefacts import read_json
from run.errors import BadInput

FLAGS = {  # of some a flag or two, so that each is tried with one of them
    "conv": ["--loss", "0.8*mse+0.2*ssim"],
    "cae": ["--balance", "sampler"],
    "dense": ["--loss", "bce"],
    "deep_dense": ["--noise", "0.2"],
    "vae": ["--noise", "0.1", "--beta", "0.5", "--kl_warmup", "0.5"],
    "beta_vae": ["--loss", "l1"],
    "conditional": ["--balance", "weights"],
    "cvae": ["--balance", "weights", "--kl_warmup", "0"],
}


@pytest.fixture(scope="module")
def run_here(data_dir):
    """Run the main function of a script in this process, with a command line."""

    def run(script, *arguments: object) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", [f"{script.__name__}.py", *map(str, arguments)])
            script.main()

    return run


@pytest.fixture(scope="module")
def runs(tmp_path_factory, run_here, data_dir) -> Path:
    """A folder with a short training on digits of each architecture. To be read, not written."""
    folder = tmp_path_factory.mktemp("architectures")
    for architecture in ARCHITECTURES:
        run_here(train, *arguments_of(architecture), "--data_dir", data_dir, "--output_dir", folder / architecture)
    return folder


def arguments_of(architecture: str) -> list[object]:
    return ["--model", architecture, "--dataset", "digits", "--max_train", 262, "--num_epochs", 2, "--latent_size", 3,
            "--snapshot_epochs", 1, 2, "--save_every", 1e-9, *FLAGS.get(architecture, [])]  # fmt: skip


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith("_previous.pth")
    }


class Killed(BaseException):
    pass


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_killed_in_an_epoch_and_resumed_to_the_same_bytes(
    tmp_path, runs, run_here, data_dir, monkeypatch, architecture
):
    keep, kept = StateKeeper.save, []

    def keep_and_die(self, *arguments):
        keep(self, *arguments)
        kept.append(arguments[-1].step)
        if len(kept) == 8:  # in the first epoch of the second bottleneck
            raise Killed

    command = [*arguments_of(architecture), "--data_dir", data_dir, "--output_dir", runs / architecture]
    monkeypatch.setattr(StateKeeper, "save", keep_and_die)
    monkeypatch.setattr("stages.training.side_by_side.cores", lambda: 1)  # one after the other, in this process
    before = contents(runs / architecture)
    moved = tmp_path / architecture
    (runs / architecture).rename(moved)
    try:
        with pytest.raises(Killed):
            run_here(train, *command)
        assert kept[-1] > 0
        monkeypatch.setattr(StateKeeper, "save", keep)
        run_here(train, "--resume", "--data_dir", data_dir, "--output_dir", runs / architecture)
        after = contents(runs / architecture)
    finally:
        if (runs / architecture).exists():
            (runs / architecture).rename(tmp_path / "again")
        moved.rename(runs / architecture)
    assert after.keys() == before.keys()
    assert [name for name in before if after[name] != before[name]] == []


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_later_scripts_take_it(tmp_path, runs, run_here, capsys, architecture):
    model = runs / architecture / "model_latent_size_3.pth"
    run_here(viz_reconstruction, "--model_path", model, "--output_dir", tmp_path)
    with open(tmp_path / "reconstructions_latent_size_3.csv", newline="") as file:
        assert len(list(csv.DictReader(file))) == 10
    labelled = "given each image's label" in capsys.readouterr().out
    assert labelled == load_checkpoint(model)[0].takes_labels
    run_here(encode_latent_space, "--model_path", model, "--output_dir", tmp_path, "--num_samples", "all")
    latents = np.load(tmp_path / "latent_space_size_3.npy")
    assert latents.shape == (180, 3)
    assert np.isfinite(latents).all()


def test_evaluation_tells_a_conditional_decoder_the_class(tmp_path, runs, run_here, data_dir):
    model = runs / "cvae" / "model_latent_size_3.pth"
    run_here(
        evaluate, "--model_path", model, "--data_dir", data_dir, "--output_dir", tmp_path, "--seeds", 1,
        "--num_samples", 100,
    )  # fmt: skip
    ours = read_json(tmp_path / "metrics.json")["reconstruction"]["bottleneck 3"]["mse"]["mean"]
    assert ours == pytest.approx(load_checkpoint(model)[1]["held_out"]["autoencoder of 3"]["mse"])


def test_what_is_said_of_a_variational_architecture(runs):
    for architecture in ARCHITECTURES:
        held_out = read_json(runs / architecture / "metrics_training.json")["held_out"]["autoencoder of 3"]
        lines = [json.loads(line) for line in (runs / architecture / "training_log.jsonl").read_text().splitlines()]
        variational = architecture_class(architecture).variational
        assert ("kl" in held_out) == ("collapsed_dimensions" in held_out) == variational
        for line in lines:
            assert ("train_kl" in line) == ("train_reconstruction" in line) == variational
            assert line["train_mse"] > 0


def test_curves_and_snapshots_of_several_trainings(tmp_path, runs, run_here, capsys):
    folders = [runs / architecture for architecture in ("dense", "vae", "cvae")]
    for name in ("first", "second"):
        run_here(viz_training, "--runs", *folders, "--output_dir", tmp_path / name)
    assert "vae, 3" in capsys.readouterr().out
    names = {"training_compared.png", "training_compared.csv", "snapshots.png"}
    assert {path.name for path in (tmp_path / "first").iterdir()} == names
    for name in names:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()
    with open(tmp_path / "first" / "training_compared.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * 2 * 2
    assert {row["run"] for row in rows if row["train_kl"]} == {"vae", "cvae"}


def test_snapshots_are_the_reconstructions(tmp_path, runs, run_here, data_dir):
    from data.test_data import load_test_data
    from model.inference import reconstruct
    from model.snapshots import load_snapshots

    # without refinement, which measures a decoder along fewer directions after an epoch than after the last
    run_here(train, *arguments_of("cvae"), "--refine", "none", "--data_dir", data_dir, "--output_dir", tmp_path)
    snapshots = load_snapshots(tmp_path / "snapshots_latent_size_3.pth")
    test_data = load_test_data(tmp_path / "test_data.pth")
    rows = snapshots.test_rows
    assert len(set(rows)) == 16
    np.testing.assert_array_equal(snapshots.images, test_data.images[rows])
    model, record = load_checkpoint(tmp_path / "model_latent_size_3.pth")
    kept = reconstruct(model, test_data.images[rows], test_data.labels[rows], refine=0)
    np.testing.assert_allclose(snapshots.epochs[record["kept_epoch"]] / 255, kept, atol=0.5 / 255 + 1e-4)
    assert load_snapshots(runs / "dense" / "snapshots_latent_size_2.pth").test_rows == rows


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "cae", "--beta", 2], "--beta weighs the KL part of a loss, and --model cae has none"),
        (["--model", "conv", "--kl_warmup", 0.1], "--kl_warmup weighs"),
        (["--snapshot_epochs", 1, 11], "--snapshot_epochs 11 is after the last of 10 epochs"),
    ],
)
def test_flags_that_do_not_fit_are_refused(tmp_path, run_here, data_dir, arguments, said):
    command = ["--dataset", "digits", "--latent_size", 3, "--data_dir", data_dir, "--output_dir", tmp_path, *arguments]
    with pytest.raises(BadInput, match=said):
        run_here(train, *command)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--model", "cvae"], "decodes by each image's class"), (["--balance", "sampler"], "--balance needs classes")],
)
def test_images_without_classes_are_refused(tmp_path, run_here, trained_without_classes, arguments, said):
    with pytest.raises(BadInput, match=said):
        run_here(
            train, "--dataset", trained_without_classes / "images", "--latent_size", 2, "--output_dir", tmp_path,
            "--data_dir", trained_without_classes / "data", *arguments,
        )  # fmt: skip


def test_runs_that_cannot_be_drawn_together(tmp_path, runs, trained, run_here):
    with pytest.raises(BadInput, match="different splits"):
        run_here(viz_training, "--runs", runs / "dense", trained, "--output_dir", tmp_path)
    with pytest.raises(BadInput, match="trained bottlenecks of 2, 3; draw them: "):
        run_here(viz_training, "--runs", runs / "dense", "--latent_size", 7, "--output_dir", tmp_path)
    with pytest.raises(BadInput, match="is not there"):
        run_here(viz_training, "--runs", tmp_path, "--output_dir", tmp_path)
