"""What PCA gives with latents that are refined as a network's are, beside PCA as it is and the network.

    python -m benchmarks.refined_pca output/sweep output/mnist

Of each run of train.py, the checkpoints of all sizes. Nothing is trained. Prints a table as docs/results/refined_pca.md
has it.
"""

import argparse
from pathlib import Path

import numpy as np

from benchmarks import ROOT
from data.selection import Selection
from data.test_data import load_test_data
from data.training_side import load_split_of
from model.checkpoint import load_checkpoint
from model.fidelity import mean_error
from model.inference import reconstruct_batches
from model.linear import refinable
from model.refinement import STEPS
from run.artefacts import model_paths, test_data_path

COLUMNS = "set", "size", "PCA", "PCA, refined", "network: encoder alone", "refined", "below PCA", "below PCA, refined"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--data_dir", type=Path, default=ROOT / "data")
    args = parser.parse_args()
    print(f"| {' | '.join(COLUMNS)} |\n{'| --- ' * len(COLUMNS)}|", flush=True)
    for run in args.runs:
        images = load_test_data(test_data_path(run)).images
        checkpoints = [load_checkpoint(path) for path in model_paths(run)]
        image_set, split = load_split_of(checkpoints[0][1], args.data_dir, None)
        training = Selection(image_set.images, split.trained_on)
        for model, record in sorted(checkpoints, key=lambda each: each[0].latent_size):
            print(row(f"{image_set.name}, {split.kind} split", model.latent_size, record, training, images), flush=True)


def row(name: str, size: int, record: dict, training: Selection, images: np.ndarray) -> str:
    pca = refinable(*(np.asarray(record["pca"][part]) for part in ("mean", "components")), training)
    plain, ours = record["held_out"][f"PCA of {size}"]["mse"], record["held_out"][f"autoencoder of {size}"]
    refined = mean_error(images, reconstruct_batches(pca, images, refine=STEPS))
    errors = " | ".join(f"{each:.5f}" for each in (plain, refined, ours["encoder_alone_mse"], ours["mse"]))
    return f"| {name} | {size} | {errors} | {1 - ours['mse'] / plain:.1%} | {1 - ours['mse'] / refined:.1%} |"


if __name__ == "__main__":
    main()
