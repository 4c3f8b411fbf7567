"""Make images from latents: samples, a map of the latent space, ways between images, other labels; and neighbours.

Each mode reads a checkpoint and its test split, draws one figure, and writes the numbers behind it beside it.
"""

from __future__ import annotations

import argparse
import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from run import arguments as flags
from run.console import note, say, warn
from run.errors import BadInput, execute, printable

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

    from data.test_data import TestData
    from figure.sheet import Cell
    from model.autoencoder import Autoencoder

COMPARED = 200  # test images that samples are compared with: enough for a median
DRAWN_LABELS, DRAWN_SHEETS, DRAWN_DIMENSIONS = 12, 8, 8  # the numbers are of all


def parse_arguments() -> argparse.Namespace:
    parser = flags.parser(
        "python generate_images.py sample --latent_size 256",
        "Make images from latents, to see what a latent space is made of.\n"
        "python generate_images.py MODE --help shows the flags of a mode.",
    )
    add_mode, whole, modes = flags.add_modes(parser), flags.whole_number, []

    def add(mode: Callable[..., Result], size: int = 256) -> argparse._ArgumentGroup:
        example = f"python generate_images.py {mode.__name__} --latent_size {size}"
        modes.append(add_mode(mode.__name__, example, inspect.getdoc(mode)))  # what it does is said once
        group = modes[-1].add_argument_group("what is decoded")
        flags.add_model(group)
        flags.add_test_data(group)
        return modes[-1].add_argument_group("what is made")

    def add_images(meaning: str) -> None:
        meaning += ", by their rows in the test split, which every .csv calls test_row"
        flags.add_value(group, "--images", whole(0), None, "ROW", meaning, several=True)

    def add_labels() -> None:
        meaning = "networks that take labels: classes to decode under, by name or by number (default: all)"
        flags.add_value(group, "--labels", str, None, "LABEL", meaning, several=True)

    group = add(sample)
    latents = "where latents come from (default: prior where the network has one, else mixture)"
    flags.add_choice(group, "--source", ["prior", "mixture"], None, latents)
    flags.add_value(group, "--num_images", whole(1, 10000), 20, "M", "samples")
    fewest = "of 1, 2, 4, ... 64, the fewest under which other latents are as likely as any"
    flags.add_value(group, "--num_components", whole(1, 1000), None, "K", f"mixture: components (default: {fewest})")
    flags.add_choice(
        group, "--fit_on", ["train", "test"], None,
        "real images that the mixture is fitted on and samples are compared with (default: train where the training "
        "images are found, else test)",
    )  # fmt: skip
    add_labels()
    flags.add_shared(group, "data_dir")

    group = add(manifold, size=2)
    flags.add_value(group, "--grid", whole(2, 64), 12, "G", "images on a side of the grid")
    add_labels()

    group = add(interpolate)
    add_images("pairs of test images, A B for the way from A to B (default: 2 random pairs)")
    flags.add_value(group, "--steps", whole(2, 100), 9, "M", "images on each way, both ends among them")

    group = add(traverse)
    add_images("test images to begin from (default: a random one)")
    which = f"which, counted from 1 (default: the {DRAWN_DIMENSIONS} of largest variance)"
    flags.add_value(group, "--dimensions", whole(1), None, "D", which, several=True)
    flags.add_value(group, "--steps", whole(2, 100), 9, "M", "values of each dimension")

    group = add(relabel)
    add_images("test images to draw (default: 8 random ones of different classes; the table is of more)")
    add_labels()
    table_of = "random test images that the table is of, or all of them where there are fewer"
    flags.add_value(group, "--num_samples", flags.all_or_number(1), 1000, "M|all", table_of)
    flags.add_value(group, "--cnn_epochs", whole(1, 1000), 10, "E", "times the classifier sees each training image")
    learnt = "random training images that the classifier learns from"
    flags.add_value(group, "--max_fit", flags.all_or_number(2), 10000, "M|all", learnt)
    flags.add_shared(group, "data_dir")

    group = add(neighbours)
    add_images("test images to look from (default: 3 random ones of different classes)")
    flags.add_value(group, "--num_neighbours", whole(1, 50), 10, "K", "neighbours drawn of each")
    passed_over = "pass over images that belong together with the one looked from"
    group.add_argument("--other_groups", action="store_true", help=passed_over)

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

    @property
    def model(self) -> Autoencoder:
        """The network that was named."""
        return next(iter(self.models.values()))

    @functools.cached_property
    def latents(self) -> dict[int, np.ndarray]:
        """float32 (N, D) of the test images, by latent size."""
        from model.inference import encode

        return {size: encode(model, self.test_data.images) for size, model in self.models.items()}

    def labels(self, asked: list[str] | None) -> np.ndarray | None:
        """The classes to decode under, int64; None for a network that takes none."""
        from data.choice import choose_labels

        model = self.model
        known = model.num_classes if model.takes_labels else None
        return choose_labels(self.test_data.class_names, asked, known, model.architecture, model.latent_size)

    def original(self, row: int) -> Cell:
        """A test image as a cell of a sheet."""
        from figure.sheet import Cell

        return Cell(self.test_data.pixels(row), self.test_data.class_of(row))

    def title(self, text: str) -> str:
        """Of a figure."""
        from figure.style import shown

        return f"{shown(self.test_data.dataset)}: {text}"


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
    from data.test_data import load_test_data
    from model.checkpoint import load_checkpoint, load_with_sibling, require_split
    from run.device import choose_device

    device = choose_device(args.device)
    loaded = load_with_sibling(args.model_path) if with_sibling else {args.model_path: load_checkpoint(args.model_path)}
    test_data = load_test_data(args.test_data)
    for path, (_, record) in loaded.items():
        require_split(record, path, test_data.fingerprint, args.test_data)
    models = {model.latent_size: model.to(device) for model, _ in loaded.values()}
    return Subject(models, {model.latent_size: record for model, record in loaded.values()}, test_data)


