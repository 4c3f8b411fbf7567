"""How a command line is parsed: flags as people spell them, refusals of one sentence, help with a command first."""

import argparse
import difflib
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from run import ranks
from run.argument_values import nearest
from run.artefacts import require_folder
from run.errors import printable

DEFAULT_OUTPUT_DIR = Path("output")
# Flags that name what a script reads, in whose folder it writes unless it is told otherwise.
_READ = ("model_path", "latent_space", "runs")
# What people call a flag that has another name here.
_ALSO_CALLED = {
    "k": "num_clusters", "n": "latent_size", "latent_dim": "latent_size", "bottleneck": "latent_size",
    "learning_rate": "lr", "epochs": "num_epochs", "batch": "batch_size", "bs": "batch_size", "data": "dataset",
    "resolution": "image_size", "out": "output_dir", "save_dir": "output_dir", "checkpoint": "model_path",
    "weights": "model_path", "arch": "model", "method": "vis_type", "input": "latent_space", "workers": "num_workers",
}  # fmt: skip


def new_parser(example: str, purpose: str) -> argparse.ArgumentParser:
    """A parser whose help opens with ``example``, one line that runs as it stands."""
    return _Parser(usage=f"{example}", description=purpose, formatter_class=_HelpFormatter, allow_abbrev=False)


def add_modes(parser: argparse.ArgumentParser) -> Callable[[str, str, str], argparse.ArgumentParser]:
    """Have the first word of the command line choose among modes, each with flags of its own; it becomes ``mode``.

    Returns:
        A function that adds one: (its name, a line that runs as it stands, its purpose) -> its parser.
    """
    modes = parser.add_subparsers(
        dest="mode", required=True, metavar="MODE", title="modes", prog=parser.prog, parser_class=_ModeParser
    )

    def add(name: str, example: str, purpose: str) -> argparse.ArgumentParser:
        return modes.add_parser(
            name,
            usage=example,
            description=purpose,
            help=purpose.partition(".")[0],
            formatter_class=_HelpFormatter,
            allow_abbrev=False,
        )

    return add


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, and offers the nearest flag for a misspelt one."""

    def parse_args(self, args: Any = None, namespace: Any = None) -> argparse.Namespace:
        """Parse, and settle ``output_dir`` where the script has one.

        Raises:
            OSError: that folder is not one, can't be made, or can't be written into.
        """
        parsed = super().parse_args(args, namespace)
        given = getattr(parsed, "output_dir", False)
        if given is None:
            parsed.output_dir = _folder_of_input(parsed) or DEFAULT_OUTPUT_DIR
        # --resume takes that of the run before; a probe of what was given has no path here
        if isinstance(given, Path) or (given is None and not getattr(parsed, "resume", None)):
            require_folder(parsed.output_dir)
        return parsed

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[argparse.Namespace, list[str]]:
        words = sys.argv[1:] if args is None else args
        return super().parse_known_args([self._as_spelt(each) for each in words], namespace)

    def _as_spelt(self, typed: str) -> str:
        """A flag with hyphens or capitals, as it is spelt here; any other word as it is."""
        name, equals, value = typed.partition("=")
        spelt = name if name in self._option_string_actions else f"--{name[2:].lower().replace('-', '_')}"
        return spelt + equals + value if typed.startswith("--") and spelt in self._option_string_actions else typed

    def error(self, message: str) -> None:
        flags = [flag for flag in self._option_string_actions if flag.startswith("--")]
        if message.startswith("unrecognized arguments: "):
            unknown = message.removeprefix("unrecognized arguments: ").split(" ")
            near = _unquoted(sys.argv[1:], unknown) or _hint(unknown, flags)
            message += f" (did you mean {near}?)" if near else ""
        said = f"{self.prog}: {printable(message)}; python {self.prog} --help shows every flag\n"
        self.exit(2, said if ranks.may_speak() else None)

    def print_help(self, file: Any = None) -> None:
        """Once, however many processes there are."""
        if ranks.is_first():
            super().print_help(file)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse a word that is not among the choices, and offer the nearest."""
        if action.choices is not None and value not in action.choices:
            known = ", ".join(map(str, action.choices))
            near = {"gpu": "cuda"}.get(str(value).lower())
            near = near if near in action.choices else nearest(str(value), list(action.choices))
            meant = f" (did you mean {near}?)" if near else ""
            raise argparse.ArgumentError(action, f"{printable(value)!r} is none of {known}{meant}")


class _ModeParser(_Parser):
    """The parser of one mode, which refuses unknown flags itself: it knows which it has."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[argparse.Namespace, list[str]]:
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return known, unknown


class _HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows every default, and keeps the runnable line at the top as it was typed."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=min(110, int(os.environ.get("COLUMNS", 110))))

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "".join(indent + line for line in text.splitlines(keepends=True))

    def _get_help_string(self, action: argparse.Action) -> str:
        if action.default is None or action.default is False or action.default == []:
            return action.help or ""
        if isinstance(action.default, list):
            return f"{action.help} (default: {' '.join(map(str, action.default))})"
        return super()._get_help_string(action)


def _folder_of_input(args: argparse.Namespace) -> Path | None:
    """Where the first of the files, or the first of the folders, is that a script was told to read."""
    for name in _READ:
        named = getattr(args, name, None)
        if named:
            first = named[0] if isinstance(named, list) else named
            return first if name == "runs" else first.parent
    return None


def _unquoted(words: Sequence[str], unknown: Sequence[str]) -> str | None:
    """A path with blanks in it that is there and was typed without quotation marks: as it should have been."""
    for last in range(len(words), 1, -1):
        for first in range(last - 1):
            joined = " ".join(words[first:last])
            if not {*words[first + 1 : last]}.isdisjoint(unknown) and os.path.exists(os.path.expanduser(joined)):
                return shlex.quote(joined)
    return None


def _hint(unknown: Sequence[str], flags: Sequence[str]) -> str:
    """What may have been meant by words that no flag takes: other flags, with the values that follow."""
    meant, in_vain = [], False  # in_vain: the values of a flag that resembles none
    for typed in unknown:
        if typed.startswith("-"):
            name, equals, value = typed.partition("=")
            name = name.lower().replace("-", "_").lstrip("_")
            also = f"--{_ALSO_CALLED.get(name)}"
            near = [also] if also in flags else difflib.get_close_matches(f"--{name}", flags, n=1)
            meant += [near[0] + equals + value] if near else []
            in_vain = not near
        elif meant and not in_vain:
            meant.append(typed)
        elif not in_vain:
            names = next((names for belongs, names in _BELONGS_TO if belongs(typed)), ())
            meant += [f"--{name} {typed}" for name in names if f"--{name}" in flags][:1]
    return " ".join(meant)


# Which flag a word belongs to that stands alone, the first that a script has.
_BELONGS_TO: list[tuple[Callable[[str], bool], tuple[str, ...]]] = [
    (lambda typed: typed.isdigit(), ("latent_size",)),
    (lambda typed: typed.endswith(".pth") and "test_data" in typed, ("test_data",)),
    (lambda typed: typed.endswith(".pth"), ("model_path", "resume")),
    (lambda typed: typed.endswith(".npy"), ("latent_space", "assign")),
    (lambda typed: typed.endswith((".csv", ".jsonl")), ("labels",)),
    (lambda typed: os.path.isdir(typed), ("dataset", "runs", "images", "output_dir")),
]
