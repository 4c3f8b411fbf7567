"""Mixtures on points whose components are known; they come back from saved arrays as they were."""

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from latent.mixture import Mixture, fit_mixture

CENTRES = np.array([[0, 0, 50.0], [8, 0, 50], [0, 8, 50], [8, 8, 50]])


@pytest.fixture
def clouds() -> np.ndarray:
    random = np.random.default_rng(0)
    return CENTRES[random.integers(0, 4, 1500)] + random.normal(0, [1, 1, 0.02], (1500, 3))


def test_as_many_clouds_are_found_as_there_are_and_sampled_from(clouds: np.ndarray):
    mixtures = {number: fit_mixture(clouds, number, seed=0) for number in (1, 3, 4, 5, 8)}
    assert min(mixtures, key=lambda number: mixtures[number].bic) == 4
    mixture = mixtures[4]
    assert mixture.converged
    found = mixture.means[np.lexsort(mixture.means[:, :2].round().T)]
    np.testing.assert_allclose(found, CENTRES, atol=0.3)
    latents, component = mixture.sample(4000, np.random.default_rng(1))
    assert latents.dtype == np.float32
    assert latents.shape == (4000, 3)
    for number in range(4):
        mine = latents[component == number]
        assert len(mine) == pytest.approx(1000, abs=120)
        np.testing.assert_allclose(mine.mean(axis=0), mixture.means[number], atol=0.15)
        np.testing.assert_allclose(mine.std(axis=0), [1, 1, 0.02], rtol=0.1)


def test_correlations_are_kept():
    random = np.random.default_rng(0)
    covariance = np.array([[2.0, 1.5], [1.5, 2.0]])
    mixture = fit_mixture(random.multivariate_normal([3, -3], covariance, 4000), 1, seed=0)
    np.testing.assert_allclose(np.cov(mixture.sample(20_000, random)[0].T), covariance, atol=0.15)


def test_the_criterion_and_the_probabilities_are_those_of_the_library(clouds: np.ndarray):
    mixture = fit_mixture(clouds, 3, seed=0)
    centred = clouds - clouds.mean(axis=0)
    spread = centred.std()
    library = GaussianMixture(3, n_init=3, random_state=0).fit(centred / spread)
    # a density in the points' own units is divided by how much they shrank
    expected = library.bic(centred / spread) / len(clouds) + 2 * 3 * np.log(spread)
    assert mixture.bic == pytest.approx(expected, rel=1e-9)
    again = Mixture(mixture.weights, mixture.means, mixture.precision_roots)
    np.testing.assert_allclose(again.probabilities(clouds), library.predict_proba(centred / spread), atol=1e-9)


def test_few_points_get_diagonal_covariances():
    random = np.random.default_rng(1)
    mixture = fit_mixture(random.normal(size=(12, 30)), 1, seed=0)
    assert mixture.precision_roots.shape == (1, 30)
    assert np.isfinite(mixture.sample(3, random)[0]).all()
    np.testing.assert_allclose(mixture.sample(4000, random)[0].mean(axis=0), mixture.means[0], atol=0.1)
