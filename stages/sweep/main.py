"""Compare bottlenecks of several sizes: what each keeps of held-out images, and which is worth having.

The road: checkpoints of one training -> held-out errors beside PCA of every size -> classes told apart by the latents
-> one figure, one sheet of reconstructions, three answers.
"""

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data.choice import choose_test_rows
from data.image_set import ImageSet
from data.selection import Selection
from data.split import Split
from data.test_data import TestData
from data.training_side import load_split_of, warn_of_untested_classes
from figure.fonts import settle_names
from figure.reconstruction import draw_reconstructions
from figure.style import save_figure, shown
from latent.pca import PCA, fit_pca
from latent.pixels import PIXELS
from model.autoencoder import Autoencoder
from model.fidelity import mean_error, squared_errors
from model.held_out import inference_in_words, measure_mean_image
from model.inference import encode, reconstruct, reconstruct_batches
from model.linear import refinable
from run import collectives, ranks
from run.agreement import SAME_FILES, agree
from run.artefacts import model_path, write_csv, write_json
from run.console import count, note, say, table_of, warn
from run.device import make_repeatable
from run.errors import BadInput, printable
from run.hints import training_at_hand
from run.provenance import command_line, versions
from run.random_subset import random_subset
from stages.sweep.answers import answer_sweep, as_answer, dimensions, independent_of
from stages.sweep.choice import QUESTION, Watched, which_size
from stages.sweep.dimension import intrinsic_dimensions
from stages.sweep.figure import draw_sweep
from stages.sweep.loading import Models, load_models_and_test_data, takes_labels, warn_of_other_settings
from stages.sweep.measuring import curve_sizes, errors_of, measure_classes

_MAY_DIFFER = ("data_dir", "num_workers", "output_dir", "svg", "show")  # between processes
_LARGEST_PCA = 512  # dimensions; or as many as the largest bottleneck has

COLUMNS = {  # of the table: value -> heading, and how it is written
    "latent_size": ("size", "d"),
    "mse": ("MSE", ".5f"),
    "encoder_alone_mse": ("encoder alone", ".5f"),
    "kept": ("kept", ".1%"),
    "pca_mse": ("PCA's MSE", ".5f"),
    "pca_refined_mse": ("refined", ".5f"),
    "below_pca": ("below PCA", ""),
    "as_pca_of": ("as PCA of", ""),
    "ssim": ("SSIM", ".3f"),
    "linear_accuracy": ("probe", ".1%"),
    "pca_linear_accuracy": ("probe on PCA", ".1%"),
    "knn_accuracy": ("10-NN", ".1%"),
    "pca_knn_accuracy": ("10-NN on PCA", ".1%"),
    "effective_rank": ("eff. rank", ".1f"),
}


@dataclass(frozen=True)
class Settings:
    """The flags of sweep_latent_size.py."""

    model_path: list[Path] | None  # None takes all that lie in output_dir
    latent_size: list[int] | None  # of those in output_dir; None takes all
    test_data: Path | None  # None takes that beside the checkpoints
    data_dir: Path
    refine: int  # steps
    num_fit: int | None  # training images that classifiers are fitted on; None takes all
    num_images: int  # on the sheet of reconstructions
    output_dir: Path
    seed: int
    device: str
    num_workers: int  # images decoded at a time; 0 takes one a core
    svg: bool
    show: bool


@dataclass(frozen=True)
class Swept:
    """What came of it.

    Attributes:
        records: of each size, rising: its errors and accuracies beside those of PCA.
        curve: size of PCA -> its held-out error, rising.
        mean_image: error of the mean training image.
        pixels: accuracies on the raw pixels.
        answers: question, verdict, sentence, evidence, and what would change it.
        independent: what test images are independent, in words.
        chosen: rows of the test images that are drawn.
        inference: how images are encoded, in words.
        drawn: float32 (len(chosen), C, H, W) in [0, 1], what each size makes of them.
    """

    records: list[dict[str, Any]]
    curve: dict[int, float]
    mean_image: float
    pixels: dict[str, float]
    answers: list[dict[str, Any]]
    independent: str
    chosen: list[int]
    inference: str
    drawn: list[np.ndarray]


def run(settings: Settings) -> None:
    """Measure every size, draw it, print the table and the answers, and save all of it.

    Several processes measure different sizes and spaces; the first draws and writes.
    """
    agree(vars(settings), settings.output_dir, _MAY_DIFFER)
    make_repeatable(settings.seed)
    named = settings.model_path or [model_path(settings.output_dir, size) for size in settings.latent_size or []]
    models, test_data = load_models_and_test_data(named, settings.output_dir, settings.test_data, settings.device)
    warn_of_other_settings(models)
    ranks.require_same("checkpoints", made_of(models), SAME_FILES)
    swept, split = sweep(models, test_data, settings)
    if not ranks.is_first():
        return
    say(in_words(swept, models, test_data, split))
    saved = save(swept, models, test_data, split, settings)
    saved = draw(swept, models, test_data, split, settings) + saved  # last: a window that is shown keeps all waiting
    say()
    for path in saved:
        say(f"saved {printable(path)}")


