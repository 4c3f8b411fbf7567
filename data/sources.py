"""From what stands after ``--dataset`` to a source of images."""

import importlib
from pathlib import Path

from data import DATASETS, refuse_unknown_dataset
from data.folder import Folder
from data.source import Source


def find(dataset: str, data_dir: Path) -> Source:
    """The source that a name or a path means.

    Args:
        dataset: a name of :data:`data.DATASETS`, or the path of a folder.
        data_dir: where named sets are looked for, and downloaded to.

    Raises:
        BadInput: it is neither a known name nor a folder, or the set is absent and can't be downloaded.
    """
    if dataset in DATASETS:
        _, module, name = DATASETS[dataset]
        return getattr(importlib.import_module(module), name)(data_dir)
    refuse_unknown_dataset(dataset)
    path = Path(dataset).expanduser()
    return Folder(path, name=path.resolve().name or "images")
