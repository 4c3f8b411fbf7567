"""Show what is in the data: counts, sizes, samples, mean images, duplicates, and what could not be read."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from data import VAL_FRACTION, add_data_arguments
from run import arguments as flags
from run.console import note, say, table, warn
from run.errors import BadInput, execute, printable

if TYPE_CHECKING:
    import numpy as np

    from data.image_set import ImageSet
    from data.split import Split

_LISTED = 8


def parse_arguments() -> argparse.Namespace:
    parser = flags.parser(
        "python viz_dataset.py --dataset gtsrb",
        "Show what is in the data before anything is trained: images of each class on each side of the split, the\n"
        "sizes they came in, samples and the mean image of each class, images that are the same, unreadable files.",
    )
    group = parser.add_argument_group("images and split")
    add_data_arguments(group)
    group = parser.add_argument_group("what is drawn")
    flags.add_value(group, "--num_images", flags.whole_number(1, 64), 10, "M", "random images of each class")
    flags.add_shared(parser.add_argument_group("run"), "output_dir", "seed", "num_workers", "svg", "show")
    return parser.parse_args()


def main() -> None:
    args = parse_arguments()

    import numpy as np

    from data import load_images
    from data.inventory import duplicates, in_conflict, mean_image, members_of_classes, original_sizes
    from figure.dataset import draw_counts, draw_samples
    from figure.style import save_figure, shown
    from run.artefacts import write_csv, write_json
    from run.provenance import command_line, versions

    image_set = load_images(args.dataset, args.data_dir, args.image_size, args.grayscale, args.num_workers or None)
    split = split_if_possible(image_set, args)
    members = members_of_classes(image_set)
    names = image_set.class_names or ("all images",)
    same = duplicates(image_set)
    conflicts = [group for group in same if in_conflict(image_set, group)]
    note("reading the sizes that the images came in")
    sizes = original_sizes(args.dataset, args.data_dir, image_set)
    sides = counts_of_sides(image_set, split, members)

    counts = np.array([len(rows) for rows in members])
    facts = facts_of(image_set, counts, same, conflicts, None if sizes is None else sizes[1])
    facts |= {"split": None} if split is None else {"split": split.kind, "fingerprint": split.fingerprint}
    say(describe(image_set, facts, names, counts))
    say(table(["class", *(side for side, _ in sides), "all"], class_rows(names, sides, counts)))
    say(describe_duplicates(image_set, same, conflicts))

    stem = args.output_dir / "dataset"
    paths = [stem.with_name(f"dataset{end}") for end in ("_classes.csv", "_duplicates.csv", "_unreadable.csv", ".json")]
    write_csv(
        paths[0],
        ["class", *(side for side, _ in sides), "all", "median height", "median width"],
        [
            [*row[:-1], row[-1], *median_size(rows, sizes)]
            for row, rows in zip(class_rows(names, sides, counts), members, strict=True)
        ],
    )
    write_csv(
        paths[1], ["group", "sample_id", "class", "side", "classes differ"], duplicate_rows(image_set, split, same)
    )
    write_csv(paths[2], ["sample_id", "reason"], [list(each) for each in image_set.left_out])
    write_json(
        paths[3],
        {
            "dataset": image_set.name,
            **facts,
            "images_of_class": {name: int(count) for name, count in zip(names, counts, strict=True)},
            "seed": args.seed,
            "command": command_line(),
            "versions": versions(),
        },
    )

    random = np.random.default_rng(args.seed)
    sheet = []
    for name, rows in zip(names, members, strict=True):
        chosen = choose_samples(rows, image_set.groups, args.num_images, random)
        sheet.append((name, mean_image(image_set.images, rows), image_set.images[chosen]))
    title = f"{shown(image_set.name)}: {len(image_set):,} images"
    title += f" of {len(names)} classes" if image_set.labels is not None else ", no classes"
    figures = {
        "dataset_counts.png": draw_counts(
            names, sides, None if sizes is None else sizes[1], f"{title}{imbalance(facts)}", footer(facts)
        ),
        "dataset_samples.png": draw_samples(
            sheet,
            min(args.num_images, int(counts.max())),
            f"{title}, as a network sees them: {' x '.join(map(str, image_set.images.shape[1:]))}",
        ),
    }
    for name, figure in figures.items():  # last, since a window that is shown keeps everything waiting
        paths += save_figure(figure, args.output_dir / name, svg=args.svg, show=args.show)
    for path in paths:
        say(f"saved {printable(path)}")


def choose_samples(rows: np.ndarray, groups: np.ndarray, wanted: int, random: np.random.Generator) -> np.ndarray:
    """Some of ``rows`` at random, of as many groups as there are: a track's frames look alike."""
    import numpy as np

    shuffled = random.permutation(rows)
    firsts = np.unique(groups[shuffled], return_index=True)[1]
    others = np.setdiff1d(np.arange(len(rows)), firsts)
    return shuffled[np.concatenate([np.sort(firsts), others])[:wanted]]


