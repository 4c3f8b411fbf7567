"""Checkpoints: a network that can be rebuilt from its file alone, and the record of how it was trained."""

import importlib
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from model import ARCHITECTURES
from model.autoencoder import Autoencoder
from run.artefacts import model_path, test_data_path
from run.errors import BadInput, printable
from run.hints import own_command, training_command
from run.tensor_file import CHECKPOINT, load_tensors_with_digest, save_tensors


def _anew(path: Path) -> str:
    """The command that trains the network of a checkpoint from its start."""
    return training_command(path, {"--resume": None})


def build_model(
    architecture: str, latent_size: int, image_shape: tuple[int, int, int], **hyperparameters: Any
) -> Autoencoder:
    """A new network of one of the ``ARCHITECTURES``; ``num_classes`` is needed by one that takes labels."""
    return architecture_class(architecture)(latent_size, tuple(image_shape), **hyperparameters)


def architecture_class(architecture: str) -> type[Autoencoder]:
    """The class of one of the ``ARCHITECTURES``, which says what the architecture takes."""
    module, name = ARCHITECTURES[architecture]
    return getattr(importlib.import_module(module), name)


def save_model(path: Path, model: Autoencoder, record: dict[str, Any]) -> None:
    """Write weights, hyperparameters and ``record`` (plain types: data set, split fingerprint, settings, metrics)."""
    weights = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in model.state_dict().items()
    }
    content = {
        "architecture": model.architecture,
        "hyperparameters": model.hyperparameters,
        "weights": weights,
        "record": record,
    }
    save_tensors(path, CHECKPOINT, content)


def as_tensors(pca: Mapping[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """PCA of a network's size as its record keeps it under ``pca``, so that pictures of both can be drawn.

    Args:
        pca: ``mean`` (P,), ``components`` (K, P) and ``scales`` (K,), float32, see :class:`latent.pca.PCA`. Components
            are kept in half precision: it moves PCA's error by a hundred-thousandth of itself, and halves the file.
    """
    kept = {name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in pca.items()}
    return {**kept, "components": kept["components"].half()}


def pca_arrays(record: Mapping[str, Any]) -> dict[str, np.ndarray] | None:
    """The arrays, float32, that :func:`as_tensors` was given; None of a checkpoint from before they were kept."""
    kept = record.get("pca")
    return None if kept is None else {name: values.float().numpy() for name, values in kept.items()}


def load_model(path: Path) -> Autoencoder:
    """The network of a checkpoint, ready to encode and decode on the CPU.

    Raises:
        BadInput: the file is missing, damaged, or not a checkpoint of this suite.
    """
    return load_checkpoint(path)[0]


def load_checkpoint(path: Path) -> tuple[Autoencoder, dict[str, Any]]:
    """The network of a checkpoint and the record it was saved with, which gains ``sha256``, the file's own digest.

    Raises:
        BadInput: the file is missing, damaged, or not a checkpoint of this suite.
    """
    content, digest = load_tensors_with_digest(path, CHECKPOINT, training_command)
    try:
        architecture, record = content["architecture"], content["record"]
        # Built without memory first: sizes in a hostile file allocate nothing unless weights of that size are there.
        with torch.device("meta"):
            model = build_model(architecture, **content["hyperparameters"])
        kinds = {name: tensor.dtype for name, tensor in model.state_dict().items()}
        model.load_state_dict(content["weights"], assign=True)
        if any(tensor.dtype != kinds[name] for name, tensor in model.state_dict().items()):
            raise TypeError
        finite = all(bool(torch.isfinite(tensor).all()) for tensor in model.state_dict().values())
        sound = (
            all(isinstance(record[key], str) for key in ("fingerprint", "model", "dataset", "command"))
            and isinstance(record["arguments"], dict)
            and isinstance(record["held_out"][f"PCA of {model.latent_size}"]["mse"], float)
            and ("pca" not in record or _is_pca(record["pca"], math.prod(model.image_shape)))
        )
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError, AssertionError, ArithmeticError) as error:
        raise BadInput(
            f"{printable(path)} does not hold a network that this version can rebuild ({type(error).__name__}); "
            f"train again: {_anew(path)}"
        ) from None
    if not finite:
        raise BadInput(f"{printable(path)} holds weights that are NaN or infinite; train again: {_anew(path)}")
    if not sound:
        raise BadInput(f"{printable(path)} does not say how it was trained; train again: {_anew(path)}")
    return model.eval(), {**record, "sha256": digest}


def _is_pca(kept: Any, pixels: int) -> bool:
    """Whether a record's ``pca`` is what :func:`as_tensors` makes of images of so many values."""
    count = len(kept["scales"])
    shapes = {"mean": (pixels,), "components": (count, pixels), "scales": (count,)}
    return {name: tuple(values.shape) for name, values in kept.items()} == shapes and all(
        values.is_floating_point() and bool(torch.isfinite(values).all()) for values in kept.values()
    )


def load_models(
    paths: Iterable[Path], device: torch.device, *, with_sibling: bool = True
) -> dict[Path, tuple[Autoencoder, dict[str, Any]]]:
    """The networks of some checkpoints, on the device that they are to run on: path -> (network, record).

    Args:
        with_sibling: each is followed by the bottleneck of 2 that lies beside it, if one does.

    Raises:
        BadInput: a checkpoint is missing or damaged.
    """
    loaded = {}
    for path in paths:
        loaded |= load_with_sibling(path) if with_sibling else {Path(path): load_checkpoint(path)}
    return {path: (model.to(device), record) for path, (model, record) in loaded.items()}


def load_with_sibling(path: Path) -> dict[Path, tuple[Autoencoder, dict[str, Any]]]:
    """A checkpoint and, where it lies beside it, that of the bottleneck of 2: path -> (network, record).

    Raises:
        BadInput: a checkpoint is missing or damaged.
    """
    loaded = {Path(path): load_checkpoint(path)}
    sibling = model_path(Path(path).parent, 2)
    if loaded[Path(path)][0].latent_size != 2 and sibling.exists():
        loaded[sibling] = load_checkpoint(sibling)
    return loaded


def require_split(record: dict[str, Any], path: Path, fingerprint: str, test_path: Path) -> None:
    """Refuse a test split that may hold images that the checkpoint at ``path`` was trained on.

    Raises:
        BadInput: the fingerprints differ.
    """
    if record["fingerprint"] != fingerprint:
        own, remedy = test_data_path(Path(path).parent), f"train again: {_anew(path)}"
        if own.exists() and not (Path(test_path).exists() and own.samefile(test_path)):
            remedy = f"use that of the same training: {own_command({'--test_data': [own]})}"
        raise BadInput(
            f"{printable(path)} was trained on another split than {printable(test_path)}, which may hold its training "
            f"images; {remedy}"
        )
