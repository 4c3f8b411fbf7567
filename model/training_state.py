"""Everything that the rest of a training depends on, kept so that a killed run goes on to the same bytes.

Each bottleneck has a state of its own. The one before the last is kept too, in case the last is found damaged.
"""

import os
import random
import time
from pathlib import Path
from typing import Any

import torch

from run.console import warn
from run.errors import BadInput, printable
from run.tensor_file import load_tensors, save_tensors

_KIND = "training state"
_FOLDER = "training_state"  # in the output folder
_PATTERN = "latent_size_*.pth"


class StateKeeper:
    """Saves the state of one bottleneck's training, and finds it again.

    Args:
        output_dir: where the states lie.
        latent_size: of the bottleneck.
        identity: what the run is: its ``arguments``, the ``fingerprint`` of its split, the ``command`` it began with.
        every_minutes: the longest time between two states.
    """

    def __init__(self, output_dir: Path, latent_size: int, identity: dict[str, Any], every_minutes: float) -> None:
        self._path = Path(output_dir) / _FOLDER / _PATTERN.replace("*", str(latent_size))
        self._identity, self._interval, self._saved = identity, 60 * every_minutes, time.monotonic()

    def is_due(self) -> bool:
        """Whether the last state was kept longer ago than it should be."""
        return time.monotonic() - self._saved > self._interval

    def save(self, model: torch.nn.Module, optimizer: torch.optim.Optimizer, position: dict[str, Any]) -> None:
        """Keep weights, optimizer, random generators and ``position``, which says how far the loop has come."""
        content = {
            "identity": self._identity,
            "position": position,
            "weights": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "generators": _generators(),
        }
        if self._path.exists():
            os.replace(self._path, _previous(self._path))
        save_tensors(self._path, _KIND, content)
        self._saved = time.monotonic()

    def restore(self, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any] | None:
        """Put a kept state into ``model``, ``optimizer`` and the generators; its position, or None if there is none.

        Raises:
            BadInput: the kept state is of another run.
        """
        if not (self._path.exists() or _previous(self._path).exists()):
            return None
        content = _load_last_good(self._path)
        if content["identity"]["fingerprint"] != self._identity["fingerprint"]:
            raise BadInput(
                "the images are not those that the run to resume began with (files were added, removed or changed); "
                "put them back, or train anew without --resume"
            )
        try:
            model.load_state_dict(content["weights"])
            optimizer.load_state_dict(content["optimizer"])
            _set_generators(content["generators"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise BadInput(
                f"{printable(self._path)} does not fit this version of the suite ({type(error).__name__}); train anew "
                "without --resume"
            ) from None
        return content["position"]


def find_run(place: Path) -> dict[str, Any]:
    """The identity of the run whose states were kept in the output folder ``place``, or of the state file ``place``.

    Raises:
        BadInput: there is none, or none that can be read.
    """
    place = Path(place)
    candidates = [place] if place.is_file() else sorted((place / _FOLDER).glob(_PATTERN))
    if not candidates:
        raise BadInput(
            f"there is no training to resume in {printable(place)}; start one: python train.py --latent_size N"
        )
    return _load_last_good(candidates[0])["identity"]  # the states of one run all say the same


def forget_runs(output_dir: Path) -> None:
    """Remove the states of a run that another takes the place of."""
    for path in (Path(output_dir) / _FOLDER).glob(_PATTERN):
        path.unlink()


def _previous(path: Path) -> Path:
    return path.with_name(f"{path.stem}_previous.pth")


def _load_last_good(path: Path) -> dict[str, Any]:
    made_by = "python train.py --latent_size N"
    if not path.exists():
        return _sound(load_tensors(_previous(path), _KIND, made_by))
    try:
        return _sound(load_tensors(path, _KIND, made_by))
    except BadInput as error:
        if not _previous(path).exists():
            raise
        warn(f"{error}; the state before it is taken")
        return _sound(load_tensors(_previous(path), _KIND, made_by))


def _sound(content: dict[str, Any]) -> dict[str, Any]:
    identity = content.get("identity")
    if not isinstance(identity, dict) or not isinstance(identity.get("arguments"), dict):
        raise BadInput("the training state does not say which run it is of; train anew without --resume")
    return content


def _generators() -> dict[str, Any]:
    """The state of every random generator that a training step may draw from."""
    states = {"torch": torch.get_rng_state(), "python": random.getstate()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state_all()
    if torch.backends.mps.is_available():
        states["mps"] = torch.mps.get_rng_state()
    return states


def _set_generators(states: dict[str, Any]) -> None:
    torch.set_rng_state(states["torch"])
    random.setstate(states["python"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(states["cuda"])
    if "mps" in states and torch.backends.mps.is_available():
        torch.mps.set_rng_state(states["mps"])
