"""N2D (McConville et al., 2021): a bottleneck, UMAP to 10 with min_dist 0, a Gaussian mixture; pixels beside it.

    python -m benchmarks.n2d --dataset mnist --seeds 0 1 2

For each seed: train.py with five epochs, the latents of all images, then the same UMAP and the same mixture on these
latents and on the raw pixels. Transductive, as the published figures are: the network is trained on the training side,
everything after it is fitted and scored on all images, and no class is used. What is done already is not done again;
checkpoints that are there already, one for each seed, are taken with --model_path. Writes n2d_{dataset}.csv and .md
into the results folder. The published bottleneck is of 10 (--latent_size 10); why 32 is the default here stands in
docs/lab/n2d.md.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks import RESULTS, ROOT
from data.training_side import load_split_of
from latent.clustering import find_clusters
from latent.metrics import clustering_scores
from model.checkpoint import load_checkpoint
from model.inference import encode_batches
from run.artefacts import model_path, read_json, write_csv, write_json, write_text
from stages.clusters.reduction import SearchSpace, reduce

TRAINING = ["--num_epochs", "5"]
NEIGHBOURS = 20  # as in the published code
SCORES = {"accuracy_hungarian": "ACC", "nmi": "NMI", "ari": "ARI"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--data_dir", type=Path, default=ROOT / "data")
    parser.add_argument("--latent_size", type=int, default=32)
    parser.add_argument("--space_size", type=int, default=10, help="dimensions of the UMAP")
    parser.add_argument(
        "--whiten", type=float, default=0.0, help="of the latents, as viz_kmeans_latent_space.py has it"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--model_path", type=Path, nargs="+", metavar="FILE", help="of train.py, one for each seed")
    parser.add_argument("train", nargs="*", default=TRAINING, help="after --: arguments of train.py instead of these")
    args = parser.parse_args()
    if args.model_path and len(args.model_path) != len(args.seeds):
        raise SystemExit(f"--model_path: {len(args.model_path)} checkpoints for {len(args.seeds)} seeds; name one each")

    rows = [row for place, seed in enumerate(args.seeds) for row in measure(place, seed, args)]
    stem = args.results / f"n2d_{args.dataset}{whitened(args.whiten)}"
    header = ["seed", "space", *SCORES, "minutes of UMAP and mixture"]
    write_csv(stem.with_suffix(".csv"), header, [[row[name] for name in header] for row in rows])
    write_text(stem.with_suffix(".md"), markdown(rows))
    print(markdown(rows))


def measure(place: int, seed: int, args: argparse.Namespace) -> list[dict[str, object]]:
    """A row for the latents and one for the pixels, of one seed."""
    output = args.results / "runs" / f"n2d_{args.dataset}_{args.latent_size}_seed_{seed}"
    checkpoint, minutes = model_path(output, args.latent_size), {}
    if args.model_path:
        checkpoint = args.model_path[place]
    elif not checkpoint.exists():
        started = time.monotonic()
        command = [sys.executable, ROOT / "train.py", "--dataset", args.dataset, "--data_dir", args.data_dir]
        command += ["--only_named", "--latent_size", args.latent_size, "--seed", seed, "--output_dir", output]
        command += args.train
        subprocess.run([str(part) for part in command], check=True, cwd=ROOT)
        minutes["minutes of training"] = (time.monotonic() - started) / 60
    model, record = load_checkpoint(checkpoint)
    image_set, _ = load_split_of(record, args.data_dir)
    spaces = {
        f"bottleneck {model.latent_size}": lambda: np.concatenate(list(encode_batches(model, image_set.images))),
        "raw pixels": lambda: image_set.images.reshape(len(image_set), -1).astype(np.float32) / 255,
    }
    rows = []
    for name, vectors in spaces.items():
        from_network = name.startswith("bottleneck")
        whiten = args.whiten if from_network else 0.0
        kept = output / f"n2d_{name.replace(' ', '_')}{whitened(whiten)}.json"
        made_of = {"whiten": whiten, "checkpoint": record["sha256"] if from_network else None}
        if not kept.exists() or not made_of.items() <= read_json(kept).items():
            started = time.monotonic()
            where = SearchSpace(
                "umap", args.space_size, pca_size=0, n_neighbors=NEIGHBOURS, min_dist=0.0, whiten=whiten
            )
            reduction = reduce(vectors(), where, seed)
            found = find_clusters(reduction.points, "gmm", len(image_set.class_names), seed)
            scores = clustering_scores(found.clusters, image_set.labels)
            spent = {"minutes of UMAP and mixture": (time.monotonic() - started) / 60}
            write_json(
                kept, {"seed": seed, "space": name, **scores, **spent, **made_of, **(minutes if from_network else {})}
            )
        rows.append(read_json(kept))
        print(json.dumps(rows[-1]), flush=True)
    return rows


def whitened(power: float) -> str:
    """What the names of files end with."""
    return f"_whitened_{power:g}" if power else ""


def markdown(rows: list[dict[str, object]]) -> str:
    """The median of each space over the seeds, and the least and the most."""
    lines = ["| space | " + " | ".join(SCORES.values()) + " | seeds |", "| --- " * (len(SCORES) + 2) + "|"]
    for space in dict.fromkeys(row["space"] for row in rows):
        mine = [row for row in rows if row["space"] == space]
        cells = []
        for score in SCORES:
            values = [row[score] for row in mine]
            spread = f" ({min(values):.3f} to {max(values):.3f})" if len(values) > 1 else ""
            cells.append(f"{statistics.median(values):.3f}{spread}")
        lines.append(f"| {space} | " + " | ".join(cells) + f" | {len(mine)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
