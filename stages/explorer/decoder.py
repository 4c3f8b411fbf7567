"""A decoder as a list of steps over its weights, which a page can run: see figure/pages/decoder.js.

Every map is stored channels last there. Weights go as half-precision numbers where pictures stay the same by that.
"""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from figure.page import packed
from model.autoencoder import Autoencoder
from model.inference import decode
from model.layers import PATCH, Residual

_SAME = 0.25 / 255  # how far a pixel may move by rounding the weights
_TRIED = 32  # latents, at which that is looked at
Shape = tuple[int, ...]  # (values,) or (rows, columns, channels)


class UnknownDecoder(Exception):
    """An architecture that nobody has said how to run on a page."""


class Program:
    """Steps that lead from latents to an image; a value is called by the number of the step that gives it, 0 is the
    latents."""

    def __init__(self) -> None:
        self.steps: list[dict[str, Any]] = []
        self.weights: list[Tensor] = []

    def weight(self, values: Tensor | None) -> int | None:
        """Where an array stands among the weights; None for none."""
        if values is None:
            return None
        self.weights.append(values.detach().float().reshape(-1).cpu())
        return len(self.weights) - 1

    def step(self, op: str, start: int, **what: Any) -> int:
        """One more step, from the value ``start``; the number of what it gives."""
        self.steps.append({"op": op, "from": start, **what})
        return len(self.steps)

    def linear(self, start: int, weight: Tensor, bias: Tensor | None) -> int:
        """A dense layer, weights (O, I)."""
        return self.step("linear", start, weight=self.weight(weight), bias=self.weight(bias))

    def scale(self, start: int, scale: Tensor, shift: Tensor) -> int:
        """Times ``scale`` plus ``shift``, each repeated to the value's length."""
        return self.step("scale", start, scale=self.weight(scale), shift=self.weight(shift))

    def conv(self, start: int, weight: Tensor, bias: Tensor | None, shape: Shape) -> tuple[int, Shape]:
        """A convolution (O, I, K, K) that keeps the size of the map."""
        outputs, inputs, kernel, _ = weight.shape
        rows, columns, _ = shape
        end = self.step(
            "conv", start, weight=self.weight(weight.permute(0, 2, 3, 1)), bias=self.weight(bias), rows=rows,
            columns=columns, inputs=inputs, outputs=outputs, kernel=kernel,
        )  # fmt: skip
        return end, (rows, columns, outputs)

    def walk(self, layer: nn.Module, start: int, shape: Shape) -> tuple[int, Shape]:
        """What a layer, or a stack of them, does when nothing is trained."""
        if isinstance(layer, nn.Sequential):
            for each in layer:
                start, shape = self.walk(each, start, shape)
            return start, shape
        if isinstance(layer, Residual):
            end, _ = self.walk(layer.body, start, shape)
            return self.step("add", end, other=start), shape
        if isinstance(layer, nn.Dropout | nn.Identity):
            return start, shape
        if isinstance(layer, nn.Linear):
            return self.linear(start, layer.weight, layer.bias), (layer.out_features,)
        if isinstance(layer, nn.Unflatten):
            channels, rows, columns = layer.unflattened_size
            end = self.step("last", start, channels=channels, rows=rows, columns=columns)
            return end, (rows, columns, channels)
        if isinstance(layer, nn.BatchNorm2d):
            scale = layer.weight / (layer.running_var + layer.eps).sqrt()
            return self.scale(start, scale, layer.bias - layer.running_mean * scale), shape
        if isinstance(layer, nn.ConvTranspose2d):
            return self._transposed(layer, start, shape)
        if isinstance(layer, nn.Conv2d):
            same = {layer.kernel_size[0] // 2}
            if layer.stride != (1, 1) or set(layer.padding) != same or layer.kernel_size[0] != layer.kernel_size[1]:
                raise UnknownDecoder
            return self.conv(start, layer.weight, layer.bias, shape)
        kinds = {nn.SiLU: "silu", nn.ReLU: "relu", nn.Sigmoid: "sigmoid", nn.LeakyReLU: "leaky"}
        if type(layer) not in kinds:
            raise UnknownDecoder
        slope = getattr(layer, "negative_slope", 0.0)
        return self.step("activation", start, kind=kinds[type(layer)], slope=slope), shape

    def _transposed(self, layer: nn.ConvTranspose2d, start: int, shape: Shape) -> tuple[int, Shape]:
        """A transposed convolution that doubles the map: zeros between its values, and the kernel turned round."""
        if (layer.kernel_size, layer.stride, layer.padding, layer.output_padding) != ((3, 3), (2, 2), (1, 1), (1, 1)):
            raise UnknownDecoder
        rows, columns, channels = shape
        spread = self.step("spread", start, rows=rows, columns=columns, channels=channels)
        turned = layer.weight.transpose(0, 1).flip(2, 3)
        return self.conv(spread, turned, layer.bias, (2 * rows, 2 * columns, channels))

    def unpatch(self, start: int, columns: int, image_shape: Shape) -> int:
        """A map of patches, so many columns wide, as the image of them."""
        channels, height, width = image_shape
        return self.step(
            "unpatch", start, columns=columns, channels=channels, side=PATCH, height=height, width=width
        )  # fmt: skip


def _conv(model: Autoencoder, program: Program) -> None:
    patch, rows, columns = model.patch_map
    one, none = torch.ones(1), torch.zeros(1)
    linear = program.scale(program.linear(0, model.axes.T, None), one / model.pixel_scale.cpu(), none)
    hidden, _ = program.walk(model.from_latents, program.scale(0, model.loudness, none), (model.latent_size,))
    maps, shape = program.walk(model.widen, hidden, (rows, columns, model.decoder_map[0]))
    seen, _ = program.walk(model.from_linear, linear, (rows, columns, patch))
    corrected, _ = program.walk(model.to_patches, program.step("add", maps, other=seen), shape)
    made = program.unpatch(program.step("add", corrected, other=linear), columns, model.image_shape)
    program.scale(made, model.pixel_scale.reshape(1), model.mean.permute(1, 2, 0))


def _patches(model: Autoencoder, program: Program) -> None:
    made, (_, columns, _) = program.walk(model.decoder.layers, 0, ())
    made = program.unpatch(made, columns, model.image_shape)
    made = program.scale(made, torch.ones(1), model.decoder.level.permute(1, 2, 0))
    program.step("activation", made, kind="sigmoid", slope=0.0)


def _stack(model: Autoencoder, program: Program) -> None:
    channels, height, width = model.image_shape
    made, (_, columns, _) = program.walk(model.decoder, 0, ())
    made = program.step("crop", made, columns=columns, channels=channels, height=height, width=width)
    program.step("activation", made, kind="sigmoid", slope=0.0)


# by architecture
_WRITTEN: dict[str, Callable[[Any, Program], None]] = {
    "conv": _conv,
    **dict.fromkeys(("vae", "beta_vae", "conditional", "cvae"), _patches),
    **dict.fromkeys(("dense", "deep_dense", "cae"), _stack),
}


def export_decoder(model: Autoencoder, latents: np.ndarray) -> dict[str, Any]:
    """A network's decoder as plain values that figure/pages/decoder.js runs.

    Args:
        model: in evaluation mode, on the CPU.
        latents: float32 (n, D), where rounded weights have to give the same pictures.

    Raises:
        UnknownDecoder: of an architecture that nobody has said it of.
    """
    if model.architecture not in _WRITTEN:
        raise UnknownDecoder
    program = Program()
    with torch.no_grad():
        _WRITTEN[model.architecture](model, program)
    embedding = program.weight(model.embedding.weight) if model.takes_labels else None
    kind = "f2" if _stays_the_same(model, latents[:_TRIED]) else "f4"
    channels, height, width = model.image_shape
    return {
        "steps": program.steps,
        "weights": [packed(values.numpy(), kind) for values in program.weights],
        "embedding": embedding,
        "embedding_size": model.embedding.embedding_dim if model.takes_labels else 0,
        "channels": channels,
        "height": height,
        "width": width,
    }


def _stays_the_same(model: Autoencoder, latents: np.ndarray) -> bool:
    """Whether the network makes the same images of some latents with its weights in half precision."""
    labels = np.arange(len(latents)) % model.num_classes if model.takes_labels else None
    rounded = copy.deepcopy(model)
    with torch.no_grad():
        for values in rounded.state_dict().values():
            if values.is_floating_point():
                values.copy_(values.half().float())
    if not all(bool(torch.isfinite(values).all()) for values in rounded.state_dict().values()):
        return False
    moved = np.abs(decode(rounded, latents, labels) - decode(model, latents, labels)).max()
    return bool(moved <= _SAME)
