"""Everything that the rest of a training depends on, kept so that a killed run goes on to the same bytes.

Each bottleneck has a state of its own. The one before the last is kept too, in case the last is found damaged. A
state is as hostile as any file: what it says is checked before anything is done with it.
"""

import random
import re
import time
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch

from model.autoencoder import Autoencoder
from run import ranks
from run.artefacts import model_path
from run.errors import BadInput, printable
from run.hints import refuse_mistyped_folder, training_at_hand, training_command
from run.tensor_file import TRAINING_STATE, load_tensors, save_tensors
from run.training_folder import EARLIER

STATES = "training_state"  # in the output folder
_PATTERN = "latent_size_*.pth"
_PLAIN = (str, int, float, bool, list, tuple, type(None))


@dataclass
class LoopState:
    """How far the training of one bottleneck has come.

    Attributes:
        epoch: the epoch under way, from 1 up.
        step: how many of its steps are done.
        summed: of each part of the loss, its sum over the images of this epoch so far, float32 ().
        log: a record of each epoch that is done: ``latent_size``, ``epoch``, ``val_mse`` (None without validation
            images), and ``train_`` and the name of each part of the loss, averaged over the epoch's images.
        best: the weights with the lowest validation error so far, see :mod:`stages.training.validation`.
        best_epoch: after which epoch that was; 0 for the start.
        start_errors: float64 (n,), of each validation image before the first step, where that is PCA.
        since_best: how many epochs ago the validation error was lowest.
        snapshots: epoch -> reconstructions after it, uint8 (16, C, H, W), see :mod:`model.snapshots`.
        latents: epoch -> latents after it of the images that are followed, float32 (R, D).
    """

    epoch: int = 1
    step: int = 0
    summed: dict[str, torch.Tensor] = field(default_factory=dict)
    log: list[dict[str, Any]] = field(default_factory=list)
    best: dict[str, torch.Tensor] | None = None
    best_epoch: int | None = None
    start_errors: torch.Tensor | None = None
    since_best: int = 0
    snapshots: dict[int, torch.Tensor] = field(default_factory=dict)
    latents: dict[int, torch.Tensor] = field(default_factory=dict)


@dataclass
class KeptRun:
    """A run that was stopped.

    Attributes:
        arguments: those that decide its outcome, of the longest it was asked to run. As hostile as the file.
        command: what it was begun with.
        states: the last good state of each bottleneck, by its size.
        output_dir: where its states lay, and what it makes belongs; None if they lay in no such place.
        warnings: what was found damaged, a sentence each.
    """

    arguments: dict[str, Any]
    command: str
    states: dict[int, dict[str, Any]]
    output_dir: Path | None
    warnings: list[str]


class StateKeeper:
    """Saves the state of one bottleneck's training, and finds it again.

    Args:
        output_dir: where the states lie.
        latent_size: of the bottleneck.
        identity: what the run is: its ``arguments``, the ``fingerprint`` of its split, the ``command`` it began with.
        every_minutes: the longest time between two states.
        kept: the run to go on with; None for a new one.
    """

    def __init__(
        self,
        output_dir: Path,
        latent_size: int,
        identity: dict[str, Any],
        every_minutes: float,
        kept: KeptRun | None = None,
    ) -> None:
        self._path = Path(output_dir) / STATES / _PATTERN.replace("*", str(latent_size))
        self._latent_size, self._identity = latent_size, identity
        self._interval, self._saved = 60 * every_minutes, time.monotonic()
        self._kept = kept
        self._has_saved = False

    def is_due(self) -> bool:
        """Whether the last state was kept longer ago than it should be; of several processes the first says so."""
        return ranks.is_first() and time.monotonic() - self._saved > self._interval

    def save(self, model: Autoencoder, optimizer: torch.optim.Optimizer, state: LoopState) -> None:
        """Keep weights, optimizer, random generators and how far the loop has come.

        Of several processes the first does; the others, whose state is the same, wait until it has.

        Raises:
            BadInput: a weight is not finite; the state before is left as it is.
        """
        if not all(bool(torch.isfinite(tensor).all()) for tensor in model.state_dict().values()):
            lower = f"{self._identity['arguments']['lr'] / 10:g}"
            raise BadInput(
                f"a weight of bottleneck {self._latent_size} is no longer finite (epoch {state.epoch}, after step "
                f"{state.step}); the training state before it is kept; train with a lower rate: "
                f"{training_at_hand({'--lr': [lower]})}"
            )
        content = {
            "identity": self._identity,
            "latent_size": self._latent_size,
            "position": vars(state),
            "weights": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "generators": _generators(),
        }
        # What lies there before the first is perhaps of another run, or damaged: it does not displace the one before.
        if ranks.is_first():
            save_tensors(self._path, TRAINING_STATE, content, _previous(self._path) if self._has_saved else None)
        ranks.meet()
        self._has_saved, self._saved = True, time.monotonic()

    def restore(self, model: Autoencoder, optimizer: torch.optim.Optimizer) -> LoopState:
        """Put the kept state into ``model``, ``optimizer`` and the generators; where the loop goes on.

        Returns:
            The loop's first state, and nothing else is touched, if none of this bottleneck is kept.

        Raises:
            BadInput: the state does not fit the network.
        """
        content = self._kept.states.pop(self._latent_size, None) if self._kept else None
        if content is None:
            return LoopState()
        try:
            model.load_state_dict(content["weights"])
            _restore_optimizer(optimizer, content["optimizer"])
            _set_generators(content["generators"])
            return _checked_state(content["position"], model, self._identity["arguments"]["patience"])
        except (KeyError, TypeError, ValueError, RuntimeError, AttributeError, IndexError, ArithmeticError) as error:
            raise BadInput(
                f"the training state of bottleneck {self._latent_size} does not fit this version of the suite "
                f"({type(error).__name__}); train anew: {training_at_hand({'--resume': None})}"
            ) from None


