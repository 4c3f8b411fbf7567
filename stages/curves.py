"""viz_training.py: logs and snapshots of several trainings -> error curves, and a grid of what each network saw."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from figure.curves import draw_compared_curves
from figure.snapshots import SnapshotColumn, draw_snapshots
from figure.style import save_figure, shown
from model.snapshots import load_snapshots
from run.artefacts import file_sha256, read_json, snapshots_path, write_csv
from run.console import count, note, say, table
from run.errors import BadInput, printable
from run.hints import own_command, refuse_mistyped_folder, sizes_in, training_command

MEASURED = ("train_mse", "val_mse", "train_reconstruction", "train_kl")


@dataclass(frozen=True)
class Settings:
    """The flags of viz_training.py."""

    runs: list[Path] | None  # None takes output_dir
    latent_size: list[int] | None  # None takes all
    output_dir: Path
    svg: bool
    show: bool


@dataclass(frozen=True)
class Training:
    """What train.py left in one folder of the trainings that are compared."""

    folder: Path
    name: str  # its architecture; with its folder's name where two are of one architecture
    record: dict[str, Any]  # of metrics_training.json
    log: list[dict[str, Any]]  # a record of each epoch of each bottleneck that is drawn

    @property
    def sizes(self) -> list[int]:
        """The bottlenecks that are drawn, from the smallest up."""
        return sorted({line["latent_size"] for line in self.log})

    def epochs_of(self, size: int) -> list[dict[str, Any]]:
        """The records of one bottleneck, in order."""
        return [line for line in self.log if line["latent_size"] == size]


def run(settings: Settings) -> None:
    """Draw the curves and the snapshots of all runs.

    Raises:
        BadInput: a file is missing or damaged, or the runs are of different splits.
    """
    trainings = read_trainings(settings)
    first = trainings[0].record
    originals, columns = collect_snapshots(trainings)
    curves = [(each.name, size, each.epochs_of(size)) for each in trainings for size in each.sizes]

    baselines = baselines_of(first)
    title = f"{shown(first['dataset'])}: error after each epoch" + (", beside PCA of each size" if baselines else "")
    figure = draw_compared_curves(curves, baselines, title)
    saved = save_figure(
        figure, settings.output_dir / "training_compared.png", svg=settings.svg, show=settings.show
    )  # fmt: skip
    header = ["run", "latent_size", "epoch", *MEASURED]
    rows = [
        [name, size, line["epoch"], *(line.get(measure) for measure in MEASURED)]
        for name, size, log in curves
        for line in log
    ]
    write_csv(settings.output_dir / "training_compared.csv", header, rows)
    saved.append(settings.output_dir / "training_compared.csv")
    if columns:
        title = (
            f"{shown(first['dataset'])}: the same {count(len(originals), 'held-out image')}, after epochs of training"
        )
        figure = draw_snapshots(originals, columns, title)
        saved += save_figure(figure, settings.output_dir / "snapshots.png", svg=settings.svg, show=settings.show)
    else:
        note(f"no snapshots were kept; for a grid of them: {with_snapshots(trainings[0])}")

    say(summary(trainings))
    for path in saved:
        say(f"saved {printable(path)}")


def read_trainings(settings: Settings) -> list[Training]:
    """What is in each folder, all of one split.

    Raises:
        BadInput: a file is missing or damaged, has none of the bottlenecks asked for, or two splits differ.
    """
    folders = settings.runs or [settings.output_dir]
    for folder in folders:
        refuse_mistyped_folder(folder / "metrics_training.json")
    records = {folder: read_json(folder / "metrics_training.json", training_command) for folder in folders}
    require_one_split(records)
    names = names_of(records)
    return [
        Training(folder, names[folder], record, read_log(folder, settings.latent_size, record.get("log_sha256")))
        for folder, record in records.items()
    ]


def require_one_split(records: dict[Path, dict[str, Any]]) -> None:
    """Refuse runs whose errors can't be held against each other.

    Raises:
        BadInput: two runs are of different splits, or a file of metrics is not one of train.py.
    """
    for folder, record in records.items():
        texts = all(isinstance(record.get(name), str) for name in ("model", "dataset", "fingerprint"))
        if not texts or not isinstance(record.get("held_out"), dict):
            path = folder / "metrics_training.json"
            raise BadInput(f"{printable(path)} does not say what was trained; train again: {training_command(path)}")
    (first, known), *others = records.items()
    for folder, record in others:
        if record["fingerprint"] != known["fingerprint"]:
            raise BadInput(
                f"{printable(first)} and {printable(folder)} are trainings on different splits, whose errors can't be "
                f"compared; draw one of them: {own_command({'--runs': [first]})}"
            )


def baselines_of(record: dict[str, Any]) -> dict[int, float]:
    """Latent size -> the error of PCA of that size on validation images, as train.py measured it; {} if it did not."""
    found = record.get("validation")
    errors = found.items() if isinstance(found, dict) else ()
    return {
        int(name.removeprefix("PCA of ")): float(error["mse"])
        for name, error in errors
        if isinstance(error, dict) and name.removeprefix("PCA of ").isdecimal() and isinstance(error.get("mse"), float)
    }


def names_of(records: dict[Path, dict[str, Any]]) -> dict[Path, str]:
    """What each run is called: its architecture; with its folder's name where two are of one architecture."""
    architectures = [record["model"] for record in records.values()]
    several = {name for name in architectures if architectures.count(name) > 1}
    return {
        folder: f"{record['model']} ({folder.resolve().name})" if record["model"] in several else record["model"]
        for folder, record in records.items()
    }


