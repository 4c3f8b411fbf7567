"""Held-out error against bottleneck size, beside PCA of the same size: every data set, every split, several seeds.

    python benchmarks/error_against_size.py --results benchmarks/results

Each run is one call of train.py with its defaults and all sizes that are missing. Each error is added to
error_against_size.jsonl in the results folder, with the precision and the versions that gave it, and is not measured
again, so that the table can be filled over several sittings; --only_table trains nothing. Writes
error_against_size.csv and .md there as well, and the figure into docs/figures.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from figure.style import MUTED, class_colour, new_figure, save_figure  # noqa: E402
from run.artefacts import write_csv, write_text  # noqa: E402

SETS = {
    "GTSRB, track split": ["--dataset", "gtsrb", "--split", "track"],
    "GTSRB, random split": ["--dataset", "gtsrb", "--split", "random"],
    "MNIST": ["--dataset", "mnist"],
    "Fashion-MNIST": ["--dataset", "fashion_mnist"],
}
SIZES = [2, 8, 16, 32, 64, 128, 256]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS), metavar="SET")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--num_epochs", type=int, default=10)
    parser.add_argument("--data_dir", type=Path, default=ROOT / "data")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results")
    parser.add_argument("--only_table", action="store_true", help="train nothing; table and figure of what is there")
    args = parser.parse_args()

    if not args.only_table:
        for seed in args.seeds:
            for name in args.sets:
                train(name, seed, args)
    rows = collect(args)
    if not rows:
        raise SystemExit(f"no error of {args.num_epochs} epochs stands in {kept(args)}; leave out --only_table")
    write_csv(args.results / "error_against_size.csv", list(rows[0]), [list(row.values()) for row in rows])
    write_text(args.results / "error_against_size.md", markdown(rows))
    save_figure(draw(rows), ROOT / "docs" / "figures" / "error_against_size.png")
    print(markdown(rows))


def folder(name: str, seed: int, args: argparse.Namespace) -> Path:
    slug = name.lower().replace(",", "").replace(" ", "_")
    return args.results / "runs" / f"{slug}_epochs_{args.num_epochs}_seed_{seed}"


def kept(args: argparse.Namespace) -> Path:
    return args.results / "error_against_size.jsonl"


def train(name: str, seed: int, args: argparse.Namespace) -> None:
    """One call of train.py for the sizes that are not there yet."""
    output, done = folder(name, seed, args), {row["size"] for row in read(name, args) if row["seed"] == seed}
    missing = [size for size in args.sizes if size not in done]
    if not missing:
        return
    command = [
        sys.executable, ROOT / "train.py", *SETS[name], "--only_named", "--latent_size", *missing,
        "--num_epochs", args.num_epochs, "--seed", seed, "--data_dir", args.data_dir, "--output_dir", output,
    ]  # fmt: skip
    print(f"{name}, seed {seed}: {missing}", flush=True)
    subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    record = json.loads((output / "metrics_training.json").read_text())
    held_out = record["held_out"]
    with open(kept(args), "a") as file:
        for size in missing:
            row = {
                "set": name,
                "epochs": args.num_epochs,
                "seed": seed,
                "size": size,
                "mean_image": held_out["mean image"]["mse"],
                "pca": held_out[f"PCA of {size}"],
                "autoencoder": held_out[f"autoencoder of {size}"],
                "precision": record["precision"],
                "versions": record["versions"],
            }
            file.write(json.dumps(row) + "\n")


def read(name: str, args: argparse.Namespace) -> list[dict]:
    """What was measured of a set with that many epochs: a row for each seed and size."""
    if not kept(args).exists():
        return []
    rows = map(json.loads, kept(args).read_text().splitlines())
    return [row for row in rows if row["set"] == name and row["epochs"] == args.num_epochs]


def collect(args: argparse.Namespace) -> list[dict]:
    """A row for each set and size: means over the seeds, the spread (standard deviation) and the gain over PCA."""
    rows = []
    for name in args.sets:
        found = [row for row in read(name, args) if row["seed"] in args.seeds]
        for size in args.sizes:
            mine = [row for row in found if row["size"] == size]
            if not mine:
                continue
            errors = np.array([row["autoencoder"]["mse"] for row in mine])
            pca = float(np.mean([row["pca"]["mse"] for row in mine]))
            rows.append(
                {
                    "set": name,
                    "size": size,
                    "seeds": len(mine),
                    "mean image": mine[0]["mean_image"],
                    "PCA": pca,
                    "autoencoder": float(errors.mean()),
                    "spread": float(errors.std(ddof=1)) if len(errors) > 1 else None,
                    "worst seed": float(errors.max()),
                    "below PCA": float(1 - errors.mean() / pca),
                    "SSIM PCA": float(np.mean([row["pca"]["ssim"] for row in mine])),
                    "SSIM autoencoder": float(np.mean([row["autoencoder"]["ssim"] for row in mine])),
                }
            )
    return rows


def markdown(rows: list[dict]) -> str:
    lines = [
        "| set | size | seeds | PCA | autoencoder, mean ± spread | worst seed | below PCA | SSIM: PCA, autoencoder |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {row['set']} | {row['size']} | {row['seeds']} | {row['PCA']:.5f} | "
        f"{row['autoencoder']:.5f}{spread(row)} | {row['worst seed']:.5f} | {row['below PCA']:.1%} | "
        f"{row['SSIM PCA']:.3f}, {row['SSIM autoencoder']:.3f} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def spread(row: dict) -> str:
    return "" if row["spread"] is None else f" ± {row['spread']:.5f}"


def draw(rows: list[dict]):
    names = list(dict.fromkeys(row["set"] for row in rows))
    figure = new_figure(3.1 * len(names), 3.4)
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        mine = [row for row in rows if row["set"] == name]
        sizes = [row["size"] for row in mine]
        axes.plot(sizes, [row["PCA"] for row in mine], "s--", color=MUTED, markersize=4, label="PCA of the same size")
        axes.errorbar(
            sizes, [row["autoencoder"] for row in mine], [row["spread"] or 0 for row in mine], fmt="o-",
            color=class_colour(0), markersize=4, capsize=2, label="conv autoencoder, 10 epochs",
        )  # fmt: skip
        for row in mine:
            place = (row["size"], row["autoencoder"])
            gain = f"−{row['below PCA']:.0%}"
            axes.annotate(gain, place, (-4, -4), textcoords="offset points", ha="right", va="top", fontsize=7)
        axes.set(xscale="log", yscale="log", title=name, xlabel="bottleneck size", xticks=sizes, xticklabels=sizes)
        axes.minorticks_off()
        axes.grid(color="#e4e4e4", linewidth=0.6)
        axes.margins(x=0.2, y=0.12)  # the gains stand to the left of the points, below a curve that falls
    figure.axes[0].set_ylabel("held-out mean squared error, pixels in [0, 1]")
    handles = figure.axes[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    return figure


if __name__ == "__main__":
    main()
