"""Train classifiers on latents, beside the same ones on PCA and raw pixels, and a convolutional one as the ceiling.

The road: checkpoints -> latents of training, validation and test images, saved -> a linear probe, an MLP and nearest
neighbours on each space, a network on the images -> one table, curves, confusion matrices.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics import confusion_matrix

from data.balance import class_weights, draw_balanced, epoch_order
from data.image_set import ImageSet
from data.split import Split
from data.training_side import load_split_of, warn_of_untested_classes
from figure.confusion import draw_confusion
from figure.fonts import settle_names
from figure.style import save_figure, shown
from latent.probes import linear_classes, nearest_classes, standardisation
from model.checkpoint import load_models
from model.classifier import MLP, ConvClassifier
from model.classifier_training import Labelled, Schedule, predict, train_classifier
from model.options import CLASSIFIERS
from run.artefacts import write_csv, write_json, write_text
from run.console import count, note, say, warn
from run.device import choose_device, make_repeatable
from run.errors import BadInput, printable
from run.hints import training_command
from run.provenance import command_line, versions
from run.random_subset import random_subset
from stages.classifiers.learning_curves import draw_learning_curves
from stages.classifiers.outcomes import (
    Outcome,
    class_rows,
    comparisons_in_words,
    epoch_records,
    outcome_rows,
    outcome_table,
    scores_of,
)
from stages.classifiers.spaces import IMAGES, Checkpoint, Sides, Space, spaces_of

PROTOCOL = "fitted on training images, scored on test images"


@dataclass(frozen=True)
class Settings:
    """The flags of train_classifier.py."""

    model_path: list[Path]
    latent_size: int | None  # as it was typed, to find model_path by
    data_dir: Path
    max_fit: int | None  # training images to learn from; None takes all
    classifiers: list[str]  # some of CLASSIFIERS
    balance: str  # "none", "sampler" or "weights"
    hidden: int  # units of the MLP
    num_epochs: int  # of the MLP
    cnn_epochs: int
    batch_size: int
    lr: float  # the highest
    output_dir: Path
    seed: int
    device: str
    num_workers: int  # images decoded at a time; 0 takes one a core
    svg: bool
    show: bool


def run(settings: Settings) -> None:
    """Train every classifier on every space of every data set, print the table, and save all of it."""
    make_repeatable(settings.seed)
    models = load_models(settings.model_path, choose_device(settings.device))
    checkpoints = [Checkpoint(path, *each) for path, each in models.items()]
    outcomes = []
    for image_set, split, mine in data_sets_of(checkpoints, settings):
        warn_of_untested_classes(image_set, split.test)
        outcomes += train_all(image_set, split, mine, settings)
    say(outcome_table(outcomes, CLASSIFIERS))
    say(f"(per cent of test images, and macro-F1; {PROTOCOL}; the largest class alone is chance)")
    for line in comparisons_in_words(outcomes, CLASSIFIERS):
        say(line)
    for path in [*save(outcomes, checkpoints, settings), *draw(outcomes, settings)]:
        say(f"saved {printable(path)}")


def data_sets_of(checkpoints: list[Checkpoint], settings: Settings) -> list[tuple[ImageSet, Split, list[Checkpoint]]]:
    """The images that networks were trained on, each with its split and the checkpoints of that split.

    Raises:
        BadInput: images are not found, or there is nothing to tell apart in them.
    """
    by_split: dict[str, list[Checkpoint]] = {}
    for each in checkpoints:
        by_split.setdefault(each.record["fingerprint"], []).append(each)
    found = []
    for mine in by_split.values():
        image_set, split = load_split_of(mine[0].record, settings.data_dir, settings.num_workers or None)
        require_classes(image_set, split, mine[0].path)
        found.append((image_set, split, mine))
    return found


def require_classes(image_set: ImageSet, split: Split, path: Path) -> None:
    """Refuse images that there is nothing to tell apart in.

    Raises:
        BadInput: no classes, or a single one; or the test images are all of one class.
    """
    if len(image_set.class_names) < 2:
        has = "no classes" if image_set.labels is None else "one class only"
        raise BadInput(
            f"{printable(path)} was trained on {printable(image_set.name)}, which has {has}, and a classifier needs "
            "two; put the images into one folder a class, and train again: "
            f"{training_command(path, {'--resume': None})}"
        )
    tested = set(image_set.labels[split.test].tolist())
    if len(tested) < 2:
        raise BadInput(
            f"all test images of {printable(image_set.name)} are of the class "
            f"{printable(image_set.class_names[tested.pop()])}, and whatever says so is right; add images of other "
            f"classes, or test on more: {training_command(path, {'--test_fraction': [0.3], '--max_test': None})}"
        )


def train_all(
    image_set: ImageSet, split: Split, checkpoints: list[Checkpoint], settings: Settings
) -> Iterator[Outcome]:
    """Train every classifier on every space of one data set."""
    rows = Sides(random_subset(split.train, settings.max_fit, settings.seed), split.val, split.test)
    labels, names = rows.map(lambda side: image_set.labels[side]), image_set.class_names
    for space in spaces_of(checkpoints, image_set, split, rows, settings.seed):
        for name in settings.classifiers:
            if (name == "cnn") != (space.name == IMAGES):
                continue
            note(f"{CLASSIFIERS[name]} on {space.name} of {printable(image_set.name)}")
            predicted, log = classify(name, space, labels, len(names), settings)
            scores = scores_of(predicted, labels.test, labels.train)
            what = image_set.name, space.architecture, space.name, space.inputs.test[0].size, name, names
            yield Outcome(*what, predicted, labels.test, scores, log, image_set.groups[rows.test])


def classify(
    name: str, space: Space, labels: Sides, classes: int, settings: Settings
) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Train one classifier on the training images of a space.

    Args:
        name: of :data:`model.options.CLASSIFIERS`.
        space: what it sees.
        labels: int64 (rows,) of each side.
        classes: how many there are.
        settings: how it is trained.

    Returns:
        The classes that it gives to the test images, int64 (rows,), and a record of each epoch, where it has any.
    """
    inputs = space.inputs
    if name == "knn":
        return nearest_classes(inputs.train, labels.train, inputs.test), []
    if name == "linear":
        rows = np.arange(len(labels.train))
        if settings.balance == "sampler":
            rows = draw_balanced(labels.train, np.random.default_rng(settings.seed))
        weight = "balanced" if settings.balance == "weights" else None
        return linear_classes(inputs.train[rows], labels.train[rows], inputs.test, weight), []
    make_repeatable(settings.seed)  # so that an outcome does not depend on what else was trained
    if name == "cnn":
        network, epochs = ConvClassifier(inputs.train.shape[1:], classes), settings.cnn_epochs
    else:
        centre, scale = standardisation(inputs.train)
        inputs = inputs.map(lambda vectors: (vectors - centre) * scale)
        network, epochs = MLP(inputs.train.shape[1], classes, settings.hidden), settings.num_epochs
    network = network.to(choose_device(settings.device))
    log = learn(network, inputs, labels, classes, Schedule(epochs, settings.batch_size, settings.lr), settings)
    return predict(network, inputs.test), log


