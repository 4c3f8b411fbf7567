"""Train one autoencoder with a bottleneck of 2 and one with a bottleneck of N; save both and the held-out test split.

The road: images -> split -> PCA -> one training loop, called for each bottleneck -> checkpoints -> held-out errors.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import TYPE_CHECKING, Any

from data import add_data_arguments
from model import FAMILIES
from run import arguments as flags
from run.console import Progress, duration, note, say, table, warn
from run.errors import BadInput, execute, printable

if TYPE_CHECKING:  # importing torch takes seconds, which --help does not have
    import numpy as np
    import torch

    from data.image_set import ImageSet
    from data.split import Split
    from latent.pca import PCA
    from model.autoencoder import Autoencoder

# --lr is where the one-cycle schedule begins; its peak is 25 times that, which is torch's own default for OneCycleLR.
# A constant 1e-4 is far too low for ten epochs.
PEAK_OVER_LR = 25
WEIGHT_DECAY = 0.01
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
        required=True,
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
        help=f"learning rate that the one-cycle schedule begins with; its peak is {PEAK_OVER_LR} times that",
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
    flags.add_output_dir(group)
    flags.add_seed(group)
    flags.add_device(group)
    flags.add_num_workers(group)
    flags.add_svg(group)
    flags.add_show(group)
    return parser.parse_args()


def main() -> None:
    args = parse_arguments()

    # Only now the libraries that take seconds to import: --help has answered by then.
    from data import load_images
    from data.split import split_images
    from data.test_data import save_test_data
    from figure.curves import draw_training_curves
    from figure.style import save_figure
    from latent.pca import fit_pca
    from model.checkpoint import build_model, save_model
    from run.artefacts import model_path, test_data_path, write_json
    from run.device import choose_device, choose_precision, make_repeatable
    from run.provenance import command_line, versions

    started = time.monotonic()
    device = choose_device(args.device)
    precision = choose_precision(args.precision, device)

    image_set = load_images(args.dataset, args.data_dir, args.image_size, args.grayscale, args.num_workers)
    image_shape = tuple(image_set.images.shape[1:])
    sizes = sorted({2, *args.latent_size})
    refuse_oversized_bottleneck(max(sizes), image_shape)
    split = split_images(
        image_set,
        kind=args.split,
        test_fraction=args.test_fraction,
        val_fraction=args.val_fraction,
        max_train=args.max_train,
        max_test=args.max_test,
        seed=args.split_seed,
    )
    say(describe_split(image_set, split))
    train_images, val_images, test_images = (image_set.images[rows] for rows in (split.train, split.val, split.test))

    pca = fit_pca(train_images, max(sizes), args.seed)  # the baseline, and where both networks start
    note(f"images and PCA ready after {duration(time.monotonic() - started)}; training on {device.type}")

    models: dict[int, Autoencoder] = {}
    log: list[dict[str, Any]] = []
    progress = Progress(len(sizes) * args.num_epochs * -(-len(train_images) // args.batch_size))
    for size in sizes:
        make_repeatable(args.seed)  # so that a model is the same whether or not another was trained before it
        model = build_model(args.model, size, image_shape).to(device)
        start = pca.first(size)
        model.start_from_pca(start.mean, start.components, start.scales)
        train(model, train_images, val_images, args, precision, log, progress)
        models[size] = model
    progress.close()

    held_out = evaluate(models, pca, test_images)
    settings = {key: getattr(args, key) for key in ("num_epochs", "batch_size", "lr", "patience", "seed")}
    settings |= {"precision": str(precision).removeprefix("torch."), "device": device.type}
    record = {
        "dataset": image_set.name,
        "split": split.kind,
        "split_seed": args.split_seed,
        "fingerprint": split.fingerprint,
        "model": args.model,
        "settings": settings,
        "held_out": held_out,
        "held_out_images": len(test_images),
        "protocol": "fitted on training images, measured on held-out images; pixels in [0, 1]",
        "command": command_line(),
        "versions": versions(),
    }
    save_test_data(test_data_path(args.output_dir), image_set, split)
    for size, model in models.items():
        save_model(model_path(args.output_dir, size), model, record)
    write_json(args.output_dir / "metrics_training.json", record)

    val_errors = {size: mean_error(val_images, pca.first(size).reconstruct(val_images)) for size in sizes}
    figure = draw_training_curves(log, val_errors, f"{args.model} autoencoder on {printable(image_set.name)}")
    figures = save_figure(figure, args.output_dir / "training_curves.png", svg=args.svg, show=args.show)

    say(held_out_table(held_out, len(test_images)))
    for warning in signs_of_collapse(models, held_out, test_images):
        warn(warning)
    say()
    for path in [*(model_path(args.output_dir, size) for size in sizes), test_data_path(args.output_dir), *figures]:
        say(f"saved {printable(path)}")
    note(f"done in {duration(time.monotonic() - started)}")


def train(
    model: Autoencoder,
    train_images: np.ndarray,
    val_images: np.ndarray,
    args: argparse.Namespace,
    precision: torch.dtype,
    log: list[dict[str, Any]],
    progress: Progress,
) -> None:
    """Train one bottleneck from its start at PCA to its last epoch, and append each epoch's record to ``log``.

    Args:
        train_images: uint8 (N, C, H, W).
        val_images: uint8 (M, C, H, W), never trained on; M may be 0.
        precision: what convolutions are computed in; weights and the optimizer's state stay float32.

    Raises:
        BadInput: the loss or a gradient is not finite. The weights of the step before are kept.
    """
    import torch

    from model.inference import reconstruct, to_float
    from run.artefacts import write_text

    device = next(model.parameters()).device
    steps = -(-len(train_images) // args.batch_size)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=WEIGHT_DECAY, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=args.lr * PEAK_OVER_LR, div_factor=PEAK_OVER_LR, total_steps=args.num_epochs * steps
    )
    shuffle = torch.Generator().manual_seed(args.seed)
    best_error, best_weights, epochs_without_gain = float("inf"), None, 0

    for epoch in range(1, args.num_epochs + 1):
        model.train()
        summed = torch.zeros((), device=device)  # stays on the device: reading it each step would wait for the step
        order = torch.randperm(len(train_images), generator=shuffle).numpy()
        for step, first in enumerate(range(0, len(order), args.batch_size)):
            rows = order[first : first + args.batch_size]
            batch = to_float(torch.from_numpy(train_images[rows]), device)  # (B, C, H, W) in [0, 1]
            with torch.autocast(device.type, precision, enabled=precision != torch.float32):
                loss = model.loss(batch)
            optimizer.zero_grad(set_to_none=True)
            loss["total"].backward()
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_GRADIENT_NORM)
            if not torch.isfinite(norm + loss["total"]):
                raise BadInput(
                    f"the loss or a gradient is no longer finite (bottleneck {model.latent_size}, epoch {epoch}, "
                    f"step {step + 1} of {steps}); train with a lower rate, say --lr {args.lr / 10:g}"
                )
            optimizer.step()
            schedule.step()
            summed += loss["mse"].detach() * len(rows)
            progress.advance(f"bottleneck {model.latent_size}, epoch {epoch}/{args.num_epochs}")

        model.eval()
        record = {"latent_size": model.latent_size, "epoch": epoch, "train_mse": float(summed) / len(order)}
        record["val_mse"] = mean_error(val_images, reconstruct(model, val_images)) if len(val_images) else None
        log.append(record)
        write_text(args.output_dir / "training_log.jsonl", "".join(json.dumps(line) + "\n" for line in log))
        progress.milestone(
            f"bottleneck {model.latent_size:>3}  epoch {epoch:>3}/{args.num_epochs}  train {record['train_mse']:.5f}"
            + (f"  val {record['val_mse']:.5f}" if len(val_images) else "")
        )

        if args.patience is not None:
            if record["val_mse"] < best_error:
                best_error, epochs_without_gain = record["val_mse"], 0
                best_weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
            else:
                epochs_without_gain += 1
            if epochs_without_gain == args.patience:
                progress.skip((args.num_epochs - epoch) * steps)
                break
    if best_weights is not None:
        model.load_state_dict(best_weights)


def evaluate(models: dict[int, Autoencoder], pca: PCA, test_images: np.ndarray) -> dict[str, dict[str, float]]:
    """Held-out MSE, PSNR and SSIM of each network, below the baselines that cost next to nothing."""
    import numpy as np

    from latent.fidelity import fidelity
    from model.inference import reconstruct

    mean_image = np.broadcast_to(pca.mean.reshape(test_images.shape[1:]), test_images.shape)
    held_out = {"mean image": fidelity(test_images, mean_image)}
    for size, model in models.items():
        held_out[f"PCA of {size}"] = fidelity(test_images, pca.first(size).reconstruct(test_images))
        held_out[f"autoencoder of {size}"] = fidelity(test_images, reconstruct(model, test_images))
    return held_out


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


def signs_of_collapse(
    models: dict[int, Autoencoder], held_out: dict[str, dict[str, float]], test_images: np.ndarray
) -> list[str]:
    """What a person must know before trusting a bottleneck: dimensions that carry nothing, errors that show nothing."""
    import numpy as np

    from model.inference import encode_batches

    signs = []
    for size, model in models.items():
        spread = np.concatenate(list(encode_batches(model, test_images))).std(axis=0)
        dead = int((spread <= 1e-3 * spread.max()).sum())
        if dead:
            signs.append(f"{dead} of the {size} dimensions of bottleneck {size} do not vary over the test images")
        error = held_out[f"autoencoder of {size}"]["mse"]
        if error > 0.95 * held_out["mean image"]["mse"]:
            signs.append(f"bottleneck {size} has collapsed: it reconstructs no better than the mean image")
        elif error > held_out[f"PCA of {size}"]["mse"]:
            signs.append(f"bottleneck {size} reconstructs worse than PCA of {size}; try more epochs or another --lr")
    return signs


def describe_split(image_set: ImageSet, split: Split) -> str:
    """How many images of each class are in train, val and test."""
    from data.split import counts_per_class

    title = f"{printable(image_set.name)}: {split.kind} split, fingerprint {split.fingerprint[:12]}\n"
    return title + table(["images", "train", "val", "test"], counts_per_class(image_set, split))


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
