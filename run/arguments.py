"""The command line: flags that scripts share have one spelling, one meaning and one help text, here."""

import argparse
import difflib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from run.artefacts import latent_space_path, model_path, require_folder, test_data_path
from run.errors import BadInput, printable

DEFAULT_OUTPUT_DIR = Path("output")
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

    def error(self, message: str) -> None:
        if message.startswith("unrecognized arguments: "):
            unknown = [word.split("=")[0] for word in message.split() if word.startswith("--")]
            flags = [flag for action in self._actions for flag in action.option_strings]
            near = [match for word in unknown for match in difflib.get_close_matches(word, flags, n=1)]
            message += f" (did you mean {', '.join(near)}?)" if near else ""
        self.exit(2, f"{self.prog}: {printable(message)}; python {self.prog} --help shows every flag\n")


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
    """A flag with one value, or ``several``; a ``meaning`` says what a default of None stands for."""
    nargs = "+" if several else None
    group.add_argument(flag, type=kind, nargs=nargs, default=default, metavar=metavar, help=meaning)


def add_choice(
    group: argparse._ArgumentGroup, flag: str, choices: Sequence[str], default: str | None, meaning: str
) -> None:
    """A flag whose value is one of a few words."""
    group.add_argument(flag, choices=choices, default=default, help=meaning)


def add_model(
    group: argparse._ArgumentGroup,
    meaning: str = "checkpoint of the bottleneck of N; that of 2 is found beside it",
    *,
    several: bool = False,
) -> None:
    """Where the checkpoint is: by ``--model_path``, or by ``--latent_size``."""
    add_value(group, "--model_path", path, None, "FILE", meaning, several=several)
    by_size = "instead of --model_path: N, to find the checkpoint in OUTPUT_DIR by"
    add_value(group, "--latent_size", whole_number(1), None, "N", by_size)


def add_test_data(
    group: argparse._ArgumentGroup,
    meaning: str = "held-out test split (default: test_data.pth beside the checkpoint)",
) -> None:
    add_value(group, "--test_data", path, None, "FILE", meaning)


def with_model_paths(args: argparse.Namespace) -> argparse.Namespace:
    """Fill in ``model_path`` and ``test_data`` where they were left to be found.

    Raises:
        BadInput: neither ``--model_path`` nor ``--latent_size`` was given, or both.
    """
    if (args.model_path is None) == (args.latent_size is None):
        raise BadInput("name one checkpoint, by --model_path FILE or by --latent_size N, as train.py was given it")
    if args.model_path is None:
        args.model_path = model_path(args.output_dir, args.latent_size)
    if args.test_data is None:
        args.test_data = test_data_path(args.model_path.parent)
    return args


def add_latent_space(group: argparse._ArgumentGroup) -> None:
    """Where the latents are: by ``--latent_space``, or by ``--latent_size``."""
    meaning = "latents of the bottleneck of N; those of 2 are found beside them"
    add_value(group, "--latent_space", path, None, "NPY", meaning)
    by_size = "instead of --latent_space: N, to find the latents in OUTPUT_DIR by"
    add_value(group, "--latent_size", whole_number(1), None, "N", by_size)


def with_latent_space_path(args: argparse.Namespace) -> argparse.Namespace:
    """Fill in ``latent_space`` where it was left to be found.

    Raises:
        BadInput: neither ``--latent_space`` nor ``--latent_size`` was given, or both.
    """
    if (args.latent_space is None) == (args.latent_size is None):
        raise BadInput("name the latents, by --latent_space NPY or by --latent_size N, as train.py was given it")
    if args.latent_space is None:
        args.latent_space = latent_space_path(args.output_dir, args.latent_size)
    return args


def path(text: str) -> Path:
    """An argparse type: a file or a folder, with ``~`` for a person's own folder."""
    return Path(name_or_path(text))


def name_or_path(text: str) -> str:
    """An argparse type: a name, or a path as it was typed but for ``~``."""
    if not text.strip():
        raise argparse.ArgumentTypeError("an empty path; name a file or a folder, a dot for the folder you are in")
    expanded = os.path.expanduser(text)
    if expanded.startswith("~") and not os.path.exists(expanded):
        raise argparse.ArgumentTypeError(f"{printable(text)}: there is no such person here; write the path in full")
    return expanded


def whole_number(at_least: int, at_most: int | None = None) -> Callable[[str], int]:
    """An argparse type: a whole number within bounds, refused in words."""

    def parse(text: str) -> int:
        bounds = (
            f"a whole number from {at_least} up" if at_most is None else f"a whole number from {at_least} to {at_most}"
        )
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{printable(text)!r} is not {bounds}") from None
        if value < at_least or (at_most is not None and value > at_most):
            raise argparse.ArgumentTypeError(f"{value} is not {bounds}")
        return value

    return parse


def real_number(above: float, below: float, *, from_lowest: bool = False) -> Callable[[str], float]:
    """An argparse type: a number strictly between two bounds; with ``from_lowest`` the lower one itself will do."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not (above < value < below or (from_lowest and value == above)):
            low = f"from {above:g} up" if from_lowest else f"above {above:g}"
            raise argparse.ArgumentTypeError(f"{printable(text)!r} is not a number {low} and below {below:g}")
        return value

    return parse


def fraction(text: str) -> float:
    """An argparse type: a number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{printable(text)!r} is not a number from 0 to 1")
    return value


def all_or_number(at_least: int) -> Callable[[str], int | None]:
    """An argparse type: ``all`` (None) or a whole number."""

    def parse(text: str) -> int | None:
        return None if text == "all" else whole_number(at_least)(text)

    return parse


def image_size(text: str) -> tuple[int, int]:
    """An argparse type: ``32`` or ``48x32`` (height x width), each from 8 to 1024."""
    parts = text.lower().split("x")
    side = whole_number(8, 1024)
    if len(parts) not in (1, 2):
        raise argparse.ArgumentTypeError(f"{printable(text)!r} is neither one number (32) nor height x width (48x32)")
    return side(parts[0]), side(parts[-1])


def nearest(word: str, known: Sequence[str]) -> str | None:
    """The known name that a mistyped one most resembles, if any does."""
    near = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.5)
    return near[0] if near else None


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
        "choices": ["auto", "cpu", "cuda", "mps"], "default": "auto",
        "help": "where the network runs; auto takes cuda, then mps, then cpu",
    },
    "num_workers": {
        "type": whole_number(0), "default": 0, "metavar": "W",
        "help": "processes that decode images; 0 takes one a core where they help",
    },
    "n_neighbors": {
        "type": whole_number(2), "default": 15, "metavar": "K", "help": "umap: how many neighbours a point keeps",
    },
    "svg": {"action": "store_true", "help": "save each figure as .svg as well"},
    "show": {"action": "store_true", "help": "open a window as well, where there is a display"},
}  # fmt: skip
