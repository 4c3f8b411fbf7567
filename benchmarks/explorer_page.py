"""Size of explorer.html and how quickly it can be used, at several numbers of images.

    python -m benchmarks.explorer_page --dataset mnist

The networks are as they are before their first step, when they are PCA: neither size nor speed depends on training.
Needs Chromium and Playwright (requirements-dev.txt). Prints a Markdown table.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from playwright.sync_api import sync_playwright

from benchmarks import ROOT
from data import load_images
from data.split import Split
from data.test_data import save_test_data
from latent.pca import fit_pca
from model.checkpoint import build_model, save_model
from run.artefacts import model_path, test_data_path
from tests.browser import CHROMIUM

COUNTS = (1000, 10000, 50000)
SIZES = (2, 32)
FITTED = 2000  # images of PCA
HOVERS = 40  # places that the pointer is moved to


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--data_dir", type=Path, default=Path("data"))
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS)
    args = parser.parse_args()
    print("| images | MB | seconds to make | seconds until it can be used | ms a drawing of both maps | ms a hover |")
    print("| --- | --- | --- | --- | --- | --- |")
    for count in args.counts:
        with tempfile.TemporaryDirectory() as folder:
            prepare(Path(folder), args.dataset, args.data_dir, count)
            print("| " + " | ".join(measure(Path(folder), count)) + " |", flush=True)


def prepare(folder: Path, dataset: str, data_dir: Path, count: int) -> None:
    """A run's folder with so many test images, and two networks that are PCA."""
    images = load_images(dataset, data_dir)
    rows, none = np.arange(count), np.arange(0)
    save_test_data(test_data_path(folder), images, Split(none, none, rows, "random", "0" * 64, 0))
    pca = fit_pca(np.asarray(images.images[-FITTED:]), max(SIZES), 0)
    for size in SIZES:
        torch.manual_seed(0)
        model = build_model("conv", size, images.images.shape[1:]).eval()
        first = pca.first(size)
        model.start_from_pca(first.mean, first.components, first.scales)
        record = {"fingerprint": "0" * 64, "model": "conv", "dataset": dataset, "command": "", "arguments": {}}
        save_model(model_path(folder, size), model, {**record, "held_out": {f"PCA of {size}": {"mse": 0.0}}})


def measure(folder: Path, count: int) -> list[str]:
    """A row of the table."""
    about = ["--latent_size", str(max(SIZES)), "--output_dir", str(folder)]
    _script("encode_latent_space.py", *about, "--num_samples", "all", "--refine", "none")
    begun = time.monotonic()
    _script("explore_latent_space.py", *about, "--vis_type", "pca")
    made = time.monotonic() - begun
    page = folder / "explorer.html"
    return [f"{count:,}", f"{page.stat().st_size / 1e6:.1f}", f"{made:.0f}", *_open(page)]


def _script(name: str, *arguments: str) -> None:
    subprocess.run([sys.executable, ROOT / name, *arguments], check=True, capture_output=True)


def _open(path: Path) -> list[str]:
    """Seconds from asking for the page until its script is through; milliseconds of a drawing, and of a hover."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        page.set_default_timeout(300_000)
        page.goto(path.as_uri(), timeout=300_000)
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
