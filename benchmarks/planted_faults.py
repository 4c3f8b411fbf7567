"""How often a planted fault stands among the first hundred that find_odd_images.py shows.

    python -m benchmarks.planted_faults --runs output/mnist output/gtsrb --latent_size 32 --foreign output/digits

Of the test images of each run 2% get the label of another class, and 1% are replaced by images of the run named with
``--foreign``. The networks were trained without faults. Five seeds; prints a Markdown table.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from data.test_data import TestData, load_test_data
from model.checkpoint import load_model
from model.inference import decode, encode
from run.artefacts import model_path, test_data_path
from stages.odd_images import find_odd

WRONG, FOREIGN = 0.02, 0.01
FIRST = 100
SEEDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, nargs="+", required=True)
    parser.add_argument("--latent_size", type=int, required=True)
    parser.add_argument("--foreign", type=Path, required=True, help="a run whose test images are planted")
    parser.add_argument("--most", type=int, default=5000, help="test images")
    args = parser.parse_args()
    print("| images | fault | planted | ranking | planted among the first hundred | of all planted | by chance |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    foreign = load_test_data(test_data_path(args.foreign)).images
    for run in args.runs:
        test = first_of(load_test_data(test_data_path(run)), args.most)
        model = load_model(model_path(run, args.latent_size))
        latents = encode(model, test.images)
        made = decode(model, latents, test.labels)
        rows: dict[tuple[str, str], list[tuple[int, int]]] = {}
        for seed in range(SEEDS):
            rng = np.random.default_rng(seed)
            wrong = rng.permutation(len(test.images))[: round(WRONG * len(test.images))]
            labels = test.labels.copy()
            labels[wrong] = (labels[wrong] + rng.integers(1, len(test.class_names), len(wrong))) % len(test.class_names)
            odd = find_odd(replace(test, labels=labels), latents, made, 10)
            rows.setdefault(("wrong labels", "label"), []).append(count(odd.rankings()["label"], wrong))
            planted = rng.permutation(len(test.images))[: round(FOREIGN * len(test.images))]
            images = test.images.copy()
            images[planted] = like(foreign[rng.integers(0, len(foreign), len(planted))], images.shape[1:])
            there = latents.copy()
            there[planted] = encode(model, images[planted])
            remade = made.copy()
            remade[planted] = decode(model, there[planted], test.labels[planted])
            odd = find_odd(replace(test, images=images), there, remade, 10)
            for way in ("error", "distance", "label"):
                rows.setdefault(("foreign images", way), []).append(count(odd.rankings()[way], planted))
        for (fault, way), found in rows.items():
            hits, planted = np.mean([hit for hit, _ in found]), found[0][1]
            share = min(FIRST, len(test.images)) / len(test.images)
            where = f"| {test.dataset}, {len(test.images):,} | {fault} | {planted} | {way}"
            print(f"{where} | {hits:.0f} | {hits / planted:.0%} | {share:.0%} |", flush=True)


def first_of(test: TestData, most: int) -> TestData:
    rows = np.sort(np.random.default_rng(0).permutation(len(test.images))[:most])
    return replace(test, images=test.images[rows], labels=test.labels[rows], groups=test.groups[rows],
                   sample_ids=tuple(test.sample_ids[row] for row in rows))  # fmt: skip


def like(images: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Images uint8 (n, C, H, W) in another shape (C, H, W)."""
    made = np.empty((len(images), *shape), np.uint8)
    for image, place in zip(images, made, strict=True):
        pixels = Image.fromarray(np.moveaxis(np.broadcast_to(image, (3, *image.shape[1:])), 0, -1).copy())
        pixels = np.asarray(pixels.convert("L" if shape[0] == 1 else "RGB").resize(shape[:0:-1]))
        place[:] = pixels[None] if shape[0] == 1 else np.moveaxis(pixels, -1, 0)
    return made


def count(ranked: np.ndarray, planted: np.ndarray) -> tuple[int, int]:
    return len(set(ranked[:FIRST].tolist()) & set(planted.tolist())), len(planted)


if __name__ == "__main__":
    main()
