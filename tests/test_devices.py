"""Networks stay on the device that they are given, where torch's ``meta`` stands for a card: what it computes has a
shape and a device, and to mix it with a tensor of the processor is an error, as it is on a card."""

import contextlib

import numpy as np
import pytest
import torch

from data.selection import Selection
from model import ARCHITECTURES, inference, optimisation
from model.checkpoint import architecture_class, build_model
from model.inference import to_float
from model.noise import part_of_batch
from model.objective import Objective
from stages.training import on_card
from stages.training.mirroring import mirrored
from stages.training.on_card import OnCard

CARD = torch.device("meta")
IMAGES = np.zeros((16, 3, 32, 32), np.uint8)
AdamW = torch.optim.AdamW


@pytest.fixture(autouse=True)
def as_a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a card can do and ``meta`` can't: other precisions, and an optimizer in one kernel."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: contextlib.nullcontext())
    monkeypatch.setattr(optimisation, "AdamW", lambda *args, **settings: AdamW(*args, **settings | {"fused": False}))


def network_on_card(name: str) -> tuple[torch.nn.Module, torch.Tensor | None]:
    """A network, and the labels of the images where it takes any."""
    labels = torch.zeros(len(IMAGES), dtype=torch.int64).to(CARD)
    takes = architecture_class(name).takes_labels
    return build_model(name, 4, IMAGES.shape[1:], **({"num_classes": 3} if takes else {})).to(CARD), (
        labels if takes else None
    )


@pytest.mark.parametrize("refined", [False, True], ids=["guess", "refined"])
@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_a_step_stays_on_the_card(name, refined):
    model, labels = network_on_card(name)
    optimizer = model.optimisation.optimizer(model.parameters())
    model.train()
    model.optimisation.set_rate(optimizer, 0.7, 1e-3)
    objective = Objective(noise=0.1, kl_warmup=0.1, refined=refined)
    batch = to_float(torch.from_numpy(IMAGES), CARD)
    with part_of_batch(slice(0, len(batch)), len(batch)):
        loss = model.loss(batch, labels, objective, 0.7, torch.ones(len(batch)).to(CARD))
    assert {part.device for part in loss.values()} == {CARD}
    loss["total"].backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    assert all(weight.grad is not None and weight.grad.device == CARD for weight in model.parameters())


@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_encoding_and_refining_stay_on_the_card(name):
    model, labels = network_on_card(name)
    batch = to_float(torch.from_numpy(IMAGES), CARD)
    with torch.no_grad():
        latents = model.encode(batch).float()
        refiner = inference._refiner(model, 2)
        found = refiner(lambda codes: model.decode(codes, labels).float().clamp(0, 1), batch, latents)
        assert all(part.device == CARD for part in found)
        assert found.images.shape == IMAGES.shape


def test_what_meets_the_processor_is_found():
    """The tests above can fail: a tensor left behind is an error."""
    model, _ = network_on_card("conv")
    with pytest.raises((RuntimeError, NotImplementedError)):
        model.decode(torch.zeros(4, 4))


def test_images_that_fit_are_held_by_the_card(monkeypatch):
    """Half of what is free is theirs; what a step takes of them, mirrored or not, is what it takes from a processor."""
    held = np.random.default_rng(0).integers(0, 256, (50, 3, 8, 8), np.uint8)
    images = Selection(held, np.arange(49, -1, -1))
    card = torch.device("cuda")
    for free, fits in ((2 * images.size, True), (2 * images.size - 2, False)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _, free=free: (free, free))
        monkeypatch.setattr(on_card, "OnCard", lambda *given: given)
        assert (on_card.source_for(images, card) == (images, card)) is fits
    monkeypatch.undo()
    assert on_card.source_for(images, torch.device("cpu")) is images
    monkeypatch.setattr(on_card, "_AT_ONCE", 20)
    there = OnCard(images, torch.device("cpu"))
    rows, chosen = np.array([3, 0, 49, 3]), np.array([True, False, True, False])
    taken = mirrored(there[rows], chosen)
    assert isinstance(taken, torch.Tensor)
    np.testing.assert_array_equal(taken.numpy(), mirrored(images[rows], chosen))
    far = mirrored(OnCard(images, CARD)[rows], chosen)
    assert (far.device, far.dtype, far.shape) == (CARD, torch.uint8, (4, 3, 8, 8))


def test_copies_for_a_card_are_pinned(monkeypatch):
    """So that the copy runs beside what is computed; a processor needs none."""
    pinned = []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: pinned.append(self.shape) or self)
    sent = []
    monkeypatch.setattr(torch.Tensor, "to", lambda self, *where, **how: sent.append((where, how)) or self.float())
    to_float(torch.from_numpy(IMAGES), torch.device("cuda"))
    assert pinned == [IMAGES.shape]
    assert sent[0] == ((torch.device("cuda"),), {"non_blocking": True})
    to_float(torch.from_numpy(IMAGES), torch.device("cpu"))
    assert len(pinned) == 1
