"""Where images come from and how they are split.

Downloads and caches lie in this folder too, ignored by git. Importing the package is cheap: whatever is heavy is
imported when images are loaded.
"""

import argparse
import difflib
import os
import re
import shlex
import zipfile
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from data.annotations import FITS, FRAMES, UNLABELLED, Annotations
from data.tones import GROUNDS
from run.arguments import (
    add_choice,
    add_image_size,
    add_shared,
    add_value,
    add_value_range,
    name_or_path,
    nearest,
    path,
    real_number,
    same_word,
    whole_number,
)
from run.console import note, warn
from run.errors import BadInput, printable
from run.hints import own_command_for

if TYPE_CHECKING:
    from data.image_set import ImageSet

_ARCHIVES = {".zip": "zipfile"} | dict.fromkeys((".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz"), "tarfile")

# Every named set: what it holds, and the module and class of its source (see data/source.py). A module is imported when
# it is asked for, since --help has no time for it.
DATASETS = {
    "gtsrb": ("43 traffic signs", "data.gtsrb", "GTSRB"),
    "mnist": ("handwritten digits", "data.idx_sets", "MNIST"),
    "fashion_mnist": ("clothes", "data.idx_sets", "FashionMNIST"),
    "kmnist": ("10 Japanese letters", "data.idx_sets", "KMNIST"),
    "emnist": ("47 letters and digits", "data.idx_sets", "EMNIST"),
    "cifar10": ("10 kinds of things", "data.torchvision_sets", "CIFAR10"),
    "cifar100": ("100 kinds of things", "data.torchvision_sets", "CIFAR100"),
    "svhn": ("house numbers", "data.torchvision_sets", "SVHN"),
    "stl10": ("10 kinds of things at 96x96", "data.torchvision_sets", "STL10"),
    "digits": ("8x8 digits that scikit-learn ships: no download", "data.digits", "Digits"),
}

NEAR_DUPLICATES = ("keep", "report", "ignore")
SPLIT_KINDS = ("published", "group", "random")
VAL_FRACTION = 0.05  # of each class's images beside the test images; they are watched and not trained on

_LOOKED_AT = 10_000  # entries of a folder that are looked through for a hint
_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".gif", ".bmp", ".ppm")

_LISTED, _REASONS, _EXAMPLES = 20, 10, 3  # files left out that are named; where there are more: reasons, files of each


def add_data_arguments(group: argparse._ArgumentGroup) -> None:
    """The flags that say which images are read and how they are split."""
    named = ", ".join(f"{name} ({what})" for name, (what, *_) in DATASETS.items())
    which = f"any folder of images, one folder a class or flat; or one of {named}"
    add_value(group, "--dataset", _name_or_folder, "gtsrb", "NAME|DIR", which)
    add_shared(group, "data_dir")
    scaled = "height and width that every image is scaled to (default: the images' own where all share one, else 32)"
    add_image_size(group, scaled)
    group.add_argument("--grayscale", action="store_true", help="turn colours into one channel of brightness")
    add_annotation_arguments(group)
    add_pixel_arguments(group)
    add_choice(
        group, "--split", SPLIT_KINDS, None,
        "what the test images are: the published test set, whole groups (all frames of one object on one side), or "
        "drawn at random (default: published where there is one, group where groups are known, else random)",
    )  # fmt: skip
    alone = "seed of the split"
    add_value(group, "--split_seed", whole_number(0, 2**31 - 1), 0, "S", alone)
    add_value(group, "--test_fraction", real_number(0, 1), 0.1, "F", "part of each class held out for testing")
    add_value(group, "--max_train", whole_number(2), None, "N", "take at most N images for training and validation")
    add_value(group, "--max_test", whole_number(1), None, "N", "take at most N test images")


def add_annotation_arguments(group: argparse._ArgumentGroup) -> None:
    """The flags that say what the images of a folder are; see :class:`data.annotations.Annotations`."""
    table = "of a folder: tables of labels, CSV or JSON lines, a row an image (default: metadata.csv or .jsonl in it)"
    add_value(group, "--labels", path, None, "FILE", table, several=True)
    for column, what in (
        ("file", "that names the image, by relative path or bare name"),
        ("label", "of labels"),
        ("group", "of groups: images of one group stay on one side of the split"),
        ("split", "that says train, val or test"),
    ):
        add_value(
            group, f"--{column}_column", str, None, "NAME", f"its column {what} (default: found by its usual names)"
        )
    label = "of a folder: labels are what this regular expression finds in relative paths, as in '([a-z]+)_[0-9]+'"
    add_value(group, "--label_from", str, None, "REGEX", label)
    order = "of a folder: classes that come first, in this order; the others follow in natural order (2 before 10)"
    add_value(group, "--class_order", str, [], "NAME", order, several=True)
    nameless = "of a folder: images without a label among others are trained on, and never tested, or left out"
    add_choice(group, "--unlabelled", UNLABELLED, "train", nameless)
    together = "of a folder: images in whose relative paths this finds the same text stay on one side of the split"
    add_value(group, "--group_from", str, None, "REGEX", together)
    add_choice(
        group, "--near_duplicates", NEAR_DUPLICATES, "keep",
        "of a folder: copies that were re-encoded or resized are kept on one side of the split, are reported alone, or "
        "are not looked for",
    )  # fmt: skip


