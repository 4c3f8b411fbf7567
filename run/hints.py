"""The very command to run next: complete, of the case at hand, and quoted as a shell wants it.

What a folder's training was made with stands in its records: the metrics, a checkpoint, the test split, a training
state. Where none can be read, the flags of the present command say what is known.
"""

import contextlib
import os
import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from run.arguments import DEFAULT_DATA_DIR, DEFAULT_OUTPUT_DIR
from run.artefacts import model_path, model_paths, read_json, test_data_path
from run.errors import BadInput, printable
from run.tensor_file import CHECKPOINT, TEST_SPLIT, TRAINING_STATE, load_tensors

_ROOT = Path(__file__).parent.parent
_EXAMPLE = ["--num_epochs", "10", "--latent_size", "256", "--batch_size", "128", "--lr", "0.0001"]
# Flags of a training that its repetition does without, or gets anew.
_OF_ONE_RUN = dict.fromkeys(("--resume", "--retrain", "--show", "--output_dir"))

Changes = Mapping[str, Sequence[object] | None]  # flag -> its values; None leaves it out


@dataclass(frozen=True)
class _Training:
    """What is recorded of a training.

    Attributes:
        words: its command line after ``train.py``.
        place: the folder of its images, absolute; None of a named set.
        data_dir: where it kept downloads and decoded images, absolute; None if nobody says.
        num_epochs: that it came to, which ``--resume`` may have raised; None if nobody says.
    """

    words: list[str]
    place: str | None
    data_dir: str | None
    num_epochs: int | None


def command(script: str, *words: object) -> str:
    """``python script words``, quoted; the script by its full path unless it lies in the folder that one is in."""
    here = Path(script)
    place = here if here.exists() and here.samefile(_ROOT / script) else _ROOT / script
    return printable(shlex.join(["python", str(place), *map(str, words)]))


def edited(words: Sequence[str], changes: Changes) -> list[str]:
    """The words of a command line with some flags changed, added, or left out."""
    kept, dropped = [], False
    for word in words:
        if word.startswith("--"):
            dropped = word.partition("=")[0] in changes
        if not dropped:
            kept.append(word)
    for flag, values in changes.items():
        if values is not None:
            kept += [flag, *map(str, values)]
    return kept


def own_command(changes: Changes) -> str:
    """The command that is running, with some flags changed."""
    return command(Path(sys.argv[0]).name, *edited(sys.argv[1:], changes))


def training_command(path: Path, changes: Changes | None = None) -> str:
    """The train.py that makes a file of a training: a checkpoint, the test split, the log, the metrics.

    Args:
        path: of the file, which may be missing or damaged. Others of the same training lie beside it, perhaps.
        changes: flags of the training to change.

    Returns:
        The command of the training in that folder, for the size that the file is named by; ``--resume`` where it was
        stopped; where nothing is recorded, what the present command's flags tell of it.
    """
    folder = Path(path).parent
    size = _size_in_name(path, "model_latent_size_*.pth") or _size_in_name(path, "snapshots_latent_size_*.pth")
    training = next(_trainings_in(folder), None)
    changes = dict(changes or {})
    if size is not None:
        changes.setdefault("--latent_size", [size])
    if training is None:
        return command("train.py", *_as_asked(folder, changes))
    stopped = size is not None and (folder / "training_state" / f"latent_size_{size}.pth").exists()
    if stopped and changes.keys() == {"--latent_size"} and _is_found(training):
        return command("train.py", "--resume", "--output_dir", folder, *_elsewhere(training.words, training))
    return _repeated(training, {**changes, "--output_dir": [folder]})


def retraining_command(path: Path, changes: Changes | None = None) -> str:
    """The train.py that makes a file of a training once more, though the checkpoints in its folder are there."""
    changes = {"--retrain": [], **(changes or {})}
    if sizes := _sizes_in(Path(path).parent):
        changes.setdefault("--latent_size", sizes)
    return training_command(path, changes)


def training_of(record: Mapping[str, Any], changes: Changes | None = None) -> str:
    """The train.py that a checkpoint's record tells of, with some flags changed."""
    training = _training_from(record)
    return command("train.py", *_EXAMPLE) if training is None else _repeated(training, changes or {})


