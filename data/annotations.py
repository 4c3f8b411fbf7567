"""What a person says of a folder of images beyond where they lie: a table of labels, patterns in paths."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Annotations:
    """The flags of :func:`data.add_data_arguments` that say what the images of a folder are.

    Attributes:
        labels: a table (CSV, JSON lines) with a row for each image.
        file_column, label_column, group_column, split_column: of the table; None for the usual names.
        label_from, group_from: regular expressions, searched for in relative paths.
    """

    labels: Path | None = None
    file_column: str | None = None
    label_column: str | None = None
    group_column: str | None = None
    split_column: str | None = None
    label_from: str | None = None
    group_from: str | None = None

    @classmethod
    def of(cls, arguments: Any) -> "Annotations":
        """Those among a command's settings, or among the arguments that a checkpoint has kept (a dictionary)."""
        get = arguments.get if isinstance(arguments, dict) else lambda name: getattr(arguments, name)
        found = cls(**{field.name: get(field.name) for field in fields(cls)})
        return found if found.labels is None else replace(found, labels=Path(found.labels))

    @property
    def given(self) -> list[str]:
        """Names of the flags that were given."""
        return [field.name for field in fields(self) if getattr(self, field.name) is not None]
