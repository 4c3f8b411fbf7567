"""The checkpoints that are compared: one of each size, all of one split and one architecture."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data.test_data import TestData, load_test_data
from model.autoencoder import Autoencoder
from model.checkpoint import load_models, require_split
from run.artefacts import model_paths, test_data_path
from run.console import warn
from run.device import choose_device
from run.errors import BadInput, printable
from run.hints import command, own_command, sizes_in, training_command
from run.training_folder import undisturbed

Models = dict[int, tuple[Autoencoder, dict[str, Any]]]  # size, rising -> network and record
_SIZE_SETTINGS = {
    "latent_size",
    "only_named",
    "snapshot_epochs",
    "tensorboard",
}  # arguments of train.py that may differ


def load_models_and_test_data(
    named: Sequence[Path], output_dir: Path, test_path: Path | None, device: str
) -> tuple[Models, TestData]:
    """The checkpoints by size, and the test split that all of them know.

    Args:
        named: the checkpoints; none takes all that lie in ``output_dir``, and leaves out what is of another split.
        test_path: of the test split; None takes that beside the checkpoints.
        device: that networks run on, as it was typed.

    Raises:
        BadInput: a file is missing or damaged, there are fewer than two sizes, two checkpoints of one size, several
            architectures, or one that was named is of another split.
    """
    paths, device = named or model_paths(output_dir), choose_device(device)
    with undisturbed(paths[0].parent if paths else output_dir):
        loaded = load_models(paths, device, with_sibling=False)
        test_path = test_path or test_data_path(next(iter(loaded)).parent if loaded else output_dir)
        test_data = load_test_data(test_path)
    models: Models = {}
    for path, (model, record) in loaded.items():
        if not named and record["fingerprint"] != test_data.fingerprint:
            anew = training_command(path, {"--latent_size": sizes_in(path.parent)})
            warn(
                f"{printable(path)} is left out: it is of another split than {printable(test_path)}, which the last "
                f"training into that folder made; train all anew: {anew}"
            )
            continue
        require_split(record, path, test_data.fingerprint, test_path)
        if model.latent_size in models:
            same = [each for each, (other, _) in loaded.items() if other.latent_size == model.latent_size]
            raise BadInput(
                f"two of the checkpoints are of size {model.latent_size}; name one of each, or see what seeds do to "
                f"one size: {command('evaluate.py', '--model_path', *same)}"
            )
        models[model.latent_size] = model, record
    architectures = sorted({model.architecture for model, _ in models.values()})
    if len(architectures) > 1:
        raise BadInput(
            f"the checkpoints are of the architectures {', '.join(architectures)}; compare sizes of one architecture: "
            f"{_of_one_architecture(loaded)}"
        )
    if len(models) < 2 and len(model_paths(test_path.parent)) > 1 and named:
        raise BadInput(
            "a comparison takes two sizes or more; name another, or none for all that lie in its folder: "
            f"{own_command({'--model_path': None, '--output_dir': [test_path.parent]})}"
        )
    if len(models) < 2:
        values = math.prod(test_data.images.shape[1:])
        sizes = sorted({*models, *(size for size in (4, 8, 16, 32, 64) if size < values)})
        raise BadInput(
            f"there {'is 1 size' if models else 'are no sizes'} to compare in {printable(test_path.parent)}, and two "
            f"are the fewest; train more: {training_command(test_path, {'--latent_size': sizes})}"
        )
    return dict(sorted(models.items())), test_data


def _of_one_architecture(loaded: dict[Path, tuple[Autoencoder, dict[str, Any]]]) -> str:
    """The command that compares the checkpoints of the architecture that most are of, or that trains such."""
    by_architecture: dict[str, list[Path]] = {}
    for path, (model, _) in loaded.items():
        by_architecture.setdefault(model.architecture, []).append(path)
    most = max(by_architecture.values(), key=len)
    if len(most) > 1:
        return own_command({"--model_path": most})
    return training_command(most[0], {"--latent_size": [model.latent_size for model, _ in loaded.values()]})


def warn_of_other_settings(models: Models) -> None:
    """Say so where networks were trained with different settings: then it is not their size alone that differs."""
    settings = {size: record["arguments"] for size, (_, record) in models.items()}
    names = sorted({name for each in settings.values() for name in each} - _SIZE_SETTINGS)
    for name in names:
        values = {size: each.get(name) for size, each in settings.items()}
        if len(set(map(str, values.values()))) > 1:
            said = ", ".join(f"{size}: {printable(value)}" for size, value in values.items())
            warn(f"the networks differ in more than their size, for they were trained with --{printable(name)} {said}")


def takes_labels(models: Models) -> bool:
    """Whether a decoder was given each image's label."""
    return any(model.takes_labels for model, _ in models.values())
