"""Held-out error against bottleneck size, beside PCA of the same size: every data set, every split, several seeds.

    python -m benchmarks.error_against_size --results benchmarks/results

Each run is one call of train.py with its defaults, which trains all sizes that a set lacks side by side. Errors are
added to error_against_size.jsonl in the results folder, with the commit, the precision and the versions that gave them,
and are not measured again, so that the table can be filled over several sittings; --only_table trains nothing. Writes
error_against_size.csv and .md there as well, and the figure into docs/figures: of everything measured so far, whatever
was asked for now. The folder of photographs is cifar10_images in the data folder.

    python -m benchmarks.error_against_size --num_epochs 100 --sets "GTSRB, group split" --seeds 0

How far it goes with more epochs.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator

from benchmarks import FIGURES, RESULTS, ROOT
from figure.style import MUTED, class_colour, draw_title, new_figure, save_figure
from run.artefacts import write_csv, write_text

SETS = {
    "GTSRB, group split": ["--dataset", "gtsrb", "--split", "group"],
    "GTSRB, random split": ["--dataset", "gtsrb", "--split", "random"],
    "MNIST": ["--dataset", "mnist"],
    "Fashion-MNIST": ["--dataset", "fashion_mnist"],
    "CIFAR-10 as a folder": ["--dataset", "{data_dir}/cifar10_images"],
}
SIZES = [2, 8, 16, 32, 64, 128, 256]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS), metavar="SET")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--num_epochs", type=int, default=10)
    parser.add_argument("--data_dir", type=Path, default=ROOT / "data")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--only_table", action="store_true", help="train nothing; table and figure of what is there")
    args = parser.parse_args()

    if not args.only_table:
        for seed in args.seeds:
            for name in args.sets:
                train(name, seed, args)
    rows = collect(args)
    if not rows:
        raise SystemExit(f"no error stands in {kept(args)}; leave out --only_table")
    write_csv(args.results / "error_against_size.csv", list(rows[0]), [list(row.values()) for row in rows])
    write_text(args.results / "error_against_size.md", markdown(rows))
    save_figure(draw(rows), FIGURES / "error_against_size.png")
    print(markdown(rows))


def folder(name: str, seed: int, args: argparse.Namespace) -> Path:
    slug = name.lower().replace(",", "").replace(" ", "_")
    return args.results / "runs" / f"{slug}_epochs_{args.num_epochs}_seed_{seed}"


def kept(args: argparse.Namespace) -> Path:
    return args.results / "error_against_size.jsonl"


def train(name: str, seed: int, args: argparse.Namespace) -> None:
    """One call of train.py for the sizes whose errors are not there."""
    wanted = {"set": name, "epochs": args.num_epochs, "seed": seed}
    there = {row["size"] for row in read(args) if wanted.items() <= row.items()}
    sizes = [size for size in args.sizes if size not in there]
    if not sizes:
        return
    output = folder(name, seed, args)
    command = [
        sys.executable, ROOT / "train.py", *SETS[name], "--only_named", "--latent_size", *sizes,
        "--num_epochs", args.num_epochs, "--seed", seed, "--data_dir", args.data_dir, "--output_dir", output,
    ]  # fmt: skip
    command = [str(part).format(data_dir=args.data_dir) for part in command]
    print(f"{name}, seed {seed}: {' '.join(map(str, sizes))}", flush=True)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout
    add(wanted, sizes, json.loads((output / "metrics_training.json").read_text()), commit.strip(), args)


def add(wanted: dict, sizes: list[int], record: dict, commit: str, args: argparse.Namespace) -> None:
    """Keep the errors of a training, whose ``record`` is its metrics_training.json."""
    held_out = record["held_out"]
    with open(kept(args), "a") as file:
        for size in sizes:
            row = {
                **wanted,
                "size": size,
                "mean_image": held_out["mean image"]["mse"],
                "pca": held_out[f"PCA of {size}"],
                "autoencoder": held_out[f"autoencoder of {size}"],
                "commit": commit,
                "precision": record["precision"],
                "versions": record["versions"],
            }
            file.write(json.dumps(row) + "\n")


def read(args: argparse.Namespace) -> list[dict]:
    """What was measured so far: a row for each set, number of epochs, seed and size."""
    return list(map(json.loads, kept(args).read_text().splitlines())) if kept(args).exists() else []


def collect(args: argparse.Namespace) -> list[dict]:
    """Means over the seeds, the spread (standard deviation) and the gain over PCA.

    A row for each set, number of epochs and size.
    """
    alike: dict[tuple, list[dict]] = {}
    for row in read(args):
        alike.setdefault((list(SETS).index(row["set"]), row["epochs"], row["size"]), []).append(row)
    rows = []
    for (_, epochs, size), mine in sorted(alike.items()):
        errors = np.array([row["autoencoder"]["mse"] for row in mine])
        pca = float(np.mean([row["pca"]["mse"] for row in mine]))
        rows.append(
            {
                "set": mine[0]["set"],
                "epochs": epochs,
                "size": size,
                "seeds": len(mine),
                "mean image": mine[0]["mean_image"],
                "PCA": pca,
                "encoder alone": float(np.mean([row["autoencoder"]["encoder_alone_mse"] for row in mine])),
                "autoencoder": float(errors.mean()),
                "spread": float(errors.std(ddof=1)) if len(errors) > 1 else None,
                "worst seed": float(errors.max()),
                "below PCA": float(1 - errors.mean() / pca),
                "SSIM PCA": float(np.mean([row["pca"]["ssim"] for row in mine])),
                "SSIM autoencoder": float(np.mean([row["autoencoder"]["ssim"] for row in mine])),
                "commits": " ".join(sorted({row["commit"] for row in mine})),
            }
        )
    return rows


def markdown(rows: list[dict]) -> str:
    lines = [
        "| set | epochs | size | seeds | PCA | encoder alone | refined, mean ± spread | worst seed | below PCA "
        "| SSIM: PCA, refined | commits |",
        "| --- " * 11 + "|",
    ]
    lines += [
        f"| {row['set']} | {row['epochs']} | {row['size']} | {row['seeds']} | {row['PCA']:.5f} | "
        f"{row['encoder alone']:.5f} | {row['autoencoder']:.5f}{spread(row)} | {row['worst seed']:.5f} | "
        f"{row['below PCA']:.1%} | {row['SSIM PCA']:.3f}, {row['SSIM autoencoder']:.3f} | {row['commits']} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def spread(row: dict) -> str:
    return "" if row["spread"] is None else f" ± {row['spread']:.5f}"


def seeds_in_words(rows: list[dict]) -> str:
    fewest, most = min(row["seeds"] for row in rows), max(row["seeds"] for row in rows)
    if fewest == most:
        return f"{'mean of ' * (most > 1)}{most} seed{'s' * (most > 1)}"
    return f"mean of {fewest} to {most} seeds"


def draw(rows: list[dict]):
    names = list(dict.fromkeys(row["set"] for row in rows))
    epochs = sorted({row["epochs"] for row in rows})
    across = min(3, len(names))
    down = -(-len(names) // across)
    figure = new_figure(3.3 * across, 3.2 * down + 0.6)
    panels = figure.subplots(down, across, squeeze=False, sharey=True).ravel()
    lines = {}  # the legend's, by label: not every set has every number of epochs
    for axes in panels[len(names) :]:
        axes.remove()
    for axes, name in zip(panels[: len(names)], names, strict=True):
        for place, number in enumerate(epochs):
            mine = [row for row in rows if row["set"] == name and row["epochs"] == number]
            if not mine:
                continue
            sizes = [row["size"] for row in mine]
            if not place:
                label = "PCA of the same size"
                lines[label] = axes.plot(sizes, [row["PCA"] for row in mine], "s--", color=MUTED, markersize=4)[0]
                axes.set(title=name, xlabel="bottleneck size", xscale="log", xticks=sizes, xticklabels=sizes)
                for row in mine:
                    at = (row["size"], row["autoencoder"])
                    gain = f"−{row['below PCA']:.0%}"
                    axes.annotate(gain, at, (-4, -4), textcoords="offset points", ha="right", va="top", fontsize=7)
            seeds = seeds_in_words([row for row in rows if row["epochs"] == number])
            label = f"conv autoencoder, {number} epochs, {seeds}"
            lines[label] = axes.errorbar(
                sizes, [row["autoencoder"] for row in mine], [row["spread"] or 0 for row in mine],
                fmt="o-" if not place else "v:", color=class_colour(place), markersize=4, capsize=2,
            )  # fmt: skip
        axes.set(yscale="log")
        axes.minorticks_off()
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.grid(color="#e4e4e4", linewidth=0.6)
        axes.margins(y=0.12)
        axes.set_xlim(0.75, 360)  # the gains stand to the left of the points, below a curve that falls
        axes.tick_params(axis="x", labelsize=7)
    for axes in panels[: len(names) : across]:
        axes.set_ylabel("held-out MSE, pixels in [0, 1]")
    draw_title(figure, f"held-out error, and how far below PCA it is after {epochs[0]} epochs")
    figure.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return figure


if __name__ == "__main__":
    main()