def sample(subject: Subject, args: argparse.Namespace) -> Result:
    """Sample new images, each beside the real image nearest to it. Latents come from the prior of a variational
    network, or from a Gaussian mixture fitted on the latents of any.
    """
    import numpy as np

    from data.training_side import load_real_side
    from figure.generation import draw_samples
    from latent.mixture import choose_mixture
    from latent.neighbours import nearest_images
    from latent.samples import nearness, nearness_table, sample_records
    from model.inference import decode, encode

    model, test_data, count, size = subject.model, subject.test_data, args.num_images, subject.model.latent_size
    source = args.source or ("prior" if model.variational else "mixture")
    if source == "prior" and not model.variational:
        raise BadInput(
            f"a {model.architecture} network has no prior to sample from; use --source mixture, or train one that has: "
            f"python train.py --model vae --latent_size {size}"
        )
    labels = subject.labels(args.labels)
    real = load_real_side(args.fit_on, subject.records[size], test_data, args.data_dir, args.num_workers or None)
    random = np.random.default_rng(args.seed)
    if source == "prior":
        facts = {"source": "the prior, N(0, I)"}
        latents, components = random.standard_normal((count, size), np.float32), [""] * count
    else:
        note(f"fitting mixtures on latents of {len(real.images):,} {real.side} images")
        fitted = encode(model, real.images)
        judged = None if real.validation is None else encode(model, real.validation)
        mixture, facts = choose_mixture(fitted, judged, real.groups, real.side, args.num_components, args.seed, random)
        latents, components = mixture.sample(count, random)
    told = None if labels is None else np.resize(labels, count)
    made = decode(model, latents, told)
    nearest, *errors = nearest_images(made, real.images, real.groups)
    numbers = [nearness(f"samples ({count:,})", *errors)]
    if real.side == "training" or len(np.unique(real.groups)) > 1:
        rows = np.sort(random.permutation(len(test_data.images))[:COMPARED])
        own = real.groups[rows] if real.side == "test" else None
        _, *others = nearest_images(test_data.pixels(rows), real.images, real.groups, own)
        numbers.append(nearness(f"test images ({len(rows):,})", *others))
    say(nearness_table(numbers, real.side, facts["source"]))

    real_images = nearest, real.sample_ids, real.labels
    records = sample_records(components, told, *real_images, test_data.class_names, *errors)
    title = subject.title(f"samples of {model.architecture}, bottleneck {size}")
    figure = draw_samples(made, real.images[nearest], records, numbers, real.side, facts["source"], title)
    facts |= {"compared_with": f"{len(real.images):,} {real.side} images", "nearest": numbers}
    return Result("samples", figure, records, facts, made)


