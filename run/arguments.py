"""The command line: flags that scripts share have one spelling, one meaning and one help text, here."""

import argparse
import difflib
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from run import ranks
from run.argument_values import (  # noqa: F401  (the faces take all of a command line's parts from here)
    all_or_number,
    file_of,
    fraction,
    image_size,
    name_or_path,
    nearest,
    path,
    real_number,
    same_word,
    separated,
    value_range,
    whole_number,
    word,
    word_or_number,
)
from run.artefacts import (
    latent_space_path,
    latent_space_paths,
    model_path,
    model_paths,
    require_folder,
    test_data_path,
)
from run.errors import BadInput, printable
from run.hints import choice_of_file

DEFAULT_OUTPUT_DIR = Path("output")
# What people call a flag that has another name here.
_ALSO_CALLED = {
    "k": "num_clusters", "n": "latent_size", "latent_dim": "latent_size", "bottleneck": "latent_size",
    "learning_rate": "lr", "epochs": "num_epochs", "batch": "batch_size", "bs": "batch_size", "data": "dataset",
    "resolution": "image_size", "out": "output_dir", "save_dir": "output_dir", "checkpoint": "model_path",
    "weights": "model_path", "arch": "model", "method": "vis_type", "input": "latent_space", "workers": "num_workers",
}  # fmt: skip
# Flags that name what a script reads, in whose folder it writes unless it is told otherwise.
_READ = ("model_path", "latent_space", "runs")


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


def parser(example: str, purpose: str) -> argparse.ArgumentParser:
    """A parser whose help opens with ``example``, one line that runs as it stands."""
    return _Parser(usage=f"{example}", description=purpose, formatter_class=_HelpFormatter, allow_abbrev=False)


