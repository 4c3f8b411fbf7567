"""How much of the machine a training step and the encoder use, beside a matrix product.

    python -m benchmarks.step_rate
    python -m benchmarks.step_rate --device cuda --compile

The step is the one of train.py, on batches of 128 random smooth images of 3 x 32 x 32: conversion, forward (weights
rounded first), backward, clipping of gradients, AdamW; of the network as it is by default, and of wider ones. Its
operations are counted by torch's flop counter, which counts matrix products and convolutions alone. Encoding is
`model.inference.encode_batches` over uint8 images, refined as by default and by the encoder alone, with decoders of 32
channels and of 64. Medians; each precision that train.py would choose on this device. With --compile the forward pass
is also compiled by torch.compile, which needs a C++ compiler: seconds of the first step, and of one after it. Writes
step_rate.md into the results folder.
"""

import argparse
import resource
import statistics
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import RESULTS
from latent.pca import fit_pca
from model.conv import DECODER_WIDTH, ConvAutoencoder
from model.inference import encode_batches, measure_refinement, to_float
from model.objective import Objective
from model.refinement import STEPS
from run.artefacts import write_text
from run.device import choose_device, choose_precision, make_repeatable
from stages.training.loop import clip_gradient

SIZES, BATCH, SHAPE, SIDE = [2, 256], 128, (3, 32, 32), 2048
ENCODED = [1_000, 10_000]
ENCODING = [(2, 32), (8, 32), (64, 32), (256, 32), (16, 64), (64, 64), (256, 64)]  # latents, channels of the decoder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--wider", type=int, nargs="*", default=[64, 96], help="channels of both halves")
    parser.add_argument("--device", default="auto", choices=["auto", "cuda", "mps", "cpu"])
    parser.add_argument("--compile", action="store_true", help="measure torch.compile as well")
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()

    device = choose_device(args.device)
    # bfloat16 only where train.py would take it: elsewhere it is emulated.
    precisions = list(dict.fromkeys([torch.float32, choose_precision("auto", device)]))
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    text = f"{where}, torch {torch.__version__}\n\n"
    products = {precision: product_rate(precision, args.repeats, device) for precision in precisions}
    for precision, rate in products.items():
        text += f"Matrix product of {SIDE} x {SIDE} in {name(precision)}: {rate:.0f} GFLOP/s\n\n"
    text += "| step | precision | GFLOP | ms | GFLOP/s | of the fp32 product | of its own product | ms of each part |\n"
    text += "| --- " * 8 + "|\n"
    models = {size: start(size).to(device) for size in SIZES}
    for size, width in product(SIZES, args.wider):
        models[f"{size}, {width} channels"] = start(size, width, width).to(device)
    for size, model in models.items():
        for precision in precisions:
            work, parts = step(model, precision, args.repeats, device)
            seconds = sum(parts.values())
            rate = work / seconds / 1e9
            shares = ", ".join(f"{part} {1000 * spent:.0f}" for part, spent in parts.items())
            text += f"| bottleneck {size} | {name(precision)} | {work / 1e9:.1f} | {1000 * seconds:.0f} | {rate:.0f} | "
            text += f"{rate / products[torch.float32]:.0%} | {rate / products[precision]:.0%} | {shares} |\n"
    if args.compile:
        text += "\n| step, compiled | precision | seconds of the first | ms of one after it | ms not compiled |\n"
        text += "| --- " * 5 + "|\n"
        for size, precision in product(SIZES, precisions):
            first, then, before = compiled(start(size).to(device), precision, args.repeats, device)
            text += (
                f"| bottleneck {size} | {name(precision)} | {first:.1f} | {1000 * then:.1f} | {1000 * before:.1f} |\n"
            )
    text += "\n| encoding with | images | images a second, refined | encoder alone | memory grew by |\n"
    text += "| --- " * 5 + "|\n"
    for (size, width), count in product(ENCODING, ENCODED):
        refined, alone, grown = encoding(start(size, width).to(device), count, device)
        text += f"| bottleneck {size}, decoder of {width} channels | {count:,} | {refined:,.0f} | {alone:,.0f} | "
        text += f"{grown:.0f} MiB |\n"
    write_text(args.results / "step_rate.md", text)
    print(text)


def name(precision: torch.dtype) -> str:
    return str(precision).removeprefix("torch.")


def now(device: torch.device) -> float:
    """Seconds, once the device has done all that it was given."""
    if device.type != "cpu":
        getattr(torch, device.type).synchronize()
    return time.perf_counter()


def seconds_of(run: Callable[[], object], repeats: int, device: torch.device) -> list[float]:
    taken = []
    for _ in range(repeats):
        started = now(device)
        run()
        taken.append(now(device) - started)
    return taken