def manifold(subject: Subject, args: argparse.Namespace) -> Result:
    """Decode a grid over a bottleneck of 2, beside the test images' latents. The axes span the 1% to 99% quantiles
    of these.
    """
    import numpy as np

    from figure.manifold import draw_manifold
    from model.inference import decode
    from run.artefacts import model_path
    from stages.generation.points import RANGE, cell_records, cells_of, grid, plane

    model, test_data, count = subject.model, subject.test_data, args.grid
    if model.latent_size != 2:
        sibling = model_path(args.model_path.parent, 2)
        where = f"--model_path {printable(sibling)}" if sibling.exists() else "--latent_size 2, once it is trained"
        raise BadInput(
            f"a manifold is a plane, and {printable(args.model_path)} has a bottleneck of {model.latent_size}; take "
            f"that of 2: python generate_images.py manifold {where}"
        )
    labels, latents = subject.labels(args.labels), subject.latents[2]
    span = plane(latents)
    points = grid(span, count).reshape(-1, 2)
    sheets = []
    for label in [None] if labels is None else labels.tolist():
        images = decode(model, points, None if label is None else np.full(len(points), label))
        name = "" if label is None else test_data.class_names[label]
        sheets.append((name, images.reshape(count, count, *model.image_shape)))
    cells = cells_of(latents, span, count)
    filled, total, outside = len(np.unique(cells[cells >= 0])), len(latents), int((cells < 0).sum())
    say(f"{filled:,} of {count * count:,} cells hold a test image; {outside:,} of {total:,} lie outside the grid")
    title = subject.title(f"the latent space of {model.architecture}, bottleneck 2; axes: {RANGE}")
    remark = f"where {total - outside:,} of {total:,} test images lie"
    classes = test_data.labels, test_data.class_names
    figure = draw_manifold(sheets[:DRAWN_SHEETS], span, latents, *classes, title, remark)
    facts = {"range": RANGE, "span": span.tolist(), "cells_with_images": filled, "images_outside": outside}
    facts["labels"] = [] if labels is None else [name for name, _ in sheets]
    made = np.stack([images for _, images in sheets])
    records = cell_records(cells, *classes, span, count)
    return Result("manifold", figure, records, facts, made[0] if labels is None else made)


def interpolate(subject: Subject, args: argparse.Namespace) -> Result:
    """Decode the way from one test image to another, straight and round the centre. Both bottlenecks go it; the
    pixels themselves are faded as a baseline.
    """
    import numpy as np

    from data.choice import choose_pairs
    from figure.generation import Way, draw_ways
    from model.inference import decode
    from stages.generation.points import linear_path, measure_way, ways_between, ways_table

    test_data, steps = subject.test_data, args.steps
    pairs = choose_pairs(test_data, args.images, 2, args.seed)
    drawn, records, numbers = [], [], []
    for a, b in pairs:
        # a network that takes labels is told that of the nearer end
        told = None if test_data.labels is None else test_data.labels[np.where(np.arange(steps) < steps / 2, a, b)]
        found = []
        for size, model in subject.models.items():
            latents = subject.latents[size]
            centre = np.zeros(size, np.float32) if model.variational else latents.mean(axis=0)
            for way, points in ways_between(latents[a], latents[b], steps, centre).items():
                found.append((f"bottleneck {size}", way, points, decode(model, points, told)))
        faded = linear_path(test_data.pixels(a), test_data.pixels(b), steps)
        found.append(("pixels", "faded", faded.reshape(steps, -1), faded))
        ways = []
        for space, way, points, images in found:
            known = {"from_test_row": a, "to_test_row": b, "space": space, "way": way}
            measured, whole = measure_way(points, images, test_data.images[[a, b]])
            records += [{**known, "step": step, **each} for step, each in enumerate(measured)]
            numbers.append({"pair": f"{a} to {b}", **known, **whole})
            ways.append(Way(space, way, images, (whole["mse_at_start"], whole["mse_at_end"])))
        drawn.append((subject.original(a), subject.original(b), ways))
    say(ways_table(numbers))
    centre = "the prior's centre" if subject.model.variational else "the mean of the test images' latents"
    title = subject.title(f"test image to test image, {', '.join(f'{a} to {b}' for a, b in pairs[:6])}")
    figure = draw_ways(drawn, centre, subject.model.takes_labels, title)
    made = np.stack([way.images for _, _, ways in drawn for way in ways])
    return Result("interpolation", figure, records, {"ways": numbers, "round": f"about {centre}"}, made)


