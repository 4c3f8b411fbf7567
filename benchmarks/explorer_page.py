"""Size of explorer.html and how quickly it can be used, at several numbers of images.

    python train.py --dataset mnist --latent_size 32 --num_epochs 2 --split random --test_fraction 0.75
    python -m benchmarks.explorer_page --run output --latent_size 32

Needs Chromium and Playwright (requirements-dev.txt). Prints a Markdown table.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks import ROOT
from tests.browser import CHROMIUM

COUNTS = (1000, 10000, 50000)
HOVERS = 40  # places that the pointer is moved to


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder of a training with 50,000 test images")
    parser.add_argument("--latent_size", type=int, required=True)
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS)
    args = parser.parse_args()
    print("| images | MB | seconds to make | seconds until it can be used | ms a drawing of both maps | ms a hover |")
    print("| --- | --- | --- | --- | --- | --- |")
    for count in args.counts:
        with tempfile.TemporaryDirectory() as folder:
            print("| " + " | ".join(measure(args.run, args.latent_size, count, Path(folder))) + " |", flush=True)


def measure(run: Path, size: int, count: int, folder: Path) -> list[str]:
    """A row of the table: so many of the test images of a run."""
    for path in [*run.glob("model_*.pth"), run / "test_data.pth"]:
        (folder / path.name).symlink_to(path.absolute())
    about = ["--latent_size", str(size), "--output_dir", str(folder)]
    _script("encode_latent_space.py", *about, "--num_samples", str(count))
    begun = time.monotonic()
    _script("explore_latent_space.py", *about, "--vis_type", "pca")
    made = time.monotonic() - begun
    page = folder / "explorer.html"
    return [f"{count:,}", f"{page.stat().st_size / 1e6:.1f}", f"{made:.0f}", *_open(page)]


def _script(name: str, *arguments: str) -> None:
    subprocess.run([sys.executable, ROOT / name, *arguments], check=True, capture_output=True)


def _open(path: Path) -> list[str]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        page.goto(path.as_uri())
        ready = page.evaluate("explorer.ready") / 1000
        drawn = page.evaluate("[...Array(5)].map(() => explorer.redraw()).sort((a, b) => a - b)[2]")
        hover = """count => {
          const marks = document.querySelectorAll(".plot canvas:last-child")[0], begun = performance.now();
          for (let k = 0; k < count; k++) {
            const [x, y] = explorer.place(0, k * 17);
            marks.dispatchEvent(new PointerEvent("pointermove", { clientX: x, clientY: y }));
          }
          return (performance.now() - begun) / count;
        }"""
        hovered = page.evaluate(hover, HOVERS)
        browser.close()
    return [f"{ready:.1f}", f"{drawn:.0f}", f"{hovered:.1f}"]


if __name__ == "__main__":
    main()
