"""viz_reconstruction.py: test images and what each bottleneck makes of them -> a figure and a table."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data.test_data import TestData, load_test_data
from figure.fonts import settle_names
from figure.reconstruction import draw_reconstructions
from figure.style import save_figure, shown
from latent.pca import PCA
from model.autoencoder import Autoencoder
from model.checkpoint import load_with_sibling, pca_arrays, require_split
from model.fidelity import squared_errors
from model.held_out import alone_and_refined
from model.inference import reconstruct
from run.artefacts import write_csv
from run.console import say, table, warn
from run.device import choose_device, make_repeatable
from run.errors import printable
from run.hints import training_command
from run.training_folder import undisturbed

USUAL_IMAGES = 16  # where there are no classes to draw one of each
MOST_CLASSES = 64  # that one is drawn of each of, unless more are asked for


@dataclass(frozen=True)
class Settings:
    """The flags of viz_reconstruction.py."""

    model_path: Path
    latent_size: int | None
    test_data: Path
    pick: str  # "class", "random" or "worst"
    num_images: int | None
    refine: int
    output_dir: Path
    seed: int
    device: str
    svg: bool
    show: bool


@dataclass(frozen=True)
class Reconstructed:
    """What the network of one bottleneck made of the test images."""

    images: np.ndarray  # float32 (N, C, H, W) in [0, 1]
    errors: np.ndarray  # float (N,): mean squared error of each, pixels in [0, 1]
    errors_alone: np.ndarray  # likewise, by the encoder's own guess of its latents
    of_pca: float  # the mean squared error of PCA of the same size on these images, as train.py measured it
    pca: PCA | None  # that PCA; a checkpoint of before it was kept has none
    takes_labels: bool  # its decoder was given each image's label, which PCA was not


def run(settings: Settings) -> None:
    """Draw some test images and their reconstructions by the bottleneck of N and that of 2.

    Raises:
        BadInput: a file is missing or damaged, or the split is not that of the networks.
    """
    make_repeatable(settings.seed)
    with undisturbed(settings.model_path.parent):
        test_data = load_test_data(settings.test_data)
        models = load_with_sibling(settings.model_path)
    by_size = reconstruct_all(settings, models, test_data)
    chosen = pick_test_rows(settings, test_data, by_size[max(by_size)].errors)
    stem = settings.output_dir / f"reconstructions_latent_size_{max(by_size)}"
    by_pca = reconstruct_by_pca(by_size, test_data.images[chosen])

    for sentence in settle_names(test_data.class_names):
        warn(sentence)
    figure = draw_reconstructions(
        test_data.images[chosen],
        picture_rows(by_size, by_pca, chosen),
        [test_data.class_of(row) for row in chosen],
        f"{shown(test_data.dataset)}: held-out images and what each bottleneck keeps of them (mean squared error, "
        f"pixels in [0, 1]); {found(by_size)}",
    )
    made_of = {path.name: record["sha256"] for path, (_, record) in models.items()}
    path = stem.with_suffix(".png")
    saved = save_figure(figure, path, made_of=made_of, svg=settings.svg, show=settings.show)
    write_csv(
        stem.with_suffix(".csv"),
        [
            "test_row", "sample_id", "class",
            *(f"mse_{way}bottleneck_{size}" for size in by_size for way in ("", "encoder_alone_")),
            *(f"mse_pca_{size}" for size in by_pca),
        ],
        [
            [
                int(row), test_data.sample_ids[row], test_data.class_of(row),
                *(float(errors[row]) for made in by_size.values() for errors in (made.errors, made.errors_alone)),
                *(float(errors[place]) for _, errors in by_pca.values()),
            ]
            for place, row in enumerate(chosen)
        ],
    )  # fmt: skip
    say(errors_table(by_size, chosen))
    for size, made in by_size.items():
        say(f"bottleneck {size}: {alone_and_refined(made.errors_alone.mean(), made.errors.mean(), settings.refine)}")
    for path in models:
        if models[path][0].latent_size not in by_pca:
            warn(
                f"{printable(path)} is from before checkpoints kept PCA of their size, so its pictures are left out; "
                f"train again for them: {training_command(path, {'--retrain': []})}"
            )
    if any(made.takes_labels for made in by_size.values()):
        say("(the decoder was given each image's label, which PCA was not)")
    for path in [*saved, stem.with_suffix(".csv")]:
        say(f"saved {printable(path)}")


def reconstruct_all(
    settings: Settings, models: dict[Path, tuple[Autoencoder, dict[str, Any]]], test_data: TestData
) -> dict[int, Reconstructed]:
    """By latent size, that of the checkpoint that was named first: what each network makes of every test image."""
    device = choose_device(settings.device)
    by_size = {}
    for path, (model, record) in models.items():
        require_split(record, path, test_data.fingerprint, settings.test_data)
        images = reconstruct(model.to(device), test_data.images, test_data.labels, settings.refine)
        errors = squared_errors(test_data.images, images)
        alone = reconstruct(model, test_data.images, test_data.labels, 0) if settings.refine else images
        by_size[model.latent_size] = Reconstructed(
            images=images,
            errors=errors,
            errors_alone=squared_errors(test_data.images, alone) if settings.refine else errors,
            of_pca=record["held_out"][f"PCA of {model.latent_size}"]["mse"],
            pca=None if (arrays := pca_arrays(record)) is None else PCA(**arrays),
            takes_labels=model.takes_labels,
        )
    return by_size


def reconstruct_by_pca(
    by_size: dict[int, Reconstructed], images: np.ndarray
) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """By latent size, what PCA of it makes of images uint8 (M, C, H, W), and each one's error; of PCA that was kept."""
    found = {}
    for size, made in by_size.items():
        if made.pca is not None:
            pictures = made.pca.reconstruct(images)
            found[size] = pictures, squared_errors(images, pictures)
    return found


