"""What train.py does: images -> split -> PCA -> a training for each bottleneck -> checkpoints -> held-out errors.

The training loop stands in :mod:`stages.training.loop`; what is settled before it in :mod:`stages.training.plan`.
"""

import argparse
import contextlib
import shlex
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from data import DATASETS
from data.split import describe_split, notes
from data.test_data import save_test_data
from figure.curves import draw_training_curves
from figure.style import save_figure
from latent.pca import PCA, fit_pca
from model.autoencoder import Autoencoder
from model.checkpoint import as_tensors, save_model
from model.fidelity import mean_error
from model.held_out import held_out_table, inference_in_words, measure_held_out, measure_mean_image
from model.inference import reconstruct_batches
from model.linear import refinable
from model.training_state import KeptRun, StateKeeper, find_run, require_same_images
from run import ranks
from run.agreement import agree
from run.artefacts import file_sha256, model_path, require_folder, snapshots_path, test_data_path, write_csv, write_json
from run.console import duration, note, say, warn
from run.device import make_repeatable
from run.errors import BadInput, printable
from run.hints import own_command_where_it_began, resume_command, training_at_hand
from run.provenance import command_line, versions
from run.resumed_arguments import resumed_arguments
from run.signals import StopRequest
from run.training_folder import locked_for_training
from stages.training import together
from stages.training.advice import HeldAgainst, advise
from stages.training.folder import command_elsewhere, take_over_folder
from stages.training.loop import train
from stages.training.memory import require_room
from stages.training.mirroring import may_mirror, mirroring_costs
from stages.training.plan import FREE_ON_RESUME, Data, Plan, Settings, load_data, make_plan
from stages.training.report import Relay, Report
from stages.training.side_by_side import train_all
from stages.training.snapshots import SnapshotRecorder
from stages.training.tensorboard import FOLDER, Board, require_tensorboard
from stages.training.together import pca_of_first, resumable
from stages.training.validation import Validator


def resume(settings: Settings, parser: argparse.ArgumentParser) -> None:
    """Go on with the run that was stopped in the output folder, or in the place that ``--resume`` names.

    Args:
        settings: what was typed.
        parser: of the command line, by which the arguments of the run before are checked.

    Raises:
        BadInput: no run is kept there, or what was typed would make it another run.
    """
    kept = find_run(settings.output_dir if settings.resume is True else settings.resume)
    for sentence in kept.warnings:
        warn(sentence)
    arguments = resumed_arguments(parser, kept.arguments, FREE_ON_RESUME, growing={"num_epochs", "tensorboard"})
    if kept.output_dir is not None:
        arguments.setdefault("output_dir", kept.output_dir)
    settings = replace(settings, **arguments)
    if settings.latent_size is None:
        raise BadInput(
            "the run to resume does not say which bottlenecks it trains; train anew: "
            + training_at_hand({"--resume": None})
        )
    if settings.dataset not in DATASETS and not Path(settings.dataset).expanduser().is_dir():
        raise BadInput(
            f"the run to resume began with --dataset {printable(settings.dataset)}, and no such folder is here; go on "
            f"where it began: {own_command_where_it_began()}"
        )
    run(settings, kept)


def run(settings: Settings, kept: KeptRun | None = None) -> None:
    """Train each bottleneck; save the networks, the test split, the log, held-out errors and curves.

    Args:
        settings: those of the run before, where one goes on.
        kept: the run to go on with; None for a new one.

    Raises:
        BadInput: what was asked for can't be trained on these images, a loss is no longer finite, or another training
            is under way in the folder.
        KeyboardInterrupt, Terminated, HungUp: a stop was asked for, and the training state is kept.
    """
    require_folder(settings.output_dir)
    if settings.tensorboard:
        require_tensorboard()
    agree(settings.decisive, settings.output_dir)
    with resumable(settings.output_dir):
        if ranks.is_first():
            lead(settings, kept)
        else:
            take_part(settings, kept)


