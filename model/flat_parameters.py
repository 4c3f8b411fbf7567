"""All weights of a network in one row, so that a step rounds, measures and moves them by one call each."""

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn

_ROUNDED = (nn.Linear, nn.modules.conv._ConvNd)  # layers whose weights autocast rounds: theirs may be rounded before


class FlatParameters:
    """The parameters of a network become views of one row, and the row is what the optimizer moves.

    Tensor by tensor, a network of 26 takes two hundred calls a step for little work each: every weight is rounded,
    every gradient is rounded back and measured. Here the row is rounded by one call, the layers see their parts of it,
    and what gradients they leave is gathered into a row as well. The numbers are those that autocast would have given.

    Args:
        model: float32, on the device where it stays; all of it is trained.
        precision: what autocast computes in.

    Attributes:
        row: float32 (P,), every parameter of the network; its ``grad`` is what :meth:`gather` left.

    Raises:
        ValueError: two layers share a weight, which would come apart.
    """

    def __init__(self, model: nn.Module, precision: torch.dtype) -> None:
        places = [(module, name) for module in model.modules() for name, _ in module.named_parameters(recurse=False)]
        places.sort(key=lambda place: not isinstance(place[0], _ROUNDED))  # those first, to be one piece of the row
        low = sum(isinstance(module, _ROUNDED) for module, _ in places) if precision != torch.float32 else 0
        parameters = [getattr(module, name) for module, name in places]
        if len(set(map(id, parameters))) < len(parameters):
            raise ValueError("two layers share a weight")
        self.flat = nn.Parameter(torch.cat([parameter.detach().flatten() for parameter in parameters]))
        self.flat.grad = torch.zeros_like(self.flat)
        shapes = [parameter.shape for parameter in parameters]
        for parameter, piece in zip(parameters, _pieces(self.flat.detach(), shapes), strict=True):
            parameter.data = piece
        self._gradients = _pieces(self.flat.grad, shapes)

        self._exact = self.flat.detach()[: sum(shape.numel() for shape in shapes[:low])]
        self._low = torch.empty_like(self._exact, dtype=precision)
        stand_ins = [piece.requires_grad_() for piece in _pieces(self._low, shapes[:low])]
        self._swaps = list(zip(places[:low], parameters[:low], stand_ins, strict=True))
        self._leaves = stand_ins + parameters[low:]  # whatever gradients are left at

    @contextlib.contextmanager
    def rounded(self) -> Iterator[None]:
        """Within it the layers see their weights in ``precision``; gradients of the step before are dropped."""
        self._low.copy_(self._exact)
        for leaf in self._leaves:
            leaf.grad = None
        for (module, name), _, stand_in in self._swaps:
            module._parameters[name] = stand_in
        try:
            yield
        finally:
            for (module, name), parameter, _ in self._swaps:
                module._parameters[name] = parameter

    def gather(self, max_norm: float) -> Tensor:
        """Bring the gradients of what was computed within :meth:`rounded` into ``row.grad``.

        Args:
            max_norm: they are scaled down to it where their norm is above.

        Returns:
            (), what their norm was.
        """
        # Not all of a network need have taken part.
        given = [torch.zeros_like(leaf) if leaf.grad is None else leaf.grad for leaf in self._leaves]
        torch._foreach_copy_(self._gradients, given)
        norm = torch.linalg.vector_norm(self.flat.grad)
        if norm > max_norm:
            nn.utils.clip_grads_with_norm_(self.flat, max_norm, norm)
        return norm


def _pieces(row: Tensor, shapes: list[torch.Size]) -> list[Tensor]:
    """Views of a row (P,), one after another."""
    parts = row.split([shape.numel() for shape in shapes])
    return [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]