def traverse(subject: Subject, args: argparse.Namespace) -> Result:
    """Change one latent dimension of a test image at a time. Its values are quantiles of the test images' latents;
    the dimensions of largest variance come first.
    """
    import numpy as np

    from data.choice import choose_images, require_images
    from figure.generation import draw_traversals
    from model.inference import decode
    from stages.generation import points as ways

    model, test_data, size, steps = subject.model, subject.test_data, subject.model.latent_size, args.steps
    latents = subject.latents[size]
    wanted = ways.choose_dimensions(latents, args.dimensions, DRAWN_DIMENSIONS)
    require_images(test_data, 2, "a range of values")
    chosen = choose_images(test_data, args.images, 1, args.seed)
    levels = np.linspace(ways.LOWEST, ways.HIGHEST, steps)
    values = np.quantile(latents[:, wanted], levels, axis=0).astype(np.float32)
    decoded, made = [], np.empty((len(chosen), len(wanted), steps, *model.image_shape), np.float32)
    for place, row in enumerate(chosen):
        told = None if test_data.labels is None else np.repeat(test_data.labels[[row]], steps)
        decoded.append(decode(model, latents[[row]], None if told is None else told[:1])[0])
        for column, dimension in enumerate(wanted):
            made[place, column] = decode(model, ways.traversal(latents[row], dimension, values[:, column]), told)
    numbers = ways.measure_traversal(latents, wanted, values, made)
    say(ways.traversal_table(numbers))
    originals, own = [subject.original(row) for row in chosen], latents[np.ix_(chosen, wanted)]
    title = subject.title(f"{model.architecture}, bottleneck {size}, one dimension at a time")
    figure = draw_traversals(originals, decoded, made, own, values, levels, numbers, len(latents), title)
    known = [{"test_row": row, "sample_id": test_data.sample_ids[row]} for row in chosen]
    records = ways.traversal_records(known, wanted, levels, values, made, decoded)
    facts = {"range": ways.RANGE, "dimensions": numbers}
    return Result("traversal", figure, records, facts, made.reshape(-1, steps, *model.image_shape))


def relabel(subject: Subject, args: argparse.Namespace) -> Result:
    """Decode the same test images under every label, and count how often a classifier reads it. The network has to
    take labels; the classifier is trained on original training images, and kept in OUTPUT_DIR/reader.pth.
    """
    import numpy as np

    from data.choice import choose_images
    from data.training_side import random_originals
    from figure.generation import draw_relabelled
    from latent import relabelling as relabels
    from model.inference import decode
    from model.reading import kept_or_trained, read

    model, test_data, size = subject.model, subject.test_data, subject.model.latent_size
    record = subject.records[size]
    if not model.takes_labels:
        raise BadInput(
            f"a {model.architecture} network takes no labels, so no image can be decoded under another one; train one that "
            f"does: python train.py --model cvae --latent_size {size}"
        )
    if test_data.labels is None:
        raise BadInput(
            f"{printable(args.test_data)} has no labels, so there is none to change; take the test_data.pth that "
            "train.py wrote beside the checkpoint"
        )
    labels = subject.labels(args.labels)
    chosen = choose_images(test_data, args.images, 8, args.seed)
    shuffled = np.random.default_rng(args.seed).permutation(len(test_data.images))
    rows = np.sort(shuffled[: args.num_samples])  # all of them for None
    latents, own = subject.latents[size], test_data.labels[rows]

    def originals() -> tuple[np.ndarray, np.ndarray]:
        return random_originals(record, args.data_dir, args.num_workers or None, args.max_fit, args.seed)

    origin = {"cnn_epochs": args.cnn_epochs, "max_fit": args.max_fit, "seed": args.seed}
    origin["fingerprint"] = record["fingerprint"]
    path = args.output_dir / "reader.pth"
    device = next(model.parameters()).device
    reader, is_new = kept_or_trained(path, origin, model.image_shape, model.num_classes, originals, device)
    if is_new:
        say(f"saved {printable(path)}")
    before = decode(model, latents[rows], own)
    read_before = read(reader, before)

    def decoded_as(others: np.ndarray, label: int) -> tuple[np.ndarray, np.ndarray]:
        made = decode(model, latents[rows[others]], np.full(len(others), label))
        return made, read(reader, made)

    numbers = relabels.measure_labels(labels, test_data.class_names, own, before, read_before, decoded_as)
    right = relabels.read_correctly(own, read(reader, test_data.images[rows]), read_before)
    apart, every = relabels.mse_between_classes(before, own, args.seed), numbers[-1]
    say(relabels.relabelling_table(numbers, right, apart, model.num_classes))
    if every["read_as_it"] < every["so_before"] + 0.1:
        warn("the label hardly changes what is read: this network makes the class from the latents, or no class at all")

    drawn = labels[:DRAWN_LABELS]
    pictures = np.stack([decode(model, np.repeat(latents[[row]], len(drawn), axis=0), drawn) for row in chosen])
    decoded = [decode(model, latents[[row]], test_data.labels[[row]])[0] for row in chosen]
    seen = [read(reader, each) for each in pictures]
    reading = relabels.reading_in_words(every, right, len(rows))
    reading += f"\nthe first {len(drawn)} of {len(labels)} labels" if len(drawn) < len(labels) else ""
    title = subject.title(f"the same latents of {model.architecture}, bottleneck {size}, decoded under other labels")
    cells = [(row, subject.original(row)) for row in chosen]
    figure = draw_relabelled(cells, decoded, pictures, seen, drawn, test_data.class_names, reading, title)
    learnt = f"ConvClassifier, {args.cnn_epochs} epochs of at most {args.max_fit or 'all'} original training images"
    facts = {"classifier": learnt, "reads_correctly": right, "drawn_test_rows": chosen, "labels": numbers}
    facts["mse_between_images_of_different_classes"] = apart
    return Result("relabelled", figure, numbers, facts, pictures)