def lead(settings: Settings, kept: KeptRun | None) -> None:
    """What one process does alone, and the first of several; arguments and errors as of :func:`run`."""
    started = time.monotonic()
    with locked_for_training(settings.output_dir, command_line(), command_elsewhere(settings.output_dir)):
        plan = make_plan(settings, prepared_data(settings, kept), kept)
        data = plan.data
        say(describe_split(data.image_set, data.split))
        there = take_over_folder(plan)
        sizes = [size for size in settings.sizes if size not in there.scores]
        require_room(plan, sizes)
        # the baseline, and where networks start
        pca = pca_of_first(lambda: fit_pca(data.training.images, plan.components, settings.seed))
        note(f"images and PCA ready after {duration(time.monotonic() - started)}; training on {plan.device.type}")

        record = {**describe_run(plan), "mirrored": decide_on_mirroring(plan, pca)}
        mean_image = measure_mean_image(pca.mean, data.test.images)
        save_test_data(test_data_path(settings.output_dir), data.image_set, data.split)
        left_out = [list(each) for each in data.image_set.left_out]
        write_csv(settings.output_dir / "left_out.csv", ["sample_id", "reason"], left_out)
        report, board = Report(plan, there.logs, sizes), settings.output_dir / FOLDER
        if settings.tensorboard:
            note(f"look on with: {shlex.join(['tensorboard', '--logdir', str(board)])}")
        bottleneck = Bottleneck(plan, pca, record, mean_image["mse"])
        ranks.share({"sizes": sizes, "mirrored": record["mirrored"], "mean_image_mse": mean_image["mse"]})
        try:
            trained = train_all(sizes, bottleneck.train, report, in_processes=plan.in_processes)
        except BaseException as error:
            if isinstance(error, Exception):
                raise
            note(f"the training state is kept; go on with: {resume_command(settings.output_dir)}")
            raise
        finally:
            report.close()

        for size in sorted(trained):
            for sentence in trained[size][1]:
                warn(sentence)
        scores = {**there.scores, **{size: its_scores for size, (its_scores, _) in trained.items()}}
        held_out = {"mean image": mean_image}
        for size in sorted(scores):
            held_out |= scores[size]
        log_sha256 = file_sha256(settings.output_dir / "training_log.jsonl")
        results = [
            settings.output_dir / "left_out.csv",
            *(model_path(settings.output_dir, size) for size in settings.sizes),
        ]
        of_pca = measure_pca(plan, pca)
        validation = {f"PCA of {size}": {"mse": error} for size, error in of_pca.items()}
        warnings = {**there.warnings, **{size: its_warnings for size, (_, its_warnings) in trained.items()}}
        said = [sentence for size in sorted(warnings) for sentence in warnings[size]]
        metrics = {**record, "held_out": held_out, "warnings": said, "validation": validation, "log_sha256": log_sha256}
        metrics["split_notes"] = notes(data.image_set, data.split)
        metrics["made_of"] = {path.name: file_sha256(path) for path in results}
        write_json(settings.output_dir / "metrics_training.json", metrics)
        figures = draw_curves(plan, of_pca, report.records, {"training_log.jsonl": log_sha256})
    say(held_out_table(held_out, len(data.test.images), settings.refine))
    if plan.architecture.takes_labels:
        say(f"(the decoder of {settings.model} was given each image's label, which PCA was not)")
    models = [model_path(settings.output_dir, size) for size in settings.sizes]
    pictures = [path for size in settings.sizes if (path := snapshots_path(settings.output_dir, size)).exists()]
    boards = [board] if settings.tensorboard else []
    for path in [*models, test_data_path(settings.output_dir), *pictures, *figures, *boards]:
        say(f"saved {printable(path)}")
    note(f"done in {duration(time.monotonic() - started)}")


def take_part(settings: Settings, kept: KeptRun | None) -> None:
    """What the other processes do: their part of every step and of every measure; they write nothing."""
    plan = make_plan(settings, prepared_data(settings, kept), kept)
    pca, told = pca_of_first(), ranks.share()
    record = {**describe_run(plan), "mirrored": told["mirrored"]}
    train = Bottleneck(plan, pca, record, told["mean_image_mse"]).train
    train_all(told["sizes"], train, Report(plan, {}, told["sizes"]), in_processes=False)


def prepared_data(settings: Settings, kept: KeptRun | None) -> Data:
    """The images and their split, the same in every process and as they were when a resumed run began."""
    data = load_data(settings)
    if kept is not None:
        require_same_images(kept, data.split.fingerprint)
    together.require_same_images(data.split.fingerprint)
    return data


