"""The command line: flags that scripts share have one spelling, one meaning and one help text, here."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

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
    test_data_path,
)
from run.errors import BadInput
from run.hints import choice_of_file
from run.parser import DEFAULT_OUTPUT_DIR, add_modes, new_parser  # noqa: F401  (the same)


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
