"""sweep_latent_size.py as a person runs it: sizes of digits, images without classes, and what can't be compared."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from model.checkpoint import load_checkpoint, save_model
from tests.conftest import refusal, run_script

SIZES = [2, 4, 12]


@pytest.fixture(scope="module")
def swept(tmp_path_factory, data_dir: Path):
    output = tmp_path_factory.mktemp("swept")
    folders = ["--data_dir", data_dir, "--output_dir", output]
    done = run_script("train.py", "--dataset", "digits", "--latent_size", *SIZES, "--num_epochs", 8, *folders)
    assert done.returncode == 0, done.stderr
    done = run_script("sweep_latent_size.py", *folders, "--num_fit", 800, "--num_images", 5, "--svg")
    assert done.returncode == 0, done.stderr
    return done, output


def test_every_size_is_measured_beside_pca(swept):
    done, output = swept
    sweep = json.loads((output / "sweep.json").read_text())
    trained = json.loads((output / "metrics_training.json").read_text())["held_out"]
    assert [each["latent_size"] for each in sweep["sizes"]] == SIZES
    for each in sweep["sizes"]:
        size = each["latent_size"]
        assert each["mse"] == pytest.approx(trained[f"autoencoder of {size}"]["mse"], rel=1e-4)
        assert each["ssim"] == pytest.approx(trained[f"autoencoder of {size}"]["ssim"], rel=1e-4)
        assert each["pca_mse"] == pytest.approx(trained[f"PCA of {size}"]["mse"], rel=1e-3)
        assert each["pca_refined_mse"] == pytest.approx(trained[f"PCA of {size}, refined"]["mse"], rel=1e-3)
        assert each["kept"] == pytest.approx(1 - each["mse"] / trained["mean image"]["mse"], rel=1e-3)
        assert each["as_pca_of"] > size
        assert f"{each['mse']:.5f}" in done.stdout
    accuracies = [each["linear_accuracy"] for each in sweep["sizes"]]
    assert accuracies == sorted(accuracies)
    assert accuracies[-1] > 0.8 > sweep["sizes"][0]["linear_accuracy_chance"] * 5
    assert sweep["raw_pixels"]["linear_accuracy"] > 0.9
    errors = list(sweep["pca"].values())
    assert errors == sorted(errors, reverse=True)
    assert sweep["fitting_images"] == 800
    for each in sweep["answers"]:
        assert each["question"] in done.stdout
        for said in (each["sentence"], *each["evidence"]):
            assert said in done.stdout
    assert sweep["answers"][0]["sentence"].endswith("%")


def test_the_figures_have_their_numbers_beside_them(swept):
    done, output = swept
    for name in ("sweep.png", "sweep.svg", "sweep_reconstructions.png", "sweep.csv", "sweep.json"):
        assert (output / name).stat().st_size > 500
        assert f"saved {output / name}" in done.stdout
    with open(output / "sweep.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["latent_size"]) for row in rows] == SIZES
    assert all(float(row["pca_knn_accuracy"]) > 0.2 for row in rows)


def test_the_same_twice_of_the_sizes_that_are_named(swept, data_dir: Path, tmp_path: Path):
    _, output = swept
    for name in ("first", "second"):
        done = run_script(
            "sweep_latent_size.py", "--model_path", *(output / f"model_latent_size_{size}.pth" for size in (12, 2)),
            "--data_dir", data_dir, "--output_dir", tmp_path / name, "--num_fit", 200,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert [each["latent_size"] for each in json.loads((tmp_path / "first/sweep.json").read_text())["sizes"]] == [2, 12]
    for name in ("sweep.png", "sweep.csv", "sweep_reconstructions.png"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_images_without_classes(trained_without_classes: Path, tmp_path: Path):
    folders = ["--data_dir", tmp_path / "data", "--output_dir", tmp_path / "out"]
    done = run_script(
        "train.py", "--dataset", trained_without_classes / "images", "--latent_size", 3, "--num_epochs", 1, *folders
    )
    assert done.returncode == 0, done.stderr
    done = run_script("sweep_latent_size.py", *folders)
    assert done.returncode == 0, done.stderr
    assert "can't be said" in done.stdout
    assert "linear" not in (tmp_path / "out" / "sweep.csv").read_text()
    assert (tmp_path / "out" / "sweep.png").exists()


def test_what_cannot_be_compared_gets_a_sentence(swept, tmp_path: Path, data_dir: Path):
    _, output = swept
    run = ["sweep_latent_size.py", "--data_dir", data_dir, "--output_dir", tmp_path / "out"]
    two, four = (output / f"model_latent_size_{size}.pth" for size in (2, 4))
    test_data = ["--test_data", output / "test_data.pth"]
    assert "test_data.pth is not there" in refusal(run_script(*run))
    assert "not both" in refusal(run_script(*run, "--model_path", two, "--latent_size", 4))
    assert "takes two sizes" in refusal(run_script(*run, "--model_path", two, two))
    (tmp_path / "file").write_text("kept")
    for blocked in (tmp_path / "file", tmp_path / "file" / "below"):
        models = ["--model_path", two, four]
        done = run_script("sweep_latent_size.py", "--output_dir", blocked, *models, *test_data, "--data_dir", data_dir)
        assert "not a folder" in refusal(done)
        assert len(done.stderr.splitlines()) == 1  # before any work
    not_one = run_script(*run, "--model_path", tmp_path / "file", two)
    assert "not written by this suite" in refusal(not_one)
    (tmp_path / "alone").mkdir()
    for path in (two, output / "test_data.pth"):
        shutil.copy(path, tmp_path / "alone")
    alone = run_script("sweep_latent_size.py", "--data_dir", data_dir, "--output_dir", tmp_path / "alone")
    assert "is 1 size" in refusal(alone)
    shutil.copy(two, tmp_path / "again.pth")
    assert "of size 2" in refusal(run_script(*run, *test_data, "--model_path", two, four, tmp_path / "again.pth"))
    model, record = load_checkpoint(four)
    save_model(tmp_path / "elsewhere.pth", model, {**record, "fingerprint": "0" * 64})
    named = run_script(*run, *test_data, "--model_path", two, tmp_path / "elsewhere.pth")
    assert "another split" in refusal(named)
    assert not (tmp_path / "out").exists()

    # what an earlier training left behind in the folder is passed over, and said
    for path in (two, four, output / "test_data.pth"):
        (tmp_path / "out").mkdir(exist_ok=True)
        shutil.copy(path, tmp_path / "out" / path.name)
    shutil.move(tmp_path / "elsewhere.pth", tmp_path / "out" / "model_latent_size_64.pth")
    done = run_script(*run, "--num_fit", 100)
    assert done.returncode == 0, done.stderr
    assert "model_latent_size_64.pth is left out" in done.stderr
    assert "model_latent_size_64.pth" not in json.loads((tmp_path / "out" / "sweep.json").read_text())["made_of"]


def test_other_settings_are_said_and_exact_pca_is_no_yardstick(swept, data_dir: Path, tmp_path: Path):
    _, output = swept
    done = run_script(
        "train.py", "--dataset", "digits", "--latent_size", 63, "--only_named", "--num_epochs", 1,
        "--data_dir", data_dir, "--output_dir", tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    shutil.copy(output / "model_latent_size_4.pth", tmp_path)
    done = run_script("sweep_latent_size.py", "--data_dir", data_dir, "--output_dir", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "--num_epochs 4: 8, 63: 1" in done.stderr
    assert "--latent_size" not in done.stderr
    sizes = json.loads((tmp_path / "sweep.json").read_text())["sizes"]
    assert sizes[0]["below_pca"] > 0.1
    assert sizes[1]["below_pca"] is None  # some pixels of digits never vary


def test_architectures_are_not_mixed(swept, data_dir: Path, tmp_path: Path):
    _, output = swept
    done = run_script(
        "train.py", "--dataset", "digits", "--latent_size", 5, "--only_named", "--model", "dense", "--num_epochs", 1,
        "--data_dir", data_dir, "--output_dir", tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    other = tmp_path / "model_latent_size_5.pth"
    sentence = refusal(
        run_script("sweep_latent_size.py", "--model_path", output / "model_latent_size_2.pth", other,
                   "--data_dir", data_dir, "--output_dir", tmp_path)
    )  # fmt: skip
    assert "conv, dense" in sentence
