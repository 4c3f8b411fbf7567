"""The command line: flags that scripts share have one spelling, one meaning and one help text, here."""

import argparse
import difflib
import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from run.artefacts import latent_space_path, model_path, test_data_path
from run.errors import BadInput, printable

DEFAULT_OUTPUT_DIR = Path("output")


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, and offers the nearest flag for a misspelt one."""

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
        if action.default is None or action.default is False:
            return action.help or ""
        return super()._get_help_string(action)


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


def add_output_dir(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--output_dir",
        type=Path,
        default=DEFAULT_OUTPUT_DIR,
        metavar="DIR",
        help="folder of everything that the scripts write",
    )


def add_data_dir(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--data_dir", type=Path, default=Path("data"), metavar="DIR", help="folder of downloads and of decoded images"
    )


def add_seed(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--seed", type=whole_number(0, 2**31 - 1), default=0, metavar="S", help="seed of everything random"
    )


def add_show(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--show", action="store_true", help="open a window as well, where there is a display")


def add_svg(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--svg", action="store_true", help="save each figure as .svg as well")


def add_device(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--device",
        default="auto",
        choices=["auto", "cpu", "cuda", "mps"],
        help="where the network runs; auto takes cuda, then mps, then cpu",
    )


def add_num_workers(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--num_workers",
        type=whole_number(0),
        default=0,
        metavar="W",
        help="threads that decode images; 0 takes one a core",
    )


def add_latent_size(group: argparse._ArgumentGroup, meaning: str) -> None:
    """``--latent_size`` of the scripts after train.py, which find their files in ``--output_dir`` by it."""
    group.add_argument("--latent_size", type=whole_number(1), default=None, metavar="N", help=meaning)


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


def add_model_and_test_data(group: argparse._ArgumentGroup) -> None:
    """Where the checkpoint and the test split are: by ``--model_path`` and ``--test_data``, or by ``--latent_size``."""
    group.add_argument(
        "--model_path",
        type=Path,
        default=None,
        metavar="FILE",
        help="checkpoint of the bottleneck of N; that of 2 is found beside it",
    )
    add_latent_size(group, "instead of --model_path: N, to find the checkpoint in OUTPUT_DIR by")
    group.add_argument(
        "--test_data",
        type=Path,
        default=None,
        metavar="FILE",
        help="held-out test split (default: test_data.pth beside the checkpoint)",
    )


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
    group.add_argument(
        "--latent_space",
        type=Path,
        default=None,
        metavar="NPY",
        help="latents of the bottleneck of N; those of 2 are found beside them",
    )
    add_latent_size(group, "instead of --latent_space: N, to find the latents in OUTPUT_DIR by")


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


def add_n_neighbors(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--n_neighbors", type=whole_number(2), default=15, metavar="K", help="umap: how many neighbours a point keeps"
    )


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
