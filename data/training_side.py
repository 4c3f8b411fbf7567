"""The images that a checkpoint was trained on, found again from its own record."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from data import DATASETS, load_images
from data.annotations import Annotations
from data.image_set import ImageSet
from data.split import Split, split_images
from run import ranks
from run.console import warn
from run.errors import BadInput, printable
from run.hints import own_command, own_command_where_it_began, places_from_here, training_at_hand


def load_split_of(record: Mapping[str, Any], data_dir: Path, num_workers: int | None = None) -> tuple[ImageSet, Split]:
    """Read the images again, split them as the training did, and check that the split is the very same.

    Args:
        record: of a checkpoint; its ``arguments`` say which images and how they were split, its ``fingerprint`` what
            came of it.
        data_dir: where data sets and decoded images are kept.
        num_workers: how many decode at a time; None takes one a core.

    Raises:
        BadInput: the record does not say, the images are not there, or they are no longer those it was trained on.
    """
    asked = record.get("arguments")
    try:
        asked = _as_they_lie_from_here(asked)
        image_size = asked["image_size"]
        if image_size is not None and not (len(image_size) == 2 and all(8 <= side <= 1024 for side in image_size)):
            raise ValueError("no image size that --image_size takes")
        with ranks.first_on_machine():  # it decodes, the others of its machine read its cache
            image_set = load_images(
                asked["dataset"],
                data_dir,
                None if image_size is None else (int(image_size[0]), int(image_size[1])),
                bool(asked["grayscale"]),
                num_workers,
                Annotations.of(asked),
                near_duplicates=asked["near_duplicates"] != "ignore",
            )
        split = split_images(
            image_set,
            kind=asked["split"],
            test_fraction=asked["test_fraction"],
            val_fraction=asked["val_fraction"],
            max_train=asked["max_train"],
            max_test=asked["max_test"],
            seed=asked["split_seed"],
            near_duplicates=asked["near_duplicates"],
        )
    except (KeyError, TypeError, IndexError, ValueError):
        raise BadInput(
            f"the checkpoint does not say which images it was trained on; train again: {training_at_hand()}"
        ) from None
    except BadInput as error:
        raise BadInput(f"the images that the checkpoint was trained on can't be read again: {error}") from None
    if split.fingerprint != record["fingerprint"]:
        raise BadInput(
            f"the images of {printable(asked['dataset'])} are not those that the checkpoint was trained on (files were "
            f"added, removed or changed); put them back, or train again: {training_at_hand()}"
        )
    return image_set, split


def _as_they_lie_from_here(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a training, its folder of images and its tables found from the folder that one is in now.

    Raises:
        BadInput: the folder of images is not there.
    """
    dataset, labels = asked["dataset"], asked.get("labels") or []
    if dataset in DATASETS:
        return dict(asked)
    found = places_from_here([dataset])[0]
    if not Path(found).expanduser().is_dir():
        lost = f"--dataset {printable(dataset)} is no folder"
        if Path(dataset).is_absolute():
            raise BadInput(f"{lost} any more; put it back, and run the same again: {own_command({})}")
        raise BadInput(f"{lost} here; run it where train.py was run: {own_command_where_it_began()}")
    return {**asked, "dataset": found, "labels": places_from_here(labels) if labels else asked.get("labels")}


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
            f"more: {training_at_hand({'--test_fraction': [0.3], '--max_test': None})}"
        )