def sweep(models: Models, test_data: TestData, settings: Settings) -> tuple[Swept, Split]:
    """Measure every size on the test images, beside PCA of the training images; and how they were split.

    Raises:
        BadInput: the images are not found, or there is nothing in them to keep.
    """
    record = next(iter(models.values()))[1]
    image_set, split = load_split_of(record, settings.data_dir, settings.num_workers or None)
    warn_of_untested_classes(image_set, split.test)
    note(f"PCA of {count(len(split.trained_on), 'training image')}, to compare with")
    # Beyond the largest size: a network may keep more than PCA of its own size does.
    largest = max(*models, min(2 * max(models), _LARGEST_PCA))
    training = Selection(image_set.images, split.trained_on)
    pca = fit_pca(training, largest, settings.seed)
    sizes = curve_sizes(len(pca.components), list(models))
    curve = dict(zip(sizes, pca.errors(test_data.images, sizes), strict=True))
    mean_image = measure_mean_image(pca.mean, test_data.images)["mse"]
    if not mean_image:
        raise BadInput(
            "every test image is the mean training image, so there is nothing to keep; train on others, say: "
            f"{training_at_hand({'--dataset': ['digits'], '--latent_size': sorted(models)})}"
        )
    networks = [model for model, _ in models.values()]
    encode_by = functools.partial(encode, refine=settings.refine)
    classes, right, seen = measure_classes(
        networks, encode_by, pca, (image_set, split), settings.num_fit, settings.seed
    )
    chosen = choose_test_rows(test_data, None, settings.num_images, settings.seed)

    def by_pca(size: int, images: np.ndarray) -> Iterator[np.ndarray]:
        baseline = refinable(pca.mean, pca.components[:size], training)
        return reconstruct_batches(baseline, images, refine=settings.refine)

    def of_size(size: int) -> tuple[dict[str, float | None], np.ndarray]:
        made, alone = reconstructions(size, models[size][0], test_data, settings.refine)
        errors = errors_of(size, test_data.images, made, curve, mean_image) | {"encoder_alone_mse": alone}
        errors["pca_refined_mse"] = mean_error(test_data.images, by_pca(size, test_data.images))
        return errors, made[chosen]

    records, drawn = [], []
    for errors, pictures in collectives.of_each_item(list(models), of_size):
        size = errors["latent_size"]
        of_pca = {f"pca_{name}": value for name, value in classes[f"PCA of {size}"].items() if "accuracy" in name}
        records.append({**errors, **classes[f"bottleneck {size}"], **of_pca})
        drawn.append(pictures)
    groups = image_set.groups[split.test]
    answers = answer_sweep(records, sizes[-1], right, groups)
    watched = watch(networks, pca, (image_set, split), right if not len(split.val) else seen, by_pca, settings.refine)
    answers.append(as_answer(QUESTION, which_size(watched, scores_in_words(records))))
    inference = inference_in_words(settings.refine)
    swept = Swept(
        records, curve, mean_image, classes[PIXELS], answers, independent_of(groups), chosen, inference, drawn
    )
    return swept, split


def watch(
    networks: list[Autoencoder], pca: PCA, source: tuple[ImageSet, Split], right: dict[str, np.ndarray],
    by_pca: Callable[[int, np.ndarray], Iterator[np.ndarray]], refine: int,
) -> Watched:  # fmt: skip
    """What a size is chosen by: the validation images or, where there are none, the test images.

    Args:
        source: the images, and how they were split.
        right: on which of these images a linear probe is right, by space.
        by_pca: what PCA of a size makes of images, its latents refined as the networks' are.
        refine: steps of refinement.
    """
    image_set, split = source
    rows, on = (split.val, "validation images") if len(split.val) else (split.test, "test images, which also score it")
    images, labels = image_set.images[rows], None if image_set.labels is None else image_set.labels[rows]
    groups = image_set.groups[rows]
    made = collectives.of_each_item(
        networks, lambda each: squared_errors(images, reconstruct(each, images, labels, refine))
    )
    errors = {each.latent_size: its_errors for each, its_errors in zip(networks, made, strict=True)}
    of_pca = {size: squared_errors(images, by_pca(size, images)) for size in errors}
    fitted = random_subset(split.train, 3000, 0)
    largest, spaces = networks[-1], image_set.images[fitted]
    flat = pca.encode(spaces)  # in which distances are all but those of the pixels
    looked_at = {"the images": flat, f"bottleneck {largest.latent_size}": encode(largest, spaces, refine)}
    dimensions = {what: intrinsic_dimensions(each, image_set.groups[fitted]) for what, each in looked_at.items()}
    found = {what: each for what, each in dimensions.items() if each}
    return Watched(on, groups, errors, of_pca, right, found, measure_mean_image(pca.mean, images)["mse"])


def scores_in_words(records: list[dict[str, Any]]) -> dict[int, str]:
    """Size -> its error and accuracy on the test images."""
    said = {}
    for each in records:
        said[each["latent_size"]] = f"MSE {each['mse']:.5f} (PCA {each['pca_mse']:.5f})"
        if "linear_accuracy" in each:
            said[each["latent_size"]] += f", linear probe {each['linear_accuracy']:.1%}"
    return said


