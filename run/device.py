"""Where networks run, and what makes two runs equal."""

import random

from run.errors import BadInput


def choose_device(name: str) -> "torch.device":  # noqa: F821  (torch is imported only when a network is about to run)
    """``auto`` takes cuda, then mps, then cpu.

    Raises:
        BadInput: a device was asked for that this machine or this build of torch lacks.
    """
    import torch

    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, here in present.items() if here))
    if not present[name]:
        raise BadInput(f"--device {name} is not available here; use --device auto")
    return torch.device(name)


def make_repeatable(seed: int) -> None:
    """Seed every generator and ask torch for deterministic kernels: the same machine then gives the same bytes."""
    import numpy
    import torch

    random.seed(seed)
    numpy.random.seed(seed)
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
