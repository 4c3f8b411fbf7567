"""What commands take, in memory and in seconds an image, against how many pictures there are.

    python -m benchmarks.scaling --pictures 10000 100000

Generates folders of smooth random pictures of 32 x 32 in ten classes, then does as a person would: trains (which
decodes), trains anew from the cache, encodes all test pictures, maps and clusters them. Of each command the seconds
are taken, and the peak of its own memory (proportional set size of anonymous pages, of all its processes; decoded
pictures are mapped from the cache and given back when memory is short). Writes scaling.md into the results folder.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import RESULTS
from benchmarks.peak_memory import ROOT, descendants, own_bytes
from run.artefacts import write_text

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
    parser.add_argument("--scratch", type=Path, help="where pictures and caches go for a while")
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()

    text = "| pictures | command | seconds | ms a picture | peak of its own memory |\n" + "| --- " * 5 + "|\n"
    for count in args.pictures:
        with tempfile.TemporaryDirectory(dir=args.scratch) as folder:
            generate(Path(folder) / "pictures", count)
            for name in args.commands:
                peak, seconds = measure(Path(folder), COMMANDS[name])
                each = 1000 * seconds / count
                text += f"| {count:,} | {name} | {seconds:.0f} | {each:.3f} | {peak / 1e6:,.0f} MB |\n"
                print(text.splitlines()[-1], flush=True)
                write_text(args.results / "scaling.md", text)


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
