"""Held-out error against seconds: the suite, the exercise as it is usually written, PCA, and an independent peer.

    python -m benchmarks.error_against_seconds --results benchmarks/results

All on the same images of GTSRB at 32 x 32 with the same train and test side, one after another in one run, the suite,
the plain loop and PCA --repeats times in turns (ratios are of the same turn; medians are given); bottlenecks 2 and 256,
in this order; 10 epochs of 128 images at --lr 0.0001. The suite trains both bottlenecks side by side: its seconds are
those since the command, with imports and decoding (nothing is decoded beforehand; the files were read once). The plain
loop trains one after the other: its seconds are those of each bottleneck, with imports in those of the first. Those of
the suite end with the saved checkpoint, which holds the test error, so that measuring it is in them; those of the plain
loop leave that out, and those of pythae, which is handed decoded arrays, are of training alone. Of the suite, errors
after an epoch are validation errors, as train.py says them; the last is the test error, as all of the others are.
Writes error_against_seconds.csv and .md into the results folder, and the figure into docs/figures.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from benchmarks import FIGURES, RESULTS, ROOT
from data import load_images
from data.split import split_images
from figure.style import MUTED, class_colour, new_figure, save_figure
from latent.pca import fit_pca
from model.fidelity import fidelity
from run.artefacts import write_csv, write_text

SUITE, SUITE_FAST = "this suite, 10 epochs", "this suite, 1 epoch of 14,000 images"
PLAIN = "the exercise as usually written"
PEER, PEER_CONV = "pythae AE, its MLP, 10 epochs", "pythae AE, its CIFAR network, the suite's seconds"
SIZES = [2, 256]
TOGETHER = {SUITE, SUITE_FAST, "PCA"}  # systems whose seconds of one bottleneck are those of the other as well


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", type=Path, default=ROOT / "data")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--split", default="random", choices=["random", "group"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--skip", nargs="*", default=[], help="systems to leave out, by the start of their names")
    args = parser.parse_args()

    image_set = load_images("gtsrb", args.data_dir)
    split = split_images(image_set, kind=args.split)
    train, test = image_set.images[np.r_[split.train, split.val]], image_set.images[split.test]
    for path in gtsrb_folder(args).rglob("*.ppm"):  # so that no system waits for the disk, nor the first one alone
        path.read_bytes()
    systems = {
        SUITE_FAST: lambda folder: suite(args, folder, 1, "--max_train", 14000),
        "PCA": lambda folder: pca(image_set.images[split.train], test),
        PLAIN: lambda folder: plain(args, folder, image_set, split),
        SUITE: lambda folder: suite(args, folder, 10),
        PEER: lambda folder: peer(folder, train, test, "--network", "mlp"),
        PEER_CONV: lambda folder: peer(folder, train, test, "--network", "conv", "--seconds", suite_seconds(lines)),
    }
    lines: list[dict] = []
    turns = [(run, name) for run in range(1, args.repeats + 1) for name in systems if name not in (PEER, PEER_CONV)]
    for run, name in [*turns, (1, PEER), (1, PEER_CONV)]:
        if any(name.startswith(skipped) for skipped in args.skip):
            continue
        with tempfile.TemporaryDirectory() as folder:
            lines += [{"system": name, "run": run, **line} for line in systems[name](Path(folder))]
        print(f"{name}, run {run}: {whole_seconds(lines, name)[run]:.1f} s", flush=True)
        save(lines, args.results)  # after each, so that a run that is stopped leaves what it has
    print(markdown(lines))


def save(lines: list[dict], results: Path) -> None:
    header = ["system", "run", "latent_size", "epoch", "seconds", "images", "mse"]
    write_csv(results / "error_against_seconds.csv", header, [[line[key] for key in header] for line in lines])
    write_text(results / "error_against_seconds.md", markdown(lines))
    save_figure(draw(lines), FIGURES / "error_against_seconds.png")


def suite(args: argparse.Namespace, folder: Path, num_epochs: int, *more: object) -> list[dict]:
    """train.py from a cold start: the source images are there, their decoded copies are not.

    Epochs are read off its standard error as they end; both bottlenecks are done at the end of the process.
    """
    (folder / "data").mkdir()  # with the images themselves, and without the cache that lies beside them
    (folder / "data" / "gtsrb").symlink_to((args.data_dir / "gtsrb").resolve())
    command = [
        sys.executable, ROOT / "train.py", "--split", args.split, "--num_epochs", num_epochs, "--latent_size", 256,
        "--data_dir", folder / "data", "--output_dir", folder / "output", *more,
    ]  # fmt: skip
    begun = time.time()
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    said = r"bottleneck +(\d+) +epoch +(\d+)/.* val ([\d.]+)"
    seen = [
        (int(found[1]), int(found[2]), time.time() - begun, "validation", float(found[3]))
        for text in process.stderr
        if (found := re.match(said, text))
    ]
    if process.wait():
        raise SystemExit("train.py failed")
    ended = time.time() - begun
    held_out = json.loads((folder / "output" / "metrics_training.json").read_text())["held_out"]
    seen += [(size, num_epochs, ended, "test", held_out[f"autoencoder of {size}"]["mse"]) for size in SIZES]
    return [
        dict(latent_size=size, epoch=epoch, seconds=seconds, images=images, mse=error)
        for size, epoch, seconds, images, error in seen
    ]


def suite_seconds(lines: list[dict]) -> float:
    """Half the seconds of the suite's default run: what each bottleneck of a system gets that trains one at a time."""
    return statistics.median(whole_seconds(lines, SUITE).values()) / len(SIZES)


