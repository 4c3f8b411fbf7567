"""Files that are masks of other pictures rather than pictures: they lie among them, and would be trained on."""

import re
from collections.abc import Sequence

from run.errors import printable

# benign (1)_mask.png beside benign (1).png, Part0_label.bmp beside Part0.jpg.
_MASK = re.compile(
    r"(.+?)[ _.-]*(?:masks?|labels?|seg(?:mentation)?|gt|ground[ _-]?truth|annotations?|matte)(?:[ _-]*[0-9]+)?", re.I
)
_USUAL = 0.1  # of the files are masks: then such names are no accident
_FOLDERS = {"mask", "masks", "groundtruth", "segmentation", "segmentations", "annotation", "annotations", "gt"}
_PICTURES = {"image", "images", "img", "imgs", "pictures", "photos", "jpegimages", "original", "rgb"}


def masks(paths: Sequence[str]) -> dict[int, str]:
    """Position -> why, of files that are masks by their names, or by folders such as ``Masks/`` beside ``Images/``.

    Those at the top are the layout's: two folders ``images/`` and ``masks/`` there may be classes, or a mistake.

    Args:
        paths: M relative paths.
    """
    stems = {path.rpartition(".")[0]: path for path in paths}
    found = {}
    for position, path in enumerate(paths):
        match = _MASK.fullmatch(path.rpartition(".")[0].rpartition("/")[2])
        folder = path[: path.rfind("/") + 1]
        if match and (picture := stems.get(folder + match[1])):
            found[position] = f"the mask of {printable(picture)}"
    if len(found) < _USUAL * len(paths):
        found = {}
    return found | _in_folders(paths)


def _in_folders(paths: Sequence[str]) -> dict[int, str]:
    folders = [path.split("/")[:-1] for path in paths]
    kinds = {
        tuple(folder[:depth]): _plain(folder[depth - 1]) for folder in folders for depth in range(2, len(folder) + 1)
    }
    with_pictures = {folder[:-1] for folder, kind in kinds.items() if kind in _PICTURES}
    of_masks = {folder for folder, kind in kinds.items() if kind in _FOLDERS and folder[:-1] in with_pictures}
    if not of_masks:
        return {}
    return {
        position: f"lies in {printable(folder[depth - 1])}, masks beside pictures"
        for position, folder in enumerate(folders)
        for depth in range(2, len(folder) + 1)
        if tuple(folder[:depth]) in of_masks
    }


def _plain(name: str) -> str:
    return re.sub("[^a-z]", "", name.lower())
