"""A step through the row of weights is the step that autocast and torch's optimizer take tensor by tensor."""

import copy

import pytest
import torch

from model import ARCHITECTURES
from model.checkpoint import architecture_class, build_model
from model.flat_parameters import FlatParameters

SHAPE, CLASSES = (3, 12, 12), 4


def network(architecture: str) -> torch.nn.Module:
    torch.manual_seed(0)
    told = {"num_classes": CLASSES} if architecture_class(architecture).takes_labels else {}
    return build_model(architecture, 5, SHAPE, **told)


def batch(model: torch.nn.Module, seed: int) -> tuple[torch.Tensor, torch.Tensor | None]:
    torch.manual_seed(seed)
    return torch.rand(8, *SHAPE), torch.randint(CLASSES, (8,)) if model.takes_labels else None


def autocast(precision: torch.dtype) -> torch.autocast:
    return torch.autocast("cpu", precision, enabled=precision != torch.float32)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_three_steps_are_those_of_autocast(architecture, precision):
    ours, theirs = network(architecture), network(architecture)
    weights = FlatParameters(ours, precision)
    settings = dict(lr=1e-3, weight_decay=0.1, fused=True)
    optimizer, plain = torch.optim.AdamW([weights.flat], **settings), torch.optim.AdamW(theirs.parameters(), **settings)
    for step in range(3):
        images, labels = batch(ours, step)
        torch.manual_seed(step)  # what dropout and variational networks draw
        with weights.rounded(), autocast(precision):
            loss = ours.loss(images, labels)["total"]
        loss.backward()
        norm = weights.gather(max_norm=torch.inf)

        torch.manual_seed(step)
        with autocast(precision):
            wanted = theirs.loss(images, labels)["total"]
        plain.zero_grad()
        wanted.backward()
        gradients = [parameter.grad for parameter in theirs.parameters()]
        torch.testing.assert_close(loss, wanted, rtol=1e-5 if step else 0, atol=0)
        torch.testing.assert_close(norm, torch.nn.utils.get_total_norm(gradients), rtol=1e-4, atol=0)
        optimizer.step()
        plain.step()
    for (name, mine), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6, msg=lambda text, name=name: f"{name}: {text}")


def test_the_network_and_the_row_are_one():
    model = network("conv")
    before = copy.deepcopy(model.state_dict())
    weights = FlatParameters(model, torch.bfloat16)
    assert weights.flat.numel() == sum(parameter.numel() for parameter in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    with torch.no_grad():
        weights.flat.zero_()
    assert not any(parameter.any() for parameter in model.parameters())
    model.load_state_dict(before)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    in_order = sorted(model.parameters(), key=torch.Tensor.data_ptr)
    assert torch.equal(weights.flat, torch.cat([parameter.flatten() for parameter in in_order]))


def test_layers_see_rounded_weights_only_within():
    model = network("cae")  # its batch norms are not rounded
    weights = FlatParameters(model, torch.bfloat16)
    own = list(model.parameters())
    with weights.rounded():
        kinds = {type(module): module.weight.dtype for module in model.modules() if hasattr(module, "weight")}
    assert kinds[torch.nn.Conv2d] == kinds[torch.nn.Linear] == torch.bfloat16
    assert kinds[torch.nn.BatchNorm2d] == torch.float32
    with pytest.raises(RuntimeError), weights.rounded():
        model(torch.zeros(1))
    assert all(mine is before for mine, before in zip(model.parameters(), own, strict=True))
    assert all(parameter.dtype == torch.float32 for parameter in own)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16], ids=str)
def test_gradients_are_held_to_the_largest_norm(precision):
    layer = torch.nn.Linear(4, 1, bias=False)
    weights = FlatParameters(layer, precision)
    for scale, left in ((3.0, 2.0), (0.5, 1.0)):  # of four inputs of that size the norm is twice as large
        with weights.rounded(), autocast(precision):
            output = layer(torch.full((1, 4), scale))
        output.sum().backward()
        assert weights.gather(max_norm=2.0).item() == pytest.approx(2 * scale)
        assert weights.flat.grad.norm().item() == pytest.approx(left, rel=1e-4)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16], ids=str)
def test_what_took_no_part_has_no_gradient(precision):
    layers = torch.nn.ModuleList([torch.nn.Linear(3, 3), torch.nn.Linear(3, 3)])
    weights = FlatParameters(layers, precision)
    for chosen in range(2):  # the second time nothing is left of the first
        with weights.rounded(), autocast(precision):
            output = layers[chosen](torch.ones(1, 3))
        output.sum().backward()
        weights.gather(max_norm=torch.inf)
        assert weights.flat.grad.view(2, -1).any(dim=1).tolist() == [chosen == 0, chosen == 1]


def test_a_weight_that_two_layers_share_is_refused():
    first, second = torch.nn.Linear(3, 3), torch.nn.Linear(3, 3)
    second.weight = first.weight
    with pytest.raises(ValueError, match="share a weight"):
        FlatParameters(torch.nn.Sequential(first, second), torch.float32)
