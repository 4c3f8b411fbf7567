"""An inventory in words and in rows of tables."""

import numpy as np

from data.split import notes
from run.console import count, verb
from run.errors import printable
from stages.dataset.inventory import Inventory, in_conflict
from stages.dataset.pairs_figure import Pair

_LISTED = 8


def describe(inventory: Inventory) -> str:
    """The set in a few lines."""
    facts, names, counts = inventory.facts, inventory.names, inventory.counts
    shape = " x ".join(map(str, facts["shape"]))
    lines = [
        f"{printable(inventory.image_set.name)}: {count(facts['images'], 'image')}, {shape} (channels x height x width)"
    ]
    if "original_height" in facts:
        height, width = facts["original_height"], facts["original_width"]
        lines.append(f"they came {_span(height)} pixels high and {_span(width)} wide")
    if facts["groups"] < facts["images"]:
        lines.append(f"{facts['groups']:,} independent ones: those of one group or of equal pixels count as one")
    if "classes" in facts and counts.max() == counts.min():
        lines.append(f"{count(facts['classes'], 'class')} of {count(int(counts[0]), 'image')} each")
    elif "classes" in facts:
        lines.append(
            f"{facts['classes']} class{'es' * (facts['classes'] != 1)}; the largest "
            f"({printable(names[counts.argmax()])}, {counts.max():,}) has {facts['imbalance_ratio']:.1f} times the "
            f"images of the smallest ({printable(names[counts.argmin()])}, {counts.min():,}); always guessing the "
            f"largest is right for {facts['largest_class_share']:.1%}"
        )
    lines.append(f"{count(facts['unreadable'], 'file')} left out")
    return "\n".join([*lines, ""])


def _span(side: dict[str, float]) -> str:
    """Of heights or widths, ``32``, or ``32 to 96 (median 64)``."""
    low, high = side["smallest"], side["largest"]
    return f"{low}" if low == high else f"{low} to {high} (median {side['median']:.0f})"


def class_rows(inventory: Inventory) -> tuple[list[str], list[list[object]]]:
    """A header, and of each class its images on each side and altogether."""
    sides = inventory.sides
    rows = [
        [name, *(int(counts[number]) for _, counts in sides), int(total)]
        for number, (name, total) in enumerate(zip(inventory.names, inventory.counts, strict=True))
    ]
    return ["class", *(side for side, _ in sides), "all"], rows


def describe_duplicates(inventory: Inventory) -> str:
    """How many images are the same as another, and which do so under different classes."""
    image_set, same, conflicts = inventory.image_set, inventory.same, inventory.conflicts
    if not same:
        return "\nno two images have the same pixels"
    images, groups = count(sum(map(len, same)), "image"), count(len(same), "group")
    lines = [f"\n{images} in {groups} have the same pixels (dataset_duplicates.csv)"]
    if conflicts:
        lines.append(
            f"{len(conflicts):,} of these groups {verb(len(conflicts), 'have')} different classes, of which at most "
            "one can be right:"
        )
        for group in conflicts[:_LISTED]:
            listed = [
                f"{printable(image_set.sample_ids[row])} ({printable(image_set.class_of(row)) or 'no label'})"
                for row in group[:4]
            ]
            lines.append(f"  {', '.join(listed)}{' ...' if len(group) > 4 else ''}")
        if len(conflicts) > _LISTED:
            lines.append(f"  and {len(conflicts) - _LISTED:,} more")
    return "\n".join(lines)


def describe_near_duplicates(inventory: Inventory) -> list[str]:
    """How many pairs are nearly the same, some of them by name, and what of the test images is trained on as well."""
    image_set, pairs = inventory.image_set, _unequal_pairs(inventory)
    if image_set.near_duplicates is None:
        lines = ["images that are nearly the same were not looked for (--near_duplicates keep or report)"]
    elif not len(pairs):
        lines = ["no two images are nearly the same (but for those with the same pixels)"]
    else:
        lines = [
            f"{count(len(pairs), 'pair')} of images {verb(len(pairs), 'are')} nearly the same "
            "(dataset_near_duplicates.csv, .png)"
        ]
        if image_set.labels is not None:
            first, second = image_set.labels[pairs].T
            differ = int(((first != second) & (first >= 0) & (second >= 0)).sum())
            if differ:
                lines[0] += (
                    f"; {differ:,} of them {verb(differ, 'have')} different classes, of which at most one can be right"
                )
        ids = image_set.sample_ids
        lines += [f"  {printable(ids[first])}, {printable(ids[second])}" for first, second in pairs[:_LISTED].tolist()]
        if len(pairs) > _LISTED:
            lines.append(f"  and {len(pairs) - _LISTED:,} more")
    if inventory.split is None:
        return lines
    return [*lines, *notes(image_set, inventory.split)]


