"""A training step that several processes take together: each a part of the batch, and one sum.

Every image of the batch counts the same, whatever the number of processes: each computes the mean loss over its part,
times the part's share of the batch, and the gradients are added up. So parts of unequal length, and empty ones, need
no padding, and the sum is the gradient that one process would have computed, but for the order of additions.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from model.autoencoder import Autoencoder
from run import collectives, ranks


class Part(NamedTuple):
    """What this process computes of a batch of ``count`` images."""

    rows: slice
    count: int
    share: float  # of the batch: how much the mean over these rows counts


def my_part(count: int) -> Part:
    """The part of a batch of ``count`` images; without any of its own, a process computes one that counts nothing."""
    rows = ranks.part(count)
    share = (rows.stop - rows.start) / count
    return Part(rows, count, share) if share else Part(slice(0, 1), count, 0.0)


def add_up_step(
    model: Autoencoder, loss: dict[str, Tensor], share: float, wishes: Sequence[bool]
) -> tuple[dict[str, Tensor], list[bool]]:
    """Put the gradients over the whole batch in the place of those over this process's part of it.

    Args:
        model: after the backward pass of ``share`` times its total loss.
        loss: of the part, () for each of the model's ``loss_parts``.
        share: of the part, see :class:`Part`.
        wishes: what this process would like, such as to stop.

    Returns:
        The loss of the whole batch, and what any process would like: the same in all of them.

    Raises:
        run.ranks.Parted: a process has ended; gradients are as they were.
    """
    if ranks.world_size() == 1:
        return loss, list(wishes)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in parameters:
        if parameter.grad is None:  # not used in this step
            parameter.grad = torch.zeros_like(parameter)
    parts = torch.stack([loss[name].detach().float() for name in model.loss_parts]) * share
    gradients = [parameter.grad.flatten() for parameter in parameters]
    flat = torch.cat([*gradients, parts.to(gradients[0]), torch.tensor(wishes).to(gradients[0])])
    collectives.add_up(flat)
    *gradients, parts, wishes = flat.split([*map(len, gradients), len(parts), len(wishes)])
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad.copy_(gradient.view_as(parameter))
    return dict(zip(model.loss_parts, parts, strict=True)), (wishes > 0).tolist()
