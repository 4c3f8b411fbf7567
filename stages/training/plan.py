"""What is trained how: the settings, the images on each side of the split, the network and its objective."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from data import load_images
from data.annotations import Annotations
from data.image_set import ImageSet
from data.selection import Selection
from data.split import Split, split_images
from model.autoencoder import Autoencoder
from model.checkpoint import architecture_class, build_model
from model.objective import Objective
from model.options import KL_WARMUP, parse_mix
from model.training_state import KeptRun
from run import ranks
from run.device import choose_device, choose_precision
from run.errors import BadInput, printable
from run.hints import training_at_hand
from run.provenance import command_line
from run.resumed_arguments import as_kept
from stages.training.mirroring import COMPONENTS

MANY_TO_REFINE = 2000  # independent training images, from which on training at refined latents wins something
# Settings that decide nothing about the outcome, and so may differ when a run is resumed.
FREE_ON_RESUME = {"resume", "retrain", "save_every", "output_dir", "data_dir", "num_workers", "show", "svg"}


@dataclass(frozen=True)
class Settings:
    """The flags of train.py, in their order; each is explained there."""

    latent_size: list[int]
    only_named: bool
    model: str
    loss: str
    noise: float | None
    beta: float | None
    kl_warmup: float | None
    dataset: str
    data_dir: Path
    image_size: tuple[int, int] | None
    grayscale: bool
    labels: list[Path] | None
    file_column: str | None
    label_column: str | None
    group_column: str | None
    split_column: str | None
    label_from: str | None
    class_order: list[str]
    unlabelled: str
    group_from: str | None
    near_duplicates: str
    value_range: list[float] | None
    frames: str
    fit: str
    ground: str | None
    max_pixels: int | None
    split: str | None
    split_seed: int
    test_fraction: float
    max_train: int | None
    max_test: int | None
    val_fraction: float
    num_epochs: int
    batch_size: int
    lr: float
    balance: str
    mirror: str
    patience: int | None
    precision: str
    refine: int
    resume: Path | bool | None
    retrain: bool
    save_every: float
    snapshot_epochs: list[int]
    tensorboard: bool
    output_dir: Path
    seed: int
    device: str
    num_workers: int
    svg: bool
    show: bool

    @property
    def sizes(self) -> list[int]:
        """The bottlenecks that are trained, smallest first."""
        return sorted({*self.latent_size, *([] if self.only_named else [2])})

    @property
    def decisive(self) -> dict[str, Any]:
        """Those that decide the outcome, by name."""
        plain = {name: as_kept(value) for name, value in vars(self).items()}
        return {name: value for name, value in plain.items() if name not in FREE_ON_RESUME}


class Labelled(NamedTuple):
    """Images uint8 (N, C, H, W), read from the set when they are asked for; the class of each, int64 (N,), or None."""

    images: Selection
    labels: np.ndarray | None


@dataclass(frozen=True)
class Data:
    """All images, and those on each side of the split; there may be none to validate on."""

    image_set: ImageSet
    split: Split
    training: Labelled
    validation: Labelled
    test: Labelled


@dataclass(frozen=True)
class Plan:
    """What the trainings of all bottlenecks share."""

    settings: Settings
    data: Data
    architecture: type[Autoencoder]
    hyperparameters: dict[str, Any]  # the architecture's own, as far as all bottlenecks share them
    independent: int  # training images, those of one group counted once
    objective: Objective  # what is minimised
    device: torch.device
    precision: torch.dtype  # what convolutions are computed in; weights and the optimizer's state stay float32
    command: str  # what the run began with
    kept: KeptRun | None  # the run to go on with

    @property
    def in_processes(self) -> bool:
        """Whether bottlenecks may be trained side by side, each by a process of its own."""
        return self.device.type == "cpu" and ranks.world_size() == 1

    @property
    def steps(self) -> int:
        """Steps an epoch."""
        return -(-len(self.data.training.images) // self.settings.batch_size)

    @property
    def components(self) -> int:
        """Of PCA, as many as bottlenecks begin with, and as mirrored images are told by."""
        return max(self.settings.sizes[-1], COMPONENTS)

    def new_network(self, latent_size: int) -> Autoencoder:
        """A network with a bottleneck of that size, with random weights."""
        shape = self.data.image_set.images.shape[1:]
        sized = self.architecture.sized_for(latent_size, self.independent, shape)
        return build_model(self.settings.model, latent_size, shape, **sized, **self.hyperparameters)


def load_data(settings: Settings) -> Data:
    """Images, decoded or from the cache, and their split."""
    with ranks.first_on_machine():  # it decodes, the others of its machine read its cache
        image_set = load_images(
            settings.dataset,
            settings.data_dir,
            settings.image_size,
            settings.grayscale,
            settings.num_workers or None,
            Annotations.of(settings),
            near_duplicates=settings.near_duplicates != "ignore",
        )
    split = split_images(
        image_set,
        kind=settings.split,
        test_fraction=settings.test_fraction,
        val_fraction=settings.val_fraction,
        max_train=settings.max_train,
        max_test=settings.max_test,
        seed=settings.split_seed,
        near_duplicates=settings.near_duplicates,
    )
    sides = (
        Labelled(Selection(image_set.images, rows), None if image_set.labels is None else image_set.labels[rows])
        for rows in (split.trained_on, split.val, split.test)
    )
    return Data(image_set, split, *sides)


def refuse_what_does_not_fit(settings: Settings, architecture: type[Autoencoder], data: Data) -> None:
    """Find out, before any work is done, what was asked for in vain.

    Raises:
        BadInput: something was, that these images, this architecture or this training do not have.
    """
    shape, labelled, name = data.image_set.images.shape[1:], data.image_set.labels is not None, settings.model
    if settings.sizes[-1] >= math.prod(shape):
        raise BadInput(
            f"--latent_size {settings.sizes[-1]} is no bottleneck for images of {' x '.join(map(str, shape))} = "
            f"{math.prod(shape)} values; choose a smaller one: "
            f"{training_at_hand({'--latent_size': [min(32, math.prod(shape) // 2)]})}"
        )
    for flag in ("beta", "kl_warmup"):
        if getattr(settings, flag) is not None and flag not in architecture.own_flags:
            raise BadInput(
                f"--{flag} weighs the KL part of a loss, and --model {name} has none; train an "
                "architecture that has one (--model vae, beta_vae or cvae), or leave it out: "
                f"{training_at_hand({f'--{flag}': None})}"
            )
    if ranks.world_size() > 1 and _looks_at_batches(architecture, shape):
        raise BadInput(
            f"--model {name} normalises by batch, which processes would each do over their own part; train it by one "
            f"process, or another architecture: {training_at_hand({'--model': ['conv']})}"
        )
    if architecture.takes_labels and not labelled:
        raise BadInput(
            f"--model {name} decodes by each image's class, and the images of {printable(data.image_set.name)} have "
            "none; put them into one folder a class, or train an architecture that takes no labels: "
            f"{training_at_hand({'--model': ['conv'], '--beta': None, '--kl_warmup': None})}"
        )
    if settings.balance != "none" and not labelled:
        raise BadInput(
            "--balance needs classes, and the images have none; put them into one folder a class, or leave it out: "
            f"{training_at_hand({'--balance': None})}"
        )
    if (architecture.takes_labels or settings.balance != "none") and len(data.split.unlabelled):
        what = f"--model {name}" if architecture.takes_labels else f"--balance {settings.balance}"
        raise BadInput(
            f"{what} needs the class of each image, and {len(data.split.unlabelled):,} have none; leave them out: "
            "--unlabelled leave_out"
        )
    if settings.patience is not None and not len(data.validation.images):
        raise BadInput(
            "--patience needs validation images, and none are left; use a larger --val_fraction, or leave it out: "
            f"{training_at_hand({'--patience': None})}"
        )
    late = [epoch for epoch in settings.snapshot_epochs if epoch > settings.num_epochs]
    if late:
        raise BadInput(
            f"--snapshot_epochs {late[0]} is after the last of {settings.num_epochs} epochs; take one that comes, or "
            f"train longer: {training_at_hand({'--num_epochs': [max(late)]})}"
        )


def _looks_at_batches(architecture: type[Autoencoder], shape: tuple[int, int, int]) -> bool:
    """Whether a network makes of an image something that depends on the others of its batch."""
    with torch.device("meta"):
        model = architecture(2, shape, **({"num_classes": 2} if architecture.takes_labels else {}))
    return any(isinstance(layer, torch.nn.modules.batchnorm._NormBase) for layer in model.modules())


def make_plan(settings: Settings, data: Data, kept: KeptRun | None) -> Plan:
    """Settle what is trained how, and on what device."""
    architecture = architecture_class(settings.model)
    refuse_what_does_not_fit(settings, architecture, data)
    independent = len(np.unique(data.image_set.groups[data.split.trained_on]))
    hyperparameters: dict[str, Any] = {}
    if architecture.takes_labels:
        hyperparameters["num_classes"] = len(data.image_set.class_names)
    if settings.beta is not None:
        hyperparameters["beta"] = settings.beta
    warmup = settings.kl_warmup
    if warmup is None:
        warmup = KL_WARMUP if "kl_warmup" in architecture.own_flags else 0.0
    objective = Objective(
        mix=parse_mix(settings.loss),
        noise=settings.noise or 0.0,
        kl_warmup=warmup,
        refined=bool(settings.refine) and len(data.validation.images) > 0 and independent >= MANY_TO_REFINE,
    )
    device = choose_device(settings.device)
    return Plan(
        settings=settings,
        data=data,
        architecture=architecture,
        hyperparameters=hyperparameters,
        independent=independent,
        objective=objective,
        device=device,
        precision=choose_precision(settings.precision, device),
        command=command_line() if kept is None else kept.command,
        kept=kept,
    )
