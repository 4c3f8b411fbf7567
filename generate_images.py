"""Make images from latents: samples, a map of the latent space, ways between images, other labels; and neighbours.

Each mode reads a checkpoint and its test split, draws one figure, and writes the numbers behind it beside it.
"""

from __future__ import annotations

import argparse
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from run import arguments as flags
from run.console import note, say, table, warn
from run.errors import BadInput, execute, printable

if TYPE_CHECKING:
    import numpy as np
    import torch
    from matplotlib.figure import Figure

    from data.test_data import TestData
    from data.training_side import RealSide
    from figure.sheet import Cell
    from model.autoencoder import Autoencoder
    from model.classifier import ConvClassifier

COMPARED = 200  # test images that samples are compared with: enough for a median
DRAWN_SAMPLES, DRAWN_LABELS, DRAWN_SHEETS, DRAWN_DIMENSIONS = 60, 12, 8, 8  # the numbers are of all
RANGE = "1% to 99% quantiles of the test images' latents"
TRANSDUCTIVE = "transductive: the neighbours of each test image among the other test images"


def parse_arguments() -> argparse.Namespace:
    parser = flags.parser(
        "python generate_images.py sample --latent_size 256",
        "Make images from latents, to see what a latent space is made of.\n"
        "python generate_images.py MODE --help shows the flags of a mode.",
    )
    add_mode, modes = flags.add_modes(parser), []

    def mode(name: str, purpose: str, size: int = 256) -> argparse._ArgumentGroup:
        modes.append(add_mode(name, f"python generate_images.py {name} --latent_size {size}", purpose))
        group = modes[-1].add_argument_group("what is decoded")
        flags.add_model(group)
        flags.add_test_data(group)
        return modes[-1].add_argument_group("what is made")

    def whole(flag: str, default: int | None, meaning: str, at_least: int, at_most: int, metavar: str = "M") -> None:
        flags.add_value(group, flag, flags.whole_number(at_least, at_most), default, metavar, meaning)

    def add_images(meaning: str) -> None:
        meaning += ", by their rows in the test split, which every .csv calls test_row"
        flags.add_value(group, "--images", flags.whole_number(0), None, "ROW", meaning, several=True)

    def add_labels() -> None:
        meaning = "networks that take labels: classes to decode under, by name or by number (default: all)"
        flags.add_value(group, "--labels", str, None, "LABEL", meaning, several=True)

    group = mode(
        "sample",
        "Sample new images, each beside the real image nearest to it. Latents come from the prior of a variational\n"
        "network, or from a Gaussian mixture fitted on the latents of any.",
    )
    latents = "where latents come from (default: prior where the network has one, else mixture)"
    flags.add_choice(group, "--source", ["prior", "mixture"], None, latents)
    whole("--num_images", 20, "samples", 1, 10000)
    components = (
        "mixture: components (default: of 1, 2, 4, ... 64, the fewest under which other latents are as likely as any)"
    )
    whole("--num_components", None, components, 1, 1000, "K")
    flags.add_choice(
        group, "--fit_on", ["train", "test"], None,
        "real images that the mixture is fitted on and samples are compared with (default: train where the training "
        "images are found, else test)",
    )  # fmt: skip
    add_labels()
    flags.add_shared(group, "data_dir")

    group = mode(
        "manifold",
        "Decode a grid over a bottleneck of 2, beside the test images' latents. The axes span the 1% to 99% quantiles\n"
        "of these.",
        size=2,
    )
    whole("--grid", 12, "images on a side of the grid", 2, 64, "G")
    add_labels()

    group = mode(
        "interpolate",
        "Decode the way from one test image to another, straight and round the centre. Both bottlenecks go it; the\n"
        "pixels themselves are faded as a baseline.",
    )
    add_images("pairs of test images, A B for the way from A to B (default: 2 random pairs)")
    whole("--steps", 9, "images on each way, both ends among them", 2, 100)

    group = mode(
        "traverse",
        "Change one latent dimension of a test image at a time. Its values are quantiles of the test images' latents;\n"
        "the dimensions of largest variance come first.",
    )
    add_images("test images to begin from (default: a random one)")
    which = f"which, counted from 1 (default: the {DRAWN_DIMENSIONS} of largest variance)"
    flags.add_value(group, "--dimensions", flags.whole_number(1), None, "D", which, several=True)
    whole("--steps", 9, "values of each dimension", 2, 100)

    group = mode(
        "relabel",
        "Decode the same test images under every label, and count how often a classifier reads it. The network has to\n"
        "take labels; the classifier is trained on original training images, and kept in OUTPUT_DIR/reader.pth.",
    )
    add_images("test images to draw (default: 8 random ones of different classes; the table is of more)")
    add_labels()
    table_of = "random test images that the table is of, or all of them where there are fewer"
    flags.add_value(group, "--num_samples", flags.all_or_number(1), 1000, "M|all", table_of)
    whole("--cnn_epochs", 10, "times the classifier sees each training image", 1, 1000, "E")
    learnt = "random training images that the classifier learns from"
    flags.add_value(group, "--max_fit", flags.all_or_number(2), 10000, "M|all", learnt)
    flags.add_shared(group, "data_dir")

    group = mode(
        "neighbours",
        "Show the test images nearest to a test image, in both latent spaces and pixel by pixel. It also counts how\n"
        "often the 10 nearest of each test image are of its class.",
    )
    add_images("test images to look from (default: 3 random ones of different classes)")
    whole("--num_neighbours", 10, "neighbours drawn of each", 1, 50, "K")
    group.add_argument(
        "--other_tracks", action="store_true", help="pass over images that belong together with the one looked from"
    )

    for each in modes:
        decoding = [] if each.get_default("data_dir") is None else ["num_workers"]
        flags.add_shared(each.add_argument_group("run"), "output_dir", "seed", "device", *decoding, "svg", "show")
    return flags.with_model_paths(parser.parse_args())


