"""The figure, the numbers behind it, and files that do not belong together."""

import argparse
import csv
import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from data.test_data import load_test_data
from figure.reconstruction import draw_reconstructions
from model.checkpoint import load_checkpoint, load_model, save_model
from model.fidelity import squared_errors
from model.inference import reconstruct
from stages.reconstruction import pick_test_rows
from tests.conftest import refusal, run_script


def draw(trained, output, *arguments):
    return run_script(
        "viz_reconstruction.py", "--model_path", trained / "model_latent_size_8.pth", "--output_dir", output, *arguments
    )


def rows_of(output) -> list[dict[str, str]]:
    with open(output / "reconstructions_latent_size_8.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_one_image_of_each_class_with_its_own_error(tmp_path, trained):
    done = draw(trained, tmp_path, "--svg")
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "reconstructions_latent_size_8.png") as picture:
        assert picture.size[0] > 600
    assert (tmp_path / "reconstructions_latent_size_8.svg").exists()
    rows = rows_of(tmp_path)
    assert [row["class"] for row in rows] == [str(digit) for digit in range(10)]
    test_data = load_test_data(trained / "test_data.pth")
    for size in (2, 8):
        model = load_model(trained / f"model_latent_size_{size}.pth")
        errors = squared_errors(test_data.images, reconstruct(model, test_data.images))
        for row in rows:
            assert float(row[f"mse_bottleneck_{size}"]) == pytest.approx(errors[int(row["test_row"])])


def test_pca_of_the_same_size_has_pictures_and_errors_of_its_own(tmp_path, trained):
    assert draw(trained, tmp_path, "--pick", "random", "--num_images", 180).returncode == 0
    images = load_test_data(trained / "test_data.pth").images
    held_out = json.loads((trained / "metrics_training.json").read_text())["held_out"]
    rows = rows_of(tmp_path)
    for size in (2, 8):
        errors = np.array([float(row[f"mse_pca_{size}"]) for row in rows])
        assert errors.mean() == pytest.approx(held_out[f"PCA of {size}"]["mse"], rel=1e-4)
        _, record = load_checkpoint(trained / f"model_latent_size_{size}.pth")
        mean, components = record["pca"]["mean"].numpy(), record["pca"]["components"].float().numpy()
        np.testing.assert_allclose(components @ components.T, np.eye(size), atol=1e-3)
        flat = images.reshape(180, -1) / 255 - mean
        known = np.square((flat @ components.T @ components + mean).clip(0, 1) - images.reshape(180, -1) / 255)
        np.testing.assert_allclose(errors, known.mean(axis=1)[[int(row["test_row"]) for row in rows]], rtol=1e-4)


def test_a_checkpoint_of_before_pca_was_kept_is_still_drawn(tmp_path, trained):
    for name in ("model_latent_size_2.pth", "model_latent_size_8.pth"):
        model, record = load_checkpoint(trained / name)
        del record["pca"]
        save_model(tmp_path / name, model, record)
    done = draw(tmp_path, tmp_path, "--test_data", trained / "test_data.pth")
    assert done.returncode == 0, done.stderr
    assert "from before checkpoints kept PCA" in done.stderr
    assert "--retrain" in done.stderr
    assert not [name for name in rows_of(tmp_path)[0] if "pca" in name]


def test_the_worst_are_the_worst(tmp_path, trained):
    assert draw(trained, tmp_path, "--pick", "worst", "--num_images", 5).returncode == 0
    test_data = load_test_data(trained / "test_data.pth")
    model = load_model(trained / "model_latent_size_8.pth")
    errors = squared_errors(test_data.images, reconstruct(model, test_data.images))
    assert [int(row["test_row"]) for row in rows_of(tmp_path)] == list(np.argsort(-errors)[:5])


def test_the_same_figure_twice(tmp_path, trained):
    for name in ("first", "second"):
        assert draw(trained, tmp_path / name, "--pick", "random", "--num_images", 20).returncode == 0
    for name in ("reconstructions_latent_size_8.png", "reconstructions_latent_size_8.csv"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_a_model_and_a_split_that_do_not_belong_together(tmp_path, trained, data_dir):
    done = run_script(
        "train.py", "--dataset", "digits", "--latent_size", 2, "--num_epochs", 1, "--max_train", 100,
        "--split_seed", 7, "--data_dir", data_dir, "--output_dir", tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    sentence = refusal(draw(trained, tmp_path, "--test_data", tmp_path / "test_data.pth"))
    assert "trained on another split" in sentence


@pytest.mark.parametrize("count", [1, 12, 100])
def test_the_title_stands_above_all_names_however_tall_the_figure(count):
    images = np.zeros((count, 3, 8, 8), np.uint8)
    rows = [(name, images / np.float32(255), np.zeros(count)) for name in ("bottleneck 2", "PCA of 2")]
    figure = draw_reconstructions(images, rows, ["end of no passing for trucks"] * count, "what is kept of it " * 9)
    renderer = figure.canvas.get_renderer()
    names = [axes.title.get_window_extent(renderer).y1 for axes in figure.axes if axes.get_title()]
    assert len(names) == count
    assert max(names) < figure._suptitle.get_window_extent(renderer).y0
    assert figure._suptitle.get_window_extent(renderer).y1 <= figure.bbox.height


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-200]),
        lambda path: path.write_bytes(path.read_bytes()[:500] + b"x" + path.read_bytes()[501:]),
        lambda path: torch.save({"a": torch.zeros(3)}, path),
        lambda path: path.write_text("no tensors here"),
        lambda path: (path.unlink(), path.mkdir()),
    ],
    ids=["missing", "empty", "truncated", "flipped", "foreign", "text", "folder"],
)
@pytest.mark.parametrize("name", ["model_latent_size_8.pth", "test_data.pth"])
def test_a_spoilt_file_is_named(tmp_path, trained, name, spoil):
    for each in ("model_latent_size_8.pth", "test_data.pth"):
        shutil.copy(trained / each, tmp_path)
    spoil(tmp_path / name)
    sentence = refusal(run_script("viz_reconstruction.py", "--latent_size", 8, "--output_dir", tmp_path))
    assert name in sentence
    assert "python train.py" in sentence


@pytest.mark.parametrize(("wanted", "drawn"), [(None, 64), (100, 100)])
def test_of_very_many_classes_one_image_is_drawn_of_some_unless_more_are_asked_for(wanted, drawn):
    labels = np.arange(300) % 150
    settings = argparse.Namespace(seed=0, pick="class", num_images=wanted)
    rows = pick_test_rows(settings, argparse.Namespace(images=labels, labels=labels), np.zeros(300))
    assert len(set(labels[rows].tolist())) == len(rows) == drawn
