"""From what stands after ``--dataset`` to a source of images."""

import importlib
from pathlib import Path

from data import DATASETS, refuse_unknown_dataset
from data.annotations import Annotations
from data.folder import Folder
from data.source import Source
from run.errors import BadInput
from run.hints import own_command

NOTHING_SAID = Annotations()


def find(dataset: str, data_dir: Path, annotations: Annotations = NOTHING_SAID, is_new: bool = False) -> Source:
    """The source that a name or a path means.

    Args:
        dataset: a name of :data:`data.DATASETS`, or the path of a folder.
        data_dir: where named sets are looked for, and downloaded to.
        annotations: what a person says of the images of a folder.
        is_new: as of :func:`data.load_images`.

    Raises:
        BadInput: it is neither a known name nor a folder, or the set is absent and can't be downloaded.
    """
    if dataset in DATASETS:
        _, module, name = DATASETS[dataset]
        kind = getattr(importlib.import_module(module), name)
        unfit = [flag for flag in annotations.given if flag not in kind.heeds]
        if unfit:
            raise BadInput(
                f"--{unfit[0]} says what the images of a folder are, and {dataset} is a set of its own; "
                f"give your own folder with --dataset, or leave it out: {own_command({f'--{unfit[0]}': None})}"
            )
        return kind(data_dir, annotations) if kind.heeds else kind(data_dir)
    refuse_unknown_dataset(dataset)
    path = Path(dataset).expanduser()
    return Folder(path, name=path.resolve().name or "images", named=dataset, annotations=annotations, is_new=is_new)
