"""evaluate.py and train_classifier.py where there is hardly anything to tell apart, or no number to tell it by."""

import csv
import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from data.training_side import load_split_of
from latent.archive import load_latent_space, save_latent_space, sidecar_path
from model.checkpoint import load_checkpoint, save_model
from run.errors import BadInput
from stages.classifiers.main import require_classes
from tests.conftest import refusal
from tests.forking import Done, Server

OF_CLASSES = ("accuracy", "nmi", "ami", "ari", "knn", "linear", "map_knn")
SETS = {"flat": {".": 80}, "one": {"a": 60}, "single": {"a": 40, "b": 39, "c": 1}}  # folder -> images


@pytest.fixture(scope="module")
def trained(forked: Server, tmp_path_factory: pytest.TempPathFactory):
    """Trains a bottleneck of 2 on one of the ``SETS``, once; its output folder, with ``images`` and ``data`` in it."""
    made = {}

    def train(name: str) -> Path:
        if name in made:
            return made[name]
        output = made[name] = tmp_path_factory.mktemp(name)
        random = np.random.default_rng(0)
        for number, (folder, count) in enumerate(SETS[name].items()):
            (output / "images" / folder).mkdir(parents=True)
            for image in range(count):
                pixels = random.integers(80 * number, 80 * number + 60, (16, 16))
                Image.fromarray(pixels.astype(np.uint8)).save(output / "images" / folder / f"{image}.png")
        done = forked.run(
            "train.py", "--dataset", output / "images", "--latent_size", 2, "--num_epochs", 1,
            "--data_dir", output / "data", "--output_dir", output,
            *(["--label_from", "^[a-z]"] if [*SETS[name]] == ["a"] else []),  # one folder alone is refused as classes
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return output

    return train


def evaluate(forked: Server, folder: Path, output: Path, *arguments: object) -> Done:
    model = ["--model_path", folder / "model_latent_size_2.pth", "--data_dir", folder / "data", "--output_dir", output]
    return forked.run("evaluate.py", *model, "--seeds", 1, *arguments)


def classify(forked: Server, folder: Path, output: Path, *arguments: object) -> Done:
    model = ["--model_path", folder / "model_latent_size_2.pth", "--data_dir", folder / "data", "--output_dir", output]
    return forked.run("train_classifier.py", *model, "--num_epochs", 1, "--cnn_epochs", 1, *arguments)


def measures_of(done: Done, output: Path) -> dict:
    assert done.returncode == 0, done.stderr
    metrics = json.loads((output / "metrics.json").read_text())
    for section in ("reconstruction", "latent_space", "maps"):
        for measures in metrics[section].values():
            assert all(np.isfinite(value["mean"]) for value in measures.values())
    return metrics


def of_classes(metrics: dict) -> set[str]:
    found = {name for section in ("latent_space", "maps") for space in metrics[section].values() for name in space}
    return {name for name in found if name.startswith(OF_CLASSES)}


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_without_classes_everything_that_needs_none_comes_out(forked, trained, tmp_path: Path):
    done = evaluate(forked, trained("flat"), tmp_path, "--num_clusters", 2)
    metrics = measures_of(done, tmp_path)
    assert not of_classes(metrics)
    assert set(metrics["latent_space"]["bottleneck 2"]) == {
        "dimensions", "dimensions_that_vary", "effective_rank", "ties_cut", "silhouette",
    }  # fmt: skip
    mapped = {"trustworthiness", "continuity", "pixel_trustworthiness", "pixel_continuity"}
    assert set(metrics["maps"]["raw pixels"]) == mapped
    network, pca = ["bottleneck 2", "bottleneck 2, encoder alone"], ["PCA of 2", "PCA of 2, refined"]
    assert list(metrics["reconstruction"]) == ["mean image", *network, *pca]
    assert metrics["reconstruction_per_class"] == {}
    assert "against classes" not in done.stdout
    clusters, classes, _ = metrics["answers"]
    assert any("ties between neighbours" in each for each in clusters["evidence"])
    assert classes["verdict"] == "can't tell"


def test_one_class_is_measured_as_none_and_not_classified(forked, trained, tmp_path: Path):
    done = evaluate(forked, trained("one"), tmp_path, "--num_samples", 4)
    metrics = measures_of(done, tmp_path)
    assert "all of one class" in done.stderr
    assert not of_classes(metrics)
    assert metrics["num_clusters"] == 10
    assert metrics["answers"][1]["verdict"] == "can't tell"
    error = metrics["reconstruction"]["bottleneck 2"]["mse"]["mean"]
    assert metrics["reconstruction_per_class"]["bottleneck 2"]["a"]["mse"]["mean"] == pytest.approx(error)
    assert "one class only" in refusal(classify(forked, trained("one"), tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_of_a_class_with_one_image_nothing_is_said(forked, trained, tmp_path: Path):
    done = evaluate(forked, trained("single"), tmp_path, "--num_samples", 4)
    metrics = measures_of(done, tmp_path)
    assert "no test image is of class c" in done.stderr
    assert metrics["num_clusters"] == 3
    assert metrics["latent_space"]["raw pixels"]["linear_macro_f1"]["mean"] == 1  # of a and b
    assert [row["class"] for row in rows_of(tmp_path / "metrics_per_class.csv")] == ["a", "b"]
    done = evaluate(forked, trained("single"), tmp_path, "--num_samples", 4, "--protocol", "transductive")
    metrics = measures_of(done, tmp_path)
    assert metrics["scored_images"] == 80
    assert metrics["latent_space"]["raw pixels"]["knn_accuracy"]["mean"] == 79 / 80  # c has no other of its class
    assert "no test image" not in done.stderr


@pytest.mark.parametrize("balance", ["weights", "sampler"])
def test_a_class_with_one_image_is_learnt_and_not_scored(forked, trained, tmp_path: Path, balance: str):
    done = classify(forked, trained("single"), tmp_path, "--balance", balance)
    assert done.returncode == 0, done.stderr
    assert "no test image is of class c" in done.stderr
    for row in rows_of(tmp_path / "classifiers_per_class.csv"):
        measured = [row["precision"], row["recall"], row["f1"]]
        assert (measured == [""] * 3) == (row["class"] == "c")
    probes = [row for row in rows_of(tmp_path / "classifiers.csv") if row["classifier"] == "linear"]
    assert {row["macro_f1"] for row in probes if row["space"] == "raw pixels"} == {"1.0"}


def test_test_images_of_one_class_are_refused(trained):
    path = trained("single") / "model_latent_size_2.pth"
    image_set, split = load_split_of(load_checkpoint(path)[1], trained("single") / "data")
    require_classes(image_set, split, path)
    alone = dataclasses.replace(split, test=split.test[image_set.labels[split.test] == 1])
    with pytest.raises(BadInput, match="all test images of images are of the class b"):
        require_classes(image_set, alone, path)


def test_more_clusters_than_images_are_refused(forked, trained, tmp_path: Path):
    for arguments in (["--num_clusters", 100], ["--num_fit", 2]):
        done = evaluate(forked, trained("single"), tmp_path / "out", *arguments)
        assert re.search(r"take fewer.*: python evaluate\.py .*--num_clusters \d+$", refusal(done))
    assert not (tmp_path / "out").exists()


def test_weights_that_are_not_finite_or_overflow_are_refused(forked, trained, tmp_path: Path):
    folder = trained("single")
    (tmp_path / "test_data.pth").write_bytes((folder / "test_data.pth").read_bytes())
    for factor, complaints in [
        (float("nan"), ["weights that are NaN or infinite"] * 2),
        (1e30, ["the network of 2 gives NaN or infinity; train again", "encodes images as NaN or infinity"]),
    ]:
        model, record = load_checkpoint(folder / "model_latent_size_2.pth")
        with torch.no_grad():
            for weights in model.parameters():
                weights.mul_(factor)
        save_model(tmp_path / "broken.pth", model, record)
        arguments = ["--model_path", tmp_path / "broken.pth", "--data_dir", folder / "data"]
        arguments += ["--output_dir", tmp_path / "out"]
        for script, complaint in zip(("evaluate.py", "train_classifier.py"), complaints, strict=True):
            assert complaint in refusal(forked.run(script, *arguments))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.pth", "test_data.pth"]


def test_kept_latents_of_other_rows_another_split_or_no_numbers_are_made_anew(forked, trained, tmp_path: Path):
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    (folder / "data").symlink_to(trained("single") / "data")
    name = "model_latent_size_2.pth"
    (folder / name).write_bytes((trained("single") / name).read_bytes())

    def run() -> tuple[str, bytes]:
        done = classify(forked, folder, tmp_path / "out", "--classifiers", "knn")
        assert done.returncode == 0, done.stderr
        return done.stderr, (tmp_path / "out" / "classifiers.csv").read_bytes()

    _, sound = run()
    kept = {side: folder / f"latent_space_size_2_{side}.npy" for side in ("train", "val", "test")}
    before = {side: path.read_bytes() for side, path in kept.items()}
    said, again = run()
    assert "made anew" not in said
    assert again == sound

    vectors = np.load(kept["train"])
    vectors[3, 1] = np.nan
    np.save(kept["train"], vectors)
    space = load_latent_space(kept["val"])
    turned = {"vectors": space.vectors[::-1], "sample_ids": space.sample_ids[::-1]}  # and its description says so
    save_latent_space(kept["val"], dataclasses.replace(space, **turned))
    space = load_latent_space(kept["test"])
    elsewhere = {**space.origin, "split_fingerprint": "0" * 64}
    save_latent_space(kept["test"], dataclasses.replace(space, vectors=0 * space.vectors, origin=elsewhere))
    said, again = run()
    assert said.count("made anew") == 3
    assert again == sound
    assert {side: path.read_bytes() for side, path in kept.items()} == before

    described = sidecar_path(kept["test"]).read_bytes()
    np.save(kept["test"], np.load(kept["test"])[::-1])  # and its description does not
    said, again = run()
    assert said.count("made anew") == 1
    assert again == sound
    assert sidecar_path(kept["test"]).read_bytes() == described