def split_if_possible(image_set: ImageSet, args: argparse.Namespace) -> Split | None:
    """The split that train.py would make with these arguments; None, with a warning, where there is none to make.

    Raises:
        BadInput: a kind of split was asked for that these images can't have.
    """
    from data.split import split_images

    try:
        return split_images(
            image_set,
            kind=args.split,
            test_fraction=args.test_fraction,
            val_fraction=VAL_FRACTION,
            max_train=args.max_train,
            max_test=args.max_test,
            seed=args.split_seed,
        )
    except BadInput as error:
        if args.split is not None:
            raise
        warn(f"these images can't be trained on: {error}")
        return None


def counts_of_sides(
    image_set: ImageSet, split: Split | None, members: list[np.ndarray]
) -> list[tuple[str, np.ndarray]]:
    """(name, images of each class) of training, validation and test; of all images where there is no split."""
    import numpy as np

    if split is None:
        return [("images", np.array([len(rows) for rows in members]))]
    labels = np.zeros(len(image_set), np.int64) if image_set.labels is None else image_set.labels
    sides = [("train", split.train), ("val", split.val), ("test", split.test)]
    return [(name, np.bincount(labels[rows], minlength=len(members))) for name, rows in sides]


def facts_of(
    image_set: ImageSet,
    counts: np.ndarray,
    same: list[np.ndarray],
    conflicts: list[np.ndarray],
    sizes: np.ndarray | None,
) -> dict[str, Any]:
    """The numbers about the whole set, in plain types."""
    import numpy as np

    facts: dict[str, Any] = {
        "images": len(image_set),
        "shape": list(image_set.images.shape[1:]),
        "unreadable": len(image_set.left_out),
        "groups": int(image_set.groups.max()) + 1,
        "same_pixels_groups": len(same),
        "same_pixels_images": int(sum(len(group) for group in same)),
        "same_pixels_different_classes": len(conflicts),
    }
    if image_set.labels is not None:
        facts |= {
            "classes": len(counts),
            "largest_class": int(counts.max()),
            "smallest_class": int(counts.min()),
            "imbalance_ratio": float(counts.max() / counts.min()),
            "largest_class_share": float(counts.max() / counts.sum()),
        }
    if sizes is not None:
        for row, side in enumerate(("height", "width")):
            low, median, high = np.percentile(sizes[:, row], [0, 50, 100])
            facts[f"original_{side}"] = {"smallest": int(low), "median": float(median), "largest": int(high)}
    return facts


