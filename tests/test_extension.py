"""What the suite promises to whoever extends it: one file, and one line of a table, are enough."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import encode_latent_space
import evaluate
import latent
import train
import viz_dataset
from data import DATASETS
from latent import measures
from model import ARCHITECTURES
from model.checkpoint import load_checkpoint
from model.training_state import StateKeeper
from run.artefacts import read_json

SPARSE = '''
"""An autoencoder of one dense layer on either side, whose latents are kept small."""

import math

from torch import nn

from model.autoencoder import Autoencoder


class SparseAutoencoder(Autoencoder):
    """Images (B, C, H, W) in [0, 1] -> latents (B, D) -> images in (0, 1); the loss adds the latents' mean size."""

    architecture = "sparse"
    loss_parts = (*Autoencoder.loss_parts, "sparsity")

    def __init__(self, latent_size, image_shape):
        super().__init__(latent_size, image_shape)
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(image_shape), latent_size))
        self.decoder = nn.Sequential(nn.Linear(latent_size, math.prod(image_shape)), nn.Unflatten(1, self.image_shape))

    def encode(self, images):
        return self.encoder(images).float()

    def _decode(self, codes):
        return self.decoder(codes).float().sigmoid()

    def loss(self, images, labels=None, objective=None, position=1.0, weights=None):
        latents = self.encode(objective.noisy(images))
        mse = objective.reconstruction(self.decode(latents), images, self.bounded, weights)
        sparsity = latents.abs().mean()
        return {"total": mse + 0.001 * sparsity, "mse": mse.detach(), "sparsity": sparsity}
'''

STRIPES = '''
"""Stripes of three widths, made rather than read."""

import numpy as np

from data.arrays import array_batches
from data.fitting import Shape
from data.pictures import Pictures
from data.source import Source


class Stripes(Source):
    """150 grey images of 12x12 pixels, in pairs that belong together."""

    name, place, key = "stripes", "nowhere", "1"

    def __init__(self, data_dir):
        self.labels = np.arange(150) // 2 % 3

    def open(self, image_size, grayscale, num_workers):
        random = np.random.default_rng(0)
        columns = np.arange(12)[None, None] // (self.labels[:, None, None] + 1) % 2
        noise = random.integers(0, 80, (150, 12, 12))
        images = (160 * columns + noise).astype(np.uint8)  # (150, 12, 12)
        height, width = image_size or (12, 12)
        return Pictures(
            shape=Shape(1, height, width, own_size=False, grayscale=False),
            batches=lambda shape: array_batches([images[..., None]], shape, num_workers),
            ids=[f"stripes/{number}" for number in range(150)],
            labels=self.labels,
            class_names=("narrow", "wide", "wider"),
            groups=[f"pair {number // 2}" for number in range(150)],
            published_test=None,
            left_out=[],
        )
'''


MEASURES = '''
"""Two measures: one that fits something, and one that describes."""

import numpy as np

from latent.measures import CLASSIFIED, DESCRIBED, Measure, measure


@measure(
    CLASSIFIED,
    Measure("centroid_accuracy", heading="centroids", percent=True, better="more", chance="centroid_accuracy_chance",
            compared_as="nearest centroid"),
    Measure("centroid_accuracy_chance"),
    of_classes=True,
)
def centroid_accuracy(latents, labels, fitted):
    classes = np.unique(fitted.labels)
    centroids = np.stack([fitted.vectors[fitted.labels == each].mean(axis=0) for each in classes])
    nearest = np.linalg.norm(latents[:, None] - centroids, axis=-1).argmin(axis=1)
    chance = float(np.bincount(labels).max() / len(labels))
    return {"centroid_accuracy": float((classes[nearest] == labels).mean()), "centroid_accuracy_chance": chance}


@measure(DESCRIBED, Measure("mean_norm", heading="norm", places=2))
def mean_norm(latents, labels):
    return {"mean_norm": float(np.linalg.norm(latents, axis=1).mean())}
