"""The architectures side by side, as the exercise compares them: error, clusters, classifier, readable images, time.

    python -m benchmarks.compare_architectures --results benchmarks/results

MNIST, 20,000 training images (of which 5% only watch) and 4,000 test images, 25 epochs of batches of 256, bottlenecks
of 2 and 32; conv, the default, with its own 10 epochs of 128. Then cae and vae over sizes on a part of GTSRB. Each
training is one call of train.py with its defaults otherwise, each classifier one of train_classifier.py. What is done
already is not done again, so that the tables can be filled over several sittings; --only_measure leaves out
architectures that are not trained yet, and says so. Writes compare_architectures.md and .csv into the results folder,
and the figures into docs/figures.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks import FIGURES, RESULTS, ROOT
from data.test_data import load_test_data
from data.training_side import load_split_of
from figure.snapshots import SnapshotColumn, draw_snapshots
from figure.style import save_figure
from latent.cluster_probes import assigned_scores, cluster_both
from latent.metrics import clustering_scores
from latent.pca import fit_pca
from model.checkpoint import load_checkpoint, require_split
from model.classifier import ConvClassifier, load_classifier, save_classifier
from model.classifier_training import Labelled, Schedule, predict, train_classifier
from model.fidelity import squared_errors
from model.inference import encode_batches, reconstruct
from model.snapshots import load_snapshots
from run.artefacts import file_sha256, read_json, write_csv, write_text

MNIST = ["--dataset", "mnist", "--max_train", 20000, "--max_test", 4000]
SNAPSHOTS = [1, 5, 10, 15, 20, 25]
COLOUR = ["--dataset", "gtsrb", "--max_train", 4000, "--max_test", 1500, "--num_epochs", 8]
ARCHITECTURES = ["dense", "deep_dense", "cae", "vae", "beta_vae", "conditional", "cvae", "conv"]
COLOUR_ARCHITECTURES, COLOUR_SIZES = ["cae", "vae"], [2, 32, 128]
DRAWN, DRAWN_EPOCHS = ["dense", "cae", "cvae", "conv"], [1, 5, 10, 25]  # in the grid of docs/figures

# k-means and classifier accuracy in per cent, as the exercise was published for dense ("AE") and cae networks.
PUBLISHED = {("dense", 2): (41.7, None), ("dense", 32): (43.3, 78), ("cae", 2): (45.2, None), ("cae", 32): (54.6, 94)}
CLASSIFIER = ["--classifiers", "mlp", "--num_epochs", 10]
READING_EPOCHS = 1  # enough to read 98% of the originals


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architectures", nargs="+", default=ARCHITECTURES, choices=ARCHITECTURES)
    parser.add_argument(
        "--num_epochs", type=int, default=25, help="of the architectures on MNIST; conv takes its own 10"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data_dir", type=Path, default=ROOT / "data")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--only_digits", action="store_true", help="leave the colour set out")
    parser.add_argument("--only_train", action="store_true", help="leave the measuring to a later call")
    parser.add_argument("--only_measure", action="store_true", help="measure what is trained, and train nothing")
    args = parser.parse_args()

    trainings = [
        ("mnist", architecture, digits_arguments(architecture, args), [2, 32]) for architecture in args.architectures
    ]
    if not args.only_digits:
        trainings += [("gtsrb", architecture, COLOUR, COLOUR_SIZES) for architecture in COLOUR_ARCHITECTURES]
    if not args.only_measure:
        for name, architecture, arguments, sizes in trainings:
            train(folder(name, architecture, args), architecture, [*arguments, "--latent_size", *sizes], args)
    if args.only_train:
        return
    done = {(name, architecture): folder(name, architecture, args) for name, architecture, _, _ in trainings}
    missing = [output.name for output in done.values() if not (output / "seconds.json").exists()]
    if missing:
        print(f"not trained yet, and left out: {', '.join(missing)}")
    done = {key: output for key, output in done.items() if output.name not in missing}

    digits = {architecture: output for (name, architecture), output in done.items() if name == "mnist"}
    rows = measure_digits(digits, args)
    colour = measure_colour({architecture: output for (name, architecture), output in done.items() if name == "gtsrb"})
    text = digits_markdown(rows) + ("\n" + colour_markdown(colour) if colour else "")
    write_csv(args.results / "compare_architectures.csv", list(rows[0]), [list(row.values()) for row in rows])
    if colour:
        header = list(colour[0])
        write_csv(args.results / "compare_architectures_colour.csv", header, [list(row.values()) for row in colour])
    write_text(args.results / "compare_architectures.md", text)
    print(text)


def digits_arguments(architecture: str, args: argparse.Namespace) -> list:
    """Of train.py: those of the published comparison, but conv as it is by default (10 epochs of batches of 128)."""
    epochs, batch = (10, 128) if architecture == "conv" else (args.num_epochs, 256)
    kept = [epoch for epoch in SNAPSHOTS if epoch <= epochs]
    return [*MNIST, "--num_epochs", epochs, "--batch_size", batch, "--snapshot_epochs", *kept]


def folder(dataset: str, architecture: str, args: argparse.Namespace) -> Path:
    length = "" if dataset != "mnist" or architecture == "conv" else f"_epochs_{args.num_epochs}"
    return args.results / "runs" / f"architectures_{dataset}_{architecture}{length}_seed_{args.seed}"


def train(output: Path, architecture: str, arguments: list, args: argparse.Namespace) -> None:
    """One call of train.py, unless it is done; resumed if it was stopped. Its processor time is kept beside it."""
    if (output / "seconds.json").exists():
        return
    command = [sys.executable, ROOT / "train.py", "--model", architecture, *arguments, "--seed", args.seed]
    if any(output.glob("training_state/*.pth")):
        command = [sys.executable, ROOT / "train.py", "--resume"]
    command += ["--data_dir", args.data_dir, "--output_dir", output]
    print(output.name, flush=True)
    output.mkdir(parents=True, exist_ok=True)
    with open(output / "said.txt", "ab") as said:
        process = subprocess.Popen(list(map(str, command)), stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
    with open(output / "used.jsonl", "a") as file:  # a line a sitting
        file.write(json.dumps(used.ru_utime + used.ru_stime) + "\n")
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{output.name} was not trained; see {output / 'said.txt'}")
    seconds = sum(map(json.loads, (output / "used.jsonl").read_text().splitlines()))
    (output / "seconds.json").write_text(json.dumps(seconds))


def measure_digits(runs: dict[str, Path], args: argparse.Namespace) -> list[dict]:
    """A row for each architecture and size; the grid of snapshots beside."""
    test_data = load_test_data(next(iter(runs.values())) / "test_data.pth")
    models = {}
    for architecture, output in runs.items():
        for size in (2, 32):
            models[architecture, size] = load_checkpoint(output / f"model_latent_size_{size}.pth")
            require_split(
                models[architecture, size][1], output, test_data.fingerprint, "the test split of the first architecture"
            )
    image_set, split = load_split_of(next(iter(models.values()))[1], args.data_dir)
    train_images, train_labels = image_set.images[split.train], image_set.labels[split.train]
    classes, watched = len(image_set.class_names), None
    kept = args.results / "runs" / "architectures_classifier.pth"
    origin = {"fingerprint": split.fingerprint, "epochs": READING_EPOCHS, "seed": args.seed}
    classifier = load_classifier(kept, origin, train_images.shape[1:], classes)
    if classifier is None:
        torch.manual_seed(args.seed)
        classifier, count = ConvClassifier(train_images.shape[1:], classes), len(train_labels)
        order_of = lambda epoch: np.random.default_rng([args.seed, epoch]).permutation(count)  # noqa: E731
        train_classifier(classifier, Labelled(train_images, train_labels), None, order_of, Schedule(READING_EPOCHS))
        save_classifier(kept, classifier, origin)
    pca = fit_pca(train_images, 32, args.seed)
    classified = {}
    for output in runs.values():
        classified = {**classify(output, args), **classified}
    done = args.results / "runs" / "architectures_rows.jsonl"
    before = [json.loads(line) for line in done.read_text().splitlines()] if done.exists() else []

    def row(of: str, *what) -> dict:
        """The row of what has the digest ``of``, measured or found among those measured before."""
        key = [of, split.fingerprint, READING_EPOCHS, args.seed]
        found = next((line["row"] for line in before if line["key"] == key), None)
        if found is None:
            found = measured(*what)
            with open(done, "a") as file:
                file.write(json.dumps({"key": key, "row": found}) + "\n")
        return found

    def measured(name: str, size: int, encode, made: np.ndarray, accuracy: float, alone="", epochs=None, seconds=None):
        fitted, scored = encode(train_images), encode(test_data.images)
        clusters = cluster_both(fitted, scored, classes, args.seed)
        assigned = assigned_scores(clusters[0], train_labels, clusters[1], test_data.labels)
        own = clustering_scores(cluster_both(scored, scored, classes, args.seed)[0], test_data.labels)
        read_as = predict(classifier, made) == test_data.labels
        return {
            "architecture": name,
            "bottleneck": size,
            "epochs": epochs,
            "alone_mse": alone,
            "mse": float(squared_errors(test_data.images, made).mean()),
            "kmeans_hungarian": assigned["accuracy_hungarian"],
            "kmeans_majority": assigned["accuracy_majority"],
            "kmeans_transductive_hungarian": own["accuracy_hungarian"],
            "kmeans_transductive_majority": own["accuracy_majority"],
            "mlp": accuracy,
            "read": float(read_as.mean()),
            "read_of_16": int(read_as[watched].sum()),
            "processor_seconds_of_both": seconds,
        }

    rows, columns, originals = [], [], None
    for (architecture, size), (model, record) in models.items():
        snapshots = load_snapshots(runs[architecture] / f"snapshots_latent_size_{size}.pth")
        watched, originals = snapshots.test_rows, snapshots.images
        made = reconstruct(model, test_data.images, test_data.labels)
        rows.append(
            row(
                record["sha256"],
                architecture,
                size,
                encoder(model),
                made,
                classified[architecture, size],
                record["held_out"][f"autoencoder of {size}"]["encoder_alone_mse"],
                record["arguments"]["num_epochs"],
                json.loads((runs[architecture] / "seconds.json").read_text()),
            )
        )
        taken = {epoch: images for epoch, images in snapshots.epochs.items() if epoch in DRAWN_EPOCHS}
        if architecture in DRAWN:
            columns.append(SnapshotColumn(architecture, size, taken, f"{rows[-1]['read_of_16']} of 16 readable"))
    for size in (2, 32):
        start = pca.first(size)
        rows.append(
            row(f"PCA {size}", "PCA", size, start.encode, start.reconstruct(test_data.images), classified["PCA", size])
        )
    pixels = lambda images: images.reshape(len(images), -1).astype(np.float32) / 255  # noqa: E731
    made = test_data.images / np.float32(255)
    rows.append(row("pixels", "pixels", 784, pixels, made, classified["pixels", 784]))
    subject = (
        "MNIST: the same 16 held-out digits after epochs of training; readable: a classifier of originals is right"
    )
    for path in save_figure(draw_snapshots(originals, columns, subject), FIGURES / "architectures.png"):
        with Image.open(path) as picture:  # many small pictures: in 16 shades, small enough for a repository
            picture.convert("RGB").quantize(16, dither=Image.Dither.NONE).save(path, optimize=True)
    return rows


def encoder(model):
    return lambda images: np.concatenate(list(encode_batches(model, images)))


def classify(run: Path, args: argparse.Namespace) -> dict[tuple[str, int], float]:
    """Test accuracy of train_classifier.py's MLP on each space of one training: (architecture, size) -> part of 1."""
    output = run / "classifiers"
    checkpoint, said = run / "model_latent_size_32.pth", output / "trained_on.txt"
    if not said.exists() or said.read_text() != file_sha256(checkpoint):
        command = [
            sys.executable, ROOT / "train_classifier.py", "--model_path", checkpoint, *CLASSIFIER, "--seed", args.seed,
            "--data_dir", args.data_dir, "--output_dir", output,
        ]  # fmt: skip
        subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        said.write_text(file_sha256(checkpoint))
    found = {}
    with open(output / "classifiers.csv", newline="") as file:
        for row in csv.DictReader(file):
            space = row["space"]
            kind = "pixels" if space == "raw pixels" else "PCA" if space.startswith("PCA") else row["model"]
            found[kind, 784 if kind == "pixels" else int(space.split()[-1])] = float(row["accuracy"])
    return found


