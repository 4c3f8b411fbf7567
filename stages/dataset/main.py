"""viz_dataset.py: images and the split that would be made of them -> counts, samples, duplicates, unreadable files."""

import math
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from data import VAL_FRACTION, load_images
from data.annotations import Annotations
from data.image_set import ImageSet
from data.near_duplicates import near_duplicates
from data.split import Split, shortened, split_images
from figure.class_sheet import draw_class_sheet
from figure.fonts import settle_names
from figure.style import save_figure, shown
from run.artefacts import file_sha256, write_csv, write_json
from run.command_words import edited
from run.console import count, note, say, table, warn
from run.errors import BadInput, printable
from run.hints import command
from run.provenance import command_line, versions
from stages.dataset import words
from stages.dataset.counts_figure import draw_counts
from stages.dataset.inventory import Inventory, mean_image, original_sizes
from stages.dataset.pairs_figure import draw_pairs

_BATCH = 128  # of train.py, unless it is told otherwise


@dataclass(frozen=True)
class Settings:
    """The flags of viz_dataset.py."""

    dataset: str
    data_dir: Path
    image_size: tuple[int, int] | None
    grayscale: bool
    labels: list[Path] | None
    file_column: str | None
    label_column: str | None
    group_column: str | None
    split_column: str | None
    label_from: str | None
    class_order: list[str]
    unlabelled: str
    group_from: str | None
    near_duplicates: str
    value_range: list[float] | None
    frames: str
    fit: str
    ground: str | None
    max_pixels: int | None
    split: str | None
    split_seed: int
    test_fraction: float
    max_train: int | None
    max_test: int | None
    num_images: int
    output_dir: Path
    seed: int
    num_workers: int  # images decoded at a time; 0 takes one a core
    svg: bool
    show: bool


def run(settings: Settings) -> None:
    """Say, write and draw what is in the data.

    Raises:
        BadInput: there are no such images, or a kind of split was asked for that they can't have.
    """
    annotations = Annotations.of(settings)
    image_set = load_images(
        settings.dataset,
        settings.data_dir,
        settings.image_size,
        settings.grayscale,
        settings.num_workers or None,
        annotations,
        near_duplicates=settings.near_duplicates != "ignore",
    )
    if (
        image_set.near_duplicates is None and settings.near_duplicates != "ignore"
    ):  # of a named set, whose split does not heed them
        note("looking for images that are nearly the same")
        image_set = replace(image_set, near_duplicates=near_duplicates(image_set.images))
    split = split_if_possible(image_set, settings)
    note("reading the sizes that the images came in")
    inventory = Inventory(
        image_set, split, *original_sizes(settings.dataset, settings.data_dir, image_set, annotations)
    )
    say(words.describe(inventory))
    header, rows = words.class_rows(inventory)
    say(table(header, shortened(rows)))
    say(words.describe_duplicates(inventory))
    say("\n".join(["", *words.describe_near_duplicates(inventory)]))
    paths = write_tables(inventory, settings)
    for sentence in settle_names(inventory.image_set.class_names):
        warn(sentence)
    made_of = {path.name: file_sha256(path) for path in paths if path.suffix == ".csv"}
    for name, figure in draw(inventory, settings).items():  # last, since a window that is shown keeps all waiting
        paths += save_figure(figure, settings.output_dir / name, made_of=made_of, svg=settings.svg, show=settings.show)
    for path in paths:
        say(f"saved {printable(path)}")
    if split is not None:
        say(f"\ntrain on them with: {train_command(settings, inventory)}")