def product_rate(precision: torch.dtype, repeats: int, device: torch.device) -> float:
    """GFLOP/s of a square matrix product."""
    left, right = (torch.randn(SIDE, SIDE).to(device, precision) for _ in range(2))
    return 2 * SIDE**3 / statistics.median(seconds_of(lambda: left @ right, repeats + 3, device)[3:]) / 1e9


def random_images(count: int) -> np.ndarray:
    """Smooth as photographs are: pure noise would make numbers too small for the processor to be quick with."""
    coarse = np.random.default_rng(0).integers(0, 256, (count, SHAPE[0], 9, 9), np.uint8)
    fine = torch.nn.functional.interpolate(torch.from_numpy(coarse).float(), SHAPE[1:], mode="bilinear")
    return fine.byte().numpy()


def start(size: int, width: int = DECODER_WIDTH, encoder_width: int | None = None) -> ConvAutoencoder:
    """The network as train.py begins with it, or with so many channels, measured for refining."""
    make_repeatable(0)
    images = random_images(1000)
    model, pca = ConvAutoencoder(size, SHAPE, width, encoder_width), fit_pca(images, size, 0)
    model.start_from_pca(pca.mean, pca.components, pca.scales)
    measure_refinement(model.eval(), images, None)
    return model


def step(
    model: ConvAutoencoder, precision: torch.dtype, repeats: int, device: torch.device
) -> tuple[float, dict[str, float]]:
    """Floating-point operations of a training step, and the median seconds of each of its parts."""
    images, loss_of = torch.from_numpy(random_images(BATCH)), loss_with(model, precision, device)
    optimizer = model.train().optimisation.optimizer(model.parameters())
    model.optimisation.set_rate(optimizer, 0.0, 1e-4)
    spent: dict[str, list[float]] = {}

    def once() -> None:
        clock = [now(device)]

        def lap(part: str) -> None:
            clock.append(now(device))
            spent.setdefault(part, []).append(clock[-1] - clock[-2])

        batch = to_float(images, device)
        lap("conversion")
        model.zero_grad()
        loss = loss_of(batch)
        lap("forward")
        loss.backward()
        lap("backward")
        clip_gradient(model)
        lap("clipping")
        optimizer.step()
        lap("AdamW")

    counter = FlopCounterMode(display=False)
    with counter:
        once()
    for _ in range(repeats + 3):
        once()
    return counter.get_total_flops(), {part: statistics.median(each[4:]) for part, each in spent.items()}


def loss_with(
    model: ConvAutoencoder, precision: torch.dtype, device: torch.device, compiled: bool = False
) -> Callable[[torch.Tensor], torch.Tensor]:
    """What gives the loss of a batch (B, C, H, W), as train.py computes it."""
    objective, loss = Objective(), torch.compile(model.loss) if compiled else model.loss

    def loss_of(batch: torch.Tensor) -> torch.Tensor:
        with torch.autocast(device.type, precision, enabled=precision != torch.float32):
            return loss(batch, None, objective, 0.0, None)["total"]

    return loss_of


def compiled(
    model: ConvAutoencoder, precision: torch.dtype, repeats: int, device: torch.device
) -> tuple[float, float, float]:
    """Seconds of the first step whose forward pass torch compiles, of one after it, and of one that is not compiled."""
    batch = to_float(torch.from_numpy(random_images(BATCH)), device)
    optimizer = model.train().optimisation.optimizer(model.parameters())
    model.optimisation.set_rate(optimizer, 0.0, 1e-4)

    def steps(is_compiled: bool) -> list[float]:
        loss_of = loss_with(model, precision, device, is_compiled)

        def once() -> None:
            model.zero_grad()
            loss_of(batch).backward()
            clip_gradient(model)
            optimizer.step()

        return seconds_of(once, repeats + 3, device)

    (first, *then), before = steps(is_compiled=True), steps(is_compiled=False)
    return first, statistics.median(then[2:]), statistics.median(before[3:])


def encoding(model: ConvAutoencoder, count: int, device: torch.device) -> tuple[float, float, float]:
    """Images a second, refined and by the encoder alone; MiB by which the process's peak memory grew meanwhile."""
    images = np.broadcast_to(random_images(1000), (-(-count // 1000), 1000, *SHAPE)).reshape(-1, *SHAPE)[:count]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rates = []
    for refine in (STEPS, 0):
        started = now(device)
        done = sum(len(piece) for piece in encode_batches(model, images, refine=refine))
        rates.append(count / (now(device) - started))
        assert done == count
    return *rates, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


if __name__ == "__main__":
    main()
