"""Measure both bottlenecks on held-out images beside pixels, PCA and chance, and answer the three questions.

The road: checkpoints -> latents of training and test images -> reconstruction, clusters, probes, maps over some
seeds -> four tables, metrics.json, and three answers in words.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from data.image_set import ImageSet
from data.selection import Selection
from data.split import Split
from data.test_data import TestData, load_test_data
from data.training_side import load_split_of, warn_of_untested_classes
from latent.measures import tells_apart
from latent.pca import fit_pca
from model.autoencoder import Autoencoder
from model.checkpoint import load_models, require_split
from model.held_out import inference_in_words
from run.artefacts import read_json, write_csv, write_json
from run.console import count, note, say, warn
from run.device import choose_device, make_repeatable
from run.errors import BadInput, printable
from run.hints import command, own_command
from run.provenance import command_line, versions
from run.random_subset import random_subset
from run.training_folder import undisturbed
from stages.evaluation.answers import Answer, Scores, answer_exercise
from stages.evaluation.answers import in_words as answers_in_words
from stages.evaluation.facts import Images, facts_of
from stages.evaluation.measuring import Measured, Runs, Summary, measure_maps, measure_spaces, summarise, with_protocol
from stages.evaluation.reconstructions import measure_reconstructions
from stages.evaluation.spaces import PIXELS_TURNED_INTO, Spaces
from stages.evaluation.tables import evaluation_tables, per_class_table

Models = dict[Path, tuple[Autoencoder, dict[str, Any]]]  # checkpoint -> network and record


@dataclass(frozen=True)
class Settings:
    """The flags of evaluate.py."""

    model_path: list[Path]
    latent_size: int | None  # as it was typed, to find model_path by
    test_data: Path
    data_dir: Path
    refine: int
    protocol: str  # "train-test" or "transductive"
    seeds: int  # how many runs
    num_clusters: int | None  # None takes one for each class
    num_fit: int | None  # training images to fit on; None takes all
    num_samples: int | None  # test images on each map; None takes all
    output_dir: Path
    seed: int  # of the first run
    device: str
    num_workers: int  # images decoded at a time; 0 takes one a core

    @property
    def transductive(self) -> bool:
        """Whether things are fitted and scored on the same images."""
        return self.protocol == "transductive"

    @property
    def all_seeds(self) -> range:
        """One for each run."""
        return range(self.seed, self.seed + self.seeds)


@dataclass(frozen=True)
class Subject:
    """What is evaluated, and on which images."""

    models: Models
    test_data: TestData
    image_set: ImageSet
    split: Split


@dataclass(frozen=True)
class Evaluated:
    """What came of it: space -> measure -> mean and spread, by what was looked at."""

    errors: dict[str, Summary]
    numbers: dict[str, Summary]
    maps: dict[str, Summary]
    per_class: dict[str, dict[int, list[dict[str, float]]]]  # errors of each class, a run each
    rows: tuple[np.ndarray, np.ndarray]  # that were fitted on and scored on
    num_clusters: int
    pixels_turned_into: str  # before they were clustered; "" if into nothing
    answers: list[Answer]


def run(settings: Settings) -> None:
    """Measure, print the tables and the answers, and save both."""
    make_repeatable(settings.seed)
    models, test_data = load_models_and_test_data(settings)
    record = next(iter(models.values()))[1]
    subject = Subject(models, test_data, *load_split_of(record, settings.data_dir, settings.num_workers or None))
    evaluated = evaluate(subject, settings)
    say(in_words(evaluated, subject, settings))
    say()
    for path in save(evaluated, subject, settings):
        say(f"saved {printable(path)}")


def evaluate(subject: Subject, settings: Settings) -> Evaluated:
    """Measure every space, and answer from the numbers."""
    image_set, split, test_data = subject.image_set, subject.split, subject.test_data
    rows = choose_rows(split, settings)
    num_clusters = count_clusters(settings.num_clusters, test_data, len(rows[0]))
    warn_of_classes(image_set, rows[1])

    spaces = fit_spaces(subject, settings.seed, settings.refine)
    seeds = settings.all_seeds
    fidelities, per_class = measure_reconstructions(spaces, test_data.images, test_data.labels)
    measured = measure_spaces(spaces, image_set, rows, num_clusters, seeds)
    mapped = measure_maps(spaces, test_data, image_set.groups[split.test], settings.num_samples, seeds)

    errors, numbers, maps = (
        {name: summarise(runs) for name, runs in each.items()} for each in (fidelities, measured.runs, mapped)
    )
    together = {name: {**errors.get(name, {}), **mine, **maps.get(name, {})} for name, mine in numbers.items()}
    sides = [Images(Selection(image_set.images, mine), None if image_set.labels is None else image_set.labels[mine],
                    image_set.groups[mine]) for mine in rows]  # fmt: skip
    given = measured, together, sides[0], replace(sides[1], images=image_set.images[rows[1]]), image_set.class_names
    facts = [facts_of(f"bottleneck {size}", *given) for size in spaces.sizes]
    scores = Scores(by_image(fidelities, measured), together, sides[1].groups, image_set.groups[split.test])
    answers = answer_exercise(facts, scores)
    return Evaluated(errors, numbers, maps, per_class, rows, num_clusters, spaces.pixels_turned_into, answers)


def by_image(fidelities: Runs, measured: Measured) -> dict[str, dict[str, np.ndarray]]:
    """Space -> measure -> its value of each image, float (rows,), mean over runs; only what is taken by image."""
    whole = Measured({space: [*measured.runs.get(space, []), *fidelities.get(space, [])] for space in
                      {**measured.runs, **fidelities}}, {})  # fmt: skip
    names = {space: {name for run in runs for name in run} for space, runs in whole.runs.items()}
    found = {space: {name: whole.of_each_image(space, name) for name in mine} for space, mine in names.items()}
    return {space: {name: each for name, each in mine.items() if each is not None} for space, mine in found.items()}


def in_words(evaluated: Evaluated, subject: Subject, settings: Settings) -> str:
    """What was measured, the tables, the answers."""
    test_data, sizes = subject.test_data, {model.latent_size for model, _ in subject.models.values()}
    over = f"seed {settings.seed}"
    if settings.seeds > 1:
        over = f"mean ± standard deviation over {settings.seeds} seeds"
    if len(subject.models) > len(sizes):
        over += f" and {count(len(subject.models), 'checkpoint')} of {count(len(sizes), 'size')}"
    images = count(len(test_data.images), "test image")
    lines = [f"{printable(test_data.dataset)}, {subject.split.kind} split: {images}; {over}"]
    lines.append(f"(images are encoded by: {inference_in_words(settings.refine)})")
    if takes_labels(subject.models):
        lines.append(
            "(reconstructions: the decoder was given each image's label, which PCA was not; latents hold no labels)"
        )
    found = evaluated.errors, evaluated.numbers, evaluated.maps
    lines.append(evaluation_tables(*found, evaluated.num_clusters, settings.transductive))
    if through := evaluated.pixels_turned_into:
        lines.append(
            f"(clusters of raw pixels, gaps between them and silhouette: in {through}, not in the pixels themselves)"
        )
    lines.append(answers_in_words(evaluated.answers))
    return "\n".join(lines)


def save(evaluated: Evaluated, subject: Subject, settings: Settings) -> list[Path]:
    """Write all numbers with their protocols, and the errors of each class; the paths written."""
    test_data, transductive = subject.test_data, settings.transductive
    fitted, scored = evaluated.rows
    checkpoints = [{"path": str(path), "sha256": record["sha256"]} for path, (_, record) in subject.models.items()]
    content = {
        "dataset": test_data.dataset,
        "split": subject.split.kind,
        "fingerprint": test_data.fingerprint,
        "checkpoints": checkpoints,
        "protocol": settings.protocol,
        "held_out_images": len(test_data.images),
        "scored_images": len(scored),
        "scored_groups": len(np.unique(subject.image_set.groups[scored])),
        "fitting_images": len(fitted),
        "inference": inference_in_words(settings.refine),
        "decoder_takes_labels": takes_labels(subject.models),
        "num_clusters": evaluated.num_clusters,
        "seeds": list(settings.all_seeds),
        "pixel_range": "[0, 1]",
        "reconstruction": with_protocol(evaluated.errors, transductive),
        "latent_space": with_protocol(evaluated.numbers, transductive, evaluated.pixels_turned_into),
        "maps": with_protocol(evaluated.maps, transductive),
        "reconstruction_per_class": {
            name: {test_data.class_names[label]: summarise(runs) for label, runs in classes.items()}
            for name, classes in evaluated.per_class.items()
        },
        "answers": evaluated.answers,
        "command": command_line(),
        "versions": versions(),
    }
    paths = [settings.output_dir / "metrics.json", settings.output_dir / "metrics_per_class.csv"]
    size = _largest(content)
    set_aside_other_size(paths, size)
    write_json(paths[0], content)
    write_csv(paths[1], *per_class_table(evaluated.per_class, test_data.class_names, test_data.labels))
    for path in paths:
        _of_size(path, size).unlink(missing_ok=True)  # measured anew
    return paths


def set_aside_other_size(paths: Sequence[Path], size: int) -> None:
    """Give what was measured of another bottleneck than that of ``size`` a name of its own, before it is lost."""
    try:
        before = _largest(read_json(paths[0]))
    except (BadInput, KeyError, AttributeError, TypeError, ValueError):  # none, or what nobody has measured
        return
    if before == size:
        return
    for path in paths:
        if path.exists():
            path.replace(_of_size(path, before))
    note(f"what was measured of bottleneck {before} before is kept in {printable(_of_size(paths[0], before))}")


def _largest(content: dict[str, Any]) -> int:
    """N, of the bottleneck that ``metrics.json`` is about."""
    return max(int(name.removeprefix("bottleneck ")) for name in content["latent_space"] if "bottleneck " in name)


def _of_size(path: Path, size: int) -> Path:
    return path.with_stem(f"{path.stem}_latent_size_{size}")


def load_models_and_test_data(settings: Settings) -> tuple[Models, TestData]:
    """The checkpoints that were named, those of 2 beside them, and the test split that all of them know.

    Raises:
        BadInput: a file is missing or damaged, the checkpoints are of several architectures, or of another split.
    """
    with undisturbed(settings.model_path[0].parent):
        models = load_models(settings.model_path, choose_device(settings.device))
        test_data = load_test_data(settings.test_data)
    for path, (_, record) in models.items():
        require_split(record, path, test_data.fingerprint, settings.test_data)
    architectures = sorted({model.architecture for model, _ in models.values()})
    if len(architectures) > 1:
        raise BadInput(
            f"the checkpoints are of the architectures {', '.join(architectures)}; evaluate each by itself, or set "
            f"them side by side with: {command('train_classifier.py', '--model_path', *models)}"
        )
    return models, test_data


def choose_rows(split: Split, settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    """The images to fit on and to score on, int64; the same array twice under the transductive protocol."""
    if settings.transductive:
        everything = np.sort(np.concatenate([split.train, split.val, split.test]))
        return everything, everything
    return random_subset(split.train, settings.num_fit, settings.seed), split.test


def count_clusters(asked: int | None, test_data: TestData, fitting: int) -> int:
    """How many clusters to look for: as asked, or one for each class.

    Raises:
        BadInput: more than there are images to find them in.
    """
    count = asked or len(test_data.class_names)
    if asked is None and count < 2:
        has = "no classes" if test_data.labels is None else "one class only, and none"
        note(f"the images have {has} to count: 10 clusters are looked for; say another number with --num_clusters")
        count = 10
    if count > fitting:
        raise BadInput(
            f"{fitting} images can't make {count} clusters; take fewer: {own_command({'--num_clusters': [fitting]})}"
        )
    return count


def warn_of_classes(image_set: ImageSet, scored: np.ndarray) -> None:
    """Say which classes nothing is measured of, or that there is one class alone."""
    warn_of_untested_classes(image_set, scored)
    if image_set.labels is not None and not tells_apart(image_set.labels[scored]):
        warn("the images that are scored are all of one class, so whatever compares with classes is left out")


def fit_spaces(subject: Subject, seed: int, refine: int) -> Spaces:
    """The networks, and PCA of the images that they were trained on."""
    train = Selection(subject.image_set.images, subject.split.trained_on)
    note(f"PCA of {count(len(train), 'training image')}, to compare with")
    networks = [model for model, _ in subject.models.values()]
    largest = max(PIXELS_TURNED_INTO, *(model.latent_size for model in networks))
    return Spaces(networks, fit_pca(train, largest, seed), train, refine)


def takes_labels(models: Models) -> bool:
    """Whether a decoder was given each image's label."""
    return any(model.takes_labels for model, _ in models.values())
