"""What training minimises: losses against known answers, noise, warm-up, weights; SSIM in test_model_fidelity.py."""

import argparse

import numpy as np
import pytest
import torch

from data.balance import class_weights, epoch_order, shuffled_nearby
from model.checkpoint import build_model
from model.objective import NATS, Objective
from model.options import LOSSES, loss_mix, parse_mix


def some(shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def test_known_losses():
    images, made = torch.tensor([0.0, 1.0]).view(1, 1, 1, 2), torch.tensor([0.25, 0.5]).view(1, 1, 1, 2)

    def loss(name: str) -> float:
        return float(Objective({name: 1.0}).reconstruction(made, images, bounded=True))

    assert loss("mse") == pytest.approx((0.0625 + 0.25) / 2)
    assert loss("l1") == pytest.approx((0.25 + 0.5) / 2)
    assert loss("bce") == pytest.approx(-(np.log(0.75) + np.log(0.5)) / 2)
    mixed = Objective({"mse": 0.5, "l1": 2.0})
    assert float(mixed.reconstruction(made, images, True)) == pytest.approx(0.5 * loss("mse") + 2 * loss("l1"))
    assert set(NATS) == set(LOSSES)


def test_cross_entropy_of_unbounded_outputs_pulls_back_what_overshot():
    made = torch.tensor([-0.5, 0.2, 1.5]).view(1, 1, 1, 3).requires_grad_()
    Objective({"bce": 1.0}).reconstruction(made, torch.full((1, 1, 1, 3), 0.5), bounded=False).backward()
    below, inside, above = made.grad.flatten().tolist()
    assert below < 0
    assert inside < 0
    assert above > 0


def test_weights_count_images():
    images, made = torch.zeros(2, 1, 8, 8), torch.stack([torch.full((1, 8, 8), 0.5), torch.ones(1, 8, 8)])
    weighted = Objective().reconstruction(made, images, True, torch.tensor([2.0, 0.0]))
    assert float(weighted) == pytest.approx(2 * 0.25 / 2)


def test_noise_stays_in_range_and_comes_from_the_seed():
    images = some((4, 1, 8, 8))
    noisy = []
    for _ in range(2):
        torch.manual_seed(3)
        noisy.append(Objective(noise=0.5).noisy(images))
    assert torch.equal(*noisy)
    assert 0 <= noisy[0].min() <= noisy[0].max() <= 1
    assert float((noisy[0] - images).abs().mean()) > 0.1
    assert Objective().noisy(images) is images


def test_warm_up_is_a_function_of_the_position():
    assert [Objective(kl_warmup=0.5).warmth(at) for at in (0, 0.25, 0.5, 1)] == [0, 0.5, 1, 1]
    assert Objective(kl_warmup=0.0).warmth(0.0) == 1


@pytest.mark.parametrize(
    ("text", "mix"),
    [
        ("mse", {"mse": 1}),
        ("3*l1", {"l1": 1}),
        ("0.8*mse + 0.2*ssim", {"mse": 0.8, "ssim": 0.2}),
        ("mse+0.5*bce", {"mse": 1, "bce": 0.5}),
    ],
)
def test_a_mix_is_read(text, mix):
    assert parse_mix(loss_mix(text)) == mix
    assert loss_mix(loss_mix(text)) == loss_mix(text)


@pytest.mark.parametrize("text", ["", "huber", "mse+mse", "0*mse", "-1*mse", "*mse", "nan*mse+l1", "0.5mse", "mse+"])
def test_what_is_no_mix_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="a mix of them such as"):
        loss_mix(text)


def test_balance():
    labels = np.repeat([0, 1, 3], [900, 90, 10])
    shown = epoch_order(1000, labels, "sampler", seed=0, epoch=1)
    assert len(shown) == 1000
    np.testing.assert_allclose(np.bincount(labels[shown])[[0, 1, 3]], 333, atol=60)
    np.testing.assert_array_equal(shown, epoch_order(1000, labels, "sampler", seed=0, epoch=1))
    assert (shown != epoch_order(1000, labels, "sampler", seed=0, epoch=2)).any()
    for balance in ("none", "weights"):
        np.testing.assert_array_equal(np.sort(epoch_order(1000, labels, balance, 0, 1)), np.arange(1000))
    weights = class_weights(labels)
    assert weights[2] == 0
    assert weights[labels].mean() == pytest.approx(1)
    np.testing.assert_allclose(np.bincount(labels)[[0, 1, 3]] * weights[[0, 1, 3]], 1000 / 3, rtol=1e-6)


@pytest.mark.parametrize(("latent_size", "share"), [(3, 0.7), (20, 0.5)])
def test_late_in_training_a_part_of_the_loss_is_at_refined_latents(latent_size, share):
    torch.manual_seed(0)
    model = build_model("conv", latent_size, (1, 8, 8)).eval()
    images = torch.rand(20, 1, 8, 8)
    model.mean.fill_(0.5)
    for parameter in model.parameters():
        parameter.data += 0.02 * torch.randn_like(parameter)
    model.refinement.inverse *= 0.01  # steps so short that each brings its image nearer
    objective = Objective(refined=True)
    early, late = (model.loss(images, None, objective, position) for position in (0.39, 0.4))
    assert late["mse"] == early["mse"] == early["total"]  # of the guess
    assert late["total"] < early["total"]
    encoder = list(model.to_latents.parameters())
    plain = torch.autograd.grad(early["total"], encoder, allow_unused=True)
    refined = torch.autograd.grad(late["total"], encoder, allow_unused=True)
    for ours, theirs in zip(refined, plain, strict=True):  # the encoder learns from its guess alone
        torch.testing.assert_close(ours, theirs * (1 - share))


def test_a_million_rows_are_shuffled_among_those_of_a_few_places():
    order = epoch_order(1_000_100, None, "none", 0, 1)
    assert np.array_equal(np.sort(order), np.arange(1_000_100))
    assert not np.array_equal(order, epoch_order(1_000_100, None, "none", 0, 2))
    places = [len(np.unique(order[first : first + 65_000] // 1024)) for first in range(0, 1_000_000, 65_536)]
    assert max(places[:-1]) <= 64
    assert len(np.unique(order[:128] // 1024)) > 45  # a batch comes from all of these places
    assert len(np.unique(epoch_order(900_000, None, "none", 0, 1)[:65_000] // 1024)) > 800


@pytest.mark.parametrize("count", [1, 7, 8, 9, 100])
def test_each_row_comes_once_where_blocks_are_not_full(count):
    order = shuffled_nearby(count, np.random.default_rng(0), block=4, blocks=2)
    assert np.array_equal(np.sort(order), np.arange(count))