@dataclass(frozen=True)
class Subject:
    """What is looked at."""

    models: dict[int, Autoencoder]  # by latent size; the first is the one that was named
    records: dict[int, dict[str, Any]]  # likewise
    test_data: TestData
    groups: np.ndarray  # int64 (N,): which test images belong together
    device: torch.device

    @property
    def size(self) -> int:
        """Latent size of the network that was named."""
        return next(iter(self.models))

    @property
    def model(self) -> Autoencoder:
        """The network that was named."""
        return self.models[self.size]

    def pixels(self, rows: Any) -> np.ndarray:
        """Test images as float32 (..., C, H, W) in [0, 1]."""
        import numpy as np

        return self.test_data.images[rows] / np.float32(255)

    @functools.cached_property
    def latents(self) -> dict[int, np.ndarray]:
        """float32 (N, D) of the test images, by latent size."""
        from model.inference import encode

        return {size: encode(model, self.test_data.images) for size, model in self.models.items()}

    def class_name(self, label: int | None) -> str:
        """ "" for None."""
        return "" if label is None else self.test_data.class_names[label]

    def class_of(self, row: int) -> str:
        """The class of a test image; "" without classes."""
        return self.class_name(None if self.test_data.labels is None else self.test_data.labels[row])

    def original(self, row: int) -> Cell:
        """A test image as a cell of a sheet."""
        from figure.sheet import Cell

        return Cell(self.pixels(row), self.class_of(row))


@dataclass(frozen=True)
class Result:
    """What a mode made."""

    stem: str  # of the files' names
    figure: Figure
    records: list[dict[str, Any]]  # rows of the .csv
    facts: dict[str, Any]  # of the .json
    images: np.ndarray | None = None  # float32 (..., C, H, W) in [0, 1]


def main() -> None:
    args = parse_arguments()

    from run.device import make_repeatable

    make_repeatable(args.seed)
    modes = (sample, manifold, interpolate, traverse, relabel, neighbours)
    subject = load(args, with_sibling=args.mode in ("interpolate", "neighbours"))
    save({mode.__name__: mode for mode in modes}[args.mode](subject, args), subject, args)


def load(args: argparse.Namespace, with_sibling: bool) -> Subject:
    """The checkpoint that was named, with that of 2 beside it if asked for, and the test split of both.

    Raises:
        BadInput: a file is missing or damaged, or the split is another one's.
    """
    import numpy as np

    from data.test_data import load_test_data
    from model.checkpoint import load_checkpoint, load_with_sibling, require_split
    from run.device import choose_device

    device = choose_device(args.device)
    loaded = load_with_sibling(args.model_path) if with_sibling else {args.model_path: load_checkpoint(args.model_path)}
    test_data = load_test_data(args.test_data)
    for path, (_, record) in loaded.items():
        require_split(record, path, test_data.fingerprint, args.test_data)
    return Subject(
        {model.latent_size: model.to(device) for model, _ in loaded.values()},
        {model.latent_size: record for model, record in loaded.values()},
        test_data,
        np.arange(len(test_data.images)) if test_data.groups is None else test_data.groups,
        device,
    )


