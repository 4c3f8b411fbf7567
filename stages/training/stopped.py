"""A stopped training that a new one finds in its folder: how far it came, and the command that goes on with it."""

from pathlib import Path
from typing import Any

from model.training_state import find_run, stopped_sizes
from run.errors import BadInput, printable
from run.hints import training_command


def stopped_in_words(folder: Path, arguments: dict[str, Any], fingerprint: str) -> str | None:
    """What was stopped in a folder, and how far it came.

    Args:
        folder: of a training.
        arguments, fingerprint: of the training that is asked for now.

    Returns:
        None where nothing was stopped there, or its states can't be read.
    """
    sizes = stopped_sizes(folder)
    if not sizes:
        return None
    try:
        run = find_run(folder)
    except BadInput:
        return None
    epochs = {size: _epoch(run.states[size]) for size in sizes if size in run.states}
    came = ", ".join(f"bottleneck {size} in epoch {epoch}" for size, epoch in epochs.items() if epoch)
    if not came:
        return None
    is_same = run.arguments == arguments and all(
        each["identity"]["fingerprint"] == fingerprint for each in run.states.values()
    )
    of = "a stopped training of this very command" if is_same else "another training, which was stopped,"
    return f"{of} was in {printable(folder)} ({came} of {run.arguments['num_epochs']})"


def go_on_with(folder: Path) -> str:
    """The command that goes on with the training stopped in ``folder``."""
    return training_command(folder / "test_data.pth")


def _epoch(state: dict[str, Any]) -> int | None:
    """The epoch that a state was kept in, from a file that anybody may have made."""
    position = state.get("position")
    epoch = position.get("epoch") if isinstance(position, dict) else None
    return epoch if type(epoch) is int else None
