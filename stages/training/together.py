"""What several processes settle before they train one network together, see :mod:`run.ranks`."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from latent.pca import PCA
from model.training_state import has_states
from run import collectives, ranks
from run.hints import resume_command


def require_same_images(fingerprint: str) -> None:
    """Find out that all processes read the same images, and split them in the same way.

    Raises:
        BadInput: they do not.
    """
    remedy = "give each machine the same files, or a --data_dir that they share"
    ranks.require_same("images", {"the fingerprint of the split": fingerprint}, remedy)


def pca_of_first(fit: Callable[[], PCA] | None = None) -> PCA:
    """What the first process fits, in each."""
    if ranks.world_size() == 1:
        return fit()
    pca = fit() if ranks.is_first() else None
    shapes = ranks.share([list(part.shape) for part in vars(pca).values()] if pca else None)
    parts = [torch.empty(shape) for shape in shapes]
    if pca:
        for part, own in zip(parts, vars(pca).values(), strict=True):
            part.copy_(torch.from_numpy(np.ascontiguousarray(own)))
    collectives.take_from_first(*parts)
    return PCA(*(part.numpy() for part in parts))


@contextlib.contextmanager
def resumable(output_dir: Path) -> Iterator[None]:
    """Where another process was killed in the block, what is said names the command that goes on."""
    try:
        yield
    except ranks.Parted as error:
        if not has_states(output_dir):
            raise
        said = str(error).removesuffix("run the same again")
        raise ranks.Parted(
            f"{said}the last training state is kept, go on with any number of processes: {resume_command(output_dir)}"
        ) from None