def sample(subject: Subject, args: argparse.Namespace) -> Result:
    """New images, each above the real image that is nearest to it."""
    import numpy as np

    from data.training_side import load_real_side
    from figure.sheet import Cell, Row, draw_sheet
    from latent.neighbours import copies, nearest_images
    from model.inference import decode

    model, count, size = subject.model, args.num_images, subject.size
    source = args.source or ("prior" if model.variational else "mixture")
    if source == "prior" and not model.variational:
        raise BadInput(
            f"a {model.family} network has no prior to sample from; use --source mixture, or train one that has: "
            f"python train.py --model vae --latent_size {size}"
        )
    labels = labels_of(subject, args)
    record, test_data = subject.records[size], subject.test_data
    real = load_real_side(args.fit_on, record, test_data, args.data_dir, args.num_workers or None)
    random = np.random.default_rng(args.seed)
    if source == "prior":
        facts = {"source": "the prior, N(0, I)"}
        latents, components = random.standard_normal((count, size), np.float32), [""] * count
    else:
        facts, latents, components = sample_mixture(subject, real, random, args)
    told = None if labels is None else np.resize(labels, count)
    made = decode(model, latents, told)
    nearest, error, next_error = nearest_images(made, real.images, real.groups)
    copied = copies(error, next_error)

    compared = {f"samples ({count:,})": (error, copied)}
    if real.side == "training" or len(np.unique(real.groups)) > 1:
        rows = np.sort(random.permutation(len(subject.groups))[:COMPARED])
        own = real.groups[rows] if real.side == "test" else None
        _, *errors = nearest_images(subject.pixels(rows), real.images, real.groups, own)
        compared[f"test images ({len(rows):,})"] = errors[0], copies(*errors)
    numbers = [
        {"what": what, "median": float(np.median(each)), "smallest": float(each.min()), "copies": int(found.sum())}
        for what, (each, found) in compared.items()
    ]
    heading = f"MSE to the nearest {real.side} image"
    tell(
        numbers,
        {
            "what": (heading, ""),
            "median": ("median", ".5f"),
            "smallest": ("smallest", ".5f"),
            "copies": ("copies", "d"),
        },
    )
    say(
        f"from {facts['source']}\n(pixels in [0, 1]; copies: less than a third as far from the nearest image as from "
        "the nearest that does not belong together with that one)"
    )

    records = [
        {
            "sample": number,
            "component": components[number],
            "label": subject.class_name(None if told is None else told[number]),
            "nearest_sample_id": real.sample_ids[near],
            "nearest_class": subject.class_name(None if real.labels is None else real.labels[near]),
            "mse_to_nearest": float(error[number]),
            "mse_to_next": float(next_error[number]) if np.isfinite(next_error[number]) else "",
            "copy": "yes" if copied[number] else "no",
        }
        for number, near in enumerate(nearest.tolist())
    ]
    sheet = []
    for start in range(0, min(count, DRAWN_SAMPLES), 10):
        part = list(zip(records, made, nearest, strict=True))[start : start + 10]
        above = [Cell(image, each["label"], "no" if each["copy"] == "yes" else "") for each, image, _ in part]
        below = [
            Cell(real.images[near] / np.float32(255), f"{each['mse_to_nearest']:.4f}\n{each['nearest_class']}".strip())
            for each, _, near in part
        ]
        beyond = [None] * (min(count, 10) - len(part))
        sheet += [Row("sample", above + beyond, opens=True), Row(f"nearest\n{real.side} image", below + beyond)]
    median = ", ".join(f"{each['median']:.4f} for {each['what']}" for each in numbers)
    figure = draw_sheet(
        sheet,
        [],
        title(subject, f"samples of {model.family}, bottleneck {size}"),
        f"from {facts['source']}\nbelow: mean squared error between the two, pixels in [0, 1]; median {median}\n"
        f"copies of a {real.side} image (dashed frame): {numbers[0]['copies']} of {count:,}",
    )
    facts |= {"compared_with": f"{len(real.images):,} {real.side} images", "nearest": numbers}
    return Result("samples", figure, records, facts, made)


