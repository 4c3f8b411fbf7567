"""From what stands after ``--dataset`` to a source of images.

A source has a ``name``; the ``place`` of its files; ``key``, a digest that differs whenever those files do;
``cached``, whether decoding it is worth keeping; and ``open(image_size, grayscale, num_workers)``,
which gives its :class:`data.pictures.Pictures`; its arguments are those of :func:`data.load_images`.
"""

from pathlib import Path

import numpy as np

from data import refuse_unknown_dataset
from data.decode import Shape
from data.download import Origin, download
from data.folder import Folder
from data.pictures import Pictures
from data.published import PUBLISHED, Published, array_batches

# The 43 signs by class number, as the benchmark's own site describes them.
_SIGNS = (
    "20 km/h", "30 km/h", "50 km/h", "60 km/h", "70 km/h", "80 km/h", "end of 80 km/h", "100 km/h", "120 km/h",
    "no passing", "no passing for trucks", "priority at next crossing", "priority road", "yield", "stop",
    "no vehicles", "no trucks", "no entry", "danger", "bend left", "bend right", "double bend", "bumpy road",
    "slippery road", "road narrows", "road works", "traffic lights", "pedestrians", "children", "bicycles",
    "ice or snow", "wild animals", "end of limits", "turn right", "turn left", "ahead only", "ahead or right",
    "ahead or left", "keep right", "keep left", "roundabout", "end of no passing", "end of no passing for trucks",
)  # fmt: skip
_GTSRB = Origin(
    "GTSRB", ({"split": "train"},), ("https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/",)
)


class Digits:
    """The 1,797 digits of 8x8 pixels and 17 grey levels that scikit-learn ships."""

    name, place, key = "digits", "scikit-learn", ""
    cached = False  # they are part of an installed package, and small

    def open(self, image_size: tuple[int, int] | None, grayscale: bool, num_workers: int | None) -> Pictures:
        """All of them."""
        from sklearn.datasets import load_digits

        digits = load_digits()
        images = np.round(digits.images * (255 / 16)).astype(np.uint8)  # (1797, 8, 8), 0..16 -> 0..255
        height, width = image_size or (8, 8)
        return Pictures(
            shape=Shape(1, height, width, own_size=False, grayscale=False),
            batches=lambda shape: array_batches([images[..., None]], shape, num_workers),
            ids=[f"digits/{number}" for number in range(len(images))],
            labels=digits.target.astype(np.int64),
            class_names=tuple("0123456789"),
            groups=[None] * len(images),
            published_test=None,
            left_out=[],
        )


Source = Folder | Published | Digits


def find(dataset: str, data_dir: Path) -> Source:
    """The source that a name or a path means.

    Raises:
        BadInput: it is neither a known name nor a folder, or the set is absent and can't be downloaded.
    """
    if dataset == "gtsrb":
        return _gtsrb(data_dir)
    if dataset == "digits":
        return Digits()
    if dataset in PUBLISHED:
        return Published(dataset, data_dir)
    refuse_unknown_dataset(dataset)
    path = Path(dataset).expanduser()
    return Folder(path, name=path.resolve().name or "images")


def _gtsrb(data_dir: Path) -> Folder:
    """The training part, as torchvision lays it out. Its test part has no groups and so can't show that none leaks."""
    training = data_dir / "gtsrb" / "GTSRB" / "Training"
    if not training.is_dir():
        download("gtsrb", _GTSRB, data_dir, training)
    return Folder(training, name="gtsrb", sign_names=_SIGNS)
