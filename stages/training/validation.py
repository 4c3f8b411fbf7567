"""Which weights of a training are kept: those of the lowest validation error, the start among them where it is PCA."""

from dataclasses import dataclass

import numpy as np
import torch

from model.autoencoder import Autoencoder
from model.fidelity import squared_errors
from model.inference import measure_refinement, reconstruct_batches
from model.refinement import spread_rows
from model.training_state import LoopState
from run import collectives
from stages.training.plan import Labelled, Plan

# validation images at most, each epoch: 512 took 6% of a training's time, and the same images tell epochs apart
WATCHED = 256
_DIRECTIONS = 256  # that slopes are measured along, each epoch


@dataclass(frozen=True)
class Validator:
    """Validates networks on the same images again and again, encoded as they will be once they are trained.

    Attributes:
        training: images around whose latents a decoder is measured.
        watched: validation images, at most 256; there may be none.
        refine: steps by which guesses are refined.
        expected: whether there should have been validation images.
    """

    training: Labelled
    watched: Labelled
    refine: int
    expected: bool

    @classmethod
    def of(cls, plan: Plan) -> "Validator":
        """That of a training."""
        images, labels = plan.data.validation
        rows = np.unique(spread_rows(min(WATCHED, len(images)), len(images)))
        watched = Labelled(images[rows], None if labels is None else labels[rows])
        return cls(plan.data.training, watched, plan.settings.refine, plan.settings.val_fraction > 0)

    def measure(self, model: Autoencoder) -> np.ndarray | None:
        """The error of each validation image, float64 (n,), or None; measures what refining needs to know before."""
        if not len(self.watched.images):
            return None
        if self.refine:
            measure_refinement(model, *self.training, _DIRECTIONS)
        images, labels = self.watched

        def errors(some: slice) -> np.ndarray:
            its_labels = None if labels is None else labels[some]
            return squared_errors(images[some], reconstruct_batches(model, images[some], its_labels, self.refine))

        return collectives.of_each(len(images), errors)

    def begin(self, model: Autoencoder, at: LoopState) -> None:
        """Take the start as the best so far, where it is PCA."""
        if not model.starts_as_pca:
            return
        model.eval()
        errors = self.measure(model)
        at.start_errors = None if errors is None else torch.from_numpy(errors)
        at.best, at.best_epoch = _weights(model), 0

    def judge(self, model: Autoencoder, at: LoopState) -> float | None:
        """The mean validation error after the epoch under way; its weights are the best if it is the lowest.

        The start gives way only to what is better by more than the standard error of the difference. Where there
        are no validation images though there should have been, nobody could see overfitting, and it stays.
        """
        errors = self.measure(model)
        if errors is None:
            better = at.best_epoch != 0 or not self.expected
        elif at.best_epoch == 0 and at.start_errors is not None:
            better = clearly_less(errors, at.start_errors.numpy())
        else:
            before = [line["val_mse"] for line in at.log if line["epoch"] == at.best_epoch]
            better = not before or errors.mean() < before[0]
        if better:
            at.best, at.best_epoch = _weights(model), at.epoch
        return None if errors is None else float(errors.mean())


def clearly_less(errors: np.ndarray, others: np.ndarray) -> bool:
    """Whether errors (n,) are less than others of the same images by more than the standard error of the difference."""
    differences = others - errors
    if len(differences) < 2:
        return False
    return bool(differences.mean() > differences.std(ddof=1) / len(differences) ** 0.5)


def _weights(model: Autoencoder) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}