def read_log(folder: Path, sizes: Sequence[int] | None, digest: str | None) -> list[dict[str, Any]]:
    """The records of each epoch of a run, of some bottlenecks or all; ``digest`` is the log's SHA-256.

    Raises:
        BadInput: the log is missing or damaged, or has none of these bottlenecks.
    """
    path = folder / "training_log.jsonl"
    try:
        log = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        sound = all(is_record(line) for line in log) and file_sha256(path) == digest
    except FileNotFoundError:
        raise BadInput(f"{printable(path)} is not there; make it with: {training_command(path)}") from None
    except (ValueError, AttributeError):
        sound = False
    if not sound:
        raise BadInput(
            f"{printable(path)} is damaged, or not of the training that metrics_training.json beside it is of (has it "
            f"come to its end?); make both with: {training_command(path)}"
        )
    wanted = [line for line in log if sizes is None or line["latent_size"] in sizes]
    if not wanted:
        has = sorted({line["latent_size"] for line in log})
        if not has:
            raise BadInput(f"{printable(path)} holds no epoch; train again: {training_command(path)}")
        raise BadInput(
            f"{printable(folder)} has trained bottlenecks of {', '.join(map(str, has))}; draw them: "
            f"{own_command({'--latent_size': has})}"
        )
    return wanted


def is_record(line: Any) -> bool:
    """Whether a line of a log is what train.py writes of an epoch."""
    return (
        isinstance(line, dict)
        and all(type(line.get(name)) is int for name in ("latent_size", "epoch"))
        and type(line.get("train_mse")) is float
        and "val_mse" in line
        and all(value is None or isinstance(value, int | float) for value in line.values())
    )


def collect_snapshots(trainings: Sequence[Training]) -> tuple[np.ndarray | None, list[SnapshotColumn]]:
    """The images uint8 (M, C, H, W), and a column for each network that kept snapshots of them.

    Raises:
        BadInput: a file is damaged or of another training, or two are of different images.
    """
    originals, columns = None, []
    for training in trainings:
        for size in training.sizes:
            path = snapshots_path(training.folder, size)
            if not path.exists():
                continue
            snapshots = load_snapshots(path)
            if snapshots.fingerprint != trainings[0].record["fingerprint"]:
                raise BadInput(
                    f"{printable(path)} does not hold snapshots of this training; make them with: "
                    f"{training_command(path, {'--retrain': []})}"
                )
            if originals is not None and not np.array_equal(snapshots.images, originals):
                raise BadInput(
                    f"{printable(path)} is of other images than the first run's; draw the first alone: "
                    f"{own_command({'--runs': [trainings[0].folder]})}"
                )
            originals = snapshots.images
            columns.append(SnapshotColumn(training.name, size, snapshots.epochs))
    return originals, columns


def with_snapshots(training: Training) -> str:
    """The command that trains the same networks and keeps some snapshots of each."""
    last = max(line["epoch"] for line in training.log)
    epochs = sorted({epoch for epoch in (1, 5, 10) if epoch < last} | {last})
    changes = {"--latent_size": sizes_in(training.folder) or training.sizes, "--snapshot_epochs": epochs}
    return training_command(training.folder / "metrics_training.json", changes)


def summary(trainings: Sequence[Training]) -> str:
    """The last epoch of each network, and its held-out error beside that of PCA of the same size."""
    rows = []
    for training in trainings:
        held_out = training.record["held_out"]
        for size in training.sizes:
            last = training.epochs_of(size)[-1]
            values = [
                last["train_mse"],
                last["val_mse"],
                held_out.get(f"autoencoder of {size}", {}).get("mse"),
                held_out.get(f"PCA of {size}", {}).get("mse"),
            ]
            shown_values = ["" if value is None else f"{value:.5f}" for value in values]
            rows.append([f"{training.name}, {size}", last["epoch"], *shown_values])
    header = ["mean squared error, pixels in [0, 1]", "epochs", "train", "validation", "held out", "PCA held out"]
    return table(header, rows)