def near_duplicate_rows(inventory: Inventory) -> tuple[list[str], list[list[object]]]:
    """A header, and of each pair of images that are nearly the same their names, classes and sides."""
    image_set, side_of = inventory.image_set, _sides(inventory)
    rows = [
        [
            value
            for row in pair
            for value in (image_set.sample_ids[row], image_set.class_of(row), side_of.get(row, "left out"))
        ]
        for pair in _unequal_pairs(inventory).tolist()
    ]
    return ["sample_id", "class", "side", "nearly_the_same", "its_class", "its_side"], rows


def drawn_pairs(inventory: Inventory) -> list[Pair]:
    """Images that are nearly the same, as they are drawn: first those of which something is wrong."""
    image_set, side_of = inventory.image_set, _sides(inventory)
    pairs = []
    for rows in _unequal_pairs(inventory).tolist():
        classes = [image_set.class_of(row) for row in rows]
        sides = [side_of.get(row, "left out") for row in rows]
        held_out = [side == "test" for side in sides]
        is_wrong = (all(classes) and classes[0] != classes[1]) or (
            held_out[0] != held_out[1] and "left out" not in sides
        )
        remarks = [f" ({each}, {side})" if each else f" ({side})" for each, side in zip(classes, sides, strict=True)]
        names = [image_set.sample_ids[row] for row in rows]
        pairs.append(Pair(np.asarray(image_set.images[rows]), tuple(names), tuple(remarks), is_wrong))
    return sorted(pairs, key=lambda pair: not pair.is_wrong)


def _unequal_pairs(inventory: Inventory) -> np.ndarray:
    """int64 (pairs, 2): images that are nearly, but not quite the same."""
    pairs, equal = inventory.image_set.near_duplicates, np.full(len(inventory.image_set), -1)
    for number, group in enumerate(inventory.same):
        equal[group] = number
    if pairs is None or not len(pairs):
        return np.empty((0, 2), np.int64)
    return pairs[(equal[pairs[:, 0]] < 0) | (equal[pairs[:, 0]] != equal[pairs[:, 1]])]


def _sides(inventory: Inventory) -> dict[int, str]:
    """Position of an image -> the side of the split that it is on."""
    side_of: dict[int, str] = {}
    if inventory.split is not None:
        split = inventory.split
        for side, rows in (("train", split.trained_on), ("val", split.val), ("test", split.test)):
            side_of |= dict.fromkeys(rows.tolist(), side)
    return side_of


def duplicate_rows(inventory: Inventory) -> tuple[list[str], list[list[object]]]:
    """A header, and of each image that is the same as another its group, name, class, side, and if classes differ."""
    image_set, side_of = inventory.image_set, _sides(inventory)
    rows = [
        [
            number,
            image_set.sample_ids[row],
            image_set.class_of(row),
            side_of.get(row, "left out"),
            "yes" if in_conflict(image_set, group) else "no",
        ]
        for number, group in enumerate(inventory.same)
        for row in np.asarray(group).tolist()
    ]
    return ["group", "sample_id", "class", "side", "classes differ"], rows


def title(inventory: Inventory) -> str:
    """``digits: 1,797 images of 10 classes``, for a figure, whose text is cleaned where it is drawn."""
    classes = len(inventory.names)
    kinds = f" of {classes} class{'es' * (classes != 1)}" if inventory.image_set.labels is not None else ", no classes"
    return f"{count(len(inventory.image_set), 'image')}{kinds}"


def imbalance(inventory: Inventory) -> str:
    """How unequal the classes are, to stand after a title; nothing where there are none."""
    if inventory.facts.get("classes", 1) < 2:
        return ""
    if inventory.facts["imbalance_ratio"] == 1:
        return f" of {count(int(inventory.counts[0]), 'image')} each"
    return f", the largest {inventory.facts['imbalance_ratio']:.1f} times the smallest"


def footer(inventory: Inventory) -> str:
    """What stands below the figure of counts: images that are the same, and files that could not be read."""
    facts = inventory.facts
    text = "no two images have the same pixels"
    if facts["same_pixels_images"]:
        text = f"{count(facts['same_pixels_images'], 'image')} have the same pixels as another"
    if facts["same_pixels_different_classes"]:
        text += f" ({count(facts['same_pixels_different_classes'], 'group')} of them with different classes)"
    return f"{text}; {count(facts['unreadable'], 'file')} left out"