class _ModeParser(_Parser):
    """The parser of one mode, which refuses unknown flags itself: it knows which it has."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[argparse.Namespace, list[str]]:
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return known, unknown


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


def add_shared(group: argparse._ArgumentGroup, *names: str) -> None:
    """Add flags that mean the same in every script that has them, by name: see ``_SHARED``, below."""
    for name in names:
        group.add_argument(f"--{name}", **_SHARED[name])


def add_value(
    group: argparse._ArgumentGroup,
    flag: str,
    kind: Callable[[str], Any],
    default: Any,
    metavar: str,
    meaning: str,
    *,
    several: bool = False,
) -> None:
    """A flag with one value, or ``several``; a ``meaning`` says what a default of None stands for.

    Several numbers may have commas between them, which in a path or a name are part of it.
    """
    told = {"type": kind, "default": default, "metavar": metavar, "help": meaning}
    if several:
        told |= {"nargs": "+", "action": _Several, "type": kind if kind in (path, str) else separated(kind)}
    group.add_argument(flag, **told)


class _Several(argparse.Action):
    """Collects the values of a flag, also of one that is given again."""

    _collected: list[Any] | None = None

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: Any = None) -> None:
        given = [value for each in values for value in (each if isinstance(each, list) else [each])]
        before = getattr(namespace, self.dest)
        self._collected = [*before, *given] if before is self._collected and before is not None else given
        setattr(namespace, self.dest, self._collected)


def add_image_size(group: argparse._ArgumentGroup, meaning: str) -> None:
    """``--image_size``, whose two numbers may also be two words."""
    group.add_argument("--image_size", nargs="+", action=_ImageSize, default=None, metavar="S|HxW", help=meaning)


class _ImageSize(argparse.Action):
    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: Any = None) -> None:
        try:
            setattr(namespace, self.dest, image_size(" ".join(values)))
        except argparse.ArgumentTypeError as error:
            raise argparse.ArgumentError(self, str(error)) from None


def add_value_range(group: argparse._ArgumentGroup, meaning: str) -> None:
    """``--value_range``, whose two numbers may also be one word."""
    told = {"nargs": "+", "action": _ValueRange, "default": None, "metavar": ("LO", "HI"), "help": meaning}
    group.add_argument("--value_range", **told)


class _ValueRange(argparse.Action):
    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: Any = None) -> None:
        try:
            setattr(namespace, self.dest, value_range(" ".join(values)))
        except argparse.ArgumentTypeError as error:
            raise argparse.ArgumentError(self, str(error)) from None


def add_choice(
    group: argparse._ArgumentGroup, flag: str, choices: Sequence[str], default: Any, meaning: str,
    *, several: bool = False,
) -> None:  # fmt: skip
    """A flag whose value is one of a few words, or several of them."""
    told = {"choices": choices, "type": word(choices), "default": default, "help": meaning}
    group.add_argument(flag, **told, **({"nargs": "+", "metavar": "WORD"} if several else {}))


def add_model(
    group: argparse._ArgumentGroup,
    meaning: str = "checkpoint of the bottleneck of N; that of 2 is found beside it",
    *,
    several: bool = False,
) -> None:
    """Where the checkpoint is: by ``--model_path``, or by ``--latent_size``."""
    add_value(group, "--model_path", file_of(model_paths), None, "FILE", meaning, several=several)
    by_size = "instead of --model_path: N, to find the checkpoint in OUTPUT_DIR by"
    add_value(group, "--latent_size", whole_number(1), None, "N", by_size)


def add_test_data(
    group: argparse._ArgumentGroup,
    meaning: str = "held-out test split (default: test_data.pth beside the checkpoint)",
) -> None:
    add_value(group, "--test_data", file_of(_test_data_in), None, "FILE", meaning)


def _test_data_in(folder: Path) -> list[Path]:
    return [path for path in [test_data_path(folder)] if path.is_file()]


def with_model_paths(args: argparse.Namespace) -> argparse.Namespace:
    """Fill in ``model_path`` and ``test_data`` where they were left to be found.

    Raises:
        BadInput: neither ``--model_path`` nor ``--latent_size`` was given, or both.
    """
    if (args.model_path is None) == (args.latent_size is None):
        raise BadInput(
            "name one checkpoint, by --model_path or by --latent_size, as train.py was given it: "
            f"{choice_of_file('--model_path', args.output_dir)}"
        )
    if args.model_path is None:
        args.model_path = model_path(args.output_dir, args.latent_size)
    if args.test_data is None:
        args.test_data = test_data_path(args.model_path.parent)
    return args


def add_latent_space(group: argparse._ArgumentGroup) -> None:
    """Where the latents are: by ``--latent_space``, or by ``--latent_size``."""
    meaning = "latents of the bottleneck of N; those of 2 are found beside them"
    add_value(group, "--latent_space", file_of(latent_space_paths), None, "NPY", meaning)
    by_size = "instead of --latent_space: N, to find the latents in OUTPUT_DIR by"
    add_value(group, "--latent_size", whole_number(1), None, "N", by_size)


def with_latent_space_path(args: argparse.Namespace) -> argparse.Namespace:
    """Fill in ``latent_space`` where it was left to be found.

    Raises:
        BadInput: neither ``--latent_space`` nor ``--latent_size`` was given, or both.
    """
    if (args.latent_space is None) == (args.latent_size is None):
        raise BadInput(
            "name the latents, by --latent_space or by --latent_size, as train.py was given it: "
            f"{choice_of_file('--latent_space', args.output_dir)}"
        )
    if args.latent_space is None:
        args.latent_space = latent_space_path(args.output_dir, args.latent_size)
    return args


# What argparse is told of each flag that several scripts have.
_SHARED: dict[str, dict[str, Any]] = {
    "output_dir": {
        "type": path, "default": None, "metavar": "DIR",
        "help": "folder of everything that is written (default: the folder of the checkpoint, the latents or the run "
        f"that is read, of the first where several are named; {DEFAULT_OUTPUT_DIR} where none is)",
    },
    "data_dir": {
        "type": path, "default": Path("data"), "metavar": "DIR", "help": "folder of downloads and of decoded images",
    },
    "seed": {
        "type": whole_number(0, 2**31 - 1), "default": 0, "metavar": "S",
        "help": "seed of everything random but the split",
    },
    "device": {
        "choices": ["auto", "cpu", "cuda", "mps"], "type": word(["auto", "cpu", "cuda", "mps"]), "default": "auto",
        "help": "where the network runs; auto takes cuda, then mps, then cpu",
    },
    "num_workers": {
        "type": whole_number(0), "default": 0, "metavar": "W",
        "help": "images decoded at a time; 0 takes one a core",
    },
    "n_neighbors": {
        "type": whole_number(2), "default": 15, "metavar": "K", "help": "umap: how many neighbours a point keeps",
    },
    "svg": {"action": "store_true", "help": "save each figure as .svg as well"},
    "show": {"action": "store_true", "help": "open a window as well, where there is a display"},
}  # fmt: skip
