"""Random numbers for a batch of which this process may hold a part.

They are drawn for the whole batch by every process, of which each takes its own: so an image meets the same noise
however many processes share the batch, and generators that were equal stay so.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

import torch
from torch import Tensor, nn

_PART: ContextVar[tuple[slice, int] | None] = ContextVar("part of a batch", default=None)


@contextlib.contextmanager
def part_of_batch(rows: slice, count: int) -> Iterator[None]:
    """Within the block batches are the ``rows`` of a whole batch of ``count`` images."""
    before = _PART.set((rows, count))
    try:
        yield
    finally:
        _PART.reset(before)


def normal_like(values: Tensor) -> Tensor:
    """Standard normal numbers for values (B, ...) of a batch."""
    rows, whole = _whole(values)
    return whole.normal_()[rows]


class Dropout(nn.Dropout):
    """``nn.Dropout`` of values (B, ...), to the same bytes where the batch is whole; see this module.

    A unit is kept by 16 random bits, so the part that is dropped is ``p`` within 1 / 65,536.
    """

    def forward(self, values: Tensor) -> Tensor:  # noqa: D102
        if not self.training or not self.p:
            return values
        rows, whole = _whole(values)
        fours = torch.empty(-(-whole.numel() // 4), dtype=torch.int64, device=values.device).random_(-(1 << 63), None)
        bits = fours.view(torch.int16)[: whole.numel()].view(whole.shape)
        kept = round((1 - self.p) * (1 << 16))
        torch.lt(bits, kept - (1 << 15), out=whole)
        return values * whole[rows].mul_((1 << 16) / kept)


def _whole(values: Tensor) -> tuple[slice, Tensor]:
    """The rows that values (B, ...) are of the whole batch, and an empty tensor of its size."""
    rows, count = _PART.get() or (slice(0, len(values)), len(values))
    if rows.stop - rows.start != len(values):
        raise ValueError(f"{len(values)} rows are not the rows {rows.start} to {rows.stop} of the batch")
    if count == len(values):
        return rows, torch.empty_like(values)
    return rows, torch.empty(count, *values.shape[1:], dtype=values.dtype, device=values.device)
