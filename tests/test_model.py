"""Every architecture keeps the contract, for any image shape; checkpoints rebuild networks and believe nothing else."""

import numpy as np
import pytest
import torch

from latent.pca import fit_pca
from model import ARCHITECTURES
from model.checkpoint import architecture_class, as_tensors, build_model, load_checkpoint, load_model, save_model
from model.inference import decode_batches, divergences, encode_batches, reconstruct, to_float
from model.objective import Objective
from run.errors import BadInput
from run.tensor_file import save_tensors

SHAPES = [(1, 8, 8), (3, 8, 8), (3, 32, 32), (1, 28, 28), (3, 9, 21), (1, 50, 13)]
RECORD = {
    "fingerprint": "f",
    "model": "conv",
    "dataset": "noise",
    "command": "python train.py",
    "arguments": {},
    "held_out": {"PCA of 5": {"mse": 0.1}},
}


def some_images(shape: tuple[int, int, int], count: int = 40) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)


def started(architecture: str, latent_size: int, images: np.ndarray):
    torch.manual_seed(0)
    told = {"num_classes": 3} if architecture_class(architecture).takes_labels else {}
    model = build_model(architecture, latent_size, images.shape[1:], **told)
    pca = fit_pca(images, latent_size, seed=0)
    model.start_from_pca(pca.mean, pca.components, pca.scales)
    return model.eval(), pca


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_images_become_latents_and_images_again(architecture, shape):
    images = some_images(shape, 4)
    model, _ = started(architecture, 5, images)
    latents = model.encode(to_float(torch.from_numpy(images), torch.device("cpu")))
    assert latents.shape == (4, 5)
    assert latents.dtype == torch.float32
    labels = torch.tensor([0, 2, 1, 1]) if model.takes_labels else None
    made = model.decode(latents, labels)
    assert made.shape == (4, *shape)
    if model.bounded:
        assert 0 < made.min() <= made.max() < 1
    parts = model.train().loss(to_float(torch.from_numpy(images), torch.device("cpu")), labels)
    parts["total"].backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


@pytest.mark.parametrize(
    ("latent_size", "images", "image_shape", "width"),
    [
        (64, 10_000, (3, 32, 32), 64),
        (16, 10_000, (3, 32, 32), 64),
        (64, 9_999, (3, 32, 32), 32),
        (64, 10_000, (1, 32, 32), 32),
        (15, 10_000, (3, 32, 32), 32),
    ],
)
def test_conv_decoders_are_wide_where_latents_and_images_in_colour_are_many(latent_size, images, image_shape, width):
    sized = architecture_class("conv").sized_for(latent_size, images, image_shape)
    assert build_model("conv", latent_size, image_shape, **sized).decoder_map[0] == width


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_conv_starts_as_pca(shape):
    images = some_images(shape)
    model, pca = started("conv", 5, images)
    np.testing.assert_allclose(reconstruct(model, images, refine=0), pca.reconstruct(images), atol=2e-4)


def test_conv_with_fewer_components_than_latents():
    images = some_images((1, 8, 8), 4)
    model, pca = started("conv", 16, images)  # four images span three directions
    assert len(pca.components) == 3
    np.testing.assert_allclose(reconstruct(model, images, refine=0), images / 255, atol=2e-3)


def test_latents_have_no_floor():
    """No ReLU on the latents: PCA's are centred, so that about half of them are negative."""
    images = some_images((1, 8, 8))
    model, _ = started("conv", 5, images)
    latents = np.concatenate(list(encode_batches(model, images)))
    assert 0.2 < (latents < 0).mean() < 0.8


def test_encoding_in_pieces_is_encoding_at_once():
    images = some_images((3, 16, 16), 1100)
    model, _ = started("conv", 5, images)
    rows = np.arange(0, 1100, 2)[::-1]
    pieces = list(encode_batches(model, images, rows, refine=0))
    assert max(len(piece) for piece in pieces) <= 512
    with torch.inference_mode():
        whole = model.encode(to_float(torch.from_numpy(images[rows]), torch.device("cpu"))).numpy()
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_checkpoint_needs_only_its_path(tmp_path, architecture):
    images = some_images((3, 9, 21))
    model, _ = started(architecture, 5, images)
    save_model(tmp_path / "any_name.pth", model, RECORD)
    again = load_model(tmp_path / "any_name.pth")
    assert (again.architecture, again.latent_size, again.image_shape) == (architecture, 5, (3, 9, 21))
    labels = np.arange(len(images)) % 3
    np.testing.assert_array_equal(reconstruct(again, images, labels), reconstruct(model, images, labels))
    assert len(load_checkpoint(tmp_path / "any_name.pth")[1]["sha256"]) == 64