def has_states(output_dir: Path) -> bool:
    """Whether any training has kept a state in an output folder."""
    return any((Path(output_dir) / STATES).glob(_PATTERN))


def stopped_sizes(output_dir: Path) -> list[int]:
    """The bottlenecks of an output folder that have a state and no checkpoint yet: their training was stopped."""
    found = (re.fullmatch(r"latent_size_([0-9]{1,9})(?:_previous)?\.pth", path.name, re.ASCII)
             for path in (Path(output_dir) / STATES).glob(_PATTERN))  # fmt: skip
    sizes = sorted({int(match[1]) for match in found if match})
    return [size for size in sizes if not model_path(Path(output_dir), size).exists()]


def require_same_images(kept: KeptRun, fingerprint: str) -> None:
    """Refuse to go on with a run on other images than it began with, before anything is replaced.

    Raises:
        BadInput: the split's fingerprint is another one.
    """
    if any(content["identity"].get("fingerprint") != fingerprint for content in kept.states.values()):
        raise BadInput(
            "the images are not those that the run to resume began with (files were added, removed or changed); "
            f"put them back, or train anew: {training_at_hand({'--resume': None})}"
        )


def find_run(place: Path) -> KeptRun:
    """The run whose states were kept in the output folder ``place``, or that of the state file ``place``.

    A state that is damaged gives way to the one before it, and there is a warning.

    Raises:
        BadInput: there is none, or none that can be read.
    """
    place = Path(place)
    chosen = place if place.is_file() else None
    folder = place.parent if chosen else place / STATES
    paths = {path.with_name(path.name.replace("_previous", "")) for path in folder.glob(_PATTERN)}
    if not (chosen or paths):
        refuse_mistyped_folder(place / "test_data.pth")
        # a new training that was stopped before its first state has moved the one before it aside
        shelved = [each for each in (place / EARLIER).glob("*") if stopped_sizes(each)]
        if shelved:
            last = max(shelved, key=lambda each: (each / STATES).stat().st_mtime)
            raise BadInput(
                f"there is no training to resume in {printable(place)} itself; one that was stopped before is in "
                f"{printable(last)}; go on with it: {training_command(last / 'test_data.pth')}"
            )
        raise BadInput(
            f"there is no training to resume in {printable(place)}; start one: "
            f"{training_command(place / 'test_data.pth')}"
        )
    warnings: list[str] = []
    found, lost = _load_all([chosen] if chosen else sorted(paths), warnings)
    if not found:
        raise BadInput(lost[0])
    # Killed in the middle of taking another run's place, a run leaves states of both: the newest says which it is.
    _, run = max(found, key=lambda each: each[0])
    if chosen:
        others, lost = _load_all(sorted(paths - {chosen}), warnings)
        found += others
    states = {content["latent_size"]: content for _, content in reversed(found) if _is_same_run(content, run)}
    warnings += [f"{sentence} (its bottleneck is trained from the start)" for sentence in lost]
    longest = max(states.values(), key=lambda content: content["identity"]["arguments"]["num_epochs"])
    return KeptRun(
        arguments=longest["identity"]["arguments"],
        command=longest["identity"]["command"],
        states=states,
        output_dir=folder.parent if folder.name == STATES else None,
        warnings=warnings,
    )


def _load_all(paths: list[Path], warnings: list[str]) -> tuple[list[tuple[float, dict[str, Any]]], list[str]]:
    """The states of several bottlenecks, as of :func:`_load_last_good`, and why others can't be read."""
    found, lost = [], []
    for path in paths:
        try:
            found.append(_load_last_good(path, warnings))
        except BadInput as error:
            lost.append(str(error))
    return found, lost


