"""Training images mirrored at random, where a mirrored picture is a picture too; a mirrored sign is another sign."""

import numpy as np
import torch

from latent.pca import PCA
from model.fidelity import mean_error
from model.refinement import spread_rows

_AS_GOOD = 0.01  # a part of PCA's error, by which mirrored images may be worse: photographs have under 0.01, signs 0.2
_COMPONENTS = 64  # of PCA at most: many tell best
_FEWEST, _MOST = 16, 2048  # validation images, to tell by


def mirroring_costs(pca: PCA, images: np.ndarray) -> float | None:
    """By what part PCA's error is larger on mirrored images; None where there are too few images to tell.

    Args:
        pca: of the training images.
        images: uint8 (n, C, H, W), of the validation side; some of them where there are many.
    """
    if len(images) < _FEWEST:
        return None
    images = images[spread_rows(min(_MOST, len(images)), len(images))]
    few = pca.first(min(_COMPONENTS, len(pca.mean) // 4))
    own, mirrored = (mean_error(each, few.reconstruct_batches(each)) for each in (images, images[..., ::-1].copy()))
    return mirrored / own - 1 if own > 0 else None


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
