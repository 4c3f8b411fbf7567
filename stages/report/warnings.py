"""What should be known before the numbers of a training are trusted, as far as its files tell."""

from collections.abc import Mapping, Sequence
from typing import Any

COLLAPSED = 0.95  # of the mean image's error
_RISEN = 1.05  # times the lowest validation error
_STILL_FALLING = 0.02  # of the error, in the last epoch


def warnings_of(training: Mapping[str, Any], epochs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Sentences; none where nothing is amiss.

    Args:
        training: ``metrics_training.json``.
        epochs: ``training_log.jsonl``, as :meth:`stages.report.folder.Folder.epochs` reads it.
    """
    return [*_of_split(training), *_of_errors(training), *_of_curves(epochs)]


def _of_errors(training: Mapping[str, Any]) -> list[str]:
    scores = training.get("held_out") if isinstance(training.get("held_out"), dict) else {}
    errors = {
        name: values["mse"]
        for name, values in scores.items()
        if isinstance(values, dict) and isinstance(values.get("mse"), float)
    }
    said = []
    for name, error in errors.items():
        size = name.removeprefix("autoencoder of ")
        if size == name:
            continue
        if error > COLLAPSED * errors.get("mean image", float("inf")):
            said.append(f"Bottleneck {size} has collapsed: it reconstructs no better than the mean image.")
        elif error > errors.get(f"PCA of {size}", float("inf")):
            said.append(f"Bottleneck {size} reconstructs worse than PCA of {size}; try more epochs or another --lr.")
        if dimensions := scores[name].get("collapsed_dimensions"):
            said.append(f"{dimensions} of the {size} dimensions of bottleneck {size} are as the prior.")
    return said


def _of_curves(epochs: Sequence[Mapping[str, Any]]) -> list[str]:
    said = []
    for size in sorted({record["latent_size"] for record in epochs}):
        mine = [record for record in epochs if record["latent_size"] == size]
        validated = [record["val_mse"] for record in mine]
        if None in validated or len(validated) < 3:
            continue
        best = min(range(len(validated)), key=validated.__getitem__)
        if validated[-1] > _RISEN * validated[best]:
            said.append(
                f"Bottleneck {size} learns its training images by heart: its validation error was lowest after epoch "
                f"{mine[best]['epoch']} and has risen by {validated[-1] / validated[best] - 1:.0%} since; try "
                "--patience 3."
            )
        elif validated[-1] < (1 - _STILL_FALLING) * validated[-2]:
            said.append(f"Bottleneck {size} was still getting better in its last epoch; more epochs may help.")
    return said


def _of_split(training: Mapping[str, Any]) -> list[str]:
    """What the training said of its split: leaks, how few images test, how uneven classes are."""
    notes = training.get("split_notes")
    said = [note for note in notes if isinstance(note, str) and note] if isinstance(notes, list) else []
    return [f"{note[0].upper()}{note[1:]}." for note in said]