def training_at_hand(changes: Changes | None = None) -> str:
    """The train.py whose files the present command reads, or that itself is running, with some flags changed."""
    if Path(sys.argv[0]).name == "train.py":
        return own_command(changes or {})
    named = _values("--model_path") + _values("--latent_space")
    folder = Path(named[0]).parent if named else _output_dir()
    size = next(iter(_values("--latent_size")), "")
    return training_command(model_path(folder, int(size)) if size.isdecimal() else test_data_path(folder), changes)


def encoding_command(path: Path, changes: Changes | None = None) -> str:
    """The encode_latent_space.py that makes latents, or train.py where there is no checkpoint to encode with.

    Args:
        path: of the latents, or of another file of their folder.
        changes: flags of it to change.
    """
    folder, size = Path(path).parent, _size_in_name(path, "latent_space_size_*.npy")
    checkpoint = model_path(folder, size) if size is not None else _largest(folder)
    words = _words_of_earlier_encoding(folder, size)
    if words is None and checkpoint is not None and checkpoint.exists():
        words = ["--model_path", str(checkpoint), "--test_data", str(test_data_path(folder))]
    if words is None:
        return training_command(checkpoint or test_data_path(folder))
    return command("encode_latent_space.py", *edited(words, changes or {}))


def _repeated(training: _Training, changes: Changes) -> str:
    """A recorded training once more, with some flags changed."""
    changes = {**_OF_ONE_RUN, **changes}
    epochs = training.num_epochs
    if epochs is not None and _value_in(training.words, "--num_epochs") != str(epochs):
        changes.setdefault("--num_epochs", [epochs])
    if "--dataset" not in changes and not _is_found(training):
        changes["--dataset"] = [training.place]
    words = edited(training.words, changes)
    return command("train.py", *edited(words, {"--data_dir": None}), *_elsewhere(words, training))


def _is_found(training: _Training) -> bool:
    """Whether the words that named its images name them here too, or name a folder here and they are gone."""
    dataset = _value_in(training.words, "--dataset")
    if training.place is None or dataset is None:
        return training.place is None
    here = os.path.abspath(os.path.expanduser(dataset))
    return here == training.place or (os.path.isdir(here) and not os.path.isdir(training.place))


def _elsewhere(words: Sequence[str], training: _Training) -> list[str]:
    """The words that say where downloads lie, if they do not lie in the usual folder here."""
    typed = _value_in(words, "--data_dir")
    if training.data_dir is None:
        return [] if typed is None else ["--data_dir", typed]
    if os.path.abspath(DEFAULT_DATA_DIR) == training.data_dir:
        return []
    same = typed is not None and os.path.abspath(os.path.expanduser(typed)) == training.data_dir
    return ["--data_dir", typed if same else training.data_dir]


def _as_asked(folder: Path, changes: Changes) -> list[str]:
    """Words for train.py where nothing is recorded: the documented ones, or the size that was asked for."""
    words = edited([] if "--latent_size" in changes else _EXAMPLE, changes)
    for flag in ("--dataset", "--data_dir"):
        if flag not in changes and (values := _values(flag)):
            words += [flag, os.path.expanduser(values[0])]
    return words if folder == DEFAULT_OUTPUT_DIR else [*words, "--output_dir", str(folder)]


def _trainings_in(folder: Path) -> Iterator[_Training]:
    """What the records in a folder say, those first that are read at no cost."""
    for read in (_from_metrics, _from_checkpoints, _from_test_split, _from_states):
        with contextlib.suppress(BadInput, OSError, KeyError, TypeError):
            for record in read(folder):
                if (training := _training_from(record)) is not None:
                    yield training


def _from_metrics(folder: Path) -> list[dict[str, Any]]:
    return [read_json(folder / "metrics_training.json")]


def _from_checkpoints(folder: Path) -> Iterator[dict[str, Any]]:
    for path in model_paths(folder):
        with contextlib.suppress(BadInput, OSError):
            yield load_tensors(path, CHECKPOINT, "")["record"]


def _from_test_split(folder: Path) -> list[dict[str, Any]]:
    return [load_tensors(test_data_path(folder), TEST_SPLIT, "")["origin"]]


