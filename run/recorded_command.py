"""The command line that made what lies in a folder, as its metrics, checkpoints or training states have it."""

import contextlib
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from run.artefacts import model_paths, read_json
from run.command_words import Changes, edited, values_of
from run.errors import BadInput

# Flags of a training that its repetition does without, or gets anew.
OF_ONE_RUN: Changes = dict.fromkeys(("--resume", "--retrain", "--show", "--output_dir"))


def recorded_words(folder: Path) -> list[str] | None:
    """The command line after ``train.py`` of the training in a folder; None if none is recorded."""
    for read in (_from_metrics, _from_checkpoints, _from_states):
        with contextlib.suppress(BadInput, OSError, KeyError, TypeError):
            for record in read(folder):
                if (words := words_of_record(record)) is not None:
                    return words
    return None


def recorded_training(record: Mapping[str, Any]) -> list[str] | None:
    """The words after ``train.py`` of the training that a record tells of, but for where it wrote and how it went on.

    The record may be as hostile as the file that it came from; None if it does not say enough.
    """
    words = words_of_record(record)
    return None if words is None else edited(words, OF_ONE_RUN)


def words_of_record(record: Mapping[str, Any]) -> list[str] | None:
    """What a record says, as hostile as the file that it came from; None if it does not say enough."""
    if not isinstance(record, Mapping) or not isinstance(record.get("command"), str):
        return None
    try:
        words = shlex.split(record["command"])
    except ValueError:  # a quotation mark that nothing closes
        return None
    if len(words) < 3 or Path(words[1]).name != "train.py":
        return None
    words, arguments = words[2:], record.get("arguments")
    epochs = arguments.get("num_epochs") if isinstance(arguments, dict) else None
    if type(epochs) is int and "--num_epochs" in words and values_of(words, "--num_epochs")[:1] != [str(epochs)]:
        words = edited(words, {"--num_epochs": [epochs]})  # --resume may have raised it
    return words


def _from_metrics(folder: Path) -> list[dict[str, Any]]:
    return [read_json(folder / "metrics_training.json")]


def _from_checkpoints(folder: Path) -> Iterator[dict[str, Any]]:
    for path in model_paths(folder):
        with contextlib.suppress(BadInput, OSError):
            yield load_record(path)["record"]


def _from_states(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted((folder / "training_state").glob("latent_size_*.pth")):
        with contextlib.suppress(BadInput, OSError):
            yield load_record(path)["identity"]


def load_record(path: Path) -> dict[str, Any]:
    """A checkpoint, or a training state."""
    # late: torch, which takes seconds, is needed where no file of metrics says what was trained, and not for --help
    from run.tensor_file import CHECKPOINT, TRAINING_STATE, load_tensors

    return load_tensors(path, CHECKPOINT if path.name.startswith("model_") else TRAINING_STATE, "")
