"""Draw the error curves of several trainings in one figure, and what each network made of the same 16 test images."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from run import arguments as flags
from run.console import note, say, table
from run.errors import BadInput, execute, printable

if TYPE_CHECKING:
    import numpy as np

    from figure.snapshots import Snapshots

MEASURED = ("train_mse", "val_mse", "train_reconstruction", "train_kl")


def parse_arguments() -> argparse.Namespace:
    parser = flags.parser(
        "python viz_training.py --runs output",
        "Draw the error curves of one or several trainings in one figure and, of those that train.py was given\n"
        "--snapshot_epochs, how each network came to see the same 16 test images, architectures and sizes in columns.",
    )
    group = parser.add_argument_group("what is drawn")
    runs = "output folders of train.py, all of one split (default: OUTPUT_DIR)"
    flags.add_value(group, "--runs", flags.path, None, "DIR", runs, several=True)
    sizes = "draw these bottlenecks only (default: all)"
    flags.add_value(group, "--latent_size", flags.whole_number(1), None, "N", sizes, several=True)
    flags.add_shared(parser.add_argument_group("run"), "output_dir", "svg", "show")
    return parser.parse_args()


def main() -> None:
    args = parse_arguments()

    from run.artefacts import read_json, write_csv

    runs = args.runs or [args.output_dir]
    records = {run: read_json(run / "metrics_training.json") for run in runs}
    require_one_split(records)
    logs = {run: read_log(run, args.latent_size, records[run].get("log_sha256")) for run in runs}
    names, first = names_of(records), records[runs[0]]
    wanted = {(run, line["latent_size"]) for run, log in logs.items() for line in log}
    originals, columns = collect_snapshots(wanted, names, first["fingerprint"])

    from figure.curves import draw_compared_curves
    from figure.snapshots import draw_snapshots
    from figure.style import save_figure, shown

    curves = [
        (names[run], size, [line for line in log if line["latent_size"] == size])
        for run, log in logs.items()
        for size in sorted({line["latent_size"] for line in log})
    ]
    pca = {size: first["held_out"].get(f"PCA of {size}", {}).get("mse") for _, size, _ in curves}
    figure = draw_compared_curves(curves, f"{shown(first['dataset'])}: error after each epoch")
    saved = save_figure(figure, args.output_dir / "training_compared.png", svg=args.svg, show=args.show)
    header = ["run", "latent_size", "epoch", *MEASURED]
    rows = [
        [name, size, line["epoch"], *(line.get(measure) for measure in MEASURED)]
        for name, size, log in curves
        for line in log
    ]
    write_csv(args.output_dir / "training_compared.csv", header, rows)
    saved.append(args.output_dir / "training_compared.csv")

    if columns:
        figure = draw_snapshots(
            originals,
            columns,
            f"{shown(first['dataset'])}: the same {len(originals)} held-out images, after epochs of training",
        )
        saved += save_figure(figure, args.output_dir / "snapshots.png", svg=args.svg, show=args.show)
    else:
        note("no snapshots were kept; for a grid of them train with, say, --snapshot_epochs 1 5 10")

    say(summary(curves, records, names, pca))
    for path in saved:
        say(f"saved {printable(path)}")


def read_log(run: Path, sizes: list[int] | None, digest: str | None) -> list[dict[str, Any]]:
    """The records of each epoch of a run, of some bottlenecks or all; ``digest`` is the log's SHA-256.

    Raises:
        BadInput: the log is missing or damaged, or has none of these bottlenecks.
    """
    from run.artefacts import file_sha256

    path = run / "training_log.jsonl"
    try:
        log = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        sound = all(is_record(line) for line in log) and file_sha256(path) == digest
    except FileNotFoundError:
        raise BadInput(f"{printable(path)} is not there; make it with: python train.py --latent_size N") from None
    except (ValueError, AttributeError):
        sound = False
    if not sound:
        raise BadInput(
            f"{printable(path)} is damaged, or not of the training that metrics_training.json beside it is of (has it "
            "come to its end?); make both with: python train.py --latent_size N"
        )
    wanted = [line for line in log if sizes is None or line["latent_size"] in sizes]
    if not wanted:
        has = ", ".join(map(str, sorted({line["latent_size"] for line in log})))
        raise BadInput(f"{printable(run)} has trained bottlenecks of {has or 'no size'}; name one: --latent_size N")
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


def require_one_split(records: dict[Path, dict[str, Any]]) -> None:
    """Refuse runs whose errors can't be held against each other.

    Raises:
        BadInput: two runs are of different splits, or a file of metrics is not one of train.py.
    """
    for run, record in records.items():
        texts = all(isinstance(record.get(name), str) for name in ("model", "dataset", "fingerprint"))
        if not texts or not isinstance(record.get("held_out"), dict):
            raise BadInput(
                f"{printable(run / 'metrics_training.json')} does not say what was trained; train again: "
                "python train.py --latent_size N"
            )
    (first, known), *others = records.items()
    for run, record in others:
        if record["fingerprint"] != known["fingerprint"]:
            raise BadInput(
                f"{printable(first)} and {printable(run)} are trainings on different splits, whose errors can't be "
                "compared; draw runs of one split, each by: python train.py with the same images and --split_seed"
            )


def names_of(records: dict[Path, dict[str, Any]]) -> dict[Path, str]:
    """What each run is called: its architecture; with its folder's name where two are of one architecture."""
    architectures = [record["model"] for record in records.values()]
    return {
        run: record["model"] if architectures.count(record["model"]) == 1 else f"{record['model']} ({run.name})"
        for run, record in records.items()
    }