def train_command(settings: Settings, inventory: Inventory) -> str:
    """The command that trains on these images: a size that is a bottleneck, and epochs for some 1,500 steps."""
    values, split = math.prod(inventory.image_set.images.shape[1:]), inventory.split
    size = min(64, 2 ** max(2, int(math.log2(values / 8))))
    steps = -(-len(split.trained_on) // _BATCH)
    epochs = min(60, max(10, -(-1500 // steps)))
    left_out = dict.fromkeys(("--show", "--svg", "--num_images", "--output_dir", "--seed"))
    changes = {**left_out, "--latent_size": [size], "--num_epochs": [epochs]}
    return command("train.py", *edited(sys.argv[1:], changes))


def split_if_possible(image_set: ImageSet, settings: Settings) -> Split | None:
    """The split that train.py would make with these arguments; None, with a warning, where there is none to make.

    Raises:
        BadInput: a kind of split was asked for that these images can't have.
    """
    try:
        return split_images(
            image_set,
            kind=settings.split,
            test_fraction=settings.test_fraction,
            val_fraction=VAL_FRACTION,
            max_train=settings.max_train,
            max_test=settings.max_test,
            seed=settings.split_seed,
            near_duplicates=settings.near_duplicates,
        )
    except BadInput as error:
        if settings.split is not None:
            raise
        warn(f"these images can't be trained on: {error}")
        return None


def write_tables(inventory: Inventory, settings: Settings) -> list[Path]:
    """Classes, duplicates and unreadable files as .csv, the facts as .json; their paths."""
    image_set = inventory.image_set
    names = ("_classes.csv", "_duplicates.csv", "_unreadable.csv", "_near_duplicates.csv", ".json")
    paths = [settings.output_dir / f"dataset{name}" for name in names]
    header, rows = words.class_rows(inventory)
    medians = [inventory.median_size(members) or ["", ""] for members in inventory.members]
    write_csv(
        paths[0],
        [*header, "median height", "median width"],
        [[*row, *median] for row, median in zip(rows, medians, strict=True)],
    )
    write_csv(paths[1], *words.duplicate_rows(inventory))
    write_csv(paths[2], ["sample_id", "reason"], [list(each) for each in image_set.left_out])
    write_csv(paths[3], *words.near_duplicate_rows(inventory))
    write_json(
        paths[4],
        {
            "dataset": image_set.name,
            **inventory.facts,
            "images_of_class": {
                name: int(count) for name, count in zip(inventory.names, inventory.counts, strict=True)
            },
            "made_of": {path.name: file_sha256(path) for path in paths[:-1]},
            "seed": settings.seed,
            "command": command_line(),
            "versions": versions(),
        },
    )
    return paths


def draw(inventory: Inventory, settings: Settings) -> dict[str, Figure]:
    """The figures by the names of their files: counts and sizes; samples and mean image of each class."""
    image_set = inventory.image_set
    title = f"{shown(image_set.name)}: {words.title(inventory)}"
    random = np.random.default_rng(settings.seed)
    sheet = []
    for name, rows in zip(inventory.names, inventory.members, strict=True):
        chosen = choose_samples(rows, image_set.groups, settings.num_images, random)
        sheet.append((name, mean_image(image_set.images, rows), image_set.images[chosen]))
    shape = " x ".join(map(str, image_set.images.shape[1:]))
    figures = {
        "dataset_counts.png": draw_counts(
            inventory.names,
            inventory.sides,
            inventory.sizes,
            f"{title}{words.imbalance(inventory)}",
            words.footer(inventory),
        ),
        "dataset_samples.png": draw_class_sheet(
            sheet, min(settings.num_images, int(inventory.counts.max())), f"{title}, as a network sees them: {shape}"
        ),
    }
    if pairs := words.drawn_pairs(inventory):
        wrong = sum(pair.is_wrong for pair in pairs)
        said = f"{title}, {count(len(pairs), 'pair')} of images nearly the same"
        said += f"; in red {wrong:,} of different classes or on both sides of the split" * (wrong > 0)
        figures["dataset_near_duplicates.png"] = draw_pairs(pairs, said)
    else:  # those of an earlier look would be taken for these
        (settings.output_dir / "dataset_near_duplicates.png").unlink(missing_ok=True)
    return figures


def choose_samples(rows: np.ndarray, groups: np.ndarray, wanted: int, random: np.random.Generator) -> np.ndarray:
    """Some of ``rows`` at random, of as many groups as there are: the images of one group look alike.

    Args:
        rows: int64 (M,) positions.
        groups: int64 (N,), of all images.
        wanted: how many at most.
        random: the source of chance.
    """
    shuffled = random.permutation(rows)
    firsts = np.unique(groups[shuffled], return_index=True)[1]
    others = np.setdiff1d(np.arange(len(rows)), firsts)
    return shuffled[np.concatenate([np.sort(firsts), others])[:wanted]]