def learn(
    network: torch.nn.Module,
    inputs: Sides,
    labels: Sides,
    classes: int,
    schedule: Schedule,
    settings: Settings,
) -> list[dict[str, Any]]:
    """Train a network, with the balance that was asked for: a record of each epoch.

    Raises:
        BadInput: its loss is no longer finite.
    """

    def order_of(epoch: int) -> np.ndarray:
        return epoch_order(len(labels.train), labels.train, settings.balance, settings.seed, epoch + 1)

    weights = class_weights(labels.train, classes) if settings.balance == "weights" else None
    training, validation = Labelled(inputs.train, labels.train), Labelled(inputs.val, labels.val)
    try:
        return train_classifier(network, training, validation, order_of, schedule, weights)
    except FloatingPointError as error:
        raise BadInput(f"{error}; use a lower rate, say --lr {settings.lr / 10:g}") from None


def save(outcomes: list[Outcome], checkpoints: list[Checkpoint], settings: Settings) -> list[Path]:
    """Write tables and records; the paths written."""
    header, rows = outcome_rows(outcomes)
    ends = (".csv", "_per_class.csv", "_log.jsonl", "_metrics.json")
    paths = [settings.output_dir / f"classifiers{end}" for end in ends]
    write_csv(paths[0], header, rows)
    write_csv(paths[1], *class_rows(outcomes))
    write_text(paths[2], "".join(json.dumps(record) + "\n" for record in epoch_records(outcomes)))
    write_json(
        paths[3],
        {
            "protocol": PROTOCOL,
            "balance": settings.balance,
            "outcomes": [dict(zip(header, row, strict=True)) for row in rows],
            "checkpoints": [
                {"path": str(each.path)} | {name: each.record[name] for name in ("sha256", "fingerprint")}
                for each in checkpoints
            ],
            "seed": settings.seed,
            "command": command_line(),
            "versions": versions(),
        },
    )
    return paths


def draw(outcomes: list[Outcome], settings: Settings) -> list[Path]:
    """Draw confusion matrices and curves, of the first data set; the paths written."""
    first = [each for each in outcomes if each.labels is outcomes[0].labels]
    kind = next((name for name in ("mlp", "linear", "knn") if name in settings.classifiers), "cnn")
    of_kind = [each for each in first if each.classifier == kind]
    by_space = {each.space: each for each in reversed(of_kind) if each.model}  # the first checkpoint of each size
    compared = sorted(by_space.values(), key=lambda each: -each.numbers)[:2] or of_kind
    names, subject = outcomes[0].class_names, shown(outcomes[0].dataset)
    for sentence in settle_names(names):
        warn(sentence)
    matrices = [
        (
            f"{CLASSIFIERS[kind]} on {each.space}: {each.scores['accuracy']:.1%} right",
            confusion_matrix(each.labels, each.predicted, labels=np.arange(len(names))),
        )
        for each in compared
    ]
    title = f"{subject}: {count(len(outcomes[0].labels), 'test image')}, class by class"
    path, how = settings.output_dir / "classifiers_confusion.png", {"svg": settings.svg, "show": settings.show}
    saved = save_figure(draw_confusion(matrices, names, title), path, **how)
    trained = [each for each in first if each.log and (each in compared or each.classifier == "cnn")]
    if trained:
        title = f"{subject}: learning to tell {len(names)} classes apart"
        figure = draw_learning_curves(trained, CLASSIFIERS, title)
        saved += save_figure(figure, settings.output_dir / "classifiers_curves.png", **how)
    return saved
