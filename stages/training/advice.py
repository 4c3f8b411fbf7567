"""What the curves of a training say: overfitting, learning by heart, a rate too high, too few epochs, only PCA."""

from collections.abc import Sequence
from typing import Any

_RISEN = 1.02  # of the lowest validation error: what is above is no noise
_FALLEN = 0.98  # of an earlier training error: what is below shows that it was learning since
_FALLEN_FAR, _FEW = 0.8, 0.25  # of an earlier training error; of its fall, that the validation error should share
_SOME_EPOCHS = 10  # after which a training that learns anything has shown it


def advise(
    size: int,
    log: Sequence[dict[str, Any]],
    best_epoch: int,
    of_pca: float | None,
    of_start: float | None,
    lr: float,
) -> list[str]:
    """Sentences about one bottleneck, each with what to do about it; [] where there is nothing to mend.

    Args:
        size: D.
        log: the records of its epochs, with ``epoch``, ``train_mse`` and ``val_mse``.
        best_epoch: whose weights are kept; 0 for the start, which is PCA.
        of_pca: the error of PCA of D on the validation images; None where there are none.
        of_start: the validation error of the start where that is PCA, its latents encoded as the network's are; None
            where it is not.
        lr: the learning rate that the training began with.
    """
    trained = [line["train_mse"] for line in log]
    validated = [line["val_mse"] for line in log]
    name, epochs = f"bottleneck {size}", len(log)
    if of_pca is None:
        if best_epoch == 0:
            return [
                f"{name}: there are no images to validate on, so nobody could see whether training makes it better or "
                "worse on images it has not seen: it is left as PCA, its start; add images, or take a larger "
                "--val_fraction"
            ]
        return []
    start = [] if of_start is None else [of_start]
    risen = validated[-1] > _RISEN * min([*start, *validated])
    unlearnt = risen and trained[-1] > _RISEN * min(trained)
    overfitting = validated[-1] > _RISEN * min(validated) and not unlearnt
    if best_epoch == 0:
        what = f"{name}: training brought nothing beyond its start, which is PCA and is kept (validation error "
        chance = ": no more than chance" if min(validated) < of_start else ""
        what += f"{min(validated):.5f} at best, {of_start:.5f} at the start{chance})"
        if unlearnt:
            return [f"{what}; the training error rises ({trained[-1]:.5f} at last, {min(trained):.5f} before): take a "
                    f"lower rate, say --lr {lr / 10:g}"]  # fmt: skip
        if trained[-1] < _FALLEN * trained[0]:
            return [f"{what}; it learns its training images by heart (from {trained[0]:.5f} to {trained[-1]:.5f}): "
                    "more images help, more epochs do not"]  # fmt: skip
        if epochs < _SOME_EPOCHS:
            return [f"{what}; it has hardly begun to learn: take more epochs, --num_epochs {4 * epochs}"]
        return [f"{what}, and the training error stays as well ({trained[0]:.5f}, {trained[-1]:.5f}): there is little "
                f"to learn beyond PCA here; a larger bottleneck keeps more: --latent_size {2 * size}"]  # fmt: skip
    if unlearnt:
        return [
            f"{name}: the training error rises ({trained[-1]:.5f} at last, {min(trained):.5f} before): take a lower "
            f"rate, say --lr {lr / 10:g}"
        ]
    if overfitting:
        return [
            f"{name} overfits: its validation error is lowest after epoch {best_epoch} ({min(validated):.5f}; "
            f"{validated[-1]:.5f} after {epochs}), whose weights are kept; more images help, more epochs do not"
        ]
    learnt, shared = 1 - trained[-1] / trained[0], 1 - min(validated) / (validated[0] if of_start is None else of_start)
    if trained[-1] < _FALLEN_FAR * trained[0] and shared < _FEW * learnt:
        return [
            f"{name} learns its training images by heart: their error fell by {learnt:.0%} ({trained[0]:.5f} to "
            f"{trained[-1]:.5f}), that of validation images by {max(0.0, shared):.0%}; more images help, more epochs "
            "do not"
        ]
    if validated[-1] > of_pca:
        middle = trained[(epochs - 1) // 2]
        if trained[-1] < _FALLEN * middle or epochs < 3:
            return [f"{name} is worse than PCA of {size} and still learning: take more epochs, "
                    f"--num_epochs {4 * epochs}"]  # fmt: skip
        return [f"{name} is worse than PCA of {size} and has stopped learning: another architecture "
                "(--model conv starts as PCA) or another --lr may do better"]  # fmt: skip
    return []