def measure_colour(runs: dict[str, Path]) -> list[dict]:
    """A row for each architecture and size: held-out error beside PCA's, and of the vae what its latents hold."""
    rows = []
    for architecture, output in runs.items():
        record = read_json(output / "metrics_training.json")
        for size in COLOUR_SIZES:
            ours, pca = record["held_out"][f"autoencoder of {size}"], record["held_out"][f"PCA of {size}"]
            rows.append(
                {
                    "architecture": architecture,
                    "bottleneck": size,
                    "alone_mse": ours["encoder_alone_mse"],
                    "mse": ours["mse"],
                    "ssim": ours["ssim"],
                    "PCA mse": pca["mse"],
                    "kl": ours.get("kl", ""),
                    "collapsed": ours.get("collapsed_dimensions", ""),
                    "processor_seconds_of_all": json.loads((output / "seconds.json").read_text()),
                }
            )
    return rows


def digits_markdown(rows: list[dict]) -> str:
    lines = [
        "| architecture | bottleneck | epochs | held-out MSE: encoder alone | refined "
        "| k-means, train-test: one-to-one | by majority | k-means, transductive: one-to-one | by majority | published "
        "| MLP on latents | published | recognised | of 16 drawn | processor seconds, both sizes |",
        "| " + " | ".join(["---"] * 15) + " |",
    ]
    for row in rows:
        kmeans, classifier = PUBLISHED.get((row["architecture"], row["bottleneck"]), (None, None))
        seconds = row["processor_seconds_of_both"]
        cells = [
            row["architecture"],
            row["bottleneck"],
            row["epochs"] or "",
            f"{row['alone_mse']:.5f}" if row["alone_mse"] else "",
            f"{row['mse']:.5f}",
            *(f"{row[name]:.1%}" for name in ("kmeans_hungarian", "kmeans_majority")),
            *(f"{row[name]:.1%}" for name in ("kmeans_transductive_hungarian", "kmeans_transductive_majority")),
            "" if kmeans is None else f"{kmeans}%",
            f"{row['mlp']:.1%}",
            "" if classifier is None else f"{classifier}%",
            f"{row['read']:.1%}",
            row["read_of_16"],
            "" if seconds is None else f"{seconds:.0f}",
        ]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"


def colour_markdown(rows: list[dict]) -> str:
    lines = [
        "| architecture | bottleneck | held-out MSE: encoder alone | refined | PCA | SSIM | KL, nats | collapsed |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        kl = f"{row['kl']:.1f}" if row["kl"] != "" else ""
        errors = " | ".join(f"{row[name]:.5f}" for name in ("alone_mse", "mse", "PCA mse"))
        lines.append(
            f"| {row['architecture']} | {row['bottleneck']} | {errors} | {row['ssim']:.3f} | {kl} | "
            f"{row['collapsed']} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
