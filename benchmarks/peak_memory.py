"""How much memory train.py takes, against how many pictures there are.

    python -m benchmarks.peak_memory

Generates folders of smooth random pictures, trains on each as a person would, and samples the memory of all of the
command's processes: what is theirs (proportional set size of anonymous pages: what processes share counts once), and
beside it the bytes of the decoded pictures, which are mapped from the cache and given back when memory is short.
Two processes are seldom at their peaks in one moment, so that the peak of their sum is higher the longer one looks; the
peak of the largest process alone (its resident anonymous pages) is not.
Writes peak_memory.md into the results folder.
"""

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import RESULTS
from run.artefacts import write_text

ROOT = Path(__file__).parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, nargs="+", default=[500, 3000])
    parser.add_argument("--side", type=int, default=128, help="pixels")
    parser.add_argument("--train", default="train.py", help="the script, of this version or another")
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()

    text = "| pictures | decoded, mapped from the cache | peak of what is the command's own "
    text += "| of its largest process | seconds |\n"
    text += "| --- " * 5 + "|\n"
    for count in args.pictures:
        with tempfile.TemporaryDirectory() as folder:
            generate(Path(folder) / "pictures", count, args.side)
            peak, largest, seconds = measure(Path(folder), args.side, args.train)
        decoded = count * 3 * args.side**2
        text += f"| {count:,} | {decoded / 1e6:,.0f} MB | {peak / 1e6:,.0f} MB | {largest / 1e6:,.0f} MB "
        text += f"| {seconds:.0f} |\n"
    print(text)
    write_text(args.results / "peak_memory.md", text)


def generate(folder: Path, count: int, side: int) -> None:
    """Write pictures of two classes."""
    random = np.random.default_rng(0)
    for number in range(count):
        path = folder / "ab"[number % 2] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(random.integers(0, 256, (8, 8, 3), np.uint8))
        coarse.resize((side, side), Image.Resampling.BICUBIC).save(path)


def measure(folder: Path, side: int, script: str) -> tuple[int, int, float]:
    """Train on ``folder/pictures``: the peak of all processes, and that of the largest, in bytes; and seconds."""
    began = time.monotonic()
    words = ["--dataset", folder / "pictures", "--data_dir", folder / "data", "--output_dir", folder / "output"]
    words += ["--image_size", side, "--latent_size", 16, "--num_epochs", 1, "--batch_size", 32]
    process = subprocess.Popen([sys.executable, script, *map(str, words)], cwd=ROOT, stdout=subprocess.DEVNULL)
    peak = largest = 0
    while process.poll() is None:
        processes = [process.pid, *descendants(process.pid)]
        peak = max(peak, sum(own_bytes(each) for each in processes))
        for _ in range(20):  # read in no time
            largest = max(largest, *(own_bytes(each, "status", "RssAnon:") for each in processes))
            time.sleep(0.002)
    if process.returncode:
        raise SystemExit(f"the training ended with {process.returncode}")
    return peak, largest, time.monotonic() - began


def descendants(process: int) -> list[int]:
    """The processes that a process has begun, and those that they have."""
    found = []
    with contextlib.suppress(OSError):  # it has ended
        for listing in Path(f"/proc/{process}/task").glob("*/children"):
            for child in listing.read_text().split():
                found += [int(child), *descendants(int(child))]
    return found


def own_bytes(process: int, file: str = "smaps_rollup", name: str = "Pss_Anon:") -> int:
    """Bytes of a process that are no file's: ``Pss_Anon`` has its part of those that it shares, ``RssAnon`` all."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/{file}").read_text().splitlines():
            if line.startswith(name):
                return 1024 * int(line.split()[1])
    return 0


if __name__ == "__main__":
    main()
