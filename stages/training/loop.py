"""The training loop, called once for each bottleneck."""

from typing import Any

import numpy as np
import torch

from data.balance import class_weights, epoch_order
from model.autoencoder import Autoencoder
from model.inference import labels_for, measure_refinement, to_float
from model.noise import part_of_batch
from model.training_state import LoopState, StateKeeper
from run import collectives, ranks
from run.artefacts import write_csv
from run.errors import BadInput, printable
from run.hints import training_at_hand
from run.signals import StopRequest
from stages.training.mirroring import mirrored, mirrored_rows
from stages.training.on_card import source_for
from stages.training.plan import Plan
from stages.training.report import Relay, Report
from stages.training.shared_step import add_up_step, my_part
from stages.training.snapshots import SnapshotRecorder
from stages.training.validation import Validator

MAX_GRADIENT_NORM = 1.0  # gradient clipping: a rare batch far from the others cannot throw the weights away


def train(
    model: Autoencoder,
    plan: Plan,
    keeper: StateKeeper,
    snapshots: SnapshotRecorder,
    report: Report | Relay,
    stop: StopRequest,
    mirror: bool,
) -> LoopState:
    """Train one bottleneck from its start, or from where it was stopped, to its last epoch.

    Args:
        model: as it is before its first step; trained afterwards.
        plan: what is trained how.
        keeper: of its states.
        snapshots: that are taken of it.
        report: is told of each step, and of each epoch's record, see :class:`model.training_state.LoopState`.
        stop: whether to leave.
        mirror: whether images are mirrored at random.

    Returns:
        How it went: its epochs, and which of them the weights are of.

    Raises:
        BadInput: the loss or a gradient is not finite. The weights of the step before are kept.
        KeyboardInterrupt, Terminated, HungUp: a stop was asked for, and the state is kept.
    """
    settings, training, validator = plan.settings, plan.data.training, Validator.of(plan)
    source = source_for(training.images, plan.device)
    labels = labels_for(model, training.labels)  # int64 (N,), where the decoder needs them
    importance = None  # float32 (N,), where images do not count the same
    if settings.balance == "weights":
        importance = torch.from_numpy(class_weights(training.labels)[training.labels])
    optimizer = model.optimisation.optimizer(model.parameters())
    at = keeper.restore(model, optimizer)
    if at.epoch == 1 and at.step == 0:
        validator.begin(model, at)
    report.skip((at.epoch - 1) * plan.steps + at.step)
    report.log(model.latent_size, at.log)  # a state may be younger than the log

    while at.epoch <= settings.num_epochs and at.since_best != settings.patience:
        collectives.take_from_first(*model.state_dict().values())  # other machines may round in another way
        model.train()
        order = epoch_order(len(training.images), training.labels, settings.balance, settings.seed, at.epoch)
        for first in range(at.step * settings.batch_size, len(order), settings.batch_size):
            batch_rows = order[first : first + settings.batch_size]
            mine = my_part(len(batch_rows))  # of several processes that train together; alone, all of them
            rows = batch_rows[mine.rows]
            images = source[rows]
            if mirror:
                chosen = mirrored_rows(mine.count, settings.seed, at.epoch, at.step)
                images = mirrored(images, chosen[mine.rows])
            batch = to_float(torch.as_tensor(images), plan.device)  # (B, C, H, W) in [0, 1]
            classes = None if labels is None else labels[rows].to(plan.device)  # (B,)
            weight = None if importance is None else importance[rows].to(plan.device)  # (B,)
            done = ((at.epoch - 1) * plan.steps + at.step) / (settings.num_epochs * plan.steps)
            model.optimisation.set_rate(optimizer, done, settings.lr)
            model.zero_grad()
            low = plan.precision != torch.float32
            with torch.autocast(plan.device.type, plan.precision, enabled=low), part_of_batch(mine.rows, mine.count):
                loss = model.loss(batch, classes, plan.objective, done, weight)
            (loss["total"] * mine.share).backward()
            loss, (is_due, *stops) = add_up_step(model, loss, mine.share, [keeper.is_due(), *stop.wishes])
            stop.hear(stops)
            norm = clip_gradient(model)
            if not torch.isfinite(norm + loss["total"]):
                raise not_finite(model, at, batch_rows, plan)
            optimizer.step()
            for part in model.loss_parts:  # summed on the device: reading them would wait for the step
                at.summed[part] = at.summed.get(part, 0) + loss[part].detach() * mine.count
            at.step += 1
            report.advance(describe_epoch(at.log[-1], settings.num_epochs) if at.log else "")
            if stop.asked or is_due:
                keeper.save(model, optimizer, at)
                stop.heed()

        model.eval()
        record = {"latent_size": model.latent_size, "epoch": at.epoch, "val_mse": validator.judge(model, at)}
        record |= {f"train_{part}": float(value) / len(order) for part, value in at.summed.items()}
        at.log.append(record)
        report.log(model.latent_size, at.log)
        report.milestone(describe_epoch(record, settings.num_epochs))
        if settings.patience is not None:  # early stopping
            errors = [line["val_mse"] for line in at.log]
            at.since_best = len(errors) - 1 - errors.index(min(errors))
        snapshots.take(model, at)
        at.epoch, at.step, at.summed = at.epoch + 1, 0, {}
        keeper.save(model, optimizer, at)
        stop.hear(map(any, zip(*ranks.gather(stop.wishes), strict=True)))
        stop.heed()

    snapshots.keep(model.latent_size, at)
    report.skip((settings.num_epochs + 1 - at.epoch) * plan.steps)
    model.load_state_dict(at.best)
    model.eval()
    measure_refinement(model, *training)
    return at