def add_pixel_arguments(group: argparse._ArgumentGroup) -> None:
    """The flags that say how the files of a folder become pixels."""
    levels = "of a folder: values that are black and white (default: found over all files with more than 8 bits)"
    add_value_range(group, levels)
    add_choice(group, "--frames", FRAMES, "first", "of a folder: frames of TIFF stacks and animations that are images")
    ways = "of a folder: images of other proportions are stretched, padded in their edge's colour, or cropped"
    add_choice(group, "--fit", FITS, "stretch", ways)
    seen = "of a folder: what transparent images are laid on (default: white, unless they could not be seen on it)"
    add_choice(group, "--ground", list(GROUNDS), None, seen)
    limit = "of a folder: read files of up to N pixels (default: 89,478,485; large JPEGs are reduced as they are read)"
    add_value(group, "--max_pixels", whole_number(1, 10**11), None, "N", limit)


def _name_or_folder(text: str) -> str:
    """An argparse type: a folder as it was typed, or a name of :data:`DATASETS`, in whatever way it is written."""
    text = name_or_path(text)
    return text if os.path.isdir(text) else same_word(text, list(DATASETS)) or text


def refuse_unknown_dataset(dataset: str) -> None:
    """Find out, before anything heavy is imported, that ``--dataset`` means nothing.

    Raises:
        BadInput: it is neither a known name nor a folder.
    """
    place = Path(dataset).expanduser()
    if dataset in DATASETS or place.is_dir():
        return
    ending = next((each for each in _ARCHIVES if place.name.lower().endswith(each)), None)
    if ending and place.is_file():
        folder, unpacks = str(place)[: -len(ending)], _ARCHIVES[ending]
        unpack = " ".join(["python -m", unpacks, "-e", *(shlex.quote(printable(each)) for each in (place, folder))])
        raise BadInput(
            f"{printable(dataset)} is an archive; unpack it, and give the folder: "
            f"{unpack} && {own_command_for(dataset, folder)}"
        )
    if place.exists():
        raise BadInput(_of_a_file(dataset, place))
    if re.match("[a-z]+://", dataset):
        raise BadInput(
            f"{printable(dataset)} is an address; download and unpack it first, and give the folder: "
            f"{own_command_for(dataset, 'FOLDER')}"
        )
    if re.match(r"[A-Za-z]:[\\/]|\\\\", dataset) and os.sep == "/":
        raise BadInput(
            f"{printable(dataset)} is a path of Windows, and this system is none; give the folder as it is called here "
            f"(under WSL C: is /mnt/c), or copy it here: {own_command_for(dataset, 'FOLDER')}"
        )
    near = nearest(dataset, list(DATASETS))
    if near and os.sep not in dataset:
        raise BadInput(
            f"{printable(dataset)} is neither a folder nor a known set; did you mean: {own_command_for(dataset, near)}"
        )
    if beside := _folder_nearby(place):
        raise BadInput(
            f"--dataset {printable(dataset)}: there is no such folder; did you mean: {own_command_for(dataset, beside)}"
        )
    known = ", ".join(DATASETS)
    there = next(each for each in place.absolute().parents if each.is_dir())
    where = f" (of its path, {printable(there)} is there)" if os.sep in dataset else ""
    raise BadInput(
        f"--dataset {printable(dataset)}: there is no such folder{where}; give a folder of images, or one of {known}: "
        f"{own_command_for(dataset, 'digits')}"
    )