def sample_mixture(
    subject: Subject, real: RealSide, random: np.random.Generator, args: argparse.Namespace
) -> tuple[dict[str, Any], np.ndarray, list[int]]:
    """What is to be said of the mixture; latents (M, D); the component of each.

    Raises:
        BadInput: too few images to fit on.
    """
    from latent.mixture import FEWEST, NUMBERS, fit_mixture, hold_back
    from model.inference import encode

    fitted, judged, judges = encode(subject.model, real.images), real.validation, "validation images"
    if judged is None:
        held_back = hold_back(real.groups, random)
        fitted, judged, judges = fitted[~held_back], fitted[held_back], f"{real.side} images held back"
    else:
        judged = encode(subject.model, judged)
    fewest = max(FEWEST, args.num_components or 0)
    if len(fitted) < fewest or not len(judged):
        raise BadInput(
            f"a mixture needs at least {fewest} images to fit on and one more to judge it by, and there are "
            f"{len(fitted)} and {len(judged)}; take fewer --num_components, or more images"
        )
    note(f"fitting mixtures on {len(fitted):,} latents")
    mixture = fit_mixture(fitted, judged, args.seed, [args.num_components] if args.num_components else NUMBERS)
    number, tried = len(mixture.weights), ", ".join(map(str, mixture.scores))
    chosen = (
        "as asked" if args.num_components else f"of {tried} the fewest as likely as any, by {len(judged):,} {judges}"
    )
    facts = {
        "source": f"a Gaussian mixture of {number} component{'s' * (number != 1)} ({chosen}), "
        f"fitted on the latents of {len(fitted):,} {real.side} images",
        "mean_log_likelihood_by_components": {str(tried): score for tried, score in mixture.scores.items()},
    }
    latents, components = mixture.sample(args.num_images, random)
    return facts, latents, components.tolist()


def manifold(subject: Subject, args: argparse.Namespace) -> Result:
    """The decoder over a grid of a latent space of two dimensions, beside the test images' latents."""
    import numpy as np

    from figure.manifold import draw_manifold
    from figure.style import shown
    from latent.generation import cell_records, cells_of, grid, ranges
    from model.inference import decode
    from run.artefacts import model_path

    if subject.size != 2:
        sibling = model_path(args.model_path.parent, 2)
        where = f"--model_path {printable(sibling)}" if sibling.exists() else "--latent_size 2, once it is trained"
        raise BadInput(
            f"a manifold is a plane, and {printable(args.model_path)} has a bottleneck of {subject.size}; take that of "
            f"2: python generate_images.py manifold {where}"
        )
    model, test_data, count = subject.model, subject.test_data, args.grid
    labels, latents = labels_of(subject, args), subject.latents[2]
    span = ranges(latents)
    if not (span[1] > span[0]).all():
        raise BadInput(
            f"the latents of the test images ({len(latents)}) do not spread over a plane, so there is nothing to draw; "
            "take a test split of more images, or train again: python train.py --latent_size 2"
        )
    points = grid(span, count).reshape(-1, 2)
    sheets = []
    for label in [None] if labels is None else labels.tolist():
        images = decode(model, points, None if label is None else np.full(len(points), label))
        name = "" if label is None else f" as {shown(test_data.class_names[label])}"
        sheets.append((f"what the decoder makes of each place{name}", images.reshape(count, count, *model.image_shape)))
    cells = cells_of(latents, span, count)
    filled, outside = len(np.unique(cells[cells >= 0])), int((cells < 0).sum())
    say(
        f"{filled:,} of {count * count:,} cells hold a test image; {outside:,} of {len(latents):,} lie outside the grid"
    )
    figure = draw_manifold(
        sheets[:DRAWN_SHEETS],
        span,
        latents,
        test_data.labels,
        test_data.class_names,
        title(subject, f"the latent space of {model.family}, bottleneck 2; axes: {RANGE}"),
        f"where {len(latents) - outside:,} of {len(latents):,} test images lie",
    )
    facts = {"range": RANGE, "span": span.tolist(), "cells_with_images": filled, "images_outside": outside}
    facts |= {"labels": [] if labels is None else [test_data.class_names[label] for label in labels]}
    records = cell_records(cells, test_data.labels, test_data.class_names, span, count)
    made = np.stack([images for _, images in sheets])
    return Result("manifold", figure, records, facts, made[0] if labels is None else made)