def pick_test_rows(settings: Settings, test_data: TestData, errors: np.ndarray) -> np.ndarray:
    """Rows of the test split to draw, int64: one of each class in turn, random ones, or those of largest error."""
    count = len(test_data.images)
    shuffled = np.random.default_rng(settings.seed).permutation(count)
    if settings.pick == "worst":
        return np.argsort(-errors, kind="stable")[: settings.num_images or USUAL_IMAGES]
    if settings.pick == "random" or test_data.labels is None:
        return shuffled[: settings.num_images or USUAL_IMAGES]
    present = np.unique(test_data.labels)
    rank = np.empty(count, np.int64)  # of each image among those of its class: a round over the classes at a time
    for label in present:
        members = shuffled[test_data.labels[shuffled] == label]
        rank[members] = np.arange(len(members))
    return np.lexsort((test_data.labels, rank))[: settings.num_images or min(len(present), MOST_CLASSES)]


def found(by_size: dict[int, Reconstructed]) -> str:
    """How the errors over all test images lie to those of PCA of the same size."""
    said = []
    for size, made in by_size.items():
        part = made.errors.mean() / made.of_pca - 1 if made.of_pca else 0.0
        word = f"{abs(part):.0%} {'above' if part > 0 else 'below'}" if abs(part) >= 0.005 else "level with"
        said.append(f"bottleneck {size} is {word} PCA of {size}")
    return ", ".join(said)


def picture_rows(
    by_size: dict[int, Reconstructed], by_pca: dict[int, tuple[np.ndarray, np.ndarray]], chosen: np.ndarray
) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """What is drawn below the originals: a row for each bottleneck, and PCA of its size under it.

    Returns:
        Of each row what stands beside it, with the error over all test images; its pictures; and their errors.
    """
    rows = []
    for size, made in by_size.items():
        label = f"bottleneck {size}{' and the class' if made.takes_labels else ''}\nall images {made.errors.mean():.5f}"
        if made.errors_alone is not made.errors:
            label += f"\nencoder alone {made.errors_alone.mean():.5f}"
        if size not in by_pca:
            label += f"\nPCA of {size} {made.of_pca:.5f}"
        rows.append((label, made.images[chosen], made.errors[chosen]))
        if size in by_pca:
            rows.append((f"PCA of {size}\nall images {made.of_pca:.5f}", *by_pca[size]))
    return rows


def errors_table(by_size: dict[int, Reconstructed], chosen: np.ndarray) -> str:
    """Mean squared errors of the images that are drawn, of all test images, and of PCA."""
    return table(
        ["mean squared error", "images drawn", "all test images", "encoder alone", "PCA of same size"],
        [
            (
                f"bottleneck {size}",
                *(f"{errors.mean():.5f}" for errors in (made.errors[chosen], made.errors, made.errors_alone)),
                f"{made.of_pca:.5f}",
            )
            for size, made in by_size.items()
        ],
    )
