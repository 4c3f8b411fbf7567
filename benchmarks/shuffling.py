"""What it costs to read images in random order from a file that memory does not hold, and in the order of train.py.

    python -m benchmarks.shuffling --images 1000000 --scratch /a/disk

Writes as many images of 32 x 32 in colour, lets go of the pages that memory holds of them, and reads the batches of an
epoch's beginning: of a permutation of all rows, and of rows that are shuffled nearby. Linux only. Prints a table.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from data.balance import shuffled_nearby

SHAPE, BATCH, WRITTEN_AT_ONCE = (3, 32, 32), 128, 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--read", type=int, default=131_072, help="images that are read in each order")
    parser.add_argument("--scratch", type=Path, help="where the file goes for a while")
    args = parser.parse_args()
    print("| order | images a second | MB read from the disk for each MB of images |\n| --- | --- | --- |")
    with tempfile.TemporaryDirectory(dir=args.scratch) as folder:
        path = Path(folder) / "images.npy"
        write(path, args.images)
        orders = {"all rows": np.random.default_rng(0).permutation(args.images)}
        orders["nearby"] = shuffled_nearby(args.images, np.random.default_rng(0))
        for name, order in orders.items():
            rate, times = read(path, order[: args.read])
            print(f"| {name} | {rate:,.0f} | {times:.1f} |", flush=True)


def write(path: Path, count: int) -> None:
    """A file of random images, uint8 (count, 3, 32, 32)."""
    images = np.lib.format.open_memmap(path, "w+", np.uint8, (count, *SHAPE))
    random = np.random.default_rng(0)
    for first in range(0, count, WRITTEN_AT_ONCE):
        part = images[first : first + WRITTEN_AT_ONCE]
        part[:] = random.integers(0, 256, part.shape, dtype=np.uint8)
    images.flush()


def read(path: Path, order: np.ndarray) -> tuple[float, float]:
    """Images a second, and bytes from the disk for each byte of them; nothing of the file is in memory before."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    images, before, began = np.load(path, mmap_mode="r"), bytes_read(), time.monotonic()
    for first in range(0, len(order), BATCH):
        images[order[first : first + BATCH]].sum()
    seconds = time.monotonic() - began
    return len(order) / seconds, (bytes_read() - before) / (len(order) * np.prod(SHAPE))


def bytes_read() -> int:
    """How many bytes this process has had read from disks."""
    return int(Path("/proc/self/io").read_text().split("read_bytes: ")[1].split()[0])


if __name__ == "__main__":
    main()
