"""Sums and copies of tensors over several processes that work as one, see :mod:`run.ranks`; alone, nothing to do."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import torch

from run import ranks

# Longer than any process keeps the others waiting within a sum. One that dies closes its connections, which all see at
# once; this is for a machine that vanishes from the network.
_PATIENCE = timedelta(minutes=5)


def add_up(tensor: torch.Tensor) -> None:
    """The sum over all processes takes the tensor's place, the same bytes in each.

    Raises:
        run.ranks.Parted: one of them has ended.
    """
    if ranks.world_size() > 1:
        _together(lambda group: group.all_reduce(tensor))


def take_from_first(*tensors: torch.Tensor) -> None:
    """The first process's numbers take the place of these.

    Raises:
        run.ranks.Parted: it has ended.
    """
    if ranks.world_size() > 1:
        for tensor in tensors:
            _together(lambda group, tensor=tensor: group.broadcast(tensor, 0))


def of_each(count: int, measure: Callable[[slice], np.ndarray]) -> np.ndarray:
    """A number for each of ``count`` rows, each row measured by one process: float64 (count, ...).

    Args:
        count: of rows.
        measure: gives the numbers of some of them, (n, ...).

    Raises:
        run.ranks.Parted: a process has ended.
    """
    mine = ranks.part(count)
    found = np.asarray(measure(mine), np.float64)
    if ranks.world_size() == 1:
        return found
    whole = torch.zeros(count, *found.shape[1:], dtype=torch.float64)
    whole[mine] = torch.from_numpy(found)
    ranks.meet()  # some have more to do than others
    add_up(whole)
    return whole.numpy()


def mean_of_all(count: int, mean: Callable[[slice], np.ndarray]) -> np.ndarray:
    """The mean over ``count`` rows, each seen by one process: float64, of the shape of a row.

    Args:
        count: of rows, from 1 up.
        mean: gives the mean over some of them, at least one.

    Raises:
        run.ranks.Parted: a process has ended.
    """
    mine = ranks.part(count)
    share = (mine.stop - mine.start) / count
    found = np.asarray(mean(mine if share else slice(0, 1)), np.float64) * share
    return of_each(ranks.world_size(), lambda _: found[None]).sum(axis=0)


def of_each_item(items: Sequence[Any], measure: Callable[[Any], Any]) -> list[Any]:
    """What ``measure`` gives for each of some items, each measured by one process, in turn; the same list in all.

    Args:
        items: the same in every process.
        measure: gives what can be pickled, and talks to no other process.

    Raises:
        run.ranks.Parted: a process has ended.
    """
    mine = [measure(item) for item in items[ranks.rank() :: ranks.world_size()]]
    if ranks.world_size() == 1:
        return mine
    of_all: list[Any] = [None] * ranks.world_size()
    ranks.meet()  # some have more to do than others
    _together(lambda group: group.all_gather_object(of_all, mine))
    return [of_all[place % len(of_all)][place // len(of_all)] for place in range(len(items))]


def _together(work: Callable[[Any], Any]) -> None:
    """Have torch do something in all processes at once."""
    from torch import distributed  # late: a process alone never comes here

    try:
        if not distributed.is_initialized():
            backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
            distributed.init_process_group(
                backend,
                store=distributed.PrefixStore("torch", ranks.store()),
                rank=ranks.rank(),
                world_size=ranks.world_size(),
                timeout=_PATIENCE,
            )
        work(distributed)
    except RuntimeError:
        raise ranks.parted() from None