def clip_gradient(model: torch.nn.Module) -> torch.Tensor:
    """Shorten the gradient of all weights to a norm of 1 where it is longer; its norm before."""
    norm = torch.nn.utils.get_total_norm([weight.grad for weight in model.parameters() if weight.grad is not None])
    if norm > MAX_GRADIENT_NORM:  # which is seldom, and scaling takes 1% of a step
        torch.nn.utils.clip_grads_with_norm_(model.parameters(), MAX_GRADIENT_NORM, norm)
    return norm


def describe_epoch(record: dict[str, Any], num_epochs: int) -> str:
    """One line: errors, and what parts of its loss an architecture has beyond them."""
    said = f"bottleneck {record['latent_size']:>3}  epoch {record['epoch']:>3}/{num_epochs}  "
    said += f"train {record['train_mse']:.5f}"
    if record["val_mse"] is not None:
        said += f"  val {record['val_mse']:.5f}"
    parts = {name.removeprefix("train_"): value for name, value in record.items() if name.startswith("train_")}
    return said + "".join(f"  {part} {parts[part]:.4g}" for part in parts if part not in Autoencoder.loss_parts)


def not_finite(model: Autoencoder, at: LoopState, rows: np.ndarray, plan: Plan) -> BadInput:
    """What is said when a loss or a gradient is NaN or infinite; the images of the step are listed in a file."""
    data, listed = plan.data, plan.settings.output_dir / "not_finite.csv"
    sample_ids = [data.image_set.sample_ids[row] for row in data.split.trained_on[rows]]
    if ranks.is_first():
        write_csv(listed, ["sample_id"], [[sample_id] for sample_id in sample_ids])
    ranks.meet()
    some = ", ".join(map(printable, sample_ids[:5])) + (f" and {len(sample_ids) - 5} more" * (len(sample_ids) > 5))
    where = f"bottleneck {model.latent_size}, epoch {at.epoch}, step {at.step + 1} of {plan.steps}"
    return BadInput(
        f"the loss or a gradient is no longer finite ({where}, images {some}: all in {printable(listed)}); the step "
        f"was not taken and the last training state is kept; train with a lower rate: "
        f"{training_at_hand({'--lr': [f'{plan.settings.lr / 10:g}']})}"
    )