def interpolate(subject: Subject, args: argparse.Namespace) -> Result:
    """Ways between pairs of test images, straight and round the centre, in both latent spaces and in pixels."""
    import numpy as np

    from data.choice import choose_pairs
    from figure.sheet import Cell, Row, draw_sheet
    from latent.generation import linear_path, measure_way, spherical_path
    from model.inference import decode

    test_data, steps = subject.test_data, args.steps
    pairs = choose_pairs(test_data, args.images, 2, args.seed)
    sheet, records, made, numbers = [], [], [], []
    for a, b in pairs:
        # a network that takes labels is told that of the nearer end
        told = None if test_data.labels is None else test_data.labels[np.where(np.arange(steps) < steps / 2, a, b)]
        ways = []
        for size, model in subject.models.items():
            latents = subject.latents[size]
            centre = np.zeros(size, np.float32) if model.variational else latents.mean(axis=0)
            for way, points in [
                ("straight", linear_path(latents[a], latents[b], steps)),
                ("round", spherical_path(latents[a], latents[b], steps, centre)),
            ]:
                ways.append((f"bottleneck {size}", way, points, decode(model, points, told)))
        faded = linear_path(subject.pixels(a), subject.pixels(b), steps)
        ways.append(("pixels", "faded", faded.reshape(steps, -1), faded))
        for place, (space, way, points, images) in enumerate(ways):
            known = {"from_test_row": a, "to_test_row": b, "space": space, "way": way}
            measured, whole = measure_way(points, images, test_data.images[[a, b]])
            records += [{**known, "step": step, **each} for step, each in enumerate(measured)]
            numbers.append({"pair": f"{a} to {b}", **known, **whole})
            made.append(images)
            captions = [f"{whole['mse_at_start']:.4f}", *[""] * (steps - 2), f"{whole['mse_at_end']:.4f}"]
            middle = [Cell(*each) for each in zip(images, captions, strict=True)]
            ends = [None, None] if place else [subject.original(a), subject.original(b)]
            sheet.append(Row(f"{space}\n{way}", [ends[0], *middle, ends[1]], opens=place == 0))
    columns = {"pair": ("test images", ""), "space": ("space", ""), "way": ("way", ""), "length": ("length", ".3f")}
    columns |= {"mse_at_start": ("MSE at start", ".5f"), "mse_at_end": ("MSE at end", ".5f")}
    tell(numbers, columns | {"largest_step": ("largest step", ".2f")})
    say("(MSE of the ends from the originals, pixels in [0, 1]; largest step: its change of the image by the mean)")
    centre = "the prior's centre" if subject.model.variational else "the mean of the test images' latents"
    figure = draw_sheet(
        sheet,
        ["from", *(f"{part:.0%}" for part in np.linspace(0, 1, steps)), "to"],
        title(subject, f"test image to test image, {', '.join(f'{a} to {b}' for a, b in pairs[:6])}"),
        f"below the ends: mean squared error from the original, pixels in [0, 1]; round: about {centre}"
        + ("\nthe label told to the decoder changes half-way" if subject.model.takes_labels else ""),
    )
    return Result("interpolation", figure, records, {"ways": numbers, "round": f"about {centre}"}, np.stack(made))


def traverse(subject: Subject, args: argparse.Namespace) -> Result:
    """One latent dimension of an image at a time, over the quantiles that test images have there."""
    import numpy as np

    from data.choice import choose_images, require_images
    from figure.sheet import Cell, Row, draw_sheet
    from latent.generation import HIGHEST, LOWEST, by_variance, traversal
    from model.inference import decode

    model, test_data, size = subject.model, subject.test_data, subject.size
    if args.dimensions is not None and max(args.dimensions) > size:
        raise BadInput(
            f"--dimensions {max(args.dimensions)}: the bottleneck has the dimensions 1 to {size}; name some of these"
        )
    require_images(test_data, 2, "a range of values")
    chosen, latents = choose_images(test_data, args.images, 1, args.seed), subject.latents[size]
    order, variances = by_variance(latents)
    wanted = [d for d in order.tolist() if args.dimensions is None or d + 1 in args.dimensions]
    wanted = wanted[:DRAWN_DIMENSIONS] if args.dimensions is None else wanted
    levels = np.linspace(LOWEST, HIGHEST, args.steps)
    values = {dimension: np.quantile(latents[:, dimension], levels).astype(np.float32) for dimension in wanted}
    shares = variances / max(variances.sum(), np.finfo(np.float64).tiny)
    sheet, records, made, changes = [], [], [], {dimension: [] for dimension in wanted}
    for row in chosen:
        told = None if test_data.labels is None else np.repeat(test_data.labels[[row]], args.steps)
        own = decode(model, latents[[row]], None if told is None else told[:1])[0]
        for place, dimension in enumerate(wanted):
            images = decode(model, traversal(latents[row], dimension, values[dimension]), told)
            made.append(images)
            changes[dimension].append(((images[-1] - images[0]) ** 2).mean(dtype=np.float64))
            moved = ((images - own) ** 2).mean(axis=(1, 2, 3), dtype=np.float64).tolist()
            known = {"test_row": row, "sample_id": test_data.sample_ids[row], "dimension": dimension + 1}
            for level, value, error in zip(levels.tolist(), values[dimension].tolist(), moved, strict=True):
                records.append({**known, "quantile": level, "value": value, "mse_to_decoded": error})
            first = [None, None] if place else [subject.original(row), Cell(own)]
            label = f"latent {dimension + 1}\n{shares[dimension]:.0%} of variance\nhere {latents[row, dimension]:.3g}"
            cells = [Cell(image, f"{value:.3g}") for image, value in zip(images, values[dimension], strict=True)]
            sheet.append(Row(label, first + cells, opens=place == 0))
    numbers = [
        {
            "dimension": dimension + 1,
            "variance": float(variances[dimension]),
            "share_of_variance": float(shares[dimension]),
            "lowest": float(values[dimension][0]),
            "highest": float(values[dimension][-1]),
            "mse_between_ends": float(np.mean(changes[dimension])),
        }
        for dimension in wanted
    ]
    columns = {"dimension": ("latent", "d"), "variance": ("variance", ".4g"), "share_of_variance": ("share", ".1%")}
    columns |= {"lowest": ("1%", ".3g"), "highest": ("99%", ".3g"), "mse_between_ends": ("MSE between ends", ".5f")}
    tell(numbers, columns)
    say(f"(range: {RANGE}; MSE: how much the image changes from one end to the other, pixels in [0, 1])")
    figure = draw_sheet(
        sheet,
        ["original", "decoded", *(f"{level:.0%}" for level in levels)],
        title(subject, f"{model.family}, bottleneck {size}, one dimension at a time"),
        f"columns: quantiles of {len(latents):,} test images' latents; below: the dimension's value",
    )
    return Result("traversal", figure, records, {"range": RANGE, "dimensions": numbers}, np.stack(made))