'''


class Killed(BaseException):
    pass


@pytest.fixture
def run_here(monkeypatch) -> Callable:
    """Run the main function of a script in this process, with a command line."""

    def run(script, *arguments: object) -> None:
        monkeypatch.setattr(sys, "argv", [f"{script.__name__}.py", *map(str, arguments)])
        script.main()

    return run


@pytest.fixture
def sparse(tmp_path, monkeypatch) -> str:
    """The name of an architecture that is a file, and a line in the table."""
    (tmp_path / "sparse_architecture.py").write_text(SPARSE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(ARCHITECTURES, "sparse", ("sparse_architecture", "SparseAutoencoder"))
    return "sparse"


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith("_previous.pth")
    }


def test_an_architecture_with_a_loss_of_its_own(tmp_path, monkeypatch, data_dir, run_here, sparse):
    monkeypatch.chdir(tmp_path)
    command = ["--model", sparse, "--dataset", "digits", "--max_train", 262, "--num_epochs", 2, "--latent_size", 3,
               "--save_every", 1e-9, "--data_dir", data_dir, "--output_dir", "output"]  # fmt: skip
    run_here(train, *command)
    log = [json.loads(line) for line in Path("output/training_log.jsonl").read_text().splitlines()]
    assert [line["latent_size"] for line in log] == [2, 2, 3, 3]
    assert all(line["train_sparsity"] > 0 for line in log)

    Path("output").rename("undisturbed")
    keep, kept = StateKeeper.save, []

    def keep_and_die(self, *arguments):
        keep(self, *arguments)
        kept.append(arguments[-1].step)
        if len(kept) == 7:  # in the first epoch of the second bottleneck
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(StateKeeper, "save", keep_and_die)
        patch.setattr("stages.training.side_by_side.cores", lambda: 1)  # one after the other, in this process
        with pytest.raises(Killed):
            run_here(train, *command)
    assert kept[-1] > 0, "killed in the middle of an epoch"
    run_here(train, "--resume", "--data_dir", data_dir, "--output_dir", "output")
    resumed, undisturbed = contents(Path("output")), contents(Path("undisturbed"))
    assert resumed.keys() == undisturbed.keys()
    assert [name for name in resumed if resumed[name] != undisturbed[name]] == []

    assert load_checkpoint(Path("output/model_latent_size_3.pth"))[0].architecture == sparse
    run_here(encode_latent_space, "--latent_size", 3, "--num_samples", "all")
    assert np.load("output/latent_space_size_3.npy").shape == (180, 3)
    run_here(evaluate, "--latent_size", 3, "--data_dir", data_dir, "--seeds", 1, "--num_samples", 100)
    assert read_json(Path("output/metrics.json"))["reconstruction"]["bottleneck 3"]["mse"]["mean"] > 0


@pytest.fixture
def stripes(tmp_path, monkeypatch) -> str:
    """The name of a source that is a file, and a line in the table."""
    (tmp_path / "stripes_source.py").write_text(STRIPES)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(DATASETS, "stripes", ("stripes of three widths", "stripes_source", "Stripes"))
    return "stripes"


def test_a_source_of_images(tmp_path, monkeypatch, run_here, stripes):
    monkeypatch.chdir(tmp_path)
    run_here(train, "--model", "dense", "--dataset", stripes, "--num_epochs", 1, "--latent_size", 3)
    run_here(train, "--resume", "--num_epochs", 2)
    log = [json.loads(line) for line in Path("output/training_log.jsonl").read_text().splitlines()]
    assert [(line["latent_size"], line["epoch"]) for line in log] == [(2, 1), (2, 2), (3, 1), (3, 2)]
    record = load_checkpoint(Path("output/model_latent_size_3.pth"))[1]
    assert (record["dataset"], record["split"]) == ("stripes", "group")
    assert len(list(Path("data/cache").iterdir())) == 1

    run_here(evaluate, "--latent_size", 3, "--seeds", 1, "--num_fit", 50)  # reads its training images again
    assert read_json(Path("output/metrics.json"))["reconstruction"]["bottleneck 3"]["mse"]["mean"] > 0
    run_here(viz_dataset, "--dataset", stripes)
    assert read_json(Path("output/dataset.json"))["groups"] == 75


@pytest.fixture
def two_measures(tmp_path, monkeypatch) -> None:
    """Two functions in a file more of the package, which is forgotten after the test."""
    measures.declared()  # those that there are, before the list is copied
    monkeypatch.setattr(measures, "_DECLARED", [*measures._DECLARED])
    (tmp_path / "two_measures.py").write_text(MEASURES)
    monkeypatch.setattr(latent, "__path__", [*latent.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, "latent.two_measures", raising=False)
    measures._look_through_package.cache_clear()


def test_a_measure(tmp_path, monkeypatch, capsys, trained, data_dir, run_here, two_measures):
    monkeypatch.chdir(tmp_path)
    command = ["--model_path", trained / "model_latent_size_8.pth", "--output_dir", "output", "--data_dir", data_dir,
               "--seeds", 1, "--num_samples", 40]  # fmt: skip
    run_here(evaluate, *command)
    heading = next(line for line in capsys.readouterr().out.splitlines() if "linear probe %" in line)
    assert "centroids %" in heading
    assert "norm" in heading
    found = read_json(Path("output/metrics.json"))
    for mine in found["latent_space"].values():
        assert mine["centroid_accuracy"]["mean"] > mine["centroid_accuracy_chance"]["mean"]
        assert mine["centroid_accuracy"]["protocol"] == "fitted on training images, scored on test images"
        assert mine["mean_norm"]["protocol"] == "of the scored images alone; nothing is fitted"
    assert "nearest centroid" in found["answers"][-1]["sentence"]

    run_here(evaluate, *command, "--protocol", "transductive")
    mine = read_json(Path("output/metrics.json"))["latent_space"]["bottleneck 2"]
    assert "mean_norm" in mine
    assert "centroid_accuracy" not in mine  # nothing is fitted on what it is scored on


def test_a_measure_declares_all_that_it_gives(two_measures):
    measures.measure(measures.DESCRIBED, measures.Measure("odd"))(lambda latents, labels: {"odd": 1.0, "even": 2.0})
    with pytest.raises(ValueError, match="gives even, which it does not declare"):
        measures.take([measures.DESCRIBED], np.ones((3, 2)), None)
