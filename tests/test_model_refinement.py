"""Refining latents, against surfaces whose nearest points are known, and in every architecture."""

import numpy as np
import pytest
import torch

from latent.pca import fit_pca
from model import ARCHITECTURES
from model.checkpoint import build_model
from model.fidelity import squared_errors
from model.inference import encode, encode_batches, measure_refinement, reconstruct
from model.linear import refinable
from model.refinement import ANCHORED_UP_TO, ANCHORS, Refinement, Refiner, shrunk, spread_rows


def paraboloid(latents: torch.Tensor) -> torch.Tensor:
    """(n, 2) -> (n, 1, 2, 2): z = x^2 + y^2 over the plane, and a fourth coordinate that is always 0."""
    height = latents.square().sum(1, keepdim=True)
    return torch.cat([latents, height, torch.zeros_like(height)], 1).view(-1, 1, 2, 2)


def measured(decode, latents: torch.Tensor, directions: int = 1024) -> Refinement:
    refinement = Refinement(latents.shape[1], anchored=True)
    refinement.measure(lambda codes, _: decode(codes), latents, directions, 64)
    return refinement


def refiner(refinement: Refinement, decode, steps: int) -> Refiner:
    return Refiner(refinement, steps, [shrunk(decode(refinement.anchors))])


def distances(latents: torch.Tensor, images: torch.Tensor, decode=paraboloid) -> torch.Tensor:
    return (decode(latents) - images).square().flatten(1).sum(1)


def test_the_mean_curvature_of_a_linear_decoder_is_that_of_its_matrix():
    torch.manual_seed(0)
    matrix, latents = torch.randn(3, 64), torch.randn(500, 3) * torch.tensor([1.0, 2.0, 4.0])
    refinement = measured(lambda codes: (codes @ matrix).view(-1, 1, 8, 8), latents, 20_000)
    scaled = matrix * latents.std(0, correction=0)[:, None]
    damped = scaled @ scaled.T * (1 + 0.3 * torch.eye(3))  # Marquardt's
    torch.testing.assert_close(torch.linalg.inv(refinement.inverse), damped, rtol=0.05, atol=3)


def test_a_step_leads_a_linear_decoder_most_of_the_way_to_the_least_error():
    torch.manual_seed(0)
    matrix, true = torch.randn(3, 64), torch.randn(500, 3)

    def decode(latents: torch.Tensor) -> torch.Tensor:
        return (latents @ matrix).view(-1, 1, 8, 8)

    guess = (true + 0.1 * torch.randn(500, 3)).requires_grad_()
    (gradient,) = torch.autograd.grad((decode(guess) - decode(true)).square().sum() / 2, guess)
    refined = guess + measured(decode, true, 20_000).step(gradient)
    assert (refined - true).norm() < 0.4 * (guess - true).norm()


def test_a_point_lifted_off_the_surface_along_its_normal_is_found_again():
    torch.manual_seed(0)
    true = torch.rand(50, 2) * 3 - 1.5
    normal = torch.cat([-2 * true, torch.ones(50, 1)], 1)
    normal = 0.2 * normal / normal.norm(dim=1, keepdim=True)
    images = paraboloid(true) + torch.cat([normal, torch.full((50, 1), 0.3)], 1).view(-1, 1, 2, 2)
    refine = refiner(measured(paraboloid, torch.rand(2000, 2) * 4 - 2), paraboloid, 12)
    found = refine(paraboloid, images, torch.zeros(50, 2) + 5).latents
    torch.testing.assert_close(found, true, atol=2e-2, rtol=0)


@pytest.mark.parametrize("steps", [1, 2, 3, 7])
def test_no_answer_is_worse_than_the_guess(steps):
    torch.manual_seed(1)
    images, guess = 3 * torch.randn(700, 1, 2, 2), 2 * torch.randn(700, 2)
    refine = refiner(measured(paraboloid, torch.randn(300, 2)), paraboloid, steps)
    found, shown, guessed = refine(paraboloid, images, guess)
    assert (distances(found, images) <= distances(guess, images)).all()
    assert distances(found, images).sum() < 0.9 * distances(guess, images).sum()
    torch.testing.assert_close((shown, guessed), (paraboloid(found), paraboloid(guess)), rtol=0, atol=0)


