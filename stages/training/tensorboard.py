"""What TensorBoard shows of a training: errors after each epoch, reconstructions, and the latents with their pictures.

Each bottleneck is a run of TensorBoard's, a folder in ``tensorboard/``, and so is PCA of its size: a line in the same
chart. The package is optional, and imported only where it is asked for.
"""

import importlib.util
import shutil
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from latent.pca import PCA
from model.autoencoder import Autoencoder
from model.inference import encode_batches, reconstruct
from run.errors import BadInput, printable
from run.hints import own_command
from run.random_subset import random_subset
from stages.training.plan import Plan
from stages.training.report import Record, Relay, Report
from stages.training.snapshots import COUNT

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

FOLDER = "tensorboard"  # in the output folder
_VALIDATION = "mse/validation"  # the chart that PCA's line stands in too
_EMBEDDED = 1000  # test images in the projector
_SPRITE, _PICTURE = 64, 96  # pixels of the longer side: at most in the projector, about in a sheet
_SHEETS = 20  # of reconstructions, about, over a whole training
_GAP = 2  # pixels between the pictures of a sheet


def require_tensorboard() -> None:
    """Refuse to write for TensorBoard where it is not installed.

    Raises:
        BadInput: it is not.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise BadInput(
            "--tensorboard needs the package tensorboard, which is not installed; install it with: python -m pip "
            f"install tensorboard (or train without: {own_command({'--tensorboard': None})})"
        )


class Board(AbstractContextManager):
    """A report that writes to TensorBoard too, as long as the block lasts.

    Args:
        report: that is told everything as well.
        plan: of the training.
        model: that is trained.
        pca: of its size.
        of_pca: the error of that on the validation images; None where there are none.
    """

    def __init__(self, report: Report | Relay, plan: Plan, model: Autoencoder, pca: PCA, of_pca: float | None) -> None:
        self._report, self._plan, self._model, self._pca, self._of_pca = report, plan, model, pca, of_pca
        self._folder = plan.settings.output_dir / FOLDER
        self._writer: SummaryWriter | None = None
        self._written = 0  # epochs
        self.advance, self.milestone, self.skip = report.advance, report.milestone, report.skip

    def log(self, latent_size: int, records: list[Record]) -> None:
        """See :meth:`stages.training.report.Report.log`; the network is as it is after the last of them."""
        self._report.log(latent_size, records)
        if self._writer is None:
            self._writer = self._begin(records)
        for record in records[self._written :]:
            epoch = record["epoch"]
            for name, value in record.items():
                part = name.removeprefix("train_")
                if part != name:
                    self._writer.add_scalar("mse/train" if part == "mse" else f"loss/{part}", value, epoch)
            if record["val_mse"] is not None:
                self._writer.add_scalar(_VALIDATION, record["val_mse"], epoch)
        if len(records) > self._written and self._is_drawn(len(records)):
            title = "reconstructions/original, network, PCA of the same size"
            self._writer.add_image(title, self._sheet(), len(records))
        self._written = len(records)
        self._writer.flush()  # before a state of the epoch is kept: a resumed run has nothing to write again

    def finish(self, epoch: int) -> None:
        """Add the latents of test images for the projector; the network is as it is kept, after ``epoch``."""
        data, settings = self._plan.data, self._plan.settings
        rows = random_subset(len(data.test.images), _EMBEDDED, settings.split_seed)
        latents = np.concatenate(list(encode_batches(self._model, data.test.images, rows, settings.refine)))
        names = [[printable(data.image_set.sample_ids[place])] for place in data.split.test[rows]]
        header = ["image"]
        if data.test.labels is not None:
            classes = [printable(data.image_set.class_names[label]) for label in data.test.labels[rows]]
            names, header = [[a, *b] for a, b in zip(classes, names, strict=True)], ["class", *header]
        for older in self._run(f"latent_size_{self._model.latent_size}").glob("[0-9]*/latents"):
            shutil.rmtree(older.parent)
        if len(header) == 1:  # a table of one column has no header
            names, header = [name for (name,) in names], None
        pictures = _square(_at_most(_as_floats(data.test.images[rows]), _SPRITE))
        self._writer.add_embedding(latents, names, pictures, epoch, "latents", header)

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def _run(self, name: str) -> Path:
        return self._folder / name

    def _begin(self, records: list[Record]) -> "SummaryWriter":
        """The writer of a training that has come so far; goes on in the folder of the one that was stopped."""
        from torch.utils.tensorboard import SummaryWriter  # optional, and slow to import

        size, last = self._model.latent_size, self._plan.settings.num_epochs
        if self._of_pca is not None:
            shutil.rmtree(self._run(f"PCA_of_{size}"), ignore_errors=True)
            with SummaryWriter(str(self._run(f"PCA_of_{size}"))) as writer:
                for epoch in sorted({1, last}):
                    writer.add_scalar(_VALIDATION, self._of_pca, epoch)
        run = self._run(f"latent_size_{size}")
        if not records:
            shutil.rmtree(run, ignore_errors=True)
        begun = any(run.glob("events.*"))
        self._written = len(records) if begun else 0
        return SummaryWriter(str(run), purge_step=len(records) + 1 if begun else None)

    def _is_drawn(self, epoch: int) -> bool:
        last = self._plan.settings.num_epochs
        return epoch in (1, last) or epoch % max(1, last // _SHEETS) == 0

    def _sheet(self) -> np.ndarray:
        """Some test images, what the network makes of them, what PCA does: a row each, float32 (C, height, width)."""
        test, settings = self._plan.data.test, self._plan.settings
        rows = random_subset(len(test.images), COUNT, settings.split_seed)
        images = test.images[rows]
        made = reconstruct(self._model, images, None if test.labels is None else test.labels[rows], settings.refine)
        stacked = [images / np.float32(255), made, self._pca.reconstruct(images)]
        lines = []
        for pictures in stacked:
            tiles = _enlarged(_at_most(torch.from_numpy(pictures), _PICTURE), _PICTURE).numpy()
            tiles = np.pad(tiles, ((0, 0), (0, 0), (_GAP, _GAP), (_GAP, _GAP)), constant_values=1)
            lines.append(np.concatenate(list(tiles), axis=2))
        return np.concatenate(lines, axis=1)


def _as_floats(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images / np.float32(255))


def _at_most(pictures: torch.Tensor, side: int) -> torch.Tensor:
    """Pictures (N, C, H, W), made smaller where a side is longer than so many pixels."""
    shrink = side / max(pictures.shape[2:])
    if shrink >= 1:
        return pictures
    size = [max(1, round(each * shrink)) for each in pictures.shape[2:]]
    return torch.nn.functional.interpolate(pictures, size, mode="area")


def _enlarged(pictures: torch.Tensor, side: int) -> torch.Tensor:
    """Small pictures as whole multiples of themselves, up to so many pixels, so that they can be seen."""
    times = max(1, side // max(pictures.shape[2:]))
    return pictures.repeat_interleave(times, 2).repeat_interleave(times, 3)


def _square(pictures: torch.Tensor) -> torch.Tensor:
    """Pictures (N, C, H, W) -> (N, C, S, S) with white beside them: torch's sprites take no others."""
    height, width = pictures.shape[2:]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    return torch.nn.functional.pad(pictures, (left, side - width - left, top, side - height - top), value=1.0)
