"""Train one autoencoder with a bottleneck of 2 and one with a bottleneck of N; save both and the held-out test split.

The road: images -> split -> PCA -> one training loop, called for each bottleneck -> checkpoints -> held-out errors.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from data import VAL_FRACTION, add_data_arguments
from model import options
from run import arguments as flags
from run.console import Progress, duration, note, say
from run.errors import BadInput, execute, printable
from run.provenance import command_line, versions
from run.resumed_arguments import parse_with_given, resumed

if TYPE_CHECKING:  # importing torch takes seconds, which --help does not have
    import numpy as np
    import torch

    from model.autoencoder import Autoencoder
    from model.objective import Objective
    from model.snapshots import Snapshots
    from model.training_state import StateKeeper
    from run.signals import StopRequest

# Arguments that decide nothing about the outcome, and so may differ when a run is resumed.
FREE_ON_RESUME = {"resume", "save_every", "output_dir", "data_dir", "num_workers", "show", "svg", "given"}

MAX_GRADIENT_NORM = 1.0  # a rare batch far from the others cannot throw the weights away


class Labelled(NamedTuple):
    """Images uint8 (N, C, H, W), and the class of each, int64 (N,), or None."""

    images: np.ndarray
    labels: np.ndarray | None


def parse_arguments() -> argparse.Namespace:
    parser = flags.parser(
        "python train.py --num_epochs 10 --latent_size 256 --batch_size 128 --lr 0.0001",
        "Train an autoencoder with a bottleneck of 2 and one with a bottleneck of N on the same images.",
    )
    group = parser.add_argument_group("what is trained")
    sizes = "bottleneck of the second model, the first has 2; several train one model each (needed, unless --resume)"
    flags.add_value(group, "--latent_size", flags.whole_number(1), None, "N", sizes, several=True)
    group.add_argument("--only_named", action="store_true", help="train these sizes alone, and none of 2 beside them")
    options.add_model_arguments(group)
    group = parser.add_argument_group("images and split")
    add_data_arguments(group)
    watched = "part of the training side that is watched and not trained on"
    flags.add_value(group, "--val_fraction", flags.real_number(0, 0.5), VAL_FRACTION, "F", watched)
    group = parser.add_argument_group("training")
    flags.add_value(group, "--num_epochs", flags.whole_number(1), 10, "E", "times each training image is seen")
    flags.add_value(group, "--batch_size", flags.whole_number(1), 128, "B", "images a step")
    flags.add_value(
        group, "--lr", flags.real_number(0, 10), 0.0001, "R",
        "learning rate that the one-cycle schedule begins with; its peak is 25 times that for conv, 50 for the others",
    )  # fmt: skip
    flags.add_choice(
        group, "--balance", ["none", "sampler", "weights"], "none",
        "against unequal classes: draw each class as often, or weigh an image's loss by how rare its class is",
    )  # fmt: skip
    flags.add_value(
        group, "--patience", flags.whole_number(1), None, "P",
        "stop after P epochs without a better validation error, and keep the best weights (default: off)",
    )  # fmt: skip
    flags.add_choice(
        group, "--precision", ["auto", "fp32", "bf16"], "auto",
        "of convolutions and dense layers (PCA, weights and optimizer stay fp32); auto takes bf16 where the processor "
        "multiplies in it",
    )  # fmt: skip
    group = parser.add_argument_group("run")
    group.add_argument(
        "--resume",
        type=flags.path,
        nargs="?",
        const=True,
        default=None,
        metavar="PATH",
        help="go on with the run that was stopped in OUTPUT_DIR, or in a folder PATH, or with a training state PATH; "
        "its arguments are taken from it, and more epochs may be asked for",
    )
    often = "minutes between two training states; one is kept at each epoch's end as well"
    flags.add_value(group, "--save_every", flags.real_number(0, 1e6), 5.0, "MIN", often)
    kept = "epochs after which reconstructions of the same 16 test images are kept, for viz_training.py"
    flags.add_value(group, "--snapshot_epochs", flags.whole_number(1), [], "E", f"{kept} (default: none)", several=True)
    flags.add_shared(group, "output_dir", "seed", "device", "num_workers", "svg", "show")
    return parse_with_given(parser)


def main() -> None:
    args = parse_arguments()

    started, command, kept = time.monotonic(), command_line(), None
    if args.resume is not None:
        from model.training_state import find_run

        kept = find_run(args.output_dir if args.resume is True else args.resume)
        args, command = resumed(args, kept.arguments, FREE_ON_RESUME, {"num_epochs"}), kept.command
        if kept.output_dir is not None and "output_dir" not in args.given:
            args.output_dir = kept.output_dir
    if args.latent_size is None:
        raise BadInput("--latent_size is needed: python train.py --latent_size 256")

    # What takes seconds to import is imported where it is needed: --help and a mistyped data set are answered at once.
    from data import load_images
    from run.artefacts import require_folder

    require_folder(args.output_dir)

    if kept is not None and os.sep in args.dataset and not Path(args.dataset).expanduser().is_dir():
        raise BadInput(
            f"the run to resume began with --dataset {printable(args.dataset)}, and no such folder is here; go on from "
            "the folder in which it began"
        )
    image_set = load_images(args.dataset, args.data_dir, args.image_size, args.grayscale, args.num_workers or None)
    image_shape, labels = tuple(image_set.images.shape[1:]), image_set.labels
    sizes = sorted({*args.latent_size, *([] if args.only_named else [2])})
    options.refuse_oversized_bottleneck(max(sizes), image_shape)

    from data.split import describe_split, split_images
    from data.test_data import save_test_data
    from figure.curves import draw_training_curves
    from figure.style import save_figure
    from latent.held_out import held_out_table, mean_error, measure_mean_image
    from latent.pca import fit_pca
    from model.checkpoint import architecture_class, build_model, save_model
    from model.objective import Objective
    from model.snapshots import Snapshots
    from model.training_state import StateKeeper
    from run.artefacts import file_sha256, model_path, snapshots_path, test_data_path, write_csv, write_json
    from run.device import choose_device, choose_precision, make_repeatable
    from run.signals import StopRequest

    device = choose_device(args.device)
    precision = choose_precision(args.precision, device)
    split = split_images(
        image_set,
        kind=args.split,
        test_fraction=args.test_fraction,
        val_fraction=args.val_fraction,
        max_train=args.max_train,
        max_test=args.max_test,
        seed=args.split_seed,
    )
    architecture = architecture_class(args.model)
    told = options.hyperparameters(
        args, architecture.takes_labels, architecture.variational, image_set.class_names, image_set.name
    )
    options.refuse_what_cannot_be(args, labels is not None, len(split.val))
    warmup = (options.KL_WARMUP if args.kl_warmup is None else args.kl_warmup) if architecture.variational else 0.0
    objective = Objective(options.parse_mix(args.loss), args.noise or 0.0, warmup)
    say(describe_split(image_set, split))
    training, validation, test = (
        Labelled(image_set.images[rows], None if labels is None else labels[rows])
        for rows in (split.train, split.val, split.test)
    )
    pca = fit_pca(training.images, max(sizes), args.seed)  # the baseline, and where the networks start
    note(f"images and PCA ready after {duration(time.monotonic() - started)}; training on {device.type}")

    decisive = {name: value for name, value in vars(args).items() if name not in FREE_ON_RESUME}
    run = {"arguments": decisive, "fingerprint": split.fingerprint, "command": command}
    record = {
        "dataset": image_set.name,
        "split": split.kind,
        "class_names": list(image_set.class_names),
        "fingerprint": split.fingerprint,
        "model": args.model,
        "decoder_told_labels": architecture.takes_labels,
        "arguments": {name: str(value) if isinstance(value, Path) else value for name, value in decisive.items()},
        "precision": str(precision).removeprefix("torch."),
        "protocol": "fitted on training images, measured on held-out images; pixels in [0, 1]",
        "held_out_images": len(test.images),
        "command": command,
        "versions": versions(),
    }
    train_ids = [image_set.sample_ids[row] for row in split.train]

    log: list[dict[str, Any]] = []
    held_out = {"mean image": measure_mean_image(pca.mean, test.images)}
    facts = {"model": args.model, "dataset": image_set.name, "fingerprint": split.fingerprint}
    snapshots = Snapshots(args.output_dir, args.snapshot_epochs, *test, args.split_seed, facts)
    progress = Progress(len(sizes) * args.num_epochs * -(-len(training.images) // args.batch_size))
    for size in sizes:
        make_repeatable(args.seed)  # a model's random numbers do not depend on what was trained before it
        model = build_model(args.model, size, image_shape, **told).to(device)
        start = pca.first(size)
        model.start_from_pca(start.mean, start.components, start.scales)
        keeper = StateKeeper(args.output_dir, size, run, args.save_every, kept, first=size == sizes[0])
        with StopRequest() as stop:
            log += train(
                model, objective, training, validation, args, precision, keeper, stop, snapshots, progress, log,
                train_ids,
            )  # fmt: skip
        measured = measure(model, test, start.reconstruct(test.images), held_out["mean image"]["mse"])
        if size == sizes[0]:  # not before: a run that fails at once, or meets other images, has replaced nothing
            save_test_data(test_data_path(args.output_dir), image_set, split)
            write_csv(args.output_dir / "left_out.csv", ["sample_id", "reason"], [list(e) for e in image_set.left_out])
        save_model(model_path(args.output_dir, size), model, {**record, "held_out": measured})
        held_out |= measured
    progress.close()

    log_sha256 = file_sha256(args.output_dir / "training_log.jsonl")
    write_json(args.output_dir / "metrics_training.json", {**record, "held_out": held_out, "log_sha256": log_sha256})
    val_errors = dict.fromkeys(sizes)
    if len(validation.images):
        val_errors = {
            size: mean_error(validation.images, pca.first(size).reconstruct(validation.images)) for size in sizes
        }
    figure = draw_training_curves(log, val_errors, f"{args.model} autoencoder on {printable(image_set.name)}")
    figures = save_figure(figure, args.output_dir / "training_curves.png", svg=args.svg, show=args.show)
    say(held_out_table(held_out, len(test.images)))
    if architecture.takes_labels:
        say(f"(the decoder of {args.model} was told each image's class, which PCA was not)")
    paths = [path for size in sizes if (path := snapshots_path(args.output_dir, size)).exists()]
    paths = [*(model_path(args.output_dir, size) for size in sizes), test_data_path(args.output_dir), *paths, *figures]
    for path in paths:
        say(f"saved {printable(path)}")
    note(f"done in {duration(time.monotonic() - started)}")


def train(
    model: Autoencoder,
    objective: Objective,
    training: Labelled,
    validation: Labelled,
    args: argparse.Namespace,
    precision: torch.dtype,
    keeper: StateKeeper,
    stop: StopRequest,
    snapshots: Snapshots,
    progress: Progress,
    log_before: list[dict[str, Any]],
    train_ids: list[str],
) -> list[dict[str, Any]]:
    """Train one bottleneck from its start, or from where it was stopped, to its last epoch.

    Args:
        objective: what is minimised.
        training: N images.
        validation: images that are never trained on; there may be none.
        precision: what convolutions are computed in; weights and the optimizer's state stay float32.
        log_before: records of the bottlenecks trained before this one.
        train_ids: N sample ids, by which a batch is named that ends the training.

    Returns:
        A record of each epoch: ``latent_size``, ``epoch``, ``train_`` and the name of each part of the loss (averaged
        over the epoch's steps, on what the encoder saw then), and ``val_mse``, None without validation images.

    Raises:
        BadInput: the loss or a gradient is not finite. The weights of the step before are kept.
        KeyboardInterrupt, Terminated: a stop was asked for, and the state is kept.
    """
    import torch

    from data.balance import class_weights, epoch_order
    from latent.held_out import mean_error
    from model.flat_parameters import FlatParameters
    from model.inference import labels_for, reconstruct, to_float

    device = next(model.parameters()).device
    steps = -(-len(training.images) // args.batch_size)
    told, importance = labels_for(model, training.labels), None  # int64 (N,), float32 (N,), where they are needed
    if args.balance == "weights":
        importance = torch.from_numpy(class_weights(training.labels)[training.labels])
    weights = FlatParameters(model, precision)
    optimizer = model.optimisation.optimizer(weights.flat)
    at = {"epoch": 1, "step": 0, "summed": {}, "log": [], "best": None, "since_best": 0, "snapshots": {}}
    if args.resume is not None and (kept := keeper.restore(model, optimizer)) is not None:
        at |= {**kept, "summed": {name: value.to(device) for name, value in kept["summed"].items()}}
        progress.skip((at["epoch"] - 1) * steps + at["step"])

    while at["epoch"] <= args.num_epochs and at["since_best"] != args.patience:
        model.train()
        order = epoch_order(len(training.images), training.labels, args.balance, args.seed, at["epoch"])
        for first in range(at["step"] * args.batch_size, len(order), args.batch_size):
            rows = order[first : first + args.batch_size]
            batch = to_float(torch.from_numpy(training.images[rows]), device)  # (B, C, H, W) in [0, 1]
            classes, weight = (None if each is None else each[rows].to(device) for each in (told, importance))  # (B,)
            done = ((at["epoch"] - 1) * steps + at["step"]) / (args.num_epochs * steps)
            model.optimisation.set_rate(optimizer, done, args.lr)
            with weights.rounded(), torch.autocast(device.type, precision, enabled=precision != torch.float32):
                loss = model.loss(batch, classes, objective, done, weight)
            loss["total"].backward()
            norm = weights.gather(MAX_GRADIENT_NORM)
            if not torch.isfinite(norm + loss["total"]):
                where = f"bottleneck {model.latent_size}, epoch {at['epoch']}, step {at['step'] + 1} of {steps}"
                raise not_finite(where, [train_ids[row] for row in rows], args)
            optimizer.step()
            for name, part in loss.items():  # summed on the device: reading them would wait for the step
                at["summed"][name] = at["summed"].get(name, 0) + part.detach() * len(rows)
            at["step"] += 1
            progress.advance(describe_epoch(at["log"][-1], args.num_epochs) if at["log"] else "")
            if stop.asked or keeper.is_due():
                keeper.save(model, optimizer, at)
                leave_if_asked(stop, args)

        model.eval()
        record = {"latent_size": model.latent_size, "epoch": at["epoch"], "val_mse": None}
        record |= {f"train_{name}": float(value) / len(order) for name, value in at["summed"].items()}
        if len(validation.images):
            record["val_mse"] = mean_error(validation.images, reconstruct(model, *validation))
        at["log"].append(record)
        write_log(args.output_dir, log_before + at["log"])
        progress.milestone(describe_epoch(record, args.num_epochs))
        if args.patience is not None:
            errors = [line["val_mse"] for line in at["log"]]
            at["since_best"] = len(errors) - 1 - errors.index(min(errors))
            if at["since_best"] == 0:
                at["best"] = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        at["snapshots"] = snapshots.take(model, at["epoch"], at["snapshots"])
        at |= {"epoch": at["epoch"] + 1, "step": 0, "summed": {}}
        keeper.save(model, optimizer, at)
        leave_if_asked(stop, args)

    write_log(args.output_dir, log_before + at["log"])  # resumed in another folder, nothing may be left to train
    snapshots.keep(model.latent_size, at["snapshots"])
    progress.skip((args.num_epochs + 1 - at["epoch"]) * steps)
    if at["best"] is not None:
        model.load_state_dict(at["best"])
    model.eval()
    return at["log"]


def write_log(output_dir: Path, records: list[dict[str, Any]]) -> None:
    from run.artefacts import write_text

    write_text(output_dir / "training_log.jsonl", "".join(json.dumps(record) + "\n" for record in records))


def not_finite(where: str, sample_ids: list[str], args: argparse.Namespace) -> BadInput:
    """What is said when a loss or a gradient is NaN or infinite; the images of the step are listed in a file."""
    from run.artefacts import write_csv

    listed = args.output_dir / "not_finite.csv"
    write_csv(listed, ["sample_id"], [[sample_id] for sample_id in sample_ids])
    some = ", ".join(map(printable, sample_ids[:5])) + (f" and {len(sample_ids) - 5} more" * (len(sample_ids) > 5))
    return BadInput(
        f"the loss or a gradient is no longer finite ({where}, images {some}: all in {printable(listed)}); the step "
        f"was not taken and the last training state is kept; train with a lower rate, say --lr {args.lr / 10:g}"
    )


def leave_if_asked(stop: StopRequest, args: argparse.Namespace) -> None:
    if stop.asked:
        again = f"python train.py --resume --output_dir {printable(args.output_dir)}"
        note(f"the training state is kept; go on with: {again}")
    stop.heed()


def measure(
    model: Autoencoder, test: Labelled, of_pca: np.ndarray, mean_image_mse: float
) -> dict[str, dict[str, float]]:
    """Held-out errors of a network beside PCA's reconstructions, float32 (N, C, H, W); see ``latent.held_out``."""
    import numpy as np

    from latent import held_out
    from model.inference import decode_batches, divergences, encode_batches

    latents = np.concatenate(list(encode_batches(model, test.images)))
    kl = divergences(model, test.images) if model.variational else None
    made = np.concatenate(list(decode_batches(model, latents, test.labels)))
    return held_out.measure(model.latent_size, test.images, of_pca, made, latents, mean_image_mse, kl)


def describe_epoch(record: dict[str, Any], num_epochs: int) -> str:
    """One line: errors and, of a variational architecture, both parts of its loss."""
    said = f"bottleneck {record['latent_size']:>3}  epoch {record['epoch']:>3}/{num_epochs}  "
    said += f"train {record['train_mse']:.5f}"
    if record["val_mse"] is not None:
        said += f"  val {record['val_mse']:.5f}"
    if "train_kl" in record:
        said += f"  reconstruction {record['train_reconstruction']:.2f}, KL {record['train_kl']:.2f} nats an image"
    return said


if __name__ == "__main__":
    execute(main)