def test_with_a_prior_the_most_probable_latents_are_found():
    """Of a linear decoder they are known: (M M^T + prior)^-1 M x. The second latent shows next to nothing."""
    torch.manual_seed(0)
    matrix, prior = torch.randn(2, 64) * torch.tensor([[1.0], [0.001]]), 0.05
    images = 2 * torch.randn(100, 2) @ matrix + 0.2 * torch.randn(100, 64)
    curvature = matrix @ matrix.T
    most_probable, best = (
        torch.linalg.solve(curvature + weight * torch.eye(2), matrix @ images.T).T for weight in (prior, 0)
    )
    assert best[:, 1].abs().mean() > 10 > 1 > most_probable[:, 1].abs().mean()

    def decode(latents: torch.Tensor) -> torch.Tensor:
        return (latents @ matrix).view(-1, 1, 8, 8)

    found = {}
    for weight in (prior, 0.0):
        refinement = Refinement(2, anchored=False)
        refinement.prior = weight
        refinement.measure(lambda codes, _: decode(codes), most_probable, 20_000, 64)
        guess = most_probable + torch.tensor([0.5, 0.0])
        found[weight] = Refiner(refinement, 12, [])(decode, images.view(-1, 1, 8, 8), guess).latents
    torch.testing.assert_close(found[prior], most_probable, atol=0.02, rtol=0)
    assert found[0.0][:, 1].abs().mean() > 5


@pytest.mark.parametrize("architecture", ["vae", "beta_vae", "cvae"])
def test_the_prior_of_variational_architectures_weighs_as_in_their_loss(architecture):
    """The loss of an image is the mean squared error and beta * KL / (10 * pixels): here by latents, in halves."""
    more = {"num_classes": 3} if architecture == "cvae" else {}
    model = build_model(architecture, 4, (1, 16, 16), beta=3.0, **more)
    image, labels = torch.rand(1, 1, 16, 16), torch.tensor([1]) if architecture == "cvae" else None
    parts = {name: part.item() for name, part in model.loss(image, labels).items()}
    penalty = (parts["total"] - parts["mse"]) * image.numel() / 2  # beside half the squared error
    assert penalty == pytest.approx(model.refinement.prior * parts["kl"], rel=1e-3)


def test_a_flat_surface_and_one_that_is_not_finite_leave_the_guess():
    guess = torch.randn(5, 2)
    for decode in (
        lambda codes: 0 * codes.sum(1).view(-1, 1, 1, 1).expand(-1, 1, 2, 2),
        lambda codes: (codes.sum(1) * float("nan")).view(-1, 1, 1, 1).expand(-1, 1, 2, 2),
    ):
        refinement = Refinement(2, anchored=True)
        refinement.anchors.copy_(torch.randn(ANCHORS, 2))
        found = refiner(refinement, decode, 3)(decode, torch.ones(5, 1, 2, 2), guess)
        torch.testing.assert_close(found.latents, guess)


def test_a_start_that_is_nearer_by_small_images_alone_gives_way_to_the_guess():
    """Starts are told apart by means of 2 x 2 pixels here, which checks within them do not change."""
    checks = 2 * (torch.arange(32)[:, None] + torch.arange(32)).fmod(2).expand(1, 1, 32, 32) - 1

    def decode(codes: torch.Tensor) -> torch.Tensor:  # brightness, and how strong the checks are
        return (codes[:, :1, None, None] + codes[:, 1:, None, None] * checks).clamp(0, 1)

    refinement = Refinement(2, anchored=True)
    refinement.anchors.copy_(torch.tensor([0.5, -0.5]).expand(ANCHORS, 2))
    image, guess = decode(torch.tensor([[0.5, 0.5]])), torch.tensor([[0.52, 0.48]])
    found = refiner(refinement, decode, 1)(decode, image, guess)
    assert distances(found.latents, image, decode) <= distances(guess, image, decode)
    torch.testing.assert_close(found.images, decode(found.latents), rtol=0, atol=0)


def test_rows_are_spread_evenly_and_taken_again_where_there_are_few():
    assert spread_rows(4, 8).tolist() == [0, 2, 4, 6]
    assert spread_rows(6, 3).tolist() == [0, 0, 1, 1, 2, 2]
    assert spread_rows(0, 3).tolist() == []


