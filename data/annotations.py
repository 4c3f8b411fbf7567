"""What a person says of a folder of images beyond where they lie: labels, groups, and how files become pixels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from data.tones import Tones
from run.errors import BadInput
from run.hints import training_at_hand

FRAMES = ("first", "all")
UNLABELLED = ("train", "leave_out")
FITS = ("stretch", "pad", "crop")


@dataclass(frozen=True)
class Annotations:
    """The flags of :func:`data.add_data_arguments` that say what the images of a folder are, and how they are read.

    Attributes:
        labels: tables (CSV, JSON lines) with a row for each image.
        file_column, label_column, group_column, split_column: of the table; None for the usual names.
        label_from, group_from: regular expressions, searched for in relative paths.
        class_order: names of classes that come first, in this order.
        unlabelled: whether images without a label among others are trained on (``train``), or left out.
        value_range: the values that are black and white; None to find them.
        frames: ``first`` of each file, or ``all``.
        fit: how images of other proportions become what is wanted: ``stretch``, ``pad``, ``crop``.
        ground: what transparent pictures are laid on: ``white``, ``black``, ``grey``; None to find it.
        max_pixels: of a file; None for Pillow's own limit.
        tones: those of the images that a network was trained on, for new ones; no flag.
    """

    labels: Sequence[Path] = ()
    file_column: str | None = None
    label_column: str | None = None
    group_column: str | None = None
    split_column: str | None = None
    label_from: str | None = None
    group_from: str | None = None
    class_order: Sequence[str] = ()
    unlabelled: str = "train"
    value_range: Sequence[float] | None = None
    frames: str = "first"
    fit: str = "stretch"
    ground: str | None = None
    max_pixels: int | None = None
    tones: Tones | None = None

    @classmethod
    def of(cls, arguments: Any) -> "Annotations":
        """Those among a command's settings, or among the arguments that a checkpoint has kept (a dictionary)."""
        given = arguments if isinstance(arguments, dict) else vars(arguments)
        found = {field.name: given[field.name] for field in fields(cls) if field.name in given}
        tables = found.get("labels") or ()
        found["labels"] = tuple(map(Path, [tables] if isinstance(tables, str) else tables))
        for name in ("class_order", "value_range"):
            if isinstance(found.get(name), list):
                found[name] = tuple(found[name])
        return cls(**found)

    @classmethod
    def as_trained(cls, record: Mapping[str, Any]) -> "Annotations":
        """How pictures that a network has not seen are read: as those were that it was trained on, by its record.

        Raises:
            BadInput: the record says of none how they are read.
        """
        asked = record["arguments"]
        read = {name: asked[name] for name in ("frames", "fit", "max_pixels") if name in asked}
        limit = read.get("max_pixels")
        known = read.get("frames", "first") in FRAMES and read.get("fit", "stretch") in FITS
        if not (known and (limit is None or (type(limit) is int and limit > 0))):
            raise BadInput(f"the checkpoint does not say how pictures are read; train again: {training_at_hand()}")
        return cls(**read, tones=Tones.kept(record["tones"]) if record.get("tones") else None)

    @property
    def given(self) -> list[str]:
        """Names of the flags that were given."""
        return [field.name for field in fields(self) if getattr(self, field.name) != field.default]

    @property
    def known_tones(self) -> Tones:
        """Black, white and ground as far as anybody said."""
        return self.tones or Tones.asked(self.value_range, self.ground)
