"""What lies in the output folder before a training: the same one, to which sizes are added, or another one."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from model.checkpoint import load_checkpoint
from model.training_state import STATES, find_run, has_states
from run.artefacts import model_paths, test_data_path
from run.console import note, warn
from run.errors import BadInput, printable
from run.hints import own_command
from run.training_folder import move_aside
from stages.training.plan import Plan
from stages.training.stopped import go_on_with, stopped_in_words

# Of two trainings that differ in these alone, the one may add its sizes to the other's. Whatever the images are called,
# the split's fingerprint says that they are the same.
_MAY_DIFFER = {"latent_size", "only_named", "dataset", "tensorboard"}


@dataclass
class Trained:
    """Bottlenecks that are trained already, on the same images with the same settings.

    Attributes:
        scores: by size, held-out errors of the network and of PCA of its size.
        logs: by size, the records of its epochs, as far as the log is there.
        warnings: by size, what was said of it.
    """

    scores: dict[int, dict[str, dict[str, float]]] = field(default_factory=dict)
    logs: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    warnings: dict[int, list[str]] = field(default_factory=dict)


def take_over_folder(plan: Plan) -> Trained:
    """Find what is trained already; move another training's files aside, and say so.

    Returns:
        What need not be trained again: none of the sizes that were asked for with ``--retrain``, and none whose state
        a resumed run has kept.
    """
    folder, settings = plan.settings.output_dir, plan.settings
    paths = model_paths(folder)
    records = [record for path in paths if (record := _record_of(path)) is not None]
    stopped = None
    if plan.kept is None and has_states(folder):
        stopped = stopped_in_words(folder, settings.decisive, plan.data.split.fingerprint)
    if plan.kept is None and not (records and all(_is_same(plan, record) for record in records)):
        if paths or test_data_path(folder).exists() or has_states(folder):
            moved = move_aside(folder, _name_of(folder, records))
            there = stopped or f"another training's files were in {printable(folder)}"
            _tell_of(moved, f"{there}; they are in {printable(moved)} now", stopped is not None)
        return Trained()
    if stopped:  # its other bottlenecks are kept, and its states are not to be written over
        moved = move_aside(folder, _name_of(folder, []), [folder / STATES])
        _tell_of(moved, f"{stopped}; its states are in {printable(moved)} now", is_stopped=True)
    logs = _read_logs(folder)
    scores = {
        record["latent_size"]: record["held_out"]
        for record in records
        if _is_same(plan, record) and record["latent_size"] in logs
    }
    if plan.kept is not None:  # states say how far each has come
        scores = {size: its_scores for size, its_scores in scores.items() if size not in plan.kept.states}
    asked = [size for size in settings.sizes if size in scores]
    if asked and settings.retrain:
        scores = {size: its_scores for size, its_scores in scores.items() if size not in asked}
    elif asked:
        note(
            f"bottleneck{'s' * (len(asked) > 1)} {' and '.join(map(str, asked))}: trained already on these images with "
            "these settings (--retrain trains anew)"
        )
    warnings = {
        record["latent_size"]: record.get("warnings", []) for record in records if record["latent_size"] in scores
    }
    return Trained(scores, {size: log for size, log in logs.items() if size in scores}, warnings)


def command_elsewhere(folder: Path) -> str:
    """This command, with another output folder than ``folder`` that is not there yet."""
    named = folder if folder.name not in ("", "..") else folder.resolve()  # "." has no name
    numbers = (named.parent / f"{named.name or 'output'}_{number}" for number in range(2, 10**6))
    other = next(each for each in numbers if not each.exists())
    return own_command({"--output_dir": [other]})


def _tell_of(moved: Path, words: str, is_stopped: bool) -> None:
    """Say what was moved aside, and of a stopped training how to go on with it."""
    if is_stopped:
        warn(f"{words}, and training begins anew; to go on with what was stopped instead: {go_on_with(moved)}")
    else:
        note(words)


def _record_of(path: Path) -> dict[str, Any] | None:
    """What a checkpoint says of its training, and its size; None of a file that is none."""
    try:
        model, record = load_checkpoint(path)
    except BadInput:
        return None
    return {**record, "latent_size": model.latent_size}


def _is_same(plan: Plan, record: dict[str, Any]) -> bool:
    ours, theirs = plan.settings.decisive, record["arguments"]
    return record["fingerprint"] == plan.data.split.fingerprint and {
        name: _plain(value) for name, value in ours.items() if name not in _MAY_DIFFER
    } == {name: _plain(value) for name, value in theirs.items() if name not in _MAY_DIFFER}


def _plain(value: object) -> object:
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def _name_of(folder: Path, records: list[dict[str, Any]]) -> str:
    """What the training in a folder was: ``digits_conv_2_16_10_epochs``."""
    if not records:
        try:
            return f"{Path(find_run(folder).arguments.get('dataset', 'training')).name}_unfinished"
        except BadInput:
            return "unfinished"
    first = records[0]
    sizes = "_".join(str(size) for size in sorted(record["latent_size"] for record in records))
    return f"{first['dataset']}_{first['model']}_{sizes}_{first['arguments'].get('num_epochs', '')}_epochs"


def _read_logs(folder: Path) -> dict[int, list[dict[str, Any]]]:
    """The records of each bottleneck's epochs, by size; {} if there is no sound log."""
    logs: dict[int, list[dict[str, Any]]] = {}
    try:
        for line in (folder / "training_log.jsonl").read_text("utf-8").splitlines():
            record = json.loads(line)
            log = logs.setdefault(record["latent_size"], [])
            log.append(record)
            if record["epoch"] != len(log) or type(record["train_mse"]) is not float or "val_mse" not in record:
                return {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return logs