def _from_states(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted((folder / "training_state").glob("latent_size_*.pth")):
        with contextlib.suppress(BadInput, OSError):
            yield load_tensors(path, TRAINING_STATE, "")["identity"]


def _training_from(record: Mapping[str, Any]) -> _Training | None:
    """What a record says, as hostile as the file that it came from; None if it does not say enough."""
    if not isinstance(record, Mapping) or not isinstance(record.get("command"), str):
        return None
    try:
        words = shlex.split(record["command"])
    except ValueError:  # a quotation mark that nothing closes
        return None
    if len(words) < 3 or Path(words[1]).name != "train.py":
        return None
    arguments, origin = record.get("arguments"), record.get("images_from")
    arguments = arguments if isinstance(arguments, dict) else {}
    origin = origin if isinstance(origin, dict) else {}
    epochs, place, data_dir = arguments.get("num_epochs"), origin.get("place"), origin.get("data_dir")
    return _Training(
        words=words[2:],
        place=place if isinstance(place, str) else None,
        data_dir=data_dir if isinstance(data_dir, str) else None,
        num_epochs=epochs if type(epochs) is int else None,
    )


def _words_of_earlier_encoding(folder: Path, size: int | None) -> list[str] | None:
    """The words by which latents of any size in ``folder`` were made, for another size; None if they do not serve."""
    for sidecar in sorted(folder.glob("latent_space_size_*.json")):
        try:
            words = shlex.split(read_json(sidecar)["origin"]["command"])[2:]
        except (BadInput, OSError, KeyError, TypeError, ValueError, AttributeError):
            continue
        named = _value_in(words, "--model_path")
        if named is None:
            typed = _value_in(words, "--latent_size") or ""
            before = Path(_value_in(words, "--output_dir") or DEFAULT_OUTPUT_DIR)
            named = model_path(before, int(typed)) if typed.isdecimal() else None
        if named is None or not (named := Path(os.path.expanduser(named))).exists():
            continue
        other = named if size is None else model_path(named.parent, size)
        images = _value_in(words, "--images")
        tested = _value_in(words, "--test_data")
        into = folder if images is None else folder.parent
        if (
            other.exists()
            and (images is None or os.path.isdir(os.path.expanduser(images)))
            and (tested is None or os.path.exists(os.path.expanduser(tested)))
        ):
            same = into.exists() and other.parent.samefile(into)
            changes = {"--latent_size": None, "--model_path": [other], "--output_dir": None if same else [into]}
            return edited(words, changes)
    return None


def _largest(folder: Path) -> Path | None:
    """The checkpoint of the largest bottleneck in a folder."""
    sizes = _sizes_in(folder)
    return model_path(folder, sizes[-1]) if sizes else None


def _sizes_in(folder: Path) -> list[int]:
    """The bottlenecks whose checkpoints are in a folder by their names, from the smallest up."""
    return sorted(size for path in model_paths(folder) if (size := _size_in_name(path, "model_latent_size_*.pth")))


def _size_in_name(path: Path, pattern: str) -> int | None:
    """The bottleneck that a file would be of by its name alone, of which there may be nothing else."""
    before, after = pattern.split("*")
    match = re.fullmatch(rf"{re.escape(before)}([1-9][0-9]{{0,8}}){re.escape(after)}", Path(path).name, re.ASCII)
    return int(match[1]) if match else None


def _values(flag: str) -> list[str]:
    """What stands after a flag of the present command."""
    return _values_in(sys.argv[1:], flag)


def _value_in(words: Sequence[str], flag: str) -> str | None:
    return next(iter(_values_in(words, flag)), None)


def _values_in(words: Sequence[str], flag: str) -> list[str]:
    values, mine = [], False
    for word in words:
        if word.startswith("--"):
            name, equals, value = word.partition("=")
            mine = name == flag
            values = ([value] if equals else []) if mine else values
        elif mine:
            values.append(word)
    return values


def _output_dir() -> Path:
    return Path(os.path.expanduser(next(iter(_values("--output_dir")), str(DEFAULT_OUTPUT_DIR))))
