"""Fidelity of reconstructions, against scikit-image called once for each image; and what is said of a network."""

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from latent.pca import fit_pca
from model.checkpoint import build_model
from model.fidelity import fidelity, squared_errors, ssim_map, structural_similarities
from model.held_out import measure_held_out
from model.vae import VAE


def test_fidelity_of_known_errors():
    images = np.full((4, 1, 8, 8), 102, np.uint8)  # 0.4
    values = fidelity(images, np.full(images.shape, 0.5, np.float32))
    assert values["mse"] == pytest.approx(0.01, rel=1e-5)
    assert values["psnr_db"] == pytest.approx(20, rel=1e-5)
    perfect = fidelity(images, images / np.float32(255))
    assert perfect["mse"] == 0
    assert perfect["ssim"] == pytest.approx(1)


def test_ssim_of_many_is_scikit_images_of_each():
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (30, 3, 11, 14), dtype=np.uint8)
    noisy = np.clip(images / 255 + generator.normal(0, 0.2, images.shape), 0, 1).astype(np.float32)
    each = [
        np.mean(
            [structural_similarity(a, b, data_range=1.0) for a, b in zip(image / np.float32(255), other, strict=True)]
        )
        for image, other in zip(images, noisy, strict=True)
    ]
    np.testing.assert_allclose(structural_similarities(images, noisy), each, atol=1e-6)
    np.testing.assert_allclose(squared_errors(images, noisy), ((images / 255 - noisy) ** 2).mean((1, 2, 3)), atol=1e-6)


@pytest.mark.parametrize("side", [(28, 28), (8, 8), (9, 40)])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_loss_is_the_measure_with_a_gradient(side, channels):
    generator = torch.Generator().manual_seed(0)
    images, noise = torch.rand((2, 3, channels, *side), generator=generator, dtype=torch.float64)
    made = (images + 0.2 * noise).clamp(0, 1).requires_grad_()
    places = ssim_map(made, images)
    theirs = [
        structural_similarity(a.numpy(), b.numpy(), channel_axis=0, data_range=1.0)
        for a, b in zip(made.detach(), images, strict=True)
    ]
    np.testing.assert_allclose(places.mean(dim=(1, 2, 3)).detach(), theirs, rtol=1e-9)
    np.testing.assert_allclose(places.detach(), ssim_map(made.detach().numpy(), images.numpy()), rtol=1e-9)
    places.mean().backward()
    assert torch.isfinite(made.grad).all()
    assert (made.grad != 0).all()
    torch.testing.assert_close(ssim_map(images, images), torch.ones_like(ssim_map(images, images)))


def test_a_network_that_is_not_worth_having_is_said_so():
    images = np.random.default_rng(0).integers(0, 256, (20, 1, 8, 8), dtype=np.uint8)
    model = VAE(3, (1, 8, 8)).eval()
    with torch.no_grad():  # a posterior that is the prior, whatever the image
        for parameter in model.encoder.parameters():
            parameter.zero_()
    scores, warnings = measure_held_out(model, images, None, {"PCA of 3": lambda some: some / np.float32(255)}, 0.08)
    assert scores["PCA of 3"]["mse"] == 0
    assert scores["autoencoder of 3"]["kl"] == pytest.approx(0)
    assert scores["autoencoder of 3"]["collapsed_dimensions"] == 3
    assert len(warnings) == 2
    assert "posterior collapse: 3 of the 3 dimensions" in warnings[0]
    assert "no better than the mean image" in warnings[1]


def test_a_network_of_noise_has_not_collapsed_where_pca_keeps_as_little():
    images = np.random.default_rng(0).integers(0, 256, (300, 1, 16, 16), dtype=np.uint8)
    pca, model = fit_pca(images, 2, 0), build_model("conv", 2, (1, 16, 16)).eval()
    model.start_from_pca(pca.mean, pca.components, pca.scales)
    mean_image = float(np.square(images / 255 - pca.mean.reshape(1, 16, 16)).mean())
    by_pca = {"PCA of 2": pca.reconstruct_batches}
    (warning,) = measure_held_out(model, images, None, by_pca, mean_image, 0)[1]
    assert "nor does PCA of 2" in warning
    assert "collapsed" not in warning


@pytest.mark.parametrize("refine", [0, 3])
def test_a_latent_that_is_the_same_for_all_images_is_said_so(refine):
    images = np.random.default_rng(0).integers(0, 256, (300, 1, 8, 8), dtype=np.uint8)  # more than one lot
    model = build_model("conv", 3, (1, 8, 8)).eval()
    pca = fit_pca(images, 3, 0)
    model.start_from_pca(pca.mean, pca.components, pca.scales)
    model.axes[1] = 0
    by_pca = {"PCA of 3": pca.reconstruct_batches}
    scores, warnings = measure_held_out(model, images, None, by_pca, 1.0, refine)
    assert warnings == ["1 of the 3 dimensions of bottleneck 3 do not vary over the test images"]
    model.start_from_pca(pca.mean, pca.components, pca.scales)
    assert measure_held_out(model, images, None, by_pca, 1.0, refine)[1] == []
    assert scores["autoencoder of 3"]["mse"] > scores["PCA of 3"]["mse"]


def test_what_comes_in_pieces_is_measured_to_the_same_bits():
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (1100, 1, 8, 9), np.uint8)
    made = random.random(images.shape, np.float32)
    pieces = [made[:700], made[700:701], made[701:]]
    assert fidelity(images, made) == fidelity(images, iter(pieces))
    np.testing.assert_array_equal(squared_errors(images, made), squared_errors(images, iter(pieces)))
    with pytest.raises(ValueError, match="1100 images have 700"):
        fidelity(images, pieces[:1])