def _is_same_run(content: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two states are of one run, which may have been resumed to run longer."""
    (ours, mine), (theirs, its) = (
        ({**each["identity"]["arguments"], "num_epochs": 0}, each["identity"].get("fingerprint"))
        for each in (content, other)
    )
    return ours == theirs and mine == its


def _made_by(path: Path) -> str:
    """The command that trains what a state is of."""
    return training_command(path.parent.parent / "test_data.pth", {"--resume": None})


def _previous(path: Path) -> Path:
    return path.with_name(f"{path.stem}_previous.pth")


def _load_last_good(path: Path, warnings: list[str]) -> tuple[float, dict[str, Any]]:
    """When a state was written and what it holds; that of the state before, and one of ``warnings``, if damaged."""
    before = _previous(path)
    try:
        if path.exists() or not before.exists():
            changed = path.stat().st_mtime if path.exists() else 0.0
            return changed, _sound(load_tensors(path, TRAINING_STATE, _made_by), path)
    except BadInput as error:
        if not before.exists():
            raise
        warnings.append(f"{error}; the state before it is taken")
    return before.stat().st_mtime, _sound(load_tensors(before, TRAINING_STATE, _made_by), before)


def _sound(content: dict[str, Any], path: Path) -> dict[str, Any]:
    """``content``, if it says which run it is of.

    Raises:
        BadInput: it does not.
    """
    identity, size = content.get("identity"), content.get("latent_size")
    if (
        not isinstance(identity, dict)
        or not isinstance(identity.get("arguments"), dict)
        or not isinstance(identity.get("command"), str)
        or not isinstance(identity.get("fingerprint"), str)
        or type(identity["arguments"].get("num_epochs")) is not int
        or not all(isinstance(value, _PLAIN) for value in identity["arguments"].values())
        or type(size) is not int
    ):
        raise BadInput(f"{printable(path)} does not say which run it is of; train anew: {_made_by(path)}")
    return content


def _restore_optimizer(optimizer: torch.optim.Optimizer, kept: dict[str, Any]) -> None:
    """Put the moments and the last rate back, and nothing else: the rest is as the run's arguments say."""
    state = kept["state"]
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for number, parameter in enumerate(parameters):
        for name, value in state.get(number, {}).items():  # the fused step reads past the end of what is too short
            if value.shape != (() if name == "step" else parameter.shape) or value.dtype != torch.float32:
                raise ValueError(name)
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    for group, before in zip(optimizer.param_groups, kept["param_groups"], strict=True):
        group["lr"] = float(before["lr"])


def _checked_state(content: dict[str, Any], model: Autoencoder, patience: int | None) -> LoopState:
    """The state that was kept as ``content``, if the loop can go on from there; ``patience`` needs validation errors.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: it can't.
    """
    if content.keys() != {each.name for each in fields(LoopState)}:
        raise ValueError("fields")
    state = LoopState(**content)
    whole = all(type(value) is int and value >= 0 for value in (state.epoch, state.step, state.since_best))
    if not whole or len(state.log) != state.epoch - 1:
        raise ValueError("position")
    logged = {"latent_size", "epoch", "val_mse", *(f"train_{part}" for part in model.loss_parts)}
    for record in state.log:
        numbers = all(type(value) in (int, float) for name, value in record.items() if name != "val_mse")
        validated = type(record["val_mse"]) is float or (record["val_mse"] is None and patience is None)
        if record.keys() != logged or not numbers or not validated:
            raise ValueError("log")
    if state.summed.keys() != (set(model.loss_parts) if state.step else set()):
        raise ValueError("summed")
    if any(value.shape != () for value in state.summed.values()):
        raise ValueError("summed")
    for epoch, images in state.snapshots.items():
        if type(epoch) is not int or images.dtype != torch.uint8 or images.shape[1:] != model.image_shape:
            raise ValueError("snapshots")
    if state.latents.keys() != state.snapshots.keys():
        raise ValueError("latents")
    if any(each.dtype != torch.float32 or each.shape[1:] != (model.latent_size,) for each in state.latents.values()):
        raise ValueError("latents")
    if state.best is not None:
        shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
        if {name: tensor.shape for name, tensor in state.best.items()} != shapes:
            raise ValueError("best")
    if (state.best is None) != (state.best_epoch is None) or state.best_epoch not in (None, *range(state.epoch)):
        raise ValueError("best")
    if state.start_errors is not None and (state.start_errors.ndim != 1 or state.start_errors.dtype != torch.float64):
        raise ValueError("start_errors")
    device = next(model.parameters()).device
    state.summed = {name: value.to(device) for name, value in state.summed.items()}
    return state


def _generators() -> dict[str, Any]:
    """The state of every random generator that a training step may draw from."""
    states = {"torch": torch.get_rng_state(), "python": random.getstate()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()  # of the card in use
    if torch.backends.mps.is_available():
        states["mps"] = torch.mps.get_rng_state()
    return states


def _set_generators(states: dict[str, Any]) -> None:
    torch.set_rng_state(states["torch"])
    random.setstate(states["python"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])
    if "mps" in states and torch.backends.mps.is_available():
        torch.mps.set_rng_state(states["mps"])
