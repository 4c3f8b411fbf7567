"""What should be known before the numbers of a training are trusted: what it said of its split and of its curves."""

from collections.abc import Mapping
from typing import Any


def warnings_of(training: Mapping[str, Any]) -> list[str]:
    """Sentences; none where nothing is amiss.

    Args:
        training: ``metrics_training.json``.
    """
    said = []
    for key in ("split_notes", "warnings"):
        notes = training.get(key)
        said += [note for note in notes if isinstance(note, str) and note] if isinstance(notes, list) else []
    return [f"{note[0].upper()}{note[1:]}." for note in said]