def test_hostile_hyperparameters_allocate_nothing(tmp_path):
    model, fitted = started("conv", 5, some_images((1, 8, 8)))
    pca = as_tensors(vars(fitted))
    for wrong in [
        {"hyperparameters": {"latent_size": 2**40, "image_shape": [3, 2**15, 2**15]}},
        {"hyperparameters": {"latent_size": -1, "image_shape": [1, 8, 8]}},
        {"hyperparameters": {"latent_size": "5", "image_shape": [1, 8, 8]}},
        {"hyperparameters": [1]},
        {"architecture": "os"},
        {"weights": {}},
        {"weights": None},
        {"record": {}},
        {"record": {"fingerprint": 3}},
        *(
            {"record": {**RECORD, "pca": kept}}
            for kept in [
                3,
                None,
                {},
                {**pca, "mean": torch.zeros(7)},
                {**pca, "scales": torch.ones(4)},
                {**pca, "more": pca["mean"]},
                {**pca, "components": torch.full((5, 64), torch.nan)},
                {**pca, "mean": torch.zeros(64, dtype=torch.int64)},
                {**pca, "scales": 3},
                {**pca, "components": [1]},
            ]
        ),
    ]:
        content = {
            "architecture": "conv",
            "hyperparameters": model.hyperparameters,
            "weights": model.state_dict(),
            "record": RECORD,
        }
        save_tensors(tmp_path / "wrong.pth", "autoencoder checkpoint", content | wrong)
        with pytest.raises(BadInput, match=r"wrong\.pth.*train again: python train\.py"):
            load_model(tmp_path / "wrong.pth")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_batch_of_one_image_and_bfloat16(architecture):
    images = some_images((1, 8, 8), 1)
    model, _ = started(architecture, 2, images)
    told = torch.tensor([2]) if model.takes_labels else None
    with torch.autocast("cpu", torch.bfloat16):
        parts = model.train().loss(to_float(torch.from_numpy(images), torch.device("cpu")), told)
    parts["total"].backward()
    assert all(torch.isfinite(part) and part.dtype == torch.float32 for part in parts.values())


@pytest.mark.parametrize("architecture", ["conditional", "cvae"])
def test_a_decoder_that_is_told_the_class(architecture):
    images = some_images((1, 8, 8), 6)
    model, _ = started(architecture, 2, images)
    latents = np.concatenate(list(encode_batches(model, images)))  # of no label
    zeros, ones = (np.concatenate(list(decode_batches(model, latents, np.full(6, label)))) for label in (0, 1))
    assert np.abs(zeros - ones).max() > 1e-3
    np.testing.assert_allclose(reconstruct(model, images, np.zeros(6, np.int64), 0), zeros, atol=1e-6)
    with pytest.raises(BadInput, match="--model conv"):
        reconstruct(model, images)
    with pytest.raises(BadInput, match="no labels were given"):
        model(to_float(torch.from_numpy(images), torch.device("cpu")))
    for label in (3, -1):
        with pytest.raises(BadInput, match=f"knows the classes 0 to 2, and was given a class {label}"):
            reconstruct(model, images, np.full(6, label))


def test_labels_that_a_architecture_takes_none_of():
    model, _ = started("vae", 2, some_images((1, 8, 8)))
    with pytest.raises(BadInput, match="takes no labels; use one that does"):
        model.decode(torch.zeros(3, 2), torch.zeros(3, dtype=torch.int64))
    latents = np.zeros((3, 2), np.float32)
    given, not_given = (next(decode_batches(model, latents, labels)) for labels in (np.zeros(3, np.int64), None))
    np.testing.assert_array_equal(given, not_given)  # a script may pass what it has


def test_both_parts_of_a_variational_loss():
    images = some_images((1, 8, 8), 500)
    batch = to_float(torch.from_numpy(images), torch.device("cpu"))
    model, _ = started("beta_vae", 3, images)
    assert model.beta == 4
    mean, log_variance = model.posterior(batch)
    torch.testing.assert_close(model.encode(batch), mean)
    known = torch.distributions.kl_divergence(
        torch.distributions.Normal(mean, (log_variance / 2).exp()), torch.distributions.Normal(0.0, 1.0)
    )
    torch.testing.assert_close(model.divergences(batch), known)
    np.testing.assert_allclose(divergences(model, images), known.mean(dim=0).detach(), rtol=1e-4)
    for position, warmth in [(0.0, 0), (0.25, 0.5), (1.0, 1)]:
        parts = model.loss(batch, objective=Objective(kl_warmup=0.5), position=position)
        torch.testing.assert_close(parts["kl"], known.sum(dim=1).mean())
        torch.testing.assert_close(parts["reconstruction"], parts["mse"] * 64 * 10)
        total = (parts["reconstruction"] + 4 * warmth * parts["kl"]) / 640
        torch.testing.assert_close(parts["total"], total)
