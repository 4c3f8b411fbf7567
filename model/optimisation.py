"""How an architecture's weights are moved: AdamW and a one-cycle schedule."""

import inspect
import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch

_RISING = 0.3  # part of the steps on the way to the peak


class AdamW(torch.optim.AdamW):
    """torch's own, whose methods are here without what keeps torch's compiler out of them.

    For that they would import the compiler, which takes two seconds; nothing is compiled here.
    """

    add_param_group = inspect.unwrap(torch.optim.AdamW.add_param_group)
    state_dict = inspect.unwrap(torch.optim.AdamW.state_dict)
    load_state_dict = inspect.unwrap(torch.optim.AdamW.load_state_dict)
    step = torch.no_grad()(inspect.unwrap(torch.optim.AdamW.step))


@dataclass(frozen=True)
class Optimisation:
    """How AdamW trains an architecture.

    Args:
        peak_over_lr: the highest rate of the one-cycle schedule, in multiples of ``--lr``, where it begins.
        betas: AdamW's.
        weight_decay: AdamW's.
    """

    peak_over_lr: float
    betas: tuple[float, float]
    weight_decay: float

    def optimizer(self, parameters: Iterable[torch.nn.Parameter]) -> AdamW:
        """AdamW over the parameters of a network; before each step :meth:`set_rate` is due."""
        return AdamW(parameters, betas=self.betas, weight_decay=self.weight_decay, fused=True)

    def set_rate(self, optimizer: torch.optim.Optimizer, done: float, lr: float) -> None:
        """Set the rate of the step before which a part ``done`` of all steps is done; ``lr`` is where it began."""
        for group in optimizer.param_groups:
            group["lr"] = one_cycle(done, lr, self.peak_over_lr)


def one_cycle(done: float, lr: float, peak_over_lr: float) -> float:
    """The learning rate when a part ``done`` of all steps is done: up from ``lr`` to its peak, then down to nearly 0.

    Two half cosines, as in Smith and Topin 2018 and torch's OneCycleLR. A function of the position alone, so that a
    resumed run has no schedule to restore.
    """
    start, peak, end = lr, lr * peak_over_lr, lr * 1e-4
    begin, finish, part = (
        (start, peak, done / _RISING) if done < _RISING else (peak, end, (done - _RISING) / (1 - _RISING))
    )
    return finish + (begin - finish) * (1 + math.cos(math.pi * part)) / 2
