"""train_classifier.py as a person runs it, and the parts that it is made of."""

import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from data.balance import draw_balanced
from figure.confusion import draw_confusion
from figure.style import save_figure
from latent.archive import load_latent_space
from model.classifier import MLP, ConvClassifier
from stages.classifiers.learning_curves import draw_learning_curves
from stages.classifiers.outcomes import Outcome, class_rows, comparisons_in_words, outcome_table, scores_of
from tests.conftest import refusal, run_script


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def checkpoints(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoints in a folder of their own, beside which latents are saved."""
    folder = tmp_path_factory.mktemp("checkpoints")
    for size in (2, 8):
        name = f"model_latent_size_{size}.pth"
        (folder / name).write_bytes((trained / name).read_bytes())
    return folder


def test_every_space_and_classifier_stands_in_one_table(checkpoints: Path, data_dir: Path, tmp_path: Path):
    arguments = ["--model_path", checkpoints / "model_latent_size_8.pth", "--data_dir", data_dir]
    arguments += [
        "--num_epochs",
        10,
        "--cnn_epochs",
        2,
        "--max_fit",
        800,
        "--balance",
        "weights",
        "--output_dir",
        tmp_path,
    ]
    done = run_script("train_classifier.py", *arguments)
    assert done.returncode == 0, done.stderr
    names = ["classifiers.csv", "classifiers_per_class.csv", "classifiers_log.jsonl", "classifiers_metrics.json"]
    names += ["classifiers_confusion.png", "classifiers_curves.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    rows = rows_of(tmp_path / "classifiers.csv")
    spaces = ["bottleneck 8", "PCA of 8", "bottleneck 2", "PCA of 2", "raw pixels"]
    expected = [(space, kind) for space in spaces for kind in ("linear", "mlp", "knn")] + [("images", "cnn")]
    assert [(row["space"], row["classifier"]) for row in rows] == expected
    accuracy = {(row["space"], row["classifier"]): float(row["accuracy"]) for row in rows}
    assert all(value > 2 * float(rows[0]["accuracy_chance"]) for value in accuracy.values())
    assert accuracy["bottleneck 8", "linear"] > accuracy["bottleneck 2", "linear"]
    assert accuracy["raw pixels", "linear"] > 0.9
    per_class = rows_of(tmp_path / "classifiers_per_class.csv")
    mine = [row for row in per_class if (row["space"], row["classifier"]) == ("raw pixels", "linear")]
    counts = [int(row["test images"]) for row in mine]
    right = np.average([float(row["recall"]) for row in mine], weights=counts)
    assert right == pytest.approx(accuracy["raw pixels", "linear"])
    log = [json.loads(line) for line in (tmp_path / "classifiers_log.jsonl").read_text().splitlines()]
    assert [each["epoch"] for each in log if each["classifier"] == "cnn"] == [1, 2]
    first = [each["train_loss"] for each in log if each["space"] == "bottleneck 8"]
    assert first[-1] < first[0]


def test_latents_are_saved_taken_up_again_and_made_anew_when_damaged(checkpoints: Path, data_dir: Path, tmp_path: Path):
    another = tmp_path / "another" / "model_latent_size_2.pth"
    another.parent.mkdir()
    another.write_bytes((checkpoints / another.name).read_bytes())

    def run() -> tuple[str, bytes]:
        done = run_script(
            "train_classifier.py", "--model_path", checkpoints / another.name, another, "--data_dir", data_dir,
            "--classifiers", "mlp", "--num_epochs", 1, "--balance", "sampler", "--output_dir", tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert " ± 0.0" in done.stdout  # one and the same network twice
        return done.stderr, (tmp_path / "classifiers.csv").read_bytes()

    kept = checkpoints / "latent_space_size_2_train.npy"
    kept.unlink(missing_ok=True)
    said, first = run()
    assert kept.name in said
    space = load_latent_space(kept)
    assert space.origin["side"] == "train"
    assert len(space.vectors) == len(space.labels) == len(space.sample_ids) == len(space.groups)
    kept.write_bytes(kept.read_bytes()[:-4] + b"\1\2\3\4")
    said, second = run()
    assert kept.name in said
    assert "latent_space_size_2_test.npy" not in said
    assert first == second


def test_images_without_classes_are_refused(trained_without_classes: Path, tmp_path: Path):
    arguments = ["--model_path", trained_without_classes / "model_latent_size_2.pth", "--output_dir", tmp_path / "out"]
    arguments += ["--data_dir", trained_without_classes / "data"]
    assert "has no classes" in refusal(run_script("train_classifier.py", *arguments))
    assert "--model_path" in refusal(run_script("train_classifier.py"))
    assert "none of linear, mlp, knn, cnn" in refusal(
        run_script("train_classifier.py", "--classifiers", "forest", *arguments)
    )
    assert not (tmp_path / "out").exists()


def test_outcomes_of_several_trainings_are_put_together():
    labels = np.array([0, 0, 1, 1])
    made = [
        Outcome(
            "set", "conv", "bottleneck 2", 2, "mlp", ("a", "b"), given, labels, scores_of(given, labels, labels), []
        )
        for given in (labels, np.array([0, 0, 1, 0]))
    ]
    text = outcome_table(made, {"knn": "10-NN", "mlp": "MLP"})
    assert "87.5 ± 17.7" in text
    assert "10-NN" not in text
    assert "50.0%" in text
    _, rows = class_rows(made)
    assert [row[-4:] for row in rows[2:]] == [[2 / 3, 1.0, 0.8, 2], [1.0, 0.5, 2 / 3, 2]]


def test_a_balanced_draw_takes_every_class_alike():
    labels = np.repeat([0, 1, 3], [900, 90, 10])
    drawn = labels[draw_balanced(labels, np.random.default_rng(0))]
    assert len(drawn) == 1000
    assert all(abs((drawn == label).mean() - 1 / 3) < 0.06 for label in (0, 1, 3))


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 30, 43)])
def test_networks_take_any_shape(shape: tuple[int, int, int]):
    torch.manual_seed(0)
    images = torch.rand(2, *shape)
    network = ConvClassifier(shape, 5)
    assert network(images).shape == (2, 5)
    network.eval()
    torch.testing.assert_close(network(images)[:1], network(images[:1]))
    assert MLP(7, 5)(torch.rand(3, 7)).shape == (3, 5)


def test_figures_of_hostile_names_classes_without_images_and_one_epoch(tmp_path: Path):
    counts = np.array([[3, 1], [0, 0]])
    figure = draw_confusion([("$\\frac", counts)] * 2, ("$\\frac", "\x1b[31m" + "x" * 200), "two")
    assert save_figure(figure, tmp_path / "confusion.png")[0].stat().st_size > 5000
    many = np.eye(130, dtype=int)
    assert save_figure(draw_confusion([("many", many)], [str(n) for n in range(130)], ""), tmp_path / "many.png")
    record = {"epoch": 1, "train_loss": 2.0, "train_accuracy": 0.1, "val_loss": None, "val_accuracy": None}
    labels = np.array([0, 1])
    scores = scores_of(labels, labels, labels)
    outcome = Outcome("digits", "", "$\\frac", 2, "mlp", ("a", "b"), labels, labels, scores, [record])
    figure = draw_learning_curves([outcome], {"mlp": "MLP"}, "digits")
    assert save_figure(figure, tmp_path / "curves.png")[0].stat().st_size > 5000


def test_better_level_and_worse_are_said_by_the_one_rule():
    labels = np.arange(200) % 2
    wrong = {"bottleneck 4": 4, "PCA of 4": 60, "raw pixels": 2}
    outcomes = []
    for space, count in wrong.items():
        predicted = np.where(np.arange(200) < count, 1 - labels, labels)
        model = "conv" if space.startswith("bottleneck") else ""
        outcomes.append(Outcome("x", model, space, 4, "linear", ("a", "b"), predicted, labels, {}, []))
    said = comparisons_in_words(outcomes, {"linear": "linear probe"})
    assert said[0] == "x: linear probe on conv bottleneck 4: better than on PCA of 4, level with raw pixels"
    assert "images of one group count as one" in said[1]
    in_tracks = [dataclasses.replace(each, groups=np.arange(200) // 50) for each in outcomes]
    assert comparisons_in_words(in_tracks, {"linear": "linear probe"})[0].count("level with") == 2
    assert comparisons_in_words(outcomes[1:], {"linear": "linear probe"}) == []