def _of_a_file(dataset: str, place: Path) -> str:
    """What to do about a file where a folder was expected."""
    name, ending = printable(dataset), place.suffix.lower()
    if ending in (".npy", ".npz"):
        folder = place.with_name(f"{place.stem}_images")
        array = "np.load(sys.argv[1])" + ("" if ending == ".npy" else "[sys.argv[3]]")
        key = "" if ending == ".npy" else " " + shlex.quote(_images_in(place))
        writes = (
            "import sys, os, numpy as np; from PIL import Image; os.makedirs(sys.argv[2]); "
            '[Image.fromarray(x).save(sys.argv[2] + "/%05d.png" % n) for n, x in enumerate(' + array + ")]"
        )
        write = f"python -c {shlex.quote(writes)} {shlex.quote(str(place))} {shlex.quote(str(folder))}{key}"
        return (
            f"{name} is an array, and images are read from a folder of files; write each as a PNG (of 8 bits, N x "
            "height x width, or with 3 colours last), and give the folder: "
            f"{printable(write)} && {own_command_for(dataset, folder)}"
        )
    folder = Path(dataset).parent
    if any(each.suffix.lower() in _PICTURES or each.is_dir() for each in islice(folder.iterdir(), _LOOKED_AT)):
        return f"{name} is a file; give the folder that holds the images: {own_command_for(dataset, folder)}"
    return (
        f"{name} is a file, and images are read from a folder of files (PNG, JPEG, ...); write them into one, and give "
        f"it: {own_command_for(dataset, 'FOLDER')}"
    )


def _images_in(archive: Path) -> str:
    """The name of the first array of an .npz, which is a zip; ``arr_0`` is what NumPy calls it itself."""
    try:
        with zipfile.ZipFile(archive) as inside:
            return next(iter(inside.namelist())).removesuffix(".npy")
    except (OSError, zipfile.BadZipFile, StopIteration):
        return "arr_0"


def _folder_nearby(place: Path) -> Path | None:
    """The folder that a mistyped one most resembles, where it would lie; None if there is none."""
    try:
        beside = [each.name for each in islice(place.parent.iterdir(), _LOOKED_AT) if each.is_dir()]
    except OSError:
        return None
    near = difflib.get_close_matches(place.name, beside, n=1, cutoff=0.75)
    return place.with_name(near[0]) if near else None


def load_images(
    dataset: str,
    data_dir: Path,
    image_size: tuple[int, int] | None = None,
    grayscale: bool = False,
    num_workers: int | None = None,
    annotations: Annotations = Annotations(),  # noqa: B008  (frozen)
    is_new: bool = False,
    near_duplicates: bool = True,
) -> "ImageSet":
    """Read a named set or a folder of images; decoded once, and from the cache in ``data_dir`` afterwards.

    Args:
        dataset: a name of :data:`DATASETS`, or the path of a folder.
        data_dir: where named sets are looked for (and downloaded to), and where decoded images are kept.
        image_size: (height, width) to scale to; None for the images' own where all share one, else (32, 32).
        grayscale: turn colours into one channel. Without it a set whose images are all grey has one channel too.
        num_workers: how many decode at a time; None takes one a core.
        annotations: what is said of the images of a folder.
        is_new: whether they are images that a network is shown after its training, whose folders need mean nothing.
        near_duplicates: whether copies that are not equal bytes are looked for, in a folder.

    Raises:
        BadInput: no such set or folder, no readable image in it, or a set that can't be downloaded.
    """
    from data import cache, sources  # decoders, which --help and scripts that know only the names do not wait for

    if dataset in DATASETS and os.path.isdir(dataset):
        here = f".{os.sep}{dataset}"
        note(f"{dataset} is the set of that name; the folder of that name that is here would be --dataset {here}")
    source = sources.find(dataset, Path(data_dir), annotations, is_new)
    images = cache.load(source, Path(data_dir), image_size, grayscale, num_workers, near_duplicates)
    if images.layout:
        note(images.layout)
    for doubt in images.doubts:
        warn(doubt)
    if is_new and any(" --" in said or "(--" in said for said in (images.layout, *images.doubts)):
        note("the flags named above are those of train.py: new images are read as those of the training were")
    if images.left_out:
        warn(
            "\n  ".join([f"{len(images.left_out):,} of {printable(images.name)} left out:", *_listed(images.left_out)])
        )
    return images


def _listed(left_out: "tuple[tuple[str, str], ...]") -> list[str]:
    """Lines that name files and why they were left out; of many files, by reason, a few of each."""
    if len(left_out) <= _LISTED:
        return [f"{printable(sample_id)}: {printable(why)}" for sample_id, why in left_out]
    alike: dict[str, list[str]] = {}
    for sample_id, why in left_out:
        alike.setdefault(why, []).append(sample_id)
    often = sorted(alike.items(), key=lambda item: -len(item[1]))
    lines = []
    for why, sample_ids in often[:_REASONS]:
        some = ", ".join(map(printable, sample_ids[:_EXAMPLES])) + ", ..." * (len(sample_ids) > _EXAMPLES)
        lines.append(f"{len(sample_ids):,} {printable(why)}: {some}")
    rest = sum(len(sample_ids) for _, sample_ids in often[_REASONS:])
    return [*lines, f"{rest:,} for {len(often) - _REASONS:,} other reasons"] if rest else lines