@dataclass(frozen=True)
class Bottleneck:
    """Trains bottlenecks of any size on what they share."""

    plan: Plan
    pca: PCA
    record: dict[str, Any]  # what checkpoints say of the run
    mean_image_mse: float

    def train(
        self, size: int, report: Report | Relay, stop: StopRequest
    ) -> tuple[dict[str, dict[str, float]], list[str]]:
        """Train one, and save its checkpoint; its held-out errors and those of PCA of its size, and warnings."""
        plan, settings, data = self.plan, self.plan.settings, self.plan.data
        facts = {name: self.record[name] for name in ("model", "dataset", "fingerprint")}
        facts["refine"] = settings.refine
        snapshots = SnapshotRecorder(
            settings.output_dir, settings.snapshot_epochs, *data.test, settings.split_seed, facts
        )
        identity = {"arguments": settings.decisive, "fingerprint": data.split.fingerprint, "command": plan.command}
        keeper = StateKeeper(settings.output_dir, size, identity, settings.save_every, plan.kept)
        model, pca, of_pca = start_model(plan, size, self.pca), self.pca.first(size), measure_pca(plan, self.pca)
        with contextlib.ExitStack() as watching:
            watched = settings.tensorboard and ranks.is_first()
            if watched:
                report = watching.enter_context(Board(report, plan, model, pca, of_pca.get(size)))
            at = train(model, plan, keeper, snapshots, report, stop, self.record["mirrored"])
            if watched:
                report.finish(at.best_epoch)
        baselines = {f"PCA of {size}": pca.reconstruct_batches}
        if settings.refine:  # as the network's latents are
            refined = refinable(pca.mean, pca.components, data.training.images, plan.device)
            baselines[f"PCA of {size}, refined"] = partial(reconstruct_batches, refined, refine=settings.refine)
        scores, warnings = measure_held_out(model, *data.test, baselines, self.mean_image_mse, settings.refine)
        of_start = None if at.start_errors is None else float(at.start_errors.mean())
        watched = len(Validator.of(plan).watched.images)
        against = HeldAgainst(of_pca.get(size), of_start, self.mean_image_mse, watched)
        warnings += advise(size, at.log, at.best_epoch, against, settings.lr)
        record = {
            **self.record,
            "held_out": scores,
            "warnings": warnings,
            "kept_epoch": at.best_epoch,
            "pca": as_tensors(vars(pca)),
        }
        if ranks.is_first():
            save_model(model_path(settings.output_dir, size), model, record)
        return scores, warnings


def decide_on_mirroring(plan: Plan, pca: PCA) -> bool:
    """Whether training images are mirrored at random: as asked, or where PCA finds mirrored pictures as good."""
    if plan.settings.mirror != "auto":
        return plan.settings.mirror == "yes"
    costs = mirroring_costs(pca, plan.data.validation.images)
    if may_mirror(costs):
        as_good = f"PCA's error of mirrored validation images is as good ({costs:+.1%} in the median)"
        note(f"images are mirrored at random: {as_good}")
    return may_mirror(costs)


def describe_run(plan: Plan) -> dict[str, Any]:
    """What checkpoints and metrics say of the run, in plain types."""
    settings, data = plan.settings, plan.data
    return {
        "dataset": data.image_set.name,
        "split": data.split.kind,
        "class_names": list(data.image_set.class_names),
        "fingerprint": data.split.fingerprint,
        "model": settings.model,
        "decoder_takes_labels": plan.architecture.takes_labels,
        "arguments": settings.decisive,
        "tones": data.image_set.tones,
        "inference": inference_in_words(settings.refine),
        "precision": str(plan.precision).removeprefix("torch."),
        "protocol": "fitted on training images, measured on held-out images; pixels in [0, 1]",
        "held_out_images": len(data.test.images),
        "command": plan.command,
        "versions": versions(),
        **({"processes": ranks.world_size()} if ranks.world_size() > 1 else {}),
    }


def start_model(plan: Plan, latent_size: int, pca: PCA) -> Autoencoder:
    """A new network as it is before its first step; its random numbers do not depend on what was trained before it."""
    make_repeatable(plan.settings.seed)
    model = plan.new_network(latent_size).to(plan.device)
    begin = pca.first(latent_size)
    model.start_from_pca(begin.mean, begin.components, begin.scales)
    return model


def measure_pca(plan: Plan, pca: PCA) -> dict[int, float]:
    """Latent size -> the error of PCA of that size on the validation images watched; {} where there are none."""
    images = Validator.of(plan).watched.images
    if not len(images):
        return {}
    return {size: mean_error(images, pca.first(size).reconstruct_batches(images)) for size in plan.settings.sizes}


def draw_curves(
    plan: Plan, baselines: dict[int, float], log: list[dict[str, Any]], made_of: dict[str, str]
) -> list[Path]:
    """The error after each epoch beside that of PCA of the same size, on validation images; the figures' paths."""
    settings = plan.settings
    title = f"{settings.model} autoencoder on {printable(plan.data.image_set.name)}: error after each epoch"
    of_sizes = {size: baselines.get(size) for size in settings.sizes}
    figure = draw_training_curves(log, of_sizes, title, starts_as_pca=plan.architecture.starts_as_pca)
    path = settings.output_dir / "training_curves.png"
    return save_figure(figure, path, made_of=made_of, svg=settings.svg, show=settings.show)