def reconstructions(size: int, model: Autoencoder, test_data: TestData, refine: int) -> tuple[np.ndarray, float]:
    """What a bottleneck makes of the test images: float32 (N, C, H, W) in [0, 1], and the encoder's own error.

    Raises:
        BadInput: they are not finite.
    """
    note(f"reconstructing by bottleneck {size}")
    made = reconstruct(model, test_data.images, test_data.labels, refine)
    if not np.isfinite(made).all():
        raise BadInput(
            f"bottleneck {size} makes images that are not finite; train again: "
            f"{training_at_hand({'--lr': [0.00001], '--latent_size': [size]})}"
        )
    alone = reconstruct(model, test_data.images, test_data.labels, 0) if refine else made
    return made, mean_error(test_data.images, alone)


def in_words(swept: Swept, models: Models, test_data: TestData, split: Split) -> str:
    """The table of sizes, and the answers."""
    images = f"{count(len(test_data.images), 'test image')}; pixels in [0, 1]; images are encoded by: {swept.inference}"
    rows = [
        {
            **record,
            "below_pca": "-" if record["below_pca"] is None else f"{record['below_pca']:.1%}",
            "as_pca_of": dimensions(record["as_pca_of"], max(swept.curve)),
        }
        for record in swept.records
    ]
    lines = [f"{printable(test_data.dataset)}, {split.kind} split: {images}", table_of(rows, COLUMNS)]
    if takes_labels(models):
        lines.append(
            "(reconstructions: the decoder was given each image's label, which PCA was not; latents hold no labels)"
        )
    for each in swept.answers:
        lines.append(f"\n{each['question']} {each['sentence']}")
        lines += [f"  - {evidence}" for evidence in each["evidence"]]
        lines.append(f"  what would change it: {each['would_change']}")
    return "\n".join(lines)


def save(swept: Swept, models: Models, test_data: TestData, split: Split, settings: Settings) -> list[Path]:
    """Write the numbers of each size as a table, and all numbers; the paths written."""
    sizes = [{name: None if value == math.inf else value for name, value in each.items()} for each in swept.records]
    content = {
        "dataset": test_data.dataset,
        "split": split.kind,
        "fingerprint": test_data.fingerprint,
        "made_of": made_of(models),
        "protocol": "PCA and classifiers fitted on training images, everything measured on held-out images; pixels in "
        "[0, 1]; kept: 1 - error / error of the mean image; as_pca_of: dimensions that PCA needs for the same error",
        "held_out_images": len(test_data.images),
        "independent": swept.independent,
        "fitting_images": min(len(split.train), settings.num_fit or len(split.train)),
        "inference": swept.inference,
        "decoder_takes_labels": takes_labels(models),
        "mean_image_mse": swept.mean_image,
        "sizes": sizes,
        "pca": {str(size): error for size, error in swept.curve.items()},
        "raw_pixels": swept.pixels,
        "answers": swept.answers,
        "command": command_line(),
        "versions": versions(),
    }
    paths = [settings.output_dir / "sweep.csv", settings.output_dir / "sweep.json"]
    write_csv(paths[0], list(sizes[0]), [list(record.values()) for record in sizes])
    write_json(paths[1], content)
    return paths


def made_of(models: Models) -> dict[str, str]:
    """The checkpoints: name of the file, as train.py has it -> SHA-256."""
    return {model_path(Path(), size).name: record["sha256"] for size, (_, record) in models.items()}


def draw(swept: Swept, models: Models, test_data: TestData, split: Split, settings: Settings) -> list[Path]:
    """The curves, and the sheet of reconstructions; the paths written."""
    for sentence in settle_names(test_data.class_names):
        warn(sentence)
    labelled, chosen = takes_labels(models), swept.chosen
    architecture = next(iter(models.values()))[0].architecture + (
        ", given the label when it decodes" if labelled else ""
    )
    subject = (
        f"{shown(test_data.dataset)}, {split.kind} split, {architecture}: what bottlenecks of {len(models)} sizes keep "
        f"of {count(len(test_data.images), 'held-out image')}"
    )
    figure = draw_sweep(swept.records, swept.curve, swept.mean_image, swept.pixels, subject)
    how = {"made_of": made_of(models), "svg": settings.svg, "show": settings.show}
    saved = save_figure(figure, settings.output_dir / "sweep.png", **how)
    lines = []
    for record, made in zip(swept.records, swept.drawn, strict=True):
        size = record["latent_size"]
        name = f"bottleneck {size}{' and the class' if labelled else ''}\nall test images {record['mse']:.5f}"
        name += f"\nPCA of {size} {record['pca_mse']:.5f}"
        lines.append((name, made, squared_errors(test_data.images[chosen], made)))
    sheet = draw_reconstructions(
        test_data.images[chosen],
        lines,
        [test_data.class_of(row) for row in chosen],
        f"{shown(test_data.dataset)}: held-out images and what each bottleneck keeps of them (mean squared error, "
        "pixels in [0, 1])",
    )
    return saved + save_figure(sheet, settings.output_dir / "sweep_reconstructions.png", **how)
