"""Files that are masks of other pictures rather than pictures: they lie among them, and would be trained on."""

import os
import re
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
from PIL import Image

from data.decode import opened, quiet_pillow
from run.errors import printable

# benign (1)_mask.png beside benign (1).png, Part0_label.bmp beside Part0.jpg.
_MASK = re.compile(
    r"(.+?)[ _.-]*(?:masks?|labels?|seg(?:mentation)?|gt|ground[ _-]?truth|annotations?|matte)(?:[ _-]*[0-9]+)?", re.I
)
_MAYBE = re.compile("mask|label|seg|gt|truth|annotation|matte", re.IGNORECASE)
_USUAL = 0.1  # of the files are masks: then such names are no accident
_LOOKED_AT = 9  # of them
_SIDE, _BINS, _TONES, _SHARE = 64, 64, 6, 0.9  # pixels looked at, tones told apart, of which 6 are most of a mask
_FOLDERS = {
    "mask",
    "masks",
    "groundtruth",
    "segmentation",
    "segmentations",
    "annotation",
    "annotations",
    "gt",
    "labels",
    "label",
}
_PICTURES = {"image", "images", "img", "imgs", "pictures", "photos", "jpegimages", "original", "rgb"}


def masks(paths: Sequence[str], place: str) -> dict[int, str]:
    """Position -> why, of files that are masks by their names, or by folders such as ``Masks/`` beside ``Images/``.

    Some of them are looked at: a photograph of somebody with a mask is a picture. Folders at the top are the layout's:
    ``images/`` and ``masks/`` there may be classes, or a mistake.

    Args:
        paths: M relative paths.
        place: the folder that they are relative to.
    """
    found, maybe = {}, [position for position, path in enumerate(paths) if _MAYBE.search(path)]
    stems = {path.rpartition(".")[0]: path for path in paths} if maybe else {}
    for position in maybe:
        folder, slash, name = paths[position].rpartition("/")
        match = _MASK.fullmatch(name.rpartition(".")[0])
        if match and (picture := stems.get(folder + slash + match[1])):
            found[position] = f"the mask of {printable(picture)}"
    if len(found) < _USUAL * len(paths):
        found = {}
    found |= mask_folders(paths, 2)
    some = list(found)[:: max(1, len(found) // _LOOKED_AT)]
    flat = sum(_has_few_tones(os.path.join(place, paths[position])) for position in some)
    return found if 2 * flat > len(some) else {}


def _has_few_tones(path: str) -> bool:
    """Whether nearly all of a picture is of a few values, as of a mask, even a JPEG; True where it can't be read."""
    with suppress(Exception), quiet_pillow(), opened(path, (_SIDE, _SIDE), None) as (image, _):
        image = image if image.mode in ("L", "P", "1") or image.mode.startswith(("I", "F")) else image.convert("L")
        values = np.asarray(image.resize((_SIDE, _SIDE), Image.Resampling.NEAREST)).ravel().astype(float)
        counts, _ = np.histogram(values, _BINS)
        return bool(np.sort(counts)[-_TONES:].sum() >= _SHARE * len(values))
    return True


def mask_folders(paths: Sequence[str], first: int) -> dict[int, str]:
    """Position -> why, of files below folders such as ``Masks/`` beside ``Images/``, from a ``first`` depth on."""
    folders = {tuple(folder.split("/")) for folder in {path.rpartition("/")[0] for path in paths}}
    kinds = {folder[:depth]: _plain(folder[depth - 1]) for folder in folders for depth in range(first, len(folder) + 1)}
    with_pictures = {folder[:-1] for folder, kind in kinds.items() if kind in _PICTURES}
    of_masks = {folder for folder, kind in kinds.items() if kind in _FOLDERS and folder[:-1] in with_pictures}
    return {
        position: f"lies in {printable(folder[-1])}, masks beside pictures"
        for folder in of_masks
        for position, path in enumerate(paths)
        if path.startswith("/".join(folder) + "/")
    }


def _plain(name: str) -> str:
    return re.sub("[^a-z]", "", name.lower())
