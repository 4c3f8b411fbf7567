"""The words of a command line: which flags stand in it, their values, and the same with some changed."""

from collections.abc import Mapping, Sequence

Changes = Mapping[str, Sequence[object] | None]  # flag -> its values; None leaves it out


def edited(words: Sequence[str], changes: Changes) -> list[str]:
    """The words of a command line with some flags changed, added, or left out."""
    kept, dropped = [], False
    for word in words:
        if word.startswith("--"):
            dropped = _flag(word) in changes
        if not dropped:
            kept.append(word)
    for flag, values in changes.items():
        if values is not None:
            kept += [flag, *map(str, values)]
    return kept


def _flag(word: str) -> str:
    """The flag that a word is, as it is spelt here."""
    return "--" + word.partition("=")[0][2:].lower().replace("-", "_")


def flags_of(words: Sequence[str]) -> list[str]:
    return [_flag(word) for word in words if word.startswith("--")]


def values_of(words: Sequence[str], flag: str) -> list[str]:
    """What stands after a flag on a command line, of the last if it stands there several times."""
    values: list[str] = []
    mine = False
    for word in words:
        if word.startswith("--"):
            mine = _flag(word) == flag
            values = ([word.partition("=")[2]] if "=" in word else []) if mine else values
        elif mine:
            values.append(word)
    return values
