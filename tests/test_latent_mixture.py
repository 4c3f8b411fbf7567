"""Gaussian mixtures on points that were placed by hand."""

import numpy as np
import pytest

from latent.mixture import fit_mixture


def test_a_mixture_finds_as_many_clouds_as_there_are():
    random = np.random.default_rng(0)
    centres = np.array([[0, 0, 50.0], [8, 0, 50], [0, 8, 50], [8, 8, 50]])
    points = centres[random.integers(0, 4, 1500)] + random.normal(0, [1, 1, 0.02], (1500, 3))
    mixture = fit_mixture(points[:1000], points[1000:], seed=0)
    assert len(mixture.weights) == 4
    assert list(mixture.scores) == [1, 2, 4, 8]  # it stopped where it got worse
    found = mixture.means[np.lexsort(mixture.means[:, :2].round().T)]
    np.testing.assert_allclose(found, centres[[0, 1, 2, 3]], atol=0.3)
    # 1.419 nats a dimension for the normal clouds, less by log 50 in the thin one, and log 4 for which cloud it is
    assert mixture.scores[4] == pytest.approx(-3 * 1.419 + np.log(50) - np.log(4), abs=0.15)
    latents, component = mixture.sample(4000, random)
    assert latents.dtype == np.float32
    assert latents.shape == (4000, 3)
    for number in range(4):
        mine = latents[component == number]
        assert len(mine) == pytest.approx(1000, abs=120)
        np.testing.assert_allclose(mine.mean(axis=0), mixture.means[number], atol=0.15)
        np.testing.assert_allclose(mine[:, :2].std(axis=0), 1, atol=0.1)


def test_one_normal_cloud_is_one_component_and_few_rows_are_no_more():
    random = np.random.default_rng(1)
    assert len(fit_mixture(random.normal(size=(3000, 2)), random.normal(size=(1000, 2)), seed=0).weights) == 1
    few = fit_mixture(random.normal(size=(12, 30)), random.normal(size=(5, 30)), seed=0)  # singular without a floor
    assert list(few.scores) == [1]
    assert np.isfinite(few.sample(3, random)[0]).all()
