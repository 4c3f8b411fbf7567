"""Train one autoencoder with a bottleneck of 2 and one with a bottleneck of N; save both and the held-out test split.

The road: images -> split -> PCA -> one training loop, called for each bottleneck -> checkpoints -> held-out errors.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data import add_data_arguments
from model import FAMILIES
from run import arguments as flags
from run.console import Progress, duration, note, say, table, warn
from run.errors import BadInput, execute, printable
from run.provenance import command_line, versions

if TYPE_CHECKING:  # importing torch takes seconds, which --help does not have
    import numpy as np
    import torch

    from data.image_set import ImageSet
    from data.split import Split
    from latent.pca import PCA
    from model.autoencoder import Autoencoder
    from model.training_state import StateKeeper
    from run.signals import StopRequest

# Arguments that decide nothing about the outcome, and so may differ when a run is resumed.
FREE_ON_RESUME = {"resume", "save_every", "output_dir", "data_dir", "num_workers", "show", "svg", "given"}

# --lr is where the one-cycle schedule begins; its peak is a multiple of it that the family says, mostly torch's own
# default for OneCycleLR. A constant 1e-4 is far too low for ten epochs.
RISING = 0.3  # part of the steps on the way to the peak
MAX_GRADIENT_NORM = 1.0  # a rare batch far from the others cannot throw the weights away


def parse_arguments() -> argparse.Namespace:
    parser = flags.parser(
        "python train.py --num_epochs 10 --latent_size 256 --batch_size 128 --lr 0.0001",
        "Train an autoencoder with a bottleneck of 2 and one with a bottleneck of N on the same images.",
    )
    group = parser.add_argument_group("what is trained")
    group.add_argument(
        "--latent_size",
        type=flags.whole_number(1),
        nargs="+",
        default=None,
        metavar="N",
        help="bottleneck of the second model, the first has 2; several sizes train one model each",
    )
    group.add_argument("--model", default="conv", choices=list(FAMILIES), help="family of networks")
    group = parser.add_argument_group("images and split")
    add_data_arguments(group)
    group.add_argument(
        "--val_fraction",
        type=flags.real_number(0, 0.5),
        default=0.05,
        metavar="F",
        help="part of the training side that is watched and not trained on",
    )
    group = parser.add_argument_group("training")
    group.add_argument(
        "--num_epochs", type=flags.whole_number(1), default=10, metavar="E", help="times each training image is seen"
    )
    group.add_argument("--batch_size", type=flags.whole_number(1), default=128, metavar="B", help="images a step")
    group.add_argument(
        "--lr",
        type=flags.real_number(0, 10),
        default=0.0001,
        metavar="R",
        help="learning rate that the one-cycle schedule begins with; its peak is 25 times that",
    )
    group.add_argument(
        "--patience",
        type=flags.whole_number(1),
        default=None,
        metavar="P",
        help="stop after P epochs without a better validation error, and keep the best weights (default: off)",
    )
    group.add_argument(
        "--precision",
        default="auto",
        choices=["auto", "fp32", "bf16"],
        help="of the convolutions; auto takes bf16 where the processor multiplies in it",
    )
    group = parser.add_argument_group("run")
    group.add_argument(
        "--resume",
        type=Path,
        nargs="?",
        const=True,
        default=None,
        metavar="PATH",
        help="go on with the run that was stopped in OUTPUT_DIR, or in a folder PATH, or with a training state PATH; "
        "its arguments are taken from it, and more epochs may be asked for",
    )
    group.add_argument(
        "--save_every",
        type=flags.real_number(0, 1e6),
        default=5.0,
        metavar="MIN",
        help="minutes between two training states; one is kept at each epoch's end as well",
    )
    flags.add_output_dir(group)
    flags.add_seed(group)
    flags.add_device(group)
    flags.add_num_workers(group)
    flags.add_svg(group)
    flags.add_show(group)
    return flags.parse_with_given(parser)


def main() -> None:
    args = parse_arguments()

    started, command, kept = time.monotonic(), command_line(), None
    if args.resume is not None:
        from model.training_state import find_run

        kept = find_run(args.output_dir if args.resume is True else args.resume)
        args, command = flags.resumed(args, kept.arguments, FREE_ON_RESUME, {"num_epochs"}), kept.command
        if kept.output_dir is not None and "output_dir" not in args.given:
            args.output_dir = kept.output_dir
    if args.latent_size is None:
        raise BadInput("--latent_size is needed: python train.py --latent_size 256")

    # What takes seconds to import is imported where it is needed: --help and a mistyped data set are answered at once.
    from data import load_images

    image_set = load_images(args.dataset, args.data_dir, args.image_size, args.grayscale, args.num_workers or None)
    image_shape = tuple(image_set.images.shape[1:])
    sizes = sorted({2, *args.latent_size})
    refuse_oversized_bottleneck(max(sizes), image_shape)

    from data.split import split_images
    from data.test_data import save_test_data
    from figure.curves import draw_training_curves
    from figure.style import save_figure
    from latent.pca import fit_pca
    from model.checkpoint import build_model, family_class, save_model
    from model.training_state import StateKeeper
    from run.artefacts import model_path, test_data_path, write_csv, write_json
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
    family, told = family_class(args.model), {}
    if family.takes_labels:
        if image_set.labels is None:
            raise BadInput(
                f"--model {args.model} is told each image's class, and the images of {printable(image_set.name)} have "
                "none; put them into one folder a class, or use a family that takes none: --model conv"
            )
        told["num_classes"] = len(image_set.class_names)
    if args.patience is not None and not len(split.val):
        raise BadInput("--patience needs validation images, and none are left; use a larger --val_fraction")
    say(describe_split(image_set, split))
    train_images, val_images, test_images = (image_set.images[rows] for rows in (split.train, split.val, split.test))
    labels = image_set.labels  # None if unlabelled
    train_labels, val_labels, test_labels = (
        None if labels is None else labels[rows] for rows in (split.train, split.val, split.test)
    )
    pca = fit_pca(train_images, max(sizes), args.seed)  # the baseline, and where the networks start
    note(f"images and PCA ready after {duration(time.monotonic() - started)}; training on {device.type}")

    decisive = {name: value for name, value in vars(args).items() if name not in FREE_ON_RESUME}
    run = {"arguments": decisive, "fingerprint": split.fingerprint, "command": command}
    record = {
        "dataset": image_set.name,
        "split": split.kind,
        "class_names": list(image_set.class_names),
        "fingerprint": split.fingerprint,
        "model": args.model,
        "arguments": {name: str(value) if isinstance(value, Path) else value for name, value in decisive.items()},
        "precision": str(precision).removeprefix("torch."),
        "protocol": "fitted on training images, measured on held-out images; pixels in [0, 1]",
        "held_out_images": len(test_images),
        "command": command,
        "versions": versions(),
    }
    train_ids = [image_set.sample_ids[row] for row in split.train]

    log: list[dict[str, Any]] = []
    held_out = {"mean image": measure_mean_image(pca, test_images)}
    progress = Progress(len(sizes) * args.num_epochs * -(-len(train_images) // args.batch_size))
    for size in sizes:
        make_repeatable(args.seed)  # a model's random numbers do not depend on what was trained before it
        model = build_model(args.model, size, image_shape, **told).to(device)
        start = pca.first(size)
        model.start_from_pca(start.mean, start.components, start.scales)
        keeper = StateKeeper(args.output_dir, size, run, args.save_every, kept, first=size == sizes[0])
        with StopRequest() as stop:
            log += train(
                model, (train_images, train_labels), (val_images, val_labels), args, precision, keeper, stop, progress,
                log, train_ids,
            )  # fmt: skip
        measured = measure(model, start, test_images, test_labels, held_out["mean image"]["mse"])
        if size == sizes[0]:  # not before: a run that fails at once, or meets other images, has replaced nothing
            save_test_data(test_data_path(args.output_dir), image_set, split)
            write_csv(args.output_dir / "left_out.csv", ["sample_id", "reason"], [list(e) for e in image_set.left_out])
        save_model(model_path(args.output_dir, size), model, {**record, "held_out": measured})
        held_out |= measured
    progress.close()

    write_json(args.output_dir / "metrics_training.json", {**record, "held_out": held_out})
    val_errors = dict.fromkeys(sizes)
    if len(val_images):
        val_errors = {size: mean_error(val_images, pca.first(size).reconstruct(val_images)) for size in sizes}
    figure = draw_training_curves(log, val_errors, f"{args.model} autoencoder on {printable(image_set.name)}")
    figures = save_figure(figure, args.output_dir / "training_curves.png", svg=args.svg, show=args.show)
    say(held_out_table(held_out, len(test_images)))
    for path in [*(model_path(args.output_dir, size) for size in sizes), test_data_path(args.output_dir), *figures]:
        say(f"saved {printable(path)}")
    note(f"done in {duration(time.monotonic() - started)}")


def train(
    model: Autoencoder,
    training: tuple[np.ndarray, np.ndarray | None],
    validation: tuple[np.ndarray, np.ndarray | None],
    args: argparse.Namespace,
    precision: torch.dtype,
    keeper: StateKeeper,
    stop: StopRequest,
    progress: Progress,
    log_before: list[dict[str, Any]],
    train_ids: list[str],
) -> list[dict[str, Any]]:
    """Train one bottleneck from its start at PCA, or from where it was stopped, to its last epoch.

    Args:
        training: uint8 (N, C, H, W), and int64 (N,) the class of each or None.
        validation: the same of images that are never trained on; there may be none of them.
        precision: what convolutions are computed in; weights and the optimizer's state stay float32.
        log_before: records of the bottlenecks trained before this one.
        train_ids: N sample ids, by which a batch is named that ends the training.

    Returns:
        A record of each epoch: ``latent_size``, ``epoch``, ``train_mse``, ``val_mse``.

    Raises:
        BadInput: the loss or a gradient is not finite. The weights of the step before are kept.
        KeyboardInterrupt, Terminated: a stop was asked for, and the state is kept.
    """
    import numpy as np
    import torch

    from model.inference import labels_for, reconstruct, to_float

    device = next(model.parameters()).device
    (train_images, train_labels), (val_images, val_labels) = training, validation
    steps = -(-len(train_images) // args.batch_size)
    chosen = model.optimisation
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=args.lr, betas=chosen.betas, weight_decay=chosen.weight_decay, fused=True
    )
    at = {"epoch": 1, "step": 0, "summed": torch.zeros((), device=device), "log": [], "best": None, "since_best": 0}
    if args.resume is not None and (kept := keeper.restore(model, optimizer)) is not None:
        at = {**kept, "summed": kept["summed"].to(device)}
        progress.skip((at["epoch"] - 1) * steps + at["step"])

    while at["epoch"] <= args.num_epochs and at["since_best"] != args.patience:
        model.train()
        order = np.random.default_rng([args.seed, at["epoch"]]).permutation(len(train_images))
        for first in range(at["step"] * args.batch_size, len(order), args.batch_size):
            rows = order[first : first + args.batch_size]
            batch = to_float(torch.from_numpy(train_images[rows]), device)  # (B, C, H, W) in [0, 1]
            told = labels_for(model, None if train_labels is None else train_labels[rows])  # (B,) or None
            done = ((at["epoch"] - 1) * steps + at["step"]) / (args.num_epochs * steps)
            for group in optimizer.param_groups:
                group["lr"] = one_cycle(done, args.lr, model.optimisation.peak_over_lr)
            with torch.autocast(device.type, precision, enabled=precision != torch.float32):
                loss = model.loss(batch, None if told is None else told.to(device), position=done)
            optimizer.zero_grad(set_to_none=True)
            loss["total"].backward()
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_GRADIENT_NORM)
            if not torch.isfinite(norm + loss["total"]):
                where = f"bottleneck {model.latent_size}, epoch {at['epoch']}, step {at['step'] + 1} of {steps}"
                raise not_finite(where, [train_ids[row] for row in rows], args)
            optimizer.step()
            at["summed"] += loss["mse"].detach() * len(rows)  # on the device: reading it would wait for the step
            at["step"] += 1
            progress.advance(describe_epoch(at["log"][-1], args.num_epochs) if at["log"] else "")
            if stop.asked or keeper.is_due():
                keeper.save(model, optimizer, at)
                leave_if_asked(stop, args)

        model.eval()
        record = {"latent_size": model.latent_size, "epoch": at["epoch"], "train_mse": float(at["summed"]) / len(order)}
        record["val_mse"] = None
        if len(val_images):
            record["val_mse"] = mean_error(val_images, reconstruct(model, val_images, val_labels))
        at["log"].append(record)
        write_log(args.output_dir, log_before + at["log"])
        progress.milestone(describe_epoch(record, args.num_epochs))
        if args.patience is not None:
            errors = [line["val_mse"] for line in at["log"]]
            at["since_best"] = len(errors) - 1 - errors.index(min(errors))
            if at["since_best"] == 0:
                at["best"] = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        at |= {"epoch": at["epoch"] + 1, "step": 0, "summed": torch.zeros((), device=device)}
        keeper.save(model, optimizer, at)
        leave_if_asked(stop, args)

    write_log(args.output_dir, log_before + at["log"])  # resumed in another folder, nothing may be left to train
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


def one_cycle(done: float, lr: float, peak_over_lr: float) -> float:
    """The learning rate when a part ``done`` of all steps is done: up from ``lr`` to its peak, then down to nearly 0.

    Two half cosines, as in Smith and Topin 2018 and torch's OneCycleLR. A function of the position alone, so that a
    resumed run has no schedule to restore.
    """
    start, peak, end = lr, lr * peak_over_lr, lr * 1e-4
    begin, finish, part = (start, peak, done / RISING) if done < RISING else (peak, end, (done - RISING) / (1 - RISING))
    return finish + (begin - finish) * (1 + math.cos(math.pi * part)) / 2


def measure(
    model: Autoencoder, pca: PCA, test_images: np.ndarray, test_labels: np.ndarray | None, mean_image_mse: float
) -> dict[str, dict[str, float]]:
    """Held-out MSE, PSNR and SSIM of PCA and of the network, with a warning where the network is not worth having."""
    import numpy as np

    from latent.fidelity import fidelity
    from model.inference import encode_batches, reconstruct

    size = model.latent_size
    of_pca = fidelity(test_images, pca.reconstruct(test_images))
    of_network = fidelity(test_images, reconstruct(model, test_images, test_labels))
    spread = np.concatenate(list(encode_batches(model, test_images))).std(axis=0)
    dead = int((spread <= 1e-3 * spread.max()).sum())
    if dead:
        warn(f"{dead} of the {size} dimensions of bottleneck {size} do not vary over the test images")
    if of_network["mse"] > 0.95 * mean_image_mse:
        warn(f"bottleneck {size} has collapsed: it reconstructs no better than the mean image")
    elif of_network["mse"] > of_pca["mse"]:
        warn(f"bottleneck {size} reconstructs worse than PCA of {size}; try more epochs or another --lr")
    return {f"PCA of {size}": of_pca, f"autoencoder of {size}": of_network}


def measure_mean_image(pca: PCA, test_images: np.ndarray) -> dict[str, float]:
    """Held-out MSE, PSNR and SSIM of answering with the mean training image."""
    import numpy as np

    from latent.fidelity import fidelity

    return fidelity(test_images, np.broadcast_to(pca.mean.reshape(test_images.shape[1:]), test_images.shape))


def mean_error(images: np.ndarray, reconstructions: np.ndarray) -> float:
    """Mean squared error over all pixels, in the [0, 1] range; arguments as for ``latent.fidelity.fidelity``."""
    from latent.fidelity import squared_errors

    return float(squared_errors(images, reconstructions).mean())


def held_out_table(held_out: dict[str, dict[str, float]], count: int) -> str:
    rows = [
        (name, f"{values['mse']:.5f}", f"{values['psnr_db']:.2f}", f"{values['ssim']:.3f}")
        for name, values in held_out.items()
    ]
    title = f"\nheld-out error on {count:,} test images (pixels in [0, 1]; PCA fitted on the same training images)\n"
    return title + table(["", "MSE", "PSNR dB", "SSIM"], rows)


def describe_epoch(record: dict[str, Any], num_epochs: int) -> str:
    return (
        f"bottleneck {record['latent_size']:>3}  epoch {record['epoch']:>3}/{num_epochs}  "
        f"train {record['train_mse']:.5f}" + (f"  val {record['val_mse']:.5f}" if record["val_mse"] is not None else "")
    )


def describe_split(image_set: ImageSet, split: Split) -> str:
    """How many images of each class are in train, val and test."""
    from data.split import counts_per_class

    title = f"{printable(image_set.name)}: {split.kind} split, fingerprint {split.fingerprint[:12]}\n"
    return title + table(*counts_per_class(image_set, split))


def refuse_oversized_bottleneck(latent_size: int, image_shape: tuple[int, int, int]) -> None:
    """A bottleneck of as many numbers as the image has is none.

    Raises:
        BadInput: ``latent_size`` is not below the number of values in an image.
    """
    channels, height, width = image_shape
    if latent_size >= channels * height * width:
        raise BadInput(
            f"--latent_size {latent_size} is no bottleneck for images of {channels} x {height} x {width} = "
            f"{channels * height * width} values; choose a smaller one: python train.py --latent_size 32"
        )


if __name__ == "__main__":
    execute(main)
