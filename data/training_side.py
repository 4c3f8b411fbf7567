"""The images that a checkpoint was trained on, found again from its own record; the test images where they are not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data import load_images
from data.image_set import ImageSet
from data.split import Split, split_images
from data.test_data import TestData
from run.console import warn
from run.errors import BadInput, printable


def load_split_of(record: Mapping[str, Any], data_dir: Path, num_workers: int | None = None) -> tuple[ImageSet, Split]:
    """Read the images again, split them as the training did, and check that the split is the very same.

    Args:
        record: of a checkpoint; its ``arguments`` say which images and how they were split, its ``fingerprint`` what
            came of it.
        data_dir: where data sets and decoded images are kept.
        num_workers: processes that decode; None takes one a core where they help.

    Raises:
        BadInput: the record does not say, the images are not there, or they are no longer those it was trained on.
    """
    asked = record.get("arguments")
    try:
        image_size = asked["image_size"]
        if image_size is not None and not (len(image_size) == 2 and all(8 <= side <= 1024 for side in image_size)):
            raise ValueError("no image size that --image_size takes")
        image_set = load_images(
            asked["dataset"],
            data_dir,
            None if image_size is None else (int(image_size[0]), int(image_size[1])),
            bool(asked["grayscale"]),
            num_workers,
        )
        split = split_images(
            image_set,
            kind=asked["split"],
            test_fraction=asked["test_fraction"],
            val_fraction=asked["val_fraction"],
            max_train=asked["max_train"],
            max_test=asked["max_test"],
            seed=asked["split_seed"],
        )
    except (KeyError, TypeError, IndexError, ValueError):
        raise BadInput(
            "the checkpoint does not say which images it was trained on; train again: python train.py --latent_size N"
        ) from None
    except BadInput as error:
        raise BadInput(f"the images that the checkpoint was trained on can't be read again: {error}") from None
    if split.fingerprint != record["fingerprint"]:
        raise BadInput(
            f"the images of {printable(asked['dataset'])} are not those that the checkpoint was trained on (files were "
            "added, removed or changed); put them back, or train again: python train.py --latent_size N"
        )
    return image_set, split


def warn_of_untested_classes(image_set: ImageSet, tested: np.ndarray) -> None:
    """Say which classes none of the images at ``tested`` (int64 positions) is of, since nothing is measured of them."""
    if image_set.labels is None:
        return
    counts = np.bincount(image_set.labels[tested], minlength=len(image_set.class_names))
    names = [printable(name) for name, count in zip(image_set.class_names, counts, strict=True) if not count]
    if names:
        names = names[:5] + [f"{len(names) - 5} more"] * (len(names) > 5)
        warn(
            f"no test image is of class {', '.join(names)}, so numbers say nothing of it; add images of it, or test on "
            "more: python train.py --test_fraction 0.3 --latent_size N"
        )


def random_originals(
    record: Mapping[str, Any], data_dir: Path, num_workers: int | None, most: int | None, seed: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """Training images of a checkpoint, uint8 (M, C, H, W), and their labels, int64 (M,): at most ``most`` random ones.

    Args:
        record, data_dir, num_workers: as of :func:`load_split_of`.
        most: None takes all.
        seed: of the choice.

    Raises:
        BadInput: as of :func:`load_split_of`.
    """
    image_set, split = load_split_of(record, data_dir, num_workers)
    rows = np.sort(np.random.default_rng(seed).permutation(split.train)[:most])
    return image_set.images[rows], None if image_set.labels is None else image_set.labels[rows]


@dataclass(frozen=True)
class RealSide:
    """Real images of one side of the split, to fit something on and to compare made images with."""

    side: str  # "training" or "test"
    images: np.ndarray  # uint8 (N, C, H, W)
    labels: np.ndarray | None  # int64 (N,)
    sample_ids: Sequence[str]  # N
    groups: np.ndarray  # int64 (N,): which belong together
    validation: np.ndarray | None  # uint8 (M, C, H, W): images of neither side; None where there are none


def load_real_side(
    side: str | None,
    record: Mapping[str, Any],
    test_data: TestData,
    data_dir: Path,
    num_workers: int | None = None,
) -> RealSide:
    """The training images of a checkpoint, or its test images.

    Args:
        side: ``train`` or ``test``; None takes the training images if they are found, else, with a warning, the test
            images.
        record, data_dir, num_workers: as of :func:`load_split_of`.
        test_data: of the same split.

    Raises:
        BadInput: training images were asked for, and aren't found.
    """
    if side != "test":
        try:
            image_set, split = load_split_of(record, data_dir, num_workers)
        except BadInput as error:
            if side == "train":
                raise BadInput(f"{error}; or take the test images: --fit_on test") from None
            warn(f"{error}; the test images are taken instead, as by --fit_on test")
        else:
            return RealSide(
                "training",
                image_set.images[split.train],
                None if image_set.labels is None else image_set.labels[split.train],
                [image_set.sample_ids[row] for row in split.train],
                image_set.groups[split.train],
                image_set.images[split.val] if len(split.val) else None,
            )
    return RealSide("test", test_data.images, test_data.labels, test_data.sample_ids, test_data.groups, validation=None)