def pca(train: np.ndarray, test: np.ndarray) -> list[dict]:
    started = time.monotonic()
    fitted = fit_pca(train, max(SIZES), seed=0)
    seconds = time.monotonic() - started
    errors = {size: fidelity(test, fitted.first(size).reconstruct(test))["mse"] for size in SIZES}
    return [dict(latent_size=size, epoch=0, seconds=seconds, images="test", mse=errors[size]) for size in SIZES]


def plain(args: argparse.Namespace, folder: Path, image_set, split) -> list[dict]:
    root = gtsrb_folder(args)
    sides = {"train": np.r_[split.train, split.val], "test": split.test}
    paths = {side: [str(root / image_set.sample_ids[row]) for row in rows] for side, rows in sides.items()}
    (folder / "paths.json").write_text(json.dumps(paths))
    lines = output_of(
        "plain_loop", "--paths", folder / "paths.json", "--latent_sizes", *SIZES, "--started", time.time()
    )
    first = max(line["seconds"] for line in lines if line["latent_size"] == SIZES[0])
    for line in lines:  # its clock goes on from the first bottleneck to the second
        line["seconds"] -= first * (line["latent_size"] == SIZES[1])
    return lines


def peer(folder: Path, train: np.ndarray, test: np.ndarray, *arguments: object) -> list[dict]:
    np.savez(folder / "arrays.npz", train=train, test=test)
    return output_of("peer_pythae", "--arrays", folder / "arrays.npz", "--latent_sizes", *SIZES, *arguments)


def gtsrb_folder(args: argparse.Namespace) -> Path:
    return args.data_dir / "gtsrb" / "GTSRB" / "Training"


def output_of(benchmark: str, *arguments: object) -> list[dict]:
    """The JSON lines that another benchmark prints, with the test error of each."""
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{benchmark}", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
    )
    if done.returncode:
        raise SystemExit(f"benchmarks.{benchmark} failed")
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return [{**line, "images": "test", "mse": line["test_mse"]} for line in lines]


def ends(lines: list[dict], system: str) -> dict[int, dict[int, dict]]:
    """Of each run and each bottleneck the line with the test error with which it was done."""
    found: dict[int, dict[int, dict]] = {}
    for line in lines:
        if line["system"] == system and line["images"] == "test":
            found.setdefault(line["run"], {})[line["latent_size"]] = line
    return found


def whole_seconds(lines: list[dict], system: str) -> dict[int, float]:
    """Of both bottlenecks, by run."""
    together = max if system in TOGETHER else sum
    return {run: together(end["seconds"] for end in done.values()) for run, done in ends(lines, system).items()}


def median_run(lines: list[dict], system: str) -> int:
    seconds = whole_seconds(lines, system)
    return sorted(seconds, key=seconds.get)[len(seconds) // 2]


def markdown(lines: list[dict]) -> str:
    rows = [
        "| system | held-out MSE, 2 | held-out MSE, 256 | seconds, both: median (all) | the plain loop takes |",
        "| --- " * 5 + "|",
    ]
    loop = whole_seconds(lines, PLAIN)
    for name in dict.fromkeys(line["system"] for line in lines):
        seconds, end = whole_seconds(lines, name), ends(lines, name)[median_run(lines, name)]
        ratios = [loop[run] / seconds[run] for run in seconds if run in loop]
        ratio = f"{statistics.median(ratios):.1f} times as long" if ratios else ""
        each = ", ".join(f"{value:.1f}" for value in seconds.values())
        rows.append(
            f"| {name} | {end[SIZES[0]]['mse']:.5f} | {end[SIZES[1]]['mse']:.5f} | "
            f"{statistics.median(seconds.values()):.1f} ({each}) | {ratio} |"
        )
    return "\n".join(rows) + "\n"


def draw(lines: list[dict]):
    """The median run of each system."""
    names = list(dict.fromkeys(line["system"] for line in lines))
    figure = new_figure(10, 4.4)
    for axes, size in zip(figure.subplots(1, 2), SIZES, strict=True):
        for place, name in enumerate(names):
            drawn = (name, median_run(lines, name), size)
            mine = [line for line in lines if (line["system"], line["run"], line["latent_size"]) == drawn]
            watched = [line for line in mine if line["images"] == "validation"]
            tested = [line for line in mine if line["images"] == "test"]
            colour = MUTED if name == "PCA" else class_colour(place)
            if watched:
                hollow = {"markersize": 3, "markerfacecolor": "white"}
                plot(axes, "o:", watched, f"{name}: its validation images", color=colour, **hollow)
            style, markersize = ("*", 11) if name == "PCA" else ("D", 6) if watched else ("o-", 3)
            plot(axes, style, tested, name, color=colour, markersize=markersize)
        axes.set(xscale="log", yscale="log", title=f"bottleneck {size}", xlabel="seconds (the suite: of both)")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.set_minor_formatter(NullFormatter())
        axes.grid(color="#e4e4e4", linewidth=0.6)
    figure.axes[0].set_ylabel("held-out mean squared error, pixels in [0, 1]")
    handles, labels = figure.axes[1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    return figure


def plot(axes, style: str, lines: list[dict], label: str, **options: object) -> None:
    axes.plot([line["seconds"] for line in lines], [line["mse"] for line in lines], style, label=label, **options)


if __name__ == "__main__":
    main()
