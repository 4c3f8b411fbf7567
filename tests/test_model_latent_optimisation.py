"""The search of a decoder's surface, against surfaces whose nearest points are known."""

import numpy as np
import pytest
import torch

from model import latent_optimisation
from model.checkpoint import build_model
from model.conv import OPTIMISED_UP_TO
from model.latent_optimisation import optimise_latents


def paraboloid(latents: torch.Tensor) -> torch.Tensor:
    """(n, 2) -> (n, 4): z = x^2 + y^2 over the plane, and a fourth coordinate that is always 0."""
    height = latents.square().sum(1, keepdim=True)
    return torch.cat([latents, height, torch.zeros_like(height)], 1)


def distance(latents: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    return (paraboloid(latents) - images).square().sum(1)


@pytest.fixture
def anchors() -> torch.Tensor:
    axis = torch.linspace(-2, 2, 9)
    return torch.cartesian_prod(axis, axis)


def test_a_point_lifted_off_the_surface_along_its_normal_is_found_again(anchors):
    torch.manual_seed(0)
    true = torch.rand(50, 2) * 3 - 1.5
    normal = torch.cat([-2 * true, torch.ones(50, 1)], 1)
    normal = 0.2 * normal / normal.norm(dim=1, keepdim=True)
    images = paraboloid(true) + torch.cat([normal, torch.full((50, 1), 0.3)], 1)
    far_off = torch.zeros(50, 2) + 5
    found = optimise_latents(paraboloid, images, far_off, anchors, torch.ones(2), steps=6)
    torch.testing.assert_close(found, true, atol=2e-2, rtol=0)


def test_no_answer_is_worse_than_the_guess(anchors):
    torch.manual_seed(1)
    images, guess = 3 * torch.randn(700, 4), 2 * torch.randn(700, 2)
    for steps in (0, 1, 2, 5):
        found = optimise_latents(paraboloid, images, guess, anchors, torch.ones(2), steps)
        assert (distance(found, images) <= distance(guess, images)).all()


def test_a_flat_surface_has_no_slopes_and_the_guess_stays(anchors):
    guess = torch.randn(5, 2)
    found = optimise_latents(lambda z: torch.zeros(len(z), 4), torch.ones(5, 4), guess, anchors, torch.ones(2))
    torch.testing.assert_close(found, guess)


@pytest.mark.parametrize("latent_size", [1, 2, 3, 4, 5])
def test_a_narrow_bottleneck_encodes_no_worse_than_its_network_guesses(latent_size):
    torch.manual_seed(2)
    model = build_model("conv", latent_size, (1, 9, 8))
    model.start_from_pca(
        np.zeros(72, np.float32), np.eye(latent_size, 72, dtype=np.float32), np.ones(latent_size, np.float32)
    )
    for parameter in model.parameters():  # somewhere off the start at PCA
        torch.nn.init.normal_(parameter, std=0.1)
    images = torch.rand(300, 1, 9, 8)
    with torch.no_grad():
        model.train()
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.eval()
        for _ in range(5):  # more than once around the ring of anchors
            guess = model.encode(images)
        model.eval()
        found = model.encode(images)
        errors = [(model.decode(latents) - images).square().sum((1, 2, 3)) for latents in (found, guess)]
    assert (errors[0] <= errors[1] * (1 + 1e-5)).all()
    assert (errors[0].sum() < 0.99 * errors[1].sum()) == (latent_size <= OPTIMISED_UP_TO)


def test_anchors_are_the_latest_latents_seen_in_training():
    torch.manual_seed(3)
    model = build_model("conv", 2, (1, 8, 8)).train()
    with torch.no_grad():
        latents = torch.cat([model.encode(torch.rand(700, 1, 8, 8)) for _ in range(3)])
    assert {tuple(row) for row in model.anchors.tolist()} == {tuple(row) for row in latents[-1024:].tolist()}


def test_lots_in_which_images_are_searched_for_change_nothing(anchors, monkeypatch):
    torch.manual_seed(4)
    images, guess = 3 * torch.randn(50, 4), 2 * torch.randn(50, 2)
    whole = optimise_latents(paraboloid, images, guess, anchors, torch.ones(2))
    lots = []

    def decode(latents: torch.Tensor) -> torch.Tensor:
        lots.append(len(latents))
        return paraboloid(latents)

    monkeypatch.setattr(latent_optimisation, "_CHUNK", 7)
    monkeypatch.setattr(latent_optimisation, "_ROWS", 3)
    torch.testing.assert_close(optimise_latents(decode, images, guess, anchors, torch.ones(2)), whole)
    assert max(lots) == 7


@pytest.mark.parametrize("latent_size", [2, 16])
def test_the_larger_images_are_the_fewer_are_worked_on_at_a_time(latent_size):
    sizes = [build_model("conv", latent_size, (3, side, side)).images_at_once for side in (32, 128, 512, 1024)]
    assert sizes == sorted(sizes, reverse=True)
    for count, side in zip(sizes, (32, 128, 512, 1024), strict=True):
        assert count == 1 or count * 3 * side * side <= 16 << 20
