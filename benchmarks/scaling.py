"""What commands take, in memory and in seconds an image, against how many pictures there are.

    python -m benchmarks.scaling --pictures 10000 100000

Generates folders of smooth random pictures of 32 x 32 in ten classes, then does as a person would: trains (which
decodes), trains anew from the cache, encodes all test pictures, maps and clusters them. Of each command the seconds
are taken, and the peak of its own memory (proportional set size of anonymous pages, of all its processes; decoded
pictures are mapped from the cache and given back when memory is short). Numbers are kept in scaling.csv of the results
folder, of this run and of earlier ones, and all of them are written as a table (scaling.md) and drawn.
"""

import argparse
import csv
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import RESULTS
from benchmarks.peak_memory import ROOT, descendants, own_bytes
from figure.style import class_colour, draw_title, new_figure, save_figure
from run.artefacts import write_csv, write_text

SIDE, CLASSES, LATENTS = 32, 10, 16
TRAINING = ["train.py", "--latent_size", LATENTS, "--only_named", "--num_epochs", 1, "--batch_size", 512]
COMMANDS = {  # what is measured: its words
    "decode and train": TRAINING,
    "train": [*TRAINING, "--retrain"],
    "encode": ["encode_latent_space.py", "--latent_size", LATENTS, "--num_samples", "all"],
    "map": ["viz_latent_space.py", "--latent_size", LATENTS, "--vis_type", "pca"],
    "cluster": ["viz_kmeans_latent_space.py", "--latent_size", LATENTS, "--num_clusters", CLASSES, "--space", "latent"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--commands", nargs="+", default=list(COMMANDS), choices=list(COMMANDS))
    parser.add_argument("--near_duplicates", default="keep", help="of train.py: ignore looks for none")
    parser.add_argument("--figure", type=Path, metavar="FILE", help="draw all numbers that are kept")
    parser.add_argument("--scratch", type=Path, help="where pictures and caches go for a while")
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()

    measured = kept(args.results)
    for count in args.pictures:
        with tempfile.TemporaryDirectory(dir=args.scratch) as folder:
            generate(Path(folder) / "pictures", count)
            for name in args.commands:
                more = ["--near_duplicates", args.near_duplicates] if "train" in name else []
                peak, seconds = measure(Path(folder), [*COMMANDS[name], *more])
                measured[count, name] = seconds, peak / 1e6
                keep(args.results, measured)
                print(in_words(count, name, *measured[count, name]), flush=True)
    if args.figure:
        draw(args.figure, measured)


def kept(folder: Path) -> dict[tuple[int, str], tuple[float, float]]:
    """(pictures, command) -> seconds, and megabytes at the peak: what was measured so far."""
    try:
        with open(folder / "scaling.csv", newline="") as file:
            _, *rows = csv.reader(file)
    except FileNotFoundError:
        return {}
    return {(int(count), name): (float(seconds), float(peak)) for count, name, seconds, peak in rows}


def keep(folder: Path, measured: dict[tuple[int, str], tuple[float, float]]) -> None:
    """Write all numbers, and the table."""
    rows = [[*key, f"{seconds:.1f}", f"{peak:.0f}"] for key, (seconds, peak) in sorted(measured.items())]
    write_csv(folder / "scaling.csv", ["pictures", "command", "seconds", "megabytes"], rows)
    text = "| pictures | command | seconds | ms a picture | peak of its own memory |\n" + "| --- " * 5 + "|\n"
    order = sorted(measured, key=lambda key: (key[0], list(COMMANDS).index(key[1])))
    write_text(folder / "scaling.md", text + "\n".join(in_words(*key, *measured[key]) for key in order) + "\n")


def in_words(count: int, name: str, seconds: float, peak: float) -> str:
    """A row of the table."""
    return f"| {count:,} | {name} | {seconds:.0f} | {1000 * seconds / count:.3f} | {peak:,.0f} MB |"


def draw(path: Path, measured: dict[tuple[int, str], tuple[float, float]]) -> None:
    """Milliseconds a picture, and memory at the peak, against how many pictures there are."""
    figure = new_figure(10.5, 4.6)
    seconds, memory = figure.subplots(1, 2)
    for number, name in enumerate(COMMANDS):
        counts = sorted(count for count, its_name in measured if its_name == name)
        each = [1000 * measured[count, name][0] / count for count in counts]
        peaks = [measured[count, name][1] / 1000 for count in counts]
        look = {"marker": "osD^v"[number], "color": class_colour(number), "label": name}
        seconds.plot(counts, each, **look)
        memory.plot(counts, peaks, **look)
    seconds.set(xscale="log", yscale="log", xlabel="pictures", ylabel="milliseconds a picture")
    memory.set(xscale="log", xlabel="pictures", ylabel="peak of a command's own memory, GB", ylim=(0, 2.2))
    memory.axhline(2, color="grey", linestyle="--", linewidth=1)
    memory.text(min(count for count, _ in measured), 2.03, "the bound: 2 GB", color="dimgrey", fontsize=8)
    seconds.legend(frameon=False)
    most = max(peak for _, peak in measured.values()) / 1000
    most_pictures = max(count for count, _ in measured)
    draw_title(figure, f"Up to {most_pictures:,} pictures no command takes more than {most:.1f} GB of its own")
    save_figure(figure, path)


def generate(folder: Path, count: int) -> None:
    """Write pictures whose classes have colours of their own."""
    random = np.random.default_rng(0)
    for name in range(CLASSES):
        (folder / str(name)).mkdir(parents=True)
    hues = random.integers(40, 216, (CLASSES, 1, 1, 3))
    for number in range(count):
        coarse = (hues[number % CLASSES] + random.normal(0, 40, (6, 6, 3))).clip(0, 255).astype(np.uint8)
        picture = Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        picture.save(folder / str(number % CLASSES) / f"{number:07}.png", compress_level=1)


def measure(folder: Path, words: list[object]) -> tuple[int, float]:
    """Run a command on ``folder/pictures``: the peak in bytes, and seconds.

    Raises:
        SystemExit: it failed.
    """
    words = [sys.executable, *words, "--output_dir", folder / "output"]
    if "train.py" in words:
        words += ["--dataset", folder / "pictures", "--data_dir", folder / "data"]
    began, peak = time.monotonic(), 0
    process = subprocess.Popen([*map(str, words)], cwd=ROOT, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        looked = time.monotonic()
        peak = max(peak, sum(map(own_bytes, [process.pid, *descendants(process.pid)])))
        time.sleep(max(0.1, 30 * (time.monotonic() - looked)))  # of gigabytes it takes a while, and a core
    if process.returncode:
        raise SystemExit(f"{words[1]} ended with {process.returncode}")
    return peak, time.monotonic() - began


if __name__ == "__main__":
    main()
