"""PCA against scikit-learn's exact one."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA as ExactPCA

from latent import pca
from latent.pca import fit_pca
from tests.conftest import ROOT


def digits() -> np.ndarray:
    return (load_digits().images * 255 / 16).astype(np.uint8)[:, None]


def faces(count: int = 150, side: int = 24, noise: float = 4) -> np.ndarray:
    """Smooth random colour images of more than 1,024 values: the randomized road. Without noise, of 108 dimensions."""
    waves = np.random.default_rng(0).normal(size=(count, 3, 6, 6))
    images = np.kron(waves, np.ones((side // 6, side // 6))) * 40 + 128
    return np.clip(images + np.random.default_rng(1).normal(size=images.shape) * noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "images",
    [digits(), faces(), faces(30), faces(400, noise=0)],
    ids=["exact", "randomized", "fewer images than columns", "fewer dimensions than columns"],
)
def test_pca_is_scikit_learns(images):
    flat = images.reshape(len(images), -1) / 255
    exact = ExactPCA(12, svd_solver="full").fit(flat)
    ours = fit_pca(images, 12, seed=0)
    np.testing.assert_allclose(ours.mean, exact.mean_, atol=1e-6)
    np.testing.assert_allclose(np.abs(np.sum(ours.components * exact.components_, axis=1)), 1, atol=1e-3)
    np.testing.assert_allclose(ours.scales, exact.transform(flat).std(0), rtol=1e-3)
    expected = np.clip(exact.inverse_transform(exact.transform(flat)), 0, 1)
    np.testing.assert_allclose(ours.reconstruct(images).reshape(flat.shape), expected, atol=1e-3)


def test_images_too_large_for_their_covariance_are_multiplied_by_themselves(monkeypatch):
    images = faces()
    by_covariance = fit_pca(images, 12, seed=0)
    monkeypatch.setattr(pca, "_COVARIANCE_UP_TO", 1024)
    monkeypatch.setattr(pca, "_VALUES", 40 * 3 * 24 * 24)  # several pieces
    by_images = fit_pca(images, 12, seed=0)
    np.testing.assert_allclose(by_images.scales, by_covariance.scales, rtol=1e-4)
    np.testing.assert_allclose(np.abs(np.sum(by_images.components * by_covariance.components, axis=1)), 1, atol=1e-3)


def test_memory_does_not_grow_with_the_number_of_images(tmp_path):
    """Images of 48 x 48 x 3 mapped from a file, a few and forty times as many: the peak is the same."""
    probe = (
        "import resource, sys, numpy as np; from latent.pca import fit_pca; from data.selection import Selection\n"
        "images = np.lib.format.open_memmap(sys.argv[1], mode='r')\n"
        "pca = fit_pca(Selection(images, np.arange(len(images))), 8, 0)\n"
        "for piece in pca.reconstruct_batches(images): pass\n"
        "pca.errors(images, [2, 8])\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - images.nbytes // 1024)"
    )
    peaks = []
    for count in (1500, 6000):
        path = tmp_path / f"{count}.npy"
        images = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(count, 3, 48, 48))
        images[:] = np.random.default_rng(0).integers(0, 256, (1500, 3, 48, 48), dtype=np.uint8)[
            np.arange(count) % 1500
        ]
        images.flush()
        done = subprocess.run([sys.executable, "-c", probe, path], cwd=ROOT, capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout))
    assert peaks[1] < peaks[0] + 60_000  # KiB; the images as float32 would be 160,000 each time


def test_smaller_pca_is_the_start_of_a_larger_one():
    images = digits()
    small, large = fit_pca(images, 3, 0), fit_pca(images, 20, 0).first(3)
    np.testing.assert_allclose(small.reconstruct(images), large.reconstruct(images), atol=1e-4)


def test_fewer_images_than_components():
    assert fit_pca(digits()[:5], 16, 0).components.shape == (4, 64)


@pytest.mark.parametrize("images", [faces(30), faces(400, noise=0), np.full((50, 3, 24, 24), 7, np.uint8)])
def test_components_are_orthonormal_where_there_are_fewer_directions_than_columns(images):
    found = fit_pca(images, 29, 0)
    assert found.components.shape == (29, 3 * 24 * 24)
    np.testing.assert_allclose(found.components @ found.components.T, np.eye(29), atol=1e-5)
