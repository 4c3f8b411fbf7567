"""What one encoder gives at every size: its guess alone and refined, beside PCA, on many images and on few.

    python -m benchmarks.one_encoder --dataset data/cifar10_images --sizes 2 16 64 256

    python -m benchmarks.one_encoder --dataset data/cifar10_images --sizes 32 --images 500 1000 --seeds 0 1 2

    python -m benchmarks.one_encoder --dataset gtsrb --sizes 64 --images 4000 --max_test 1000 --image_size 32 64 96 128

Each row is one call of train.py; prints a table as the pages of docs/results have it.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from itertools import product
from pathlib import Path

from benchmarks import ROOT
from model.checkpoint import load_checkpoint
from run.artefacts import read_json

MEASURED = "PCA", "encoder alone", "refined", "below PCA", "epoch kept", "seconds"
COLUMNS = "images", "pixels", "epochs", "size", "seed", *MEASURED


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="gtsrb")
    parser.add_argument("--sizes", type=int, nargs="+", default=[2, 8, 32, 64, 256])
    parser.add_argument("--images", type=int, nargs="+", default=[None], help="training images (default: all)")
    parser.add_argument("--max_test", type=int, default=None, help="test images (default: all)")
    parser.add_argument("--image_size", type=int, nargs="+", default=[None], help="sides (default: train.py's)")
    parser.add_argument("--num_epochs", type=int, nargs="+", default=[10])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--mirror", default="auto")
    parser.add_argument("--data_dir", type=Path, default=ROOT / "data")
    args = parser.parse_args()
    print(f"| {' | '.join(COLUMNS)} |\n{'| --- ' * len(COLUMNS)}|", flush=True)
    asked = product(args.images, args.image_size, args.num_epochs, args.sizes, args.seeds)
    for images, side, num_epochs, size, seed in asked:
        print(row(images, side, num_epochs, size, seed, args), flush=True)


def row(images: int | None, side: int | None, num_epochs: int, size: int, seed: int, args: argparse.Namespace) -> str:
    """Of one training, as a line of the table."""
    with tempfile.TemporaryDirectory() as folder:
        limits = [] if images is None else ["--max_train", images]
        limits += [] if args.max_test is None else ["--max_test", args.max_test]
        limits += [] if side is None else ["--image_size", side]
        command = [
            sys.executable, ROOT / "train.py", "--dataset", args.dataset, "--data_dir", args.data_dir,
            "--latent_size", size, "--only_named", "--num_epochs", num_epochs, "--mirror", args.mirror,
            "--seed", seed, "--output_dir", folder, *limits,
        ]  # fmt: skip
        started = time.monotonic()
        subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        seconds = time.monotonic() - started
        held_out = read_json(Path(folder) / "metrics_training.json")["held_out"]
        model, record = load_checkpoint(Path(folder) / f"model_latent_size_{size}.pth")
    ours, pca = held_out[f"autoencoder of {size}"], held_out[f"PCA of {size}"]["mse"]
    errors = f"{pca:.5f} | {ours['encoder_alone_mse']:.5f} | {ours['mse']:.5f} | {1 - ours['mse'] / pca:.1%}"
    pixels = " x ".join(map(str, model.image_shape[1:]))
    setting = f"{images or 'all'} | {pixels} | {num_epochs} | {size} | {seed}"
    return f"| {setting} | {errors} | {record['kept_epoch']} | {seconds:.0f} |"


if __name__ == "__main__":
    main()
