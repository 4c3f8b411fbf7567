"""The arguments of a run that is resumed: those of the run before, and what was given anew."""

import argparse
import contextlib
import io
from collections.abc import Collection
from pathlib import Path
from typing import Any

from run.errors import BadInput, printable
from run.hints import own_command, training_at_hand


def resumed_arguments(
    parser: argparse.ArgumentParser, before: dict[str, Any], free: Collection[str], growing: Collection[str]
) -> dict[str, Any]:
    """The arguments of an earlier run, and those given now that may differ; what neither has is left out.

    Args:
        parser: of the command line, none of whose arguments is required.
        before: the arguments that decided the earlier run's outcome, from a file that anybody may have made.
        free: names of arguments that decide nothing about the outcome.
        growing: names of arguments that may be larger than before.

    Raises:
        BadInput: an argument was given that would make it another run, or the earlier run's are none that this
            command line takes.
    """
    defaults = vars(parser.parse_known_args([])[0])  # "known": parse_args looks at folders as well
    for name, value in before.items():
        if name in free or name not in defaults or not _could_be_given(parser, name, value):
            raise BadInput(
                f"the run to resume has --{printable(name)} {printable(value)}, which this version of the suite does "
                f"not take; train anew: {training_at_hand({'--resume': None})}"
            )
    given = _given_arguments(parser, defaults)
    for name, value in given.items():
        kept = before.get(name)
        value = as_kept(value)
        if name not in free and value != kept and not (name in growing and value >= kept):
            raise BadInput(
                f"--{name} would make this another run than the one to resume, which has {printable(kept)}; leave it "
                f"out: {own_command({f'--{name}': None})}"
            )
    return {**before, **given}


def as_kept(value: Any) -> Any:
    """An argument's value as files keep it: paths, alone or in a list, are texts."""
    if isinstance(value, list):
        return [as_kept(each) for each in value]
    return str(value) if isinstance(value, Path) else value


def _given_arguments(parser: argparse.ArgumentParser, names: Collection[str]) -> dict[str, Any]:
    """The arguments that stood on the command line, rather than by default."""
    absent = object()
    found, _ = parser.parse_known_args(namespace=argparse.Namespace(**dict.fromkeys(names, absent)))
    return {name: value for name, value in vars(found).items() if value is not absent}


def _could_be_given(parser: argparse.ArgumentParser, name: str, value: object) -> bool:
    """Whether the command line could have brought this value about: it is written as words, and read again."""
    if value is None or value is False or value == []:
        words = []
    elif value is True:
        words = [f"--{name}"]
    elif isinstance(value, list):
        words = [f"--{name}", *map(str, value)]
        texts = [each for each in value if not isinstance(each, int | float)]
        if any(str(text).startswith("-") for text in texts):  # would be read as another flag
            return False
    else:
        words = [f"--{name}={'x'.join(map(str, value)) if isinstance(value, tuple) else value}"]
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            parsed, unknown = parser.parse_known_args(words)
    except SystemExit:
        return False
    found = as_kept(getattr(parsed, name))
    return not unknown and repr(found) == repr(value)  # by equality alone 1, 1.0 and True would be one