def relabel(subject: Subject, args: argparse.Namespace) -> Result:
    """Test images decoded under every label, and what a classifier of originals reads in them."""
    import numpy as np

    from data.choice import choose_images
    from figure.sheet import Cell, Row, draw_sheet
    from latent.relabelling import mse_between_classes, over_all, relabelling
    from model.inference import decode
    from model.reading import read

    model, test_data = subject.model, subject.test_data
    if not model.takes_labels:
        raise BadInput(
            f"a {model.family} network takes no labels, so no image can be decoded under another one; train one that "
            f"does: python train.py --model cvae --latent_size {subject.size}"
        )
    if test_data.labels is None:
        raise BadInput(
            f"{printable(args.test_data)} has no labels, so there is none to change; take the test_data.pth that "
            "train.py wrote beside the checkpoint"
        )
    labels = labels_of(subject, args)
    chosen = choose_images(test_data, args.images, 8, args.seed)
    shuffled = np.random.default_rng(args.seed).permutation(len(subject.groups))
    rows = np.sort(shuffled[: args.num_samples])  # all of them for None
    latents, own = subject.latents[subject.size], test_data.labels[rows]
    reader = load_or_train_reader(subject, args)
    before = decode(model, latents[rows], own)
    read_before = read(reader, before)
    numbers = []
    for label in labels.tolist():
        others = np.flatnonzero(own != label)
        if len(others):
            made = decode(model, latents[rows[others]], np.full(len(others), label))
            seen = read(reader, made)
            measured = relabelling(label, own[others], seen, read_before[others], made, before[others])
            numbers.append({"label": test_data.class_names[label], **measured})
    if not numbers:
        raise BadInput("every test image has the one label asked for; ask for others: --labels LABEL LABEL")
    every = over_all([{name: value for name, value in each.items() if name != "label"} for each in numbers])
    numbers.append({"label": "all of these", **every})
    right = {
        "original test images": float((read(reader, test_data.images[rows]) == own).mean()),
        "test images decoded under their own label": float((read_before == own).mean()),
    }
    columns = {"label": ("decoded under", ""), "images": ("images", ",d"), "read_as_it": ("read as it", ".1%")}
    columns |= {"so_before": ("so before", ".1%"), "still_read_as_own": ("still as own", ".1%")}
    tell(numbers, columns | {"mse_moved": ("MSE moved", ".5f")})
    for what, share in right.items():
        say(f"the classifier reads {share:.1%} of {what} correctly")
    apart = mse_between_classes(before, own, args.seed)
    if apart is not None:
        say(f"two of the images before, of different classes, differ by an MSE of {apart:.5f} on average")
    say(
        "(of images of other classes; before: the same images decoded under their own label, from which MSE is, pixels "
        f"in [0, 1]; a guess is right for {1 / model.num_classes:.1%})"
    )

    if every["read_as_it"] < every["so_before"] + 0.1:
        warn("the label hardly changes what is read: this network makes the class from the latents, or no class at all")

    drawn, sheet = labels[:DRAWN_LABELS], []
    pictures = np.empty((len(chosen), len(drawn), *model.image_shape), np.float32)
    for place, row in enumerate(chosen):
        pictures[place] = decode(model, np.repeat(latents[[row]], len(drawn), axis=0), drawn)
        cells = [
            Cell(image, "" if seen == label else f"read {subject.class_name(seen)}", "yes" if seen == label else "no")
            for image, seen, label in zip(pictures[place], read(reader, pictures[place]), drawn, strict=True)
        ]
        decoded = decode(model, latents[[row]], test_data.labels[[row]])[0]
        sheet.append(Row(f"test image {row}", [subject.original(row), Cell(decoded), *cells]))
    figure = draw_sheet(
        sheet,
        ["original", "decoded", *(test_data.class_names[label] for label in drawn)],
        title(subject, f"the same latents of {model.family}, bottleneck {subject.size}, decoded under other labels"),
        "solid frame: a classifier of original images reads the new label; dashed: it reads another one\n"
        f"over {len(rows):,} test images it reads the new label in {every['read_as_it']:.1%}; of original test images "
        f"it reads {right['original test images']:.1%} correctly"
        + (f"\nthe first {len(drawn)} of {len(labels)} labels" if len(drawn) < len(labels) else ""),
    )
    learnt = f"ConvClassifier, {args.cnn_epochs} epochs of at most {args.max_fit or 'all'} original training images"
    facts = {"classifier": learnt, "reads_correctly": right, "drawn_test_rows": chosen, "labels": numbers}
    facts["mse_between_images_of_different_classes"] = apart
    return Result("relabelled", figure, numbers, facts, pictures)