def neighbours(subject: Subject, args: argparse.Namespace) -> Result:
    """Show the test images nearest to a test image, in both latent spaces and pixel by pixel. It also counts how
    often the 10 nearest of each test image are of its class.
    """
    import numpy as np

    from data.choice import choose_images, require_images
    from figure.generation import draw_neighbours
    from latent import neighbours as near

    test_data, groups = subject.test_data, subject.test_data.groups
    require_images(test_data, 2, "a neighbour")
    chosen = choose_images(test_data, args.images, 3, args.seed)
    spaces = {f"bottleneck {size}": latents for size, latents in subject.latents.items()}
    spaces["pixels"] = test_data.pixels(slice(None)).reshape(len(groups), -1)
    asked, apart = np.array(chosen), groups if args.other_groups else None
    found = {name: near.nearest_rows(space, asked, args.num_neighbours, apart) for name, space in spaces.items()}
    numbers = near.agreement_of_spaces(spaces, test_data.labels, groups, args.seed)
    together = len(np.unique(groups)) < len(groups)
    protocol = near.PROTOCOL + (near.LEFT_OUT if together else "")
    say(f"{near.agreement_table(numbers)}\n({protocol})")

    lines, records = [], []
    known = [test_data.class_of(row) for row in range(len(groups))], test_data.sample_ids, groups
    for place, row in enumerate(chosen):
        for space, (others, distances) in found.items():
            mine = near.neighbour_records(row, others[place], distances[place], *known)
            records += [{"test_row": row, "class": test_data.class_of(row), "space": space, **each} for each in mine]
            lines.append((subject.original(row), space, mine))
    remark = near.agreement_in_words(numbers, together, args.other_groups)
    title = subject.title("the nearest test images, from near to far")
    figure = draw_neighbours(lines, len(spaces), test_data.images, args.num_neighbours, remark, title)
    facts = {"protocol": protocol, "neighbours": near.NEIGHBOURS, "spaces": numbers}
    return Result("neighbours", figure, records, facts)


def save(result: Result, subject: Subject, args: argparse.Namespace) -> None:
    """Write the figure, and beside it its numbers and its images; say where they are."""
    import numpy as np

    from figure.style import save_figure
    from run.artefacts import atomic_write, write_csv, write_json
    from run.provenance import command_line, versions

    stem = args.output_dir / f"{result.stem}_latent_size_{subject.model.latent_size}"
    saved = save_figure(result.figure, stem.with_suffix(".png"), svg=args.svg, show=args.show)
    saved += [stem.with_suffix(".csv"), stem.with_suffix(".json")]
    write_csv(saved[-2], list(result.records[0]), [list(record.values()) for record in result.records])
    write_json(
        saved[-1],
        {
            "mode": args.mode,
            "model": subject.model.architecture,
            "latent_size": subject.model.latent_size,
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
        with atomic_write(saved[-1]) as file:
            np.save(file, result.images, allow_pickle=False)
    for path in saved:
        say(f"saved {printable(path)}")


if __name__ == "__main__":
    execute(main)