def describe(image_set: ImageSet, facts: dict[str, Any], names: tuple[str, ...], counts: np.ndarray) -> str:
    """The set in a few lines."""
    shape = " x ".join(map(str, facts["shape"]))
    lines = [f"{printable(image_set.name)}: {facts['images']:,} images, {shape} (channels x height x width)"]
    if "original_height" in facts:
        height, width = facts["original_height"], facts["original_width"]
        lines.append(
            f"they came as {height['smallest']} x {width['smallest']} to {height['largest']} x {width['largest']}, "
            f"median {height['median']:.0f} x {width['median']:.0f}"
        )
    if facts["groups"] < facts["images"]:
        lines.append(f"{facts['groups']:,} when those of one group or equal pixels count as one")
    if "classes" in facts:
        lines.append(
            f"{facts['classes']} classes; the largest ({printable(names[counts.argmax()])}, {counts.max():,}) has "
            f"{facts['imbalance_ratio']:.1f} times the images of the smallest ({printable(names[counts.argmin()])}, "
            f"{counts.min():,}); always guessing the largest is right for {facts['largest_class_share']:.1%}"
        )
    lines.append(f"{facts['unreadable']:,} unreadable files left out")
    return "\n".join([*lines, ""])


def imbalance(facts: dict[str, Any]) -> str:
    if facts.get("classes", 1) < 2:
        return ""
    return f", the largest {facts['imbalance_ratio']:.1f} times the smallest"


def footer(facts: dict[str, Any]) -> str:
    text = "no two images have the same pixels"
    if facts["same_pixels_images"]:
        text = f"{facts['same_pixels_images']:,} images have the same pixels as another"
    if facts["same_pixels_different_classes"]:
        text += f" ({facts['same_pixels_different_classes']:,} groups of them with different classes)"
    return f"{text}; {facts['unreadable']:,} unreadable files left out"


def class_rows(names: tuple[str, ...], sides: list[tuple[str, np.ndarray]], counts: np.ndarray) -> list[list[object]]:
    return [
        [name, *(int(side[row]) for _, side in sides), int(count)]
        for row, (name, count) in enumerate(zip(names, counts, strict=True))
    ]


def median_size(rows: np.ndarray, sizes: tuple[np.ndarray, np.ndarray] | None) -> list[object]:
    """Median height and width of the images at ``rows`` whose sizes are known; "" where none is."""
    import numpy as np

    if sizes is None or not (known := np.isin(sizes[0], rows)).any():
        return ["", ""]
    return np.median(sizes[1][known], axis=0).tolist()


def describe_duplicates(image_set: ImageSet, same: list[np.ndarray], conflicts: list[np.ndarray]) -> str:
    """How many images are the same as another, and which do so under different classes."""
    if not same:
        return "\nno two images have the same pixels"
    lines = [f"\n{sum(map(len, same)):,} images in {len(same):,} groups have the same pixels (dataset_duplicates.csv)"]
    if conflicts:
        lines.append(f"{len(conflicts):,} of these groups have different classes, of which at most one can be right:")
        for group in conflicts[:_LISTED]:
            listed = [
                f"{printable(image_set.sample_ids[row])} ({printable(image_set.class_names[image_set.labels[row]])})"
                for row in group[:4]
            ]
            lines.append(f"  {', '.join(listed)}{' ...' if len(group) > 4 else ''}")
        if len(conflicts) > _LISTED:
            lines.append(f"  and {len(conflicts) - _LISTED:,} more")
    return "\n".join(lines)


def duplicate_rows(image_set: ImageSet, split: Split | None, same: list[np.ndarray]) -> list[list[object]]:
    """A row for each image that is the same as another: its group, name, class, side, and whether classes differ."""
    from data.inventory import in_conflict

    side_of = {}
    if split is not None:
        for side in ("train", "val", "test"):
            side_of |= dict.fromkeys(getattr(split, side).tolist(), side)
    return [
        [
            number,
            image_set.sample_ids[row],
            "" if image_set.labels is None else image_set.class_names[image_set.labels[row]],
            side_of.get(row, "left out"),
            "yes" if in_conflict(image_set, group) else "no",
        ]
        for number, group in enumerate(same)
        for row in group.tolist()
    ]


if __name__ == "__main__":
    execute(main)