def load_or_train_reader(subject: Subject, args: argparse.Namespace) -> ConvClassifier:
    """A classifier of original training images: that kept in the output folder if it is the same one, else trained."""
    import numpy as np

    from data.training_side import load_split_of
    from model.reading import load_reader, save_reader, train_reader

    model, record, path = subject.model, subject.records[subject.size], args.output_dir / "reader.pth"
    origin = {"cnn_epochs": args.cnn_epochs, "max_fit": args.max_fit, "seed": args.seed}
    origin["fingerprint"] = record["fingerprint"]
    reader = load_reader(path, origin, model.image_shape, model.num_classes)
    if reader is None:
        image_set, split = load_split_of(record, args.data_dir, args.num_workers or None)
        rows = np.sort(np.random.default_rng(args.seed).permutation(split.train)[: args.max_fit])
        note(f"training a classifier on {len(rows):,} original images")
        images, labels = image_set.images[rows], image_set.labels[rows]
        reader = train_reader(images, labels, model.num_classes, args.cnn_epochs, args.seed, subject.device)
        save_reader(path, reader, origin)
        say(f"saved {printable(path)}")
    return reader.to(subject.device)


def neighbours(subject: Subject, args: argparse.Namespace) -> Result:
    """The test images nearest to a test image, in each latent space and pixel by pixel."""
    import numpy as np

    from data.choice import choose_images, require_images
    from figure.sheet import Cell, Row, draw_sheet
    from latent.neighbours import NEIGHBOURS, nearest_rows, neighbour_agreement, neighbour_records, shared

    labels, groups = subject.test_data.labels, subject.groups
    require_images(subject.test_data, 2, "a neighbour")
    chosen = choose_images(subject.test_data, args.images, 3, args.seed)
    spaces = {f"bottleneck {size}": latents for size, latents in subject.latents.items()}
    spaces["pixels"] = subject.pixels(slice(None)).reshape(len(groups), -1)
    apart = groups if args.other_tracks else None
    found = {name: nearest_rows(space, np.array(chosen), args.num_neighbours, apart) for name, space in spaces.items()}
    measured = {name: neighbour_agreement(space, labels, groups, args.seed) for name, space in spaces.items()}
    numbers = [
        {"space": name, **measures, "shared_with_pixels": shared(near, measured["pixels"][1])}
        for name, (measures, near) in measured.items()
    ]

    sheet, records = [], []
    classes = [subject.class_of(row) for row in range(len(groups))]
    for place, row in enumerate(chosen):
        for line, (space, (near, distances)) in enumerate(found.items()):
            known = {"test_row": row, "class": classes[row], "space": space}
            mine = neighbour_records(row, near[place], distances[place], classes, subject.test_data.sample_ids, groups)
            records += [{**known, **each} for each in mine]
            cells: list[Cell | None] = [None if line else subject.original(row)]
            for each in mine:
                other = each["neighbour_class"] if each["same_class"] == "no" else ""
                remark = other or ("same track" if each["same_track"] == "yes" else "")
                caption = f"{each['distance']:.3g}\n{remark}".strip()
                cells.append(Cell(subject.pixels(each["neighbour_test_row"]), caption, each["same_class"]))
            cells += [None] * (1 + args.num_neighbours - len(cells))
            sheet.append(Row(space, cells, opens=line == 0))
    columns = {
        "space": (f"{NEIGHBOURS} nearest test images", ""),
        "agreement": ("same class", ".1%"),
        "agreement_chance": ("by chance", ".1%"),
        "agreement_own_track_too": ("own track too", ".1%"),
        "shared_with_pixels": ("same as by pixels", ".1%"),
    }
    tell(numbers, {name: column for name, column in columns.items() if name in numbers[0]})
    together = len(np.unique(groups)) < len(groups)
    left_out = "; images that belong together (frames of one track, equal pixels) passed over" if together else ""
    say(f"({TRANSDUCTIVE}{left_out})")

    remarks = ["below: distance in that space"]
    if labels is not None:
        remarks[0] += "; solid frame: of the same class; dashed: of another, named below"
    if "agreement" in numbers[0]:
        shares = ", ".join(f"{each['agreement']:.0%} in {each['space']}" for each in numbers)
        shares += f"; by chance {numbers[0]['agreement_chance']:.0%}"
        nearest = f"{NEIGHBOURS} nearest{' of other tracks' if together else ''}"
        remarks.append(f"of the {nearest} so many share the class: {shares}")
    if together and not args.other_tracks:
        remarks.append("frames of one track show one object and lie near each other in any space: see --other_tracks")
    figure = draw_sheet(
        sheet,
        ["test image", *(str(rank) for rank in range(1, args.num_neighbours + 1))],
        title(subject, "the nearest test images, from near to far"),
        "\n".join(remarks),
    )
    facts = {"protocol": TRANSDUCTIVE + left_out, "neighbours": NEIGHBOURS, "spaces": numbers}
    return Result("neighbours", figure, records, facts)


