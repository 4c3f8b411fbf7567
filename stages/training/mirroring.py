"""Training images mirrored at random, where a mirrored picture is a picture too; a mirrored sign is another sign."""

import numpy as np
import torch

from latent.pca import PCA
from model.fidelity import squared_errors
from model.refinement import spread_rows

_AS_GOOD = 0.05  # a part of PCA's error, by which mirrored images may be worse: photographs have under 0.01, signs 0.2
COMPONENTS = 64  # of PCA, where there are so many: by few a mirrored sign is nearly as good as the sign
_NOTHING = 1e-6  # an error that is nothing: of plain images, which say nothing of left and right
_FEWEST, _MOST = 16, 2048  # validation images, to tell by


def mirroring_costs(pca: PCA, images: np.ndarray) -> float | None:
    """By what part PCA's error is larger on mirrored images; None where there are too few images to tell.

    The median over images: a few images of much contrast make nearly all of a mean, and where images are few it says of
    photographs now this, now that.

    Args:
        pca: of the training images.
        images: uint8 (n, C, H, W), of the validation side; some of them where there are many.
    """
    if len(images) < _FEWEST:
        return None
    images = images[spread_rows(min(_MOST, len(images)), len(images))]
    few = pca.first(min(COMPONENTS, len(pca.mean) // 4))
    own, mirrored = (squared_errors(each, few.reconstruct_batches(each)) for each in (images, images[..., ::-1].copy()))
    told = own > _NOTHING
    return float(np.median(mirrored[told] / own[told])) - 1 if told.sum() >= _FEWEST else None


def may_mirror(costs: float | None) -> bool:
    """Whether mirrored images may be trained on: PCA finds them as good as the images themselves."""
    return costs is not None and costs < _AS_GOOD


def mirrored_rows(count: int, seed: int, epoch: int, step: int) -> np.ndarray:
    """Which of a step's images are mirrored, bool (count,): a function of seed and place, so nothing is restored."""
    return np.random.default_rng([seed, epoch, step]).random(count) < 0.5


def mirrored(images: np.ndarray | torch.Tensor, chosen: np.ndarray) -> np.ndarray | torch.Tensor:
    """Images (n, C, H, W), the ``chosen`` ones, bool (n,), mirrored, where they are."""
    if isinstance(images, torch.Tensor):
        return torch.where(torch.from_numpy(chosen).to(images.device)[:, None, None, None], images.flip(-1), images)
    return np.where(chosen[:, None, None, None], images[..., ::-1], images)
