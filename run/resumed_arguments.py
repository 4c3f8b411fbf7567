"""The arguments of a run that is resumed: those of the run before, and what was given anew."""

import argparse
from collections.abc import Collection
from typing import Any

from run.errors import BadInput, printable


class Parsed(argparse.Namespace):
    """Arguments, and beside them the parser's own ``actions``, by which those of an earlier run are checked."""

    __slots__ = ("actions",)


def parse_with_given(parser: argparse.ArgumentParser) -> Parsed:
    """Parse the command line; ``given`` holds the names of the arguments that stood on it, rather than by default."""
    absent = object()
    names = [action.dest for action in parser._actions if action.default is not argparse.SUPPRESS]
    probe = parser.parse_args(namespace=argparse.Namespace(**dict.fromkeys(names, absent)))
    given = {name for name in names if getattr(probe, name) is not absent}
    parsed = Parsed(**vars(parser.parse_args()), given=given)
    parsed.actions = {action.dest: action for action in parser._actions if action.dest in names}
    return parsed


def resumed(now: Parsed, before: dict[str, Any], free: Collection[str], growing: Collection[str]) -> argparse.Namespace:
    """The arguments of an earlier run, with those given now that may differ.

    Args:
        now: what :func:`parse_with_given` gave.
        before: the arguments that decided the earlier run's outcome, from a file that anybody may have made.
        free: names of arguments that decide nothing about the outcome.
        growing: names of arguments that may be larger than before.

    Raises:
        BadInput: an argument was given that would make it another run, or the earlier run's are none that this
            command line takes.
    """
    for name, value in before.items():
        if name in free or name not in now.actions or not _could_be_given(now.actions[name], value):
            raise BadInput(
                f"the run to resume has --{printable(name)} {printable(value)}, which this version of the suite does "
                "not take; train anew without --resume"
            )
    changed = {}
    for name in now.given - set(free):
        value, kept = getattr(now, name), before.get(name)
        if name in growing and value >= kept:
            changed[name] = value
        elif value != kept:
            raise BadInput(
                f"--{name} would make this another run than the one to resume, which has {printable(kept)}; leave it "
                "out, or train anew without --resume"
            )
    return argparse.Namespace(**{**vars(now), **before, **changed})


def _could_be_given(action: argparse.Action, value: object) -> bool:
    """Whether the command line could have brought this value about."""
    if value is None or isinstance(value, bool) or isinstance(action.default, bool):
        return value is action.default or (isinstance(value, bool) and isinstance(action.default, bool))
    if action.nargs in ("+", "*"):
        return isinstance(value, list) and all(_is_one(action, each) for each in value)
    return _is_one(action, value)


def _is_one(action: argparse.Action, value: object) -> bool:
    text = "x".join(map(str, value)) if isinstance(value, tuple) else str(value)
    try:
        parsed = text if action.type is None else action.type(text)
    except (ValueError, TypeError, argparse.ArgumentTypeError):
        return False
    return type(parsed) is type(value) and parsed == value and (action.choices is None or parsed in action.choices)
