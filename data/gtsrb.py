"""The German Traffic Sign Recognition Benchmark, as torchvision lays it out."""

import dataclasses
from pathlib import Path

from data.annotations import Annotations
from data.download import Origin, download
from data.folder import Folder
from data.pictures import Pictures
from data.source import Source

# The 43 signs by class number, as the benchmark's own site describes them.
_SIGNS = (
    "20 km/h", "30 km/h", "50 km/h", "60 km/h", "70 km/h", "80 km/h", "end of 80 km/h", "100 km/h", "120 km/h",
    "no passing", "no passing for trucks", "priority at next crossing", "priority road", "yield", "stop",
    "no vehicles", "no trucks", "no entry", "danger", "bend left", "bend right", "double bend", "bumpy road",
    "slippery road", "road narrows", "road works", "traffic lights", "pedestrians", "children", "bicycles",
    "ice or snow", "wild animals", "end of limits", "turn right", "turn left", "ahead only", "ahead or right",
    "ahead or left", "keep right", "keep left", "roundabout", "end of no passing", "end of no passing for trucks",
)  # fmt: skip
_ORIGIN = Origin(
    "GTSRB", ({"split": "train"},), ("https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/",)
)


class GTSRB(Source):
    """26,640 images of 43 traffic signs, in tracks: up to 30 frames of one physical sign, which make a group.

    The training part alone: the frames of its test part belong to no named tracks, so nobody could show that none of
    them leaks.
    """

    name = "gtsrb"
    heeds = ("fit", "value_range")

    def __init__(
        self,
        data_dir: Path,
        annotations: Annotations = Annotations(),  # noqa: B008  (frozen)
    ) -> None:
        training = data_dir / "gtsrb" / "GTSRB" / "Training"
        if not training.is_dir():
            download(self.name, _ORIGIN, data_dir, training)
        self._folder = Folder(training, self.name, annotations=annotations)
        self.place, self.key = self._folder.place, self._folder.key

    def open(self, image_size: tuple[int, int] | None, grayscale: bool, num_workers: int | None) -> Pictures:
        """All of them; the tables of annotations that lie beside them are passed over without a word."""
        pictures = self._folder.pictures(image_size, grayscale, num_workers)
        return dataclasses.replace(pictures, class_names=tuple(map(_sign_name, pictures.class_names)))

    def file_of(self, sample_id: str) -> str:
        """As of :class:`data.folder.Folder`."""
        return self._folder.file_of(sample_id)


def _sign_name(folder: str) -> str:
    """``00014`` -> ``14 stop``."""
    if folder.isascii() and folder.isdigit() and int(folder) < len(_SIGNS):
        return f"{int(folder)} {_SIGNS[int(folder)]}"
    return folder
