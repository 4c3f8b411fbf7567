"""evaluate.py as a person runs it: on digits, on images without classes, and on what can't be evaluated."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from data.training_side import load_split_of
from model.checkpoint import load_checkpoint, save_model
from run.errors import BadInput
from tests.conftest import refusal, run_script


@pytest.fixture(scope="module")
def evaluated(trained: Path, data_dir: Path, tmp_path_factory: pytest.TempPathFactory):
    output = tmp_path_factory.mktemp("evaluated")
    done = run_script(
        "evaluate.py", "--model_path", trained / "model_latent_size_8.pth", "--data_dir", data_dir,
        "--output_dir", output, "--seeds", 2, "--num_fit", 800, "--num_samples", 80,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done, output


def test_every_space_is_measured_with_its_protocol_beside_it(evaluated, trained: Path):
    done, output = evaluated
    metrics = json.loads((output / "metrics.json").read_text())
    spaces = metrics["latent_space"]
    assert list(spaces) == ["bottleneck 8", "PCA of 8", "bottleneck 2", "PCA of 2", "raw pixels"]
    reconstructed = list(metrics["reconstruction"])
    assert [name for name in reconstructed if "," not in name] == ["mean image", *list(spaces)[:4]]
    assert [name for name in reconstructed if "," in name] == [
        each for size in (8, 2) for each in (f"bottleneck {size}, encoder alone", f"PCA of {size}, refined")
    ]
    for section in ("reconstruction", "latent_space", "maps"):
        for name, measures in metrics[section].items():
            assert name in done.stdout
            for value in measures.values():
                assert np.isfinite(value["mean"])
                assert value["protocol"]
    knn = spaces["bottleneck 8"]["knn_accuracy"]
    assert knn["protocol"] == "fitted on training images, scored on test images"
    assert (knn["runs"], knn["spread"]) == (1, None)
    assert spaces["bottleneck 8"]["ami"]["runs"] == 2
    two = spaces["bottleneck 2"]
    assert knn["mean"] > two["knn_accuracy"]["mean"] > two["knn_accuracy_chance"]["mean"]
    assert two["ami"]["mean"] > 0.1 > abs(two["ami_chance"]["mean"])
    assert metrics["fitting_images"] == 800
    # train.py measured the same images by itself
    held_out = json.loads((trained / "metrics_training.json").read_text())["held_out"]
    for name, other in [("bottleneck 8", "autoencoder of 8"), ("PCA of 2", "PCA of 2"), ("mean image", "mean image")]:
        assert metrics["reconstruction"][name]["ssim"]["mean"] == pytest.approx(held_out[other]["ssim"], rel=1e-4)


def test_another_bottleneck_takes_nothing_from_what_was_measured(trained: Path, data_dir: Path, tmp_path: Path):
    def measured(size: int) -> str:
        brief = ["--seeds", 1, "--num_fit", 200, "--num_samples", 40, "--data_dir", data_dir, "--output_dir", tmp_path]
        done = run_script("evaluate.py", "--model_path", trained / f"model_latent_size_{size}.pth", *brief)
        assert done.returncode == 0, done.stderr
        return done.stderr

    def kept() -> list[str]:
        return sorted(path.name for path in tmp_path.glob("metrics*"))

    measured(8)
    first = (tmp_path / "metrics.json").read_bytes()
    assert "measured of bottleneck 8 before is kept in" in measured(2)
    assert (tmp_path / "metrics_latent_size_8.json").read_bytes() == first
    assert kept() == [
        "metrics.json", "metrics_latent_size_8.json", "metrics_per_class.csv", "metrics_per_class_latent_size_8.csv"
    ]  # fmt: skip
    measured(8)
    assert (tmp_path / "metrics.json").read_bytes() == first
    assert kept() == [
        "metrics.json", "metrics_latent_size_2.json", "metrics_per_class.csv", "metrics_per_class_latent_size_2.csv"
    ]  # fmt: skip


def test_the_answers_stand_under_the_tables(evaluated):
    done, output = evaluated
    found = json.loads((output / "metrics.json").read_text())["answers"]
    assert [each["about"] for each in found] == ["bottleneck 8", "bottleneck 2"] * 2 + ["bottleneck 8"]
    for each in found:
        assert set(each) == {"question", "about", "verdict", "sentence", "evidence", "would_change"}
        assert each["verdict"] in ("yes", "no", "can't tell")
        for said in (each["question"], each["sentence"], *each["evidence"], each["would_change"]):
            assert said in done.stdout
    assert found[3]["verdict"] != "yes"  # in 2 dimensions digits touch
    ties = json.loads((output / "metrics.json").read_text())["latent_space"]
    assert ties["bottleneck 8"]["ties_cut_by_classes"]["mean"] < ties["bottleneck 2"]["ties_cut_by_classes"]["mean"]


def test_reconstruction_of_each_class(evaluated):
    _, output = evaluated
    with open(output / "metrics_per_class.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["class"] for row in rows] == list("0123456789")
    metrics = json.loads((output / "metrics.json").read_text())
    counts = [int(row["test images"]) for row in rows]
    errors = [float(row["mse bottleneck 8"]) for row in rows]
    assert sum(counts) == metrics["held_out_images"]
    assert np.average(errors, weights=counts) == pytest.approx(metrics["reconstruction"]["bottleneck 8"]["mse"]["mean"])


def test_images_without_classes_transductively(trained_without_classes: Path, tmp_path: Path):
    model = trained_without_classes / "model_latent_size_2.pth"
    done = run_script(
        "evaluate.py", "--model_path", model, "--data_dir", trained_without_classes / "data", "--output_dir", tmp_path,
        "--protocol", "transductive", "--seeds", 1, "--num_clusters", 2,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["scored_images"] == metrics["fitting_images"] == 40
    assert set(metrics["latent_space"]["bottleneck 2"]) == {
        "dimensions", "dimensions_that_vary", "effective_rank", "silhouette", "ties_cut",
    }  # fmt: skip
    assert metrics["answers"][1]["verdict"] == "can't tell"
    assert "maps are left out" in done.stderr  # four test images


def test_images_that_were_changed_since_are_refused(trained_without_classes: Path, tmp_path: Path):
    _, record = load_checkpoint(trained_without_classes / "model_latent_size_2.pth")
    shutil.copytree(trained_without_classes / "images", tmp_path / "images")
    moved = {**record, "arguments": {**record["arguments"], "dataset": str(tmp_path / "images")}}
    assert load_split_of(moved, tmp_path / "data")[1].fingerprint == record["fingerprint"]
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "images" / "0.png")
    with pytest.raises(BadInput, match="not those that the checkpoint was trained on"):
        load_split_of(moved, tmp_path / "data")


def test_what_cannot_be_evaluated_gets_a_sentence(trained: Path, tmp_path: Path, data_dir: Path):
    assert "--model_path" in refusal(run_script("evaluate.py"))
    model, record = load_checkpoint(trained / "model_latent_size_8.pth")
    arguments = ["--test_data", trained / "test_data.pth", "--data_dir", data_dir, "--output_dir", tmp_path / "out"]
    save_model(tmp_path / "other.pth", model, {**record, "fingerprint": "0" * 64})
    assert "another split" in refusal(run_script("evaluate.py", "--model_path", tmp_path / "other.pth", *arguments))
    with torch.no_grad():
        for weights in model.parameters():
            weights.fill_(float("nan"))
    save_model(tmp_path / "broken.pth", model, record)
    assert "NaN or infinite" in refusal(run_script("evaluate.py", "--model_path", tmp_path / "broken.pth", *arguments))
    assert not (tmp_path / "out").exists()


def test_the_training_side_is_found_again_or_refused(trained: Path, data_dir: Path):
    _, record = load_checkpoint(trained / "model_latent_size_8.pth")
    image_set, split = load_split_of(record, data_dir)
    assert split.fingerprint == record["fingerprint"]
    assert len(split.train) + len(split.val) + len(split.test) == len(image_set)
    with pytest.raises(BadInput, match="does not say"):
        load_split_of({"fingerprint": "x"}, data_dir)
    with pytest.raises(BadInput, match="not those"):
        load_split_of({**record, "fingerprint": "x"}, data_dir)
    gone = {**record, "arguments": {**record["arguments"], "dataset": "no/such/folder"}}
    with pytest.raises(BadInput, match="can't be read again"):
        load_split_of(gone, data_dir)
