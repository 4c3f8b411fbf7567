"""Train classifiers on latents, beside the same ones on PCA and raw pixels, and a convolutional one as the ceiling.

The road: checkpoints -> latents of training, validation and test images, saved -> a linear probe, an MLP and nearest
neighbours on each space, a network on the pixels -> one table, curves, confusion matrices.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from run import arguments as flags
from run.console import Progress, note, say
from run.errors import BadInput, execute, printable

if TYPE_CHECKING:
    import numpy as np
    import torch

    from data.image_set import ImageSet
    from data.split import Split
    from latent.outcomes import Outcome
    from model.autoencoder import Autoencoder

PROTOCOL = "fitted on training images, scored on test images"
CLASSIFIERS = {"linear": "linear probe", "mlp": "MLP", "knn": "10-NN", "cnn": "conv net"}
SIDES = ("train", "val", "test")
WEIGHT_DECAY = 0.01

Models = dict[Path, "tuple[Autoencoder, dict[str, Any]]"]
Sides = dict[str, "np.ndarray"]  # of training, validation and test images


def parse_arguments() -> argparse.Namespace:
    parser = flags.parser(
        "python train_classifier.py --latent_size 256",
        "Train a linear probe, a small MLP and nearest neighbours on the latents of training images, and a\n"
        "convolutional network on their pixels; score all on test images, beside the same classifiers on PCA of equal\n"
        "size and on raw pixels. Several checkpoints, of any architectures, sizes and data sets, make one table.",
    )
    group = parser.add_argument_group("what is classified")
    flags.add_model(group, "checkpoints of bottlenecks of N; that of 2 is found beside each", several=True)
    flags.add_shared(group, "data_dir")
    flags.add_value(
        group, "--max_fit", flags.whole_number(2), None, "M", "learn from M random training images (default: from all)"
    )
    group = parser.add_argument_group("classifiers")
    group.add_argument(
        "--classifiers",
        nargs="+",
        choices=list(CLASSIFIERS),
        default=list(CLASSIFIERS),
        metavar="C",
        help=f"which of {', '.join(CLASSIFIERS)}",
    )
    flags.add_choice(
        group, "--balance", ["none", "sampler", "weights"], "none",
        "against unequal classes: draw each class as often, or weigh its loss by how rare it is; nearest "
        "neighbours stay as they are",
    )  # fmt: skip
    number = flags.whole_number(1)
    flags.add_value(group, "--hidden", flags.whole_number(1, 8192), 64, "H", "ReLU units of the MLP")
    flags.add_value(group, "--num_epochs", number, 40, "E", "times the MLP sees each training image")
    flags.add_value(group, "--cnn_epochs", number, 10, "E", "times the convolutional network sees each training image")
    flags.add_value(group, "--batch_size", number, 128, "B", "images a step")
    rate = "highest learning rate of the MLP's and the network's one-cycle schedule"
    flags.add_value(group, "--lr", flags.real_number(0, 10), 0.003, "R", rate)
    flags.add_shared(parser.add_argument_group("run"), "output_dir", "seed", "device", "num_workers", "svg", "show")
    return parser.parse_args()


def main() -> None:
    args = parse_arguments()

    from data.training_side import load_split_of, warn_of_untested_classes
    from model.checkpoint import load_with_sibling
    from run.artefacts import model_path
    from run.device import choose_device, make_repeatable

    if (args.model_path is None) == (args.latent_size is None):
        raise BadInput("name checkpoints by --model_path FILE, or one by --latent_size N, as train.py was given it")
    make_repeatable(args.seed)
    device = choose_device(args.device)
    models: Models = {}
    for path in args.model_path or [model_path(args.output_dir, args.latent_size)]:
        models |= load_with_sibling(path)

    splits: dict[str, tuple[ImageSet, Split]] = {}  # by fingerprint, in the order of the checkpoints
    for path, (_, record) in models.items():
        if record["fingerprint"] not in splits:
            splits[record["fingerprint"]] = load_split_of(record, args.data_dir, args.num_workers or None)
            require_classes(*splits[record["fingerprint"]], path)

    # Only now the libraries that take seconds to import: what can't be classified has been refused by then.
    from latent.outcomes import Outcome, outcome_table, scores_of

    outcomes: list[Outcome] = []
    for fingerprint, (image_set, split) in splits.items():
        warn_of_untested_classes(image_set, split.test)
        rows = {"train": choose_rows(split.train, args), "val": split.val, "test": split.test}
        labels = {side: image_set.labels[rows[side]] for side in SIDES}
        mine = {path: each for path, each in models.items() if each[1]["fingerprint"] == fingerprint}
        for architecture, space, inputs in spaces_of(mine, image_set, split, rows, device, args.seed):
            for name in args.classifiers:
                if (name == "cnn") != (inputs["train"].ndim == 4):
                    continue
                note(f"{CLASSIFIERS[name]} on {space} of {printable(image_set.name)}")
                predicted, log = classify(name, inputs, labels, len(image_set.class_names), device, args)
                scores = scores_of(predicted, labels["test"], labels["train"])
                what = (image_set.name, architecture, space, inputs["test"][0].size, name, image_set.class_names)
                outcomes.append(Outcome(*what, predicted, labels["test"], scores, log))

    say(outcome_table(outcomes, CLASSIFIERS))
    say(f"(per cent of test images, and macro-F1; {PROTOCOL}; the largest class alone is chance)")
    for path in save(outcomes, models, args):
        say(f"saved {printable(path)}")


def require_classes(image_set: ImageSet, split: Split, path: Path) -> None:
    """Refuse images that there is nothing to tell apart in.

    Raises:
        BadInput: no classes, or a single one; or the test images are all of one class.
    """
    if len(image_set.class_names) < 2:
        has = "no classes" if image_set.labels is None else "one class only"
        raise BadInput(
            f"{printable(path)} was trained on {printable(image_set.name)}, which has {has}, and a classifier needs "
            "two; train on images with one folder a class: python train.py --dataset DIR --latent_size N"
        )
    tested = set(image_set.labels[split.test].tolist())
    if len(tested) < 2:
        raise BadInput(
            f"all test images of {printable(image_set.name)} are of the class "
            f"{printable(image_set.class_names[tested.pop()])}, and whatever says so is right; add images of other "
            "classes, or test on more: python train.py --test_fraction 0.3 --latent_size N"
        )


def choose_rows(train: np.ndarray, args: argparse.Namespace) -> np.ndarray:
    """The training images to learn from, in rising order."""
    import numpy as np

    if args.max_fit is None or args.max_fit >= len(train):
        return train
    return np.sort(np.random.default_rng(args.seed).permutation(train)[: args.max_fit])


def spaces_of(
    models: Models, image_set: ImageSet, split: Split, rows: Sides, device: torch.device, seed: int
) -> Iterator[tuple[str, str, Sides]]:
    """Architecture, name and inputs of each space: latents, PCA of equal size, pixels, all float32 (rows, D); then images.

    Images are uint8 (rows, C, H, W) and the last, for the convolutional network alone.
    """
    from latent.pca import fit_pca

    images = {side: image_set.images[rows[side]] for side in SIDES}
    sizes = sorted({model.latent_size for model, _ in models.values()}, reverse=True)
    pca = fit_pca(image_set.images[split.train], max(sizes), seed)
    for size in sizes:
        for path, (model, record) in models.items():
            if model.latent_size == size:
                yield (
                    model.architecture,
                    f"bottleneck {size}",
                    saved_latents(path, model, record, image_set, rows, device),
                )
        yield "", f"PCA of {size}", {side: encoded(pca.first(size).encode, images[side], size) for side in SIDES}
    yield "", "raw pixels", {side: each.reshape(len(each), -1).astype("float32") / 255 for side, each in images.items()}
    yield "", "images", images


def encoded(encode: Any, images: np.ndarray, size: int) -> np.ndarray:
    """uint8 (N, C, H, W) -> float32 (N, D); N may be 0, as it is where nothing validates."""
    import numpy as np

    return encode(images) if len(images) else np.empty((0, size), np.float32)


def saved_latents(
    path: Path,
    model: Autoencoder,
    record: dict[str, Any],
    image_set: ImageSet,
    rows: Sides,
    device: torch.device,
) -> Sides:
    """The latents of each side, saved beside the checkpoint, or loaded if they are already there.

    Raises:
        BadInput: the network gives NaN or infinity.
    """
    import numpy as np

    from latent.archive import LatentSpace, load_latent_space, save_latent_space, sidecar_path
    from model.inference import encode_batches
    from run.provenance import command_line, versions

    latents = {}
    for side in SIDES:
        kept = path.with_name(f"latent_space_size_{model.latent_size}_{side}.npy")
        ids = tuple(image_set.sample_ids[row] for row in rows[side])
        origin = {
            "dataset": image_set.name,
            "split_fingerprint": record["fingerprint"],
            "checkpoint_sha256": record["sha256"],
            "latent_size": model.latent_size,
            "model": model.architecture,
            "side": side,
        }
        if not len(ids):
            latents[side] = np.empty((0, model.latent_size), np.float32)
            continue
        if kept.exists() and sidecar_path(kept).exists():
            try:
                space = load_latent_space(kept)
            except BadInput:  # damaged
                space = None
            if space is not None and space.sample_ids == ids and origin.items() <= space.origin.items():
                latents[side] = space.vectors
                continue
            note(f"{printable(kept)} is not, or no longer, what this model makes of these images: it is made anew")
        latents[side] = np.concatenate(list(encode_batches(model.to(device), image_set.images, rows[side])))
        if not np.isfinite(latents[side]).all():
            raise BadInput(
                f"{printable(path)} encodes images as NaN or infinity; train again with a lower rate: "
                f"python train.py --latent_size {model.latent_size} --lr 0.00001"
            )
        save_latent_space(
            kept,
            LatentSpace(
                latents[side],
                image_set.labels[rows[side]],
                image_set.class_names,
                ids,
                origin={**origin, "command": command_line(), "versions": versions()},
                groups=image_set.groups[rows[side]],
            ),
        )
        note(f"saved {printable(kept)}")
    return latents


def classify(
    name: str, inputs: Sides, labels: Sides, classes: int, device: torch.device, args: argparse.Namespace
) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """The classes that a classifier of the training images gives to the test images, int64, and a record an epoch."""
    import numpy as np
    import torch

    from data.balance import draw_balanced
    from latent.probes import linear_classes, nearest_classes, standardisation
    from model.classifier import MLP, ConvClassifier
    from run.device import make_repeatable

    if name == "knn":
        return nearest_classes(inputs["train"], labels["train"], inputs["test"]), []
    if name == "linear":
        rows = np.arange(len(labels["train"]))
        if args.balance == "sampler":
            rows = draw_balanced(labels["train"], np.random.default_rng(args.seed))
        weight = "balanced" if args.balance == "weights" else None
        return linear_classes(inputs["train"][rows], labels["train"][rows], inputs["test"], weight), []
    make_repeatable(args.seed)  # so that an outcome does not depend on what else was trained
    if name == "cnn":
        network = ConvClassifier(inputs["train"].shape[1:], classes).to(device)
        log = train(network, inputs, labels, args.cnn_epochs, device, args)
    else:
        centre, scale = standardisation(inputs["train"])
        inputs = {side: (vectors - centre) * scale for side, vectors in inputs.items()}
        network = MLP(inputs["train"].shape[1], classes, args.hidden).to(device)
        log = train(network, inputs, labels, args.num_epochs, device, args)
    return torch.cat([logits.argmax(1).cpu() for logits in run_over(network, inputs["test"], device)]).numpy(), log


def train(
    network: torch.nn.Module,
    inputs: Sides,
    labels: Sides,
    epochs: int,
    device: torch.device,
    args: argparse.Namespace,
) -> list[dict[str, Any]]:
    """Train a network on the training side; the weights after the last epoch are those that count.

    Returns:
        A record of each epoch: ``epoch``, ``train_loss``, ``train_accuracy`` (over its own batches, while it learns),
        ``val_loss``, ``val_accuracy`` (None without validation images).
    """
    import numpy as np
    import torch
    from torch.nn.functional import cross_entropy

    from data.balance import class_weights, epoch_order

    targets = torch.from_numpy(labels["train"]).to(device)
    weight = None
    if args.balance == "weights":
        weight = torch.from_numpy(class_weights(labels["train"], network.layers[-1].out_features)).to(device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=args.lr, weight_decay=WEIGHT_DECAY)
    steps = -(-len(targets) // args.batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, args.lr, total_steps=epochs * steps)
    progress, log = Progress(epochs * steps), []
    for epoch in range(1, epochs + 1):
        network.train()
        order = epoch_order(len(targets), labels["train"], args.balance, args.seed, epoch)
        summed = torch.zeros(2, device=device)
        for rows in np.array_split(order, steps):  # parts of nearly equal size: none is too small for batch statistics
            logits = network(as_input(inputs["train"][rows], device))
            loss = cross_entropy(logits, targets[rows], weight)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            right = (logits.argmax(1) == targets[rows]).sum()
            summed += torch.stack([loss.detach() * len(rows), right])
            progress.advance(f"epoch {epoch}/{epochs}")
        if not torch.isfinite(summed).all():
            raise BadInput(f"the classifier's loss is no longer finite; use a lower rate, say --lr {args.lr / 10:g}")
        record = {
            "epoch": epoch,
            **dict(zip(("train_loss", "train_accuracy"), (summed / len(order)).tolist(), strict=True)),
        }
        log.append({**record, **validate(network, inputs["val"], labels["val"], device)})
    progress.close()
    return log


def validate(network: torch.nn.Module, inputs: np.ndarray, labels: np.ndarray, device: torch.device) -> dict[str, Any]:
    """Loss and accuracy on validation images; None where there are none."""
    import torch

    if not len(labels):
        return {"val_loss": None, "val_accuracy": None}
    logits = torch.cat([part.cpu() for part in run_over(network, inputs, device)])
    targets = torch.from_numpy(labels)
    return {
        "val_loss": float(torch.nn.functional.cross_entropy(logits, targets)),
        "val_accuracy": float((logits.argmax(1) == targets).float().mean()),
    }


def run_over(network: torch.nn.Module, inputs: np.ndarray, device: torch.device) -> Iterator[torch.Tensor]:
    """Logits (n, K) of the inputs, a batch at a time."""
    import torch

    network.eval()
    for start in range(0, len(inputs), 512):
        with torch.inference_mode():
            yield network(as_input(inputs[start : start + 512], device))


def as_input(inputs: np.ndarray, device: torch.device) -> torch.Tensor:
    """float32 vectors as they are, uint8 images as float32 in [0, 1]."""
    import torch

    from model.inference import to_float

    tensor = torch.from_numpy(inputs)
    return to_float(tensor, device) if inputs.ndim == 4 else tensor.to(device)


def save(outcomes: list[Outcome], models: Models, args: argparse.Namespace) -> list[Path]:
    """Write tables, records and figures; the paths written."""
    from latent.outcomes import class_rows, epoch_records, outcome_rows
    from run.artefacts import write_csv, write_json, write_text
    from run.provenance import command_line, versions

    header, rows = outcome_rows(outcomes)
    paths = [args.output_dir / f"classifiers{end}" for end in (".csv", "_per_class.csv", "_log.jsonl", "_metrics.json")]
    write_csv(paths[0], header, rows)
    write_csv(paths[1], *class_rows(outcomes))
    write_text(paths[2], "".join(json.dumps(record) + "\n" for record in epoch_records(outcomes)))
    write_json(
        paths[3],
        {
            "protocol": PROTOCOL,
            "balance": args.balance,
            "outcomes": [dict(zip(header, row, strict=True)) for row in rows],
            "checkpoints": [
                {"path": str(path), "sha256": record["sha256"], "fingerprint": record["fingerprint"]}
                for path, (_, record) in models.items()
            ],
            "seed": args.seed,
            "command": command_line(),
            "versions": versions(),
        },
    )
    return [*paths, *draw(outcomes, args)]


def draw(outcomes: list[Outcome], args: argparse.Namespace) -> list[Path]:
    """Confusion matrices and curves, of the first data set; the paths written."""
    from figure.confusion import draw_confusion
    from figure.learning import draw_learning_curves
    from figure.style import save_figure, shown
    from latent.probes import confusion

    first = [each for each in outcomes if each.labels is outcomes[0].labels]
    kind = next((name for name in ("mlp", "linear", "knn") if name in args.classifiers), "cnn")
    of_kind = [each for each in first if each.classifier == kind]
    by_space = {each.space: each for each in reversed(of_kind) if each.model}  # the first checkpoint of each size
    compared = sorted(by_space.values(), key=lambda each: -each.numbers)[:2] or of_kind
    names, subject = outcomes[0].class_names, shown(outcomes[0].dataset)
    figure = draw_confusion(
        [
            (
                f"{CLASSIFIERS[kind]} on {each.space}: {each.scores['accuracy']:.1%} right",
                confusion(each.predicted, each.labels, len(names)),
            )
            for each in compared
        ],
        names,
        f"{subject}: {len(outcomes[0].labels):,} test images, class by class",
    )
    saved = save_figure(figure, args.output_dir / "classifiers_confusion.png", svg=args.svg, show=args.show)
    curves = [each for each in first if each.log and (each in compared or each.classifier == "cnn")]
    if curves:
        figure = draw_learning_curves(
            [
                (
                    f"{CLASSIFIERS[each.classifier]} on {each.space}",
                    each.log,
                    each.scores["accuracy"],
                    each.scores["accuracy_chance"],
                )
                for each in curves
            ],
            f"{subject}: learning to tell {len(names)} classes apart",
        )
        saved += save_figure(figure, args.output_dir / "classifiers_curves.png", svg=args.svg, show=args.show)
    return saved


if __name__ == "__main__":
    execute(main)