def somewhere(architecture: str, latent_size: int, images: np.ndarray):
    """A network that is off its start, measured; and labels for it."""
    torch.manual_seed(2)
    labels = np.arange(len(images)) % 3
    more = {"num_classes": 3} if architecture in ("conditional", "cvae") else {}
    model = build_model(architecture, latent_size, images.shape[1:], **more)
    values = int(np.prod(images.shape[1:]))
    components = np.linalg.qr(np.random.default_rng(0).normal(size=(values, latent_size)))[0].T.astype(np.float32)
    model.start_from_pca(np.full(values, 0.5, np.float32), components, np.ones(latent_size, np.float32))
    for parameter in model.parameters() if architecture == "conv" else ():  # the others start at random
        torch.nn.init.normal_(parameter, std=0.1)
    model.eval()
    measure_refinement(model, images, labels)
    return model, labels


def some_images(count: int = 60) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (count, 1, 9, 8), dtype=np.uint8)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("latent_size", [1, 2, 5, 20])
def test_every_size_of_every_architecture_is_refined_and_no_image_is_worse(architecture, latent_size):
    images = some_images()
    model, labels = somewhere(architecture, latent_size, images)
    refined, alone = (squared_errors(images, reconstruct(model, images, labels, steps)) for steps in (3, 0))
    assert (refined <= alone * (1 + 1e-5)).all()
    assert refined.sum() < alone.sum()
    anchored = latent_size <= ANCHORED_UP_TO and not model.takes_labels
    assert len(model.refinement.anchors) == (ANCHORS if anchored else 0)


@pytest.mark.parametrize("latent_size", [2, 20])
def test_the_latents_of_an_image_are_the_same_bytes_beside_any_others(latent_size):
    images = some_images(300)
    model, _ = somewhere("conv", latent_size, images)
    whole = encode(model, images)
    model.images_at_once = 32
    for rows in ([7], [299, 7, 3], np.arange(250), np.arange(300)[::-1]):
        some = np.concatenate(list(encode_batches(model, images, np.asarray(rows))))
        np.testing.assert_array_equal(some, whole[rows])


@pytest.mark.parametrize("architecture", ["conditional", "cvae"])
def test_latents_of_a_decoder_that_takes_labels_hold_none(architecture):
    images = some_images()
    model, labels = somewhere(architecture, 5, images)
    np.testing.assert_array_equal(encode(model, images), encode(model, images, refine=0))
    refined, alone = (squared_errors(images, reconstruct(model, images, labels, steps)).mean() for steps in (3, 0))
    assert refined < alone


@pytest.mark.parametrize("latent_size", [2, 16])
def test_the_larger_images_are_the_fewer_are_worked_on_at_a_time(latent_size):
    sizes = [build_model("conv", latent_size, (3, side, side)).images_at_once for side in (32, 128, 512, 1024)]
    assert sizes == sorted(sizes, reverse=True)
    for count, side in zip(sizes, (32, 128, 512, 1024), strict=True):
        assert count == 1 or count * 3 * side * side <= 16 << 20
        assert count < 16 or count % 16 == 0


def test_refined_pca_is_the_projection_until_pixels_are_clamped_and_better_where_they_are():
    generator = np.random.default_rng(0)
    made = generator.normal(size=(300, 6)) @ generator.normal(size=(6, 64)) * 8
    for contrast, better in ((1, False), (12, True)):  # with the second most pixels are black or white
        images = np.clip(128 + contrast * made, 0, 255).astype(np.uint8).reshape(300, 1, 8, 8)
        pca = fit_pca(images[:200], 4, 0)
        plain = squared_errors(images[200:], pca.reconstruct(images[200:]))
        network = refinable(pca.mean, pca.components, images[:200])
        refined = squared_errors(images[200:], reconstruct(network, images[200:]))
        np.testing.assert_allclose(
            squared_errors(images[200:], reconstruct(network, images[200:], refine=0)), plain, rtol=1e-4
        )
        assert (refined <= plain * 1.0001).all()
        assert (refined.mean() < 0.95 * plain.mean()) == better
        if not better:
            np.testing.assert_allclose(refined, plain, rtol=0.02)
