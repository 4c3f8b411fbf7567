"""Gaussian mixtures: clusters with a spread of their own, and a density to sample from where a network has no prior."""

import warnings
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import solve_triangular
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

_STARTS = 3  # by k-means, of which the likeliest outcome is taken


@dataclass(frozen=True, eq=False)  # arrays have no equality that is one truth
class Mixture:
    """Normal components: plain numbers, which can be saved, and from which scikit-learn's own mixture is made again.

    Attributes:
        weights: float64 (K,), summing to 1.
        means: float64 (K, D).
        precision_roots: roots of the inverse covariances: float64 (K, D, D), upper triangular P of P P', or for
            diagonal covariances (K, D).
        bic: the Bayesian information criterion (Schwarz, 1978) for one of the points that were fitted on; of several
            mixtures of the same points the one of the lowest is taken.
        converged: whether the fit came to rest.
    """

    weights: np.ndarray
    means: np.ndarray
    precision_roots: np.ndarray
    bic: float = float("nan")
    converged: bool = True

    def probabilities(self, points: np.ndarray) -> np.ndarray:
        """float (rows, D) -> float64 (rows, K): how likely each component is to have made each point."""
        return self._of_library().predict_proba(np.asarray(points, np.float64))

    def sample(self, count: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Points float32 (count, D), and the component int64 (count,) that each came from."""
        component = random.choice(len(self.weights), count, p=self.weights / self.weights.sum())
        noise = random.standard_normal((count, self.means.shape[1]))
        points = np.empty_like(noise)
        for number in np.unique(component):
            mine, root = component == number, self.precision_roots[number]
            spread = noise[mine] / root if root.ndim == 1 else solve_triangular(root, noise[mine].T, trans="T").T
            points[mine] = self.means[number] + spread
        return points.astype(np.float32), component

    def _of_library(self) -> GaussianMixture:
        mixture = GaussianMixture(
            len(self.weights), covariance_type="full" if self.precision_roots.ndim == 3 else "diag"
        )
        mixture.weights_, mixture.means_ = self.weights, self.means
        mixture.precisions_cholesky_ = self.precision_roots
        return mixture


def fit_mixture(points: np.ndarray, num_components: int, seed: int) -> Mixture:
    """Fit a mixture by expectation maximisation, started by k-means three times, of which the likeliest is taken.

    Each component has a covariance of its own: full, or diagonal where there are fewer than two points a dimension for
    each.

    Args:
        points: float (rows, D), finite; at least as many as components.
        seed: the same seed, versions and machine give the same mixture.
    """
    rows, size = points.shape
    centre = points.mean(axis=0, dtype=np.float64)
    spread = float((points - centre).std()) or 1.0
    form = "full" if rows >= 2 * size * num_components else "diag"
    fitted = GaussianMixture(num_components, covariance_type=form, n_init=_STARTS, random_state=seed)
    # more threads would add up the starts' centres in whatever order they finish
    with threadpool_limits(1, user_api="openmp"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # said by ``converged``
        fitted.fit((points - centre) / spread)  # at this scale what keeps covariances from vanishing is small enough
    mixture = Mixture(fitted.weights_, fitted.means_ * spread + centre, fitted.precisions_cholesky_ / spread)
    bic = mixture._of_library().bic(np.asarray(points, np.float64)) / rows
    return replace(mixture, bic=float(bic), converged=bool(fitted.converged_))
