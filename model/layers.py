"""Layers that several architectures are built of."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PATCH = 4  # pixels on the side of the square patches the convolutions work on
MAP = 4096  # numbers in the map that is flattened into the dense layers, about
_QUADS = {2: torch.int64, 4: torch.complex128}  # by the bytes of a number: a type as large as four of them


def begin(layer: nn.Conv2d | nn.Linear, gain: float = 1.0) -> nn.Module:
    """The layer at its first values; torch's own are so small that signals fade layer by layer."""
    if layer.weight.is_meta:  # only its size is asked for, and drawing no numbers would import torch's compiler
        return layer
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    layer.weight.data.mul_(gain)
    nn.init.zeros_(layer.bias)
    return layer


class Residual(nn.Module):
    """x + body(x)."""

    def __init__(self, *body: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(*body)

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102
        return x + self.body(x)


def at_once(most: int, values: int, budget: int = 2 << 20) -> int:
    """How many images of so many values to work on at a time: fewer where they are large, for memory is bounded."""
    return max(1, min(most, budget // values))


def patches(images: Tensor, beyond_edges: str = "replicate") -> Tensor:
    """(B, C, H, W) -> (B, C*16, H/4, W/4), channels last: each 4 x 4 patch becomes one position of a map.

    Sides that 4 does not divide are padded: ``beyond_edges`` is a mode of ``torch.nn.functional.pad``.
    """
    height, width = images.shape[-2:]
    missing = (0, -width % PATCH, 0, -height % PATCH)
    if any(missing):
        images = F.pad(images, missing, mode=beyond_edges)
    return _Joined.apply(images) if _is_quick(images) else F.pixel_unshuffle(images, PATCH)


def unpatched(maps: Tensor, image_shape: tuple[int, int, int]) -> Tensor:
    """The reverse of :func:`patches`: what stood beyond the edges is cut off."""
    _, height, width = image_shape
    images = _Split.apply(maps) if _is_quick(maps) else F.pixel_shuffle(maps, PATCH)
    return images[..., :height, :width]


def _is_quick(values: Tensor) -> bool:
    """Whether four neighbours can be moved as one number."""
    return values.device.type == "cpu" and values.element_size() in _QUADS


class _Joined(torch.autograd.Function):
    """``F.pixel_unshuffle`` with the maps stored channels last, in a quarter of the time; its gradient goes back."""

    @staticmethod
    def forward(ctx: object, images: Tensor) -> Tensor:
        return _join(images)

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        return _split(gradient)


class _Split(torch.autograd.Function):
    """``F.pixel_shuffle`` of maps that are stored channels last."""

    @staticmethod
    def forward(ctx: object, maps: Tensor) -> Tensor:
        return _split(maps)

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        return _join(gradient)


def _join(images: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C*16, H/4, W/4), stored channels last."""
    batch, channels, height, width = images.shape
    rows, columns = height // PATCH, width // PATCH
    moved = _quads(images).view(batch, channels, rows, PATCH, columns).permute(0, 2, 4, 1, 3)
    return moved.flatten().view(images.dtype).view(batch, rows, columns, channels * PATCH**2).permute(0, 3, 1, 2)


def _split(maps: Tensor) -> Tensor:
    """(B, C*16, H/4, W/4) -> (B, C, H, W)."""
    batch, values, rows, columns = maps.shape
    channels = values // PATCH**2
    moved = _quads(maps.permute(0, 2, 3, 1)).view(batch, rows, columns, channels, PATCH).permute(0, 3, 1, 4, 2)
    return moved.flatten().view(maps.dtype).view(batch, channels, rows * PATCH, columns * PATCH)


def _quads(values: Tensor) -> Tensor:
    """All values in a row, four neighbours (the row of a patch) as one number: so they are moved together."""
    return values.flatten().view(_QUADS[values.element_size()])


def flattened(maps: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, H*W*C), one position after another: no copy of a map that is stored channels last."""
    return maps.permute(0, 2, 3, 1).flatten(1)


def unflattened(rows: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """The reverse of :func:`flattened`, for maps of ``shape`` (C, H, W): a view, stored channels last."""
    channels, height, width = shape
    return rows.view(-1, height, width, channels).permute(0, 3, 1, 2)


def map_shape(image_shape: tuple[int, int, int], width: int) -> tuple[int, int, int]:
    """(channels, rows, columns) of the map that is flattened: about as many numbers whatever the image."""
    _, height, image_width = image_shape
    rows, columns = -(-height // PATCH), -(-image_width // PATCH)
    return max(1, min(width, MAP // (rows * columns))), rows, columns
