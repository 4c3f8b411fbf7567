"""What the curves of a training say: overfitting, learning by heart, a rate too high, too few epochs, only PCA."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_RISEN = 0.02  # of the lowest validation error: what is above by less is noise, however many images there are
_OF_ONE = 0.25  # by about so much of itself one image's error differs from epoch to epoch
_FALLEN = 0.98  # of an earlier training error; what is below shows that it was learning since
_FALLEN_FAR, _FEW = 0.8, 0.25  # of an earlier training error; of its fall, that the validation error should share
_SOME_EPOCHS = 10  # after which a training that learns anything has shown it
ROUNDED = 1 / (12 * 255**2)  # the error of rounding pixels to 256 levels: less than that is nothing to be learnt


@dataclass(frozen=True)
class HeldAgainst:
    """Errors that those of a training are held against, of the validation images unless it is said otherwise.

    Attributes:
        pca: of PCA of its size; None where there are no validation images.
        start: of the start where that is PCA, its latents encoded as the network's are; None where it is not.
        mean_image: of the mean training image, over the test images.
        images: how many validation images there are.
    """

    pca: float | None
    start: float | None
    mean_image: float
    images: int


def advise(
    size: int, log: Sequence[dict[str, Any]], best_epoch: int, against: HeldAgainst, lr: float
) -> list[str]:  # fmt: skip
    """A sentence about one bottleneck, with what to do about it; [] where there is nothing to mend.

    Args:
        size: D.
        log: the records of its epochs, with ``epoch``, ``train_mse`` and ``val_mse``.
        best_epoch: whose weights are kept; 0 for the start, which is PCA.
        against: what its errors are held against.
        lr: the learning rate that the training began with.
    """
    name = f"bottleneck {size}"
    if against.pca is None:
        if best_epoch == 0:
            return [
                f"{name}: there are no images to validate on, so nobody could see whether training makes it better or "
                "worse on images it has not seen: it is left as PCA, its start; add images, or take a larger "
                "--val_fraction"
            ]
        return []
    trained, validated = [line["train_mse"] for line in log], [line["val_mse"] for line in log]
    epochs, lowest = len(log), min(validated)
    rise = 1 + max(_RISEN, _OF_ONE / against.images**0.5)
    lower_rate = f"take a lower rate, say --lr {lr / 10:g}"
    of_few = f", on {against.images} validation image{'s' * (against.images > 1)} alone" * (against.images < 10)
    start = [] if against.start is None else [against.start]
    rising = trained[-1] > (1 + _RISEN) * min(trained) and validated[-1] > rise * min([*start, *validated])
    useless = trained[-1] > against.mean_image  # so are weights that were thrown about, though the error falls again
    too_fast = rising or (useless and (best_epoch == 0 or validated[-1] > _FALLEN * validated[(epochs - 1) // 2]))
    because = f"the training error rises ({trained[-1]:.5f} at last, {min(trained):.5f} before)"
    if useless:
        because = f"its training error ({trained[-1]:.5f} at last) is above that of the mean image"
    # of the guesses, with dropout, so above that of refined validation images unless images are learnt by heart
    by_heart = trained[-1] < validated[-1]

    if best_epoch == 0:
        what = f"{name}: training brought nothing beyond its start, which is PCA and is kept (validation error "
        chance = ": no more than chance" if lowest < against.start else ""
        what += f"{_shown(lowest)} at best, {_shown(against.start)} at the start{of_few}{chance})"
        if against.start < ROUNDED:
            smaller = f"; a smaller bottleneck may do: --latent_size {size // 2}" if size > 1 else ""
            return [f"{what}; PCA shows these images to within the rounding of their pixels: nothing is left to learn"
                    f"{smaller}"]  # fmt: skip
        if too_fast:
            return [f"{what}; {because}: {lower_rate}"]
        if by_heart and trained[-1] < _FALLEN * trained[0]:
            return [f"{what}; it learns its training images by heart (from {trained[0]:.5f} to {trained[-1]:.5f}): "
                    "more images help, more epochs do not"]  # fmt: skip
        if epochs < _SOME_EPOCHS:
            return [f"{what}; it has hardly begun to learn, or there is little to learn beyond PCA here: more epochs "
                    f"tell which, --num_epochs {4 * epochs}"]  # fmt: skip
        return [f"{what}, and the training error comes to no more ({trained[0]:.5f} at first, {trained[-1]:.5f} at "
                "last): there is little to learn beyond PCA here; a larger bottleneck keeps more: "
                f"--latent_size {2 * size}"]  # fmt: skip
    if too_fast:
        return [f"{name}: {because}: {lower_rate}"]
    if validated[-1] > rise * lowest:
        return [
            f"{name} overfits: its validation error is lowest after epoch {best_epoch} ({lowest:.5f}; "
            f"{validated[-1]:.5f} after {epochs}), whose weights are kept; more images help, more epochs do not"
        ]
    learnt, shared = 1 - trained[-1] / trained[0], 1 - lowest / (start or validated)[0]
    if by_heart and trained[-1] < _FALLEN_FAR * trained[0] and shared < _FEW * learnt:
        return [
            f"{name} learns its training images by heart: their error fell by {learnt:.0%} ({trained[0]:.5f} to "
            f"{trained[-1]:.5f}), that of validation images by {max(0.0, shared):.0%}; more images help, more epochs "
            "do not"
        ]
    if lowest > against.pca and not start:  # what starts as PCA is kept only where it is better
        if trained[-1] < _FALLEN * trained[(epochs - 1) // 2] or epochs < 3:
            return [f"{name} is worse than PCA of {size} and still learning: take more epochs, "
                    f"--num_epochs {4 * epochs}"]  # fmt: skip
        return [f"{name} is worse than PCA of {size} and has stopped learning: another architecture "
                "(--model conv starts as PCA) or another --lr may do better"]  # fmt: skip
    return []


def _shown(error: float) -> str:
    """An error with five places, or two digits where these would be nothing but zeros."""
    return f"{error:.5f}" if error >= 5e-5 or not error else f"{error:.2g}"
