"""Make images from latents: one mode of generate_images.py, from its settings to the files it leaves."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from data.test_data import load_test_data
from figure.fonts import settle_names
from figure.style import save_figure
from model.checkpoint import load_models, require_split
from run.artefacts import atomic_write, write_csv, write_json
from run.console import say, warn
from run.device import choose_device, make_repeatable
from run.errors import printable
from run.provenance import command_line, versions
from run.training_folder import undisturbed
from stages.generation import interpolation, manifold, neighbours, relabelling, samples, traversal
from stages.generation.subject import Result, SharedSettings, Subject


@dataclass(frozen=True)
class Mode:
    """What one word of the command line does."""

    settings: type[SharedSettings]
    make: Callable[[Subject, SharedSettings], Result]
    with_sibling: bool = False  # whether it looks at the bottleneck of 2 beside the checkpoint as well


MODES = {
    "sample": Mode(samples.Settings, samples.sample),
    "manifold": Mode(manifold.Settings, manifold.manifold),
    "interpolate": Mode(interpolation.Settings, interpolation.interpolate, with_sibling=True),
    "traverse": Mode(traversal.Settings, traversal.traverse),
    "relabel": Mode(relabelling.Settings, relabelling.relabel),
    "neighbours": Mode(neighbours.Settings, neighbours.neighbours, with_sibling=True),
}


def run(settings: SharedSettings) -> None:
    """Make what the mode makes, and save it."""
    make_repeatable(settings.seed)
    mode = MODES[settings.mode]
    subject = load(settings, mode.with_sibling)
    for sentence in settle_names(subject.test_data.class_names):
        warn(sentence)
    save(mode.make(subject, settings), subject, settings)


def load(settings: SharedSettings, with_sibling: bool) -> Subject:
    """The checkpoint that was named, with that of 2 beside it if asked for, and the test split of both.

    Raises:
        BadInput: a file is missing or damaged, or the split is another one's.
    """
    with undisturbed(settings.model_path.parent):
        loaded = load_models([settings.model_path], choose_device(settings.device), with_sibling=with_sibling)
        test_data = load_test_data(settings.test_data)
    for path, (_, record) in loaded.items():
        require_split(record, path, test_data.fingerprint, settings.test_data)
    models = {model.latent_size: model for model, _ in loaded.values()}
    return Subject(models, {model.latent_size: record for model, record in loaded.values()}, test_data)


def save(result: Result, subject: Subject, settings: SharedSettings) -> None:
    """Write the figure, and beside it its numbers and its images; say where they are."""
    stem = settings.output_dir / f"{result.stem}_latent_size_{subject.model.latent_size}"
    saved = save_figure(result.figure, stem.with_suffix(".png"), svg=settings.svg, show=settings.show)
    saved += [stem.with_suffix(".csv"), stem.with_suffix(".json")]
    write_csv(saved[-2], list(result.records[0]), [list(record.values()) for record in result.records])
    write_json(
        saved[-1],
        {
            "mode": settings.mode,
            "model": subject.model.architecture,
            "latent_size": subject.model.latent_size,
            "dataset": subject.test_data.dataset,
            "split_fingerprint": subject.test_data.fingerprint,
            "checkpoints": {str(size): record["sha256"] for size, record in subject.records.items()},
            "pixel_range": "[0, 1]",
            **result.facts,
            "seed": settings.seed,
            "command": command_line(),
            "versions": versions(),
        },
    )
    if result.images is not None:
        saved.append(stem.with_suffix(".npy"))
        with atomic_write(saved[-1]) as file:
            np.save(file, result.images, allow_pickle=False)
    for path in saved:
        say(f"saved {printable(path)}")