def labels_of(subject: Subject, args: argparse.Namespace) -> np.ndarray | None:
    """The classes to decode under, int64; None for a network that takes none.

    Raises:
        BadInput: labels for a network that takes none, or one that it does not know.
    """
    from data.choice import choose_labels

    model = subject.model
    if model.takes_labels:
        return choose_labels(subject.test_data.class_names[: model.num_classes], args.labels)
    if args.labels is not None:
        raise BadInput(
            f"--labels: a {model.family} network takes no labels; leave them out, or train one that does: "
            f"python train.py --model cvae --latent_size {subject.size}"
        )
    return None


def title(subject: Subject, text: str) -> str:
    from figure.style import shown

    return f"{shown(subject.test_data.dataset)}: {text}"


def tell(records: list[dict[str, Any]], columns: dict[str, tuple[str, str]]) -> None:
    """Say some records as a table; ``columns`` has the heading of each and how its values are written."""
    rows = [[format(record[name], how) for name, (_, how) in columns.items()] for record in records]
    say(table([heading for heading, _ in columns.values()], rows))


def save(result: Result, subject: Subject, args: argparse.Namespace) -> None:
    """Write the figure, and beside it its numbers and its images; say where they are."""
    import numpy as np

    from figure.style import save_figure
    from run.artefacts import replacing, write_csv, write_json
    from run.provenance import command_line, versions

    stem = args.output_dir / f"{result.stem}_latent_size_{subject.size}"
    saved = save_figure(result.figure, stem.with_suffix(".png"), svg=args.svg, show=args.show)
    saved += [stem.with_suffix(".csv"), stem.with_suffix(".json")]
    write_csv(saved[-2], list(result.records[0]), [list(record.values()) for record in result.records])
    write_json(
        saved[-1],
        {
            "mode": args.mode,
            "model": subject.model.family,
            "latent_size": subject.size,
            "dataset": subject.test_data.dataset,
            "split_fingerprint": subject.test_data.fingerprint,
            "checkpoints": {str(size): record["sha256"] for size, record in subject.records.items()},
            "pixel_range": "[0, 1]",
            **result.facts,
            "seed": args.seed,
            "command": command_line(),
            "versions": versions(),
        },
    )
    if result.images is not None:
        saved.append(stem.with_suffix(".npy"))
        with replacing(saved[-1]) as file:
            np.save(file, np.asarray(result.images, np.float32), allow_pickle=False)
    for path in saved:
        say(f"saved {printable(path)}")


if __name__ == "__main__":
    execute(main)