def collect_snapshots(
    wanted: set[tuple[Path, int]], names: dict[Path, str], fingerprint: str
) -> tuple[np.ndarray | None, list[Snapshots]]:
    """The images uint8 (M, C, H, W), and a column for each wanted network (run, size) that kept snapshots of them.

    Raises:
        BadInput: a file is damaged or of another training, or two are of different images.
    """
    from figure.snapshots import Snapshots
    from run.artefacts import snapshots_path
    from run.tensor_file import load_tensors

    originals, columns = None, []
    for run, size in sorted(wanted, key=lambda each: (list(names).index(each[0]), each[1])):
        path = snapshots_path(run, size)
        if not path.exists():
            continue
        made_by = "python train.py --latent_size N --snapshot_epochs 1 5 10"
        content = load_tensors(path, "snapshots of a training", made_by)
        try:
            images, epochs = content["images"].numpy(), {int(e): t.numpy() for e, t in content["epochs"].items()}
            sound = content["fingerprint"] == fingerprint and images.dtype == "uint8" and images.ndim == 4
            sound &= all(each.dtype == "uint8" and each.shape == images.shape for each in epochs.values())
        except (KeyError, AttributeError, TypeError, ValueError):
            sound = False
        if not sound:
            raise BadInput(f"{printable(path)} does not hold snapshots of this training; make them with: {made_by}")
        if originals is not None and (images.shape != originals.shape or (images != originals).any()):
            raise BadInput(f"{printable(path)} is of other images than the first run's; train with one --split_seed")
        originals = images
        columns.append(Snapshots(names[run], size, epochs))
    return originals, columns


def summary(
    curves: list[tuple[str, int, list[dict[str, Any]]]],
    records: dict[Path, dict[str, Any]],
    names: dict[Path, str],
    pca: dict[int, float | None],
) -> str:
    """The last epoch of each network, and its held-out error beside PCA's."""
    by_name = {names[run]: record["held_out"] for run, record in records.items()}
    rows = []
    for name, size, log in curves:
        last, ours = log[-1], by_name[name].get(f"autoencoder of {size}", {})
        values = [last["train_mse"], last["val_mse"], ours.get("mse"), pca[size]]
        rows.append([f"{name}, {size}", last["epoch"], *("" if value is None else f"{value:.5f}" for value in values)])
    header = ["mean squared error, pixels in [0, 1]", "epochs", "train", "validation", "held out", "PCA held out"]
    return table(header, rows)


if __name__ == "__main__":
    execute(main)
