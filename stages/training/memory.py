"""How much memory a training takes, told before it begins."""

import math
from collections.abc import Sequence

import torch

from latent.pca import working_memory
from run.cores import cores
from run.hints import training_at_hand
from run.memory import available_memory, require_memory
from stages.training.plan import Plan

_COPIES_OF_WEIGHTS = 9  # weights, gradients, two moments of AdamW, in low precision, the best so far, written down
_OVER_SAVED = 1.5  # what a step takes beside what it keeps for the way back: gradients on their way
_TEST_COPIES = 3  # of the test images while they are written
_KEPT_A_PIXEL = 1600  # bytes that a step keeps for each pixel of its batch, at most: four times the most that was seen
_WEIGHTS_A_PIXEL = 4096  # of a network, at most, and four for each latent besides
_TRIED = 2  # images of which a step is tried


def require_room(plan: Plan, sizes: Sequence[int]) -> None:
    """Refuse a training that would not fit, before PCA is fitted.

    Args:
        plan: what is trained how.
        sizes: the bottlenecks that are trained.

    Raises:
        BadInput: fewer bytes are free than it is estimated to take; with the batch that would fit, or half the size of
            the images.
    """
    if plan.device.type != "cpu" or not sizes:  # a card's memory is its own, and torch says when that is used up
        return
    batch, available = min(plan.settings.batch_size, len(plan.data.training.images)), available_memory()
    if available is None or _at_most(plan, sizes, batch) <= available / 2:  # trying a step takes seconds
        return
    needed = estimate(plan, sizes, batch)
    if needed <= available:
        return
    fits = next((each for each in _halves(batch) if estimate(plan, sizes, each) <= available), None)
    height, width = plan.data.image_set.images.shape[2:]
    changes = {"--batch_size": [fits]} if fits else {"--image_size": [f"{max(8, height // 2)}x{max(8, width // 2)}"]}
    what = f"training on images of {height} x {width} with batches of {batch}"
    require_memory(needed, what, f"take less: {training_at_hand(changes)}")


def estimate(plan: Plan, sizes: Sequence[int], batch: int) -> int:
    """Bytes that a training takes at its peak, beside what is mapped from files and what is taken already."""
    shape = plan.data.image_set.images.shape[1:]
    steps = sorted((_of_a_step(plan, size, batch) for size in sizes), reverse=True)
    at_once = sum(steps[: min(len(steps), cores())])
    tested = _TEST_COPIES * len(plan.data.test.images) * math.prod(shape)
    return max(working_memory(math.prod(shape), plan.components), at_once, tested)


def _at_most(plan: Plan, sizes: Sequence[int], batch: int) -> int:
    """More bytes than a training of any of the architectures takes, found without building one, which takes seconds."""
    pixels = math.prod(plan.data.image_set.images.shape[1:])
    steps = sum(
        (4 * _COPIES_OF_WEIGHTS * (_WEIGHTS_A_PIXEL + 4 * size) + _KEPT_A_PIXEL * batch) * pixels for size in sizes
    )
    return steps + working_memory(pixels, plan.components) + _TEST_COPIES * len(plan.data.test.images) * pixels


def _of_a_step(plan: Plan, size: int, batch: int) -> int:
    """Bytes of one bottleneck's weights, and of what a step keeps for the way back, as two images show."""
    shape = plan.data.image_set.images.shape[1:]
    with torch.device("meta"):  # takes nothing
        model = plan.new_network(size)
    of_weights = 4 * _COPIES_OF_WEIGHTS * sum(parameter.numel() for parameter in model.parameters())
    if of_weights > (available_memory() or math.inf):
        return of_weights
    model = plan.new_network(size)
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    labels = torch.zeros(_TRIED, dtype=torch.int64) if model.takes_labels else None
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        # held until all is counted, so that no storage takes the place of another
        loss = model.train().loss(torch.zeros(_TRIED, *shape), labels, plan.objective)["total"]
        step = sum(kept.values()) * batch // _TRIED
    del loss
    return int(of_weights + _OVER_SAVED * step)


def _halves(batch: int) -> list[int]:
    return [batch >> shift for shift in range(1, batch.bit_length())]
