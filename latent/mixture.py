"""A Gaussian mixture fitted on latents: a density to sample from where the network itself has no prior."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from latent.probes import standardisation
from run.errors import BadInput

NUMBERS = (1, 2, 4, 8, 16, 32, 64)  # of components that are tried
FEWEST = 10  # latents to fit on
_MOST = 5000  # latents to fit on; more took minutes at 64 dimensions
_ROUNDS = 30  # of expectation maximisation
_FLOOR = 1e-4  # added to variances, of latents scaled to about 1, so that no component becomes a point


@dataclass(frozen=True)
class Mixture:
    """Normal components with full covariance.

    Attributes:
        weights: float64 (K,), summing to 1.
        means: float64 (K, D).
        roots: float64 (K, D, D), lower triangles L of the covariances L L'.
        scores: number of components -> mean log-likelihood of the judged latents in nats, of each number tried.
    """

    weights: np.ndarray
    means: np.ndarray
    roots: np.ndarray
    scores: dict[int, float]

    def sample(self, count: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Latents float32 (count, D), and the component int64 (count,) that each came from."""
        component = random.choice(len(self.weights), count, p=self.weights)
        noise = random.standard_normal((count, self.means.shape[1]))
        return (self.means[component] + np.einsum("nij,nj->ni", self.roots[component], noise)).astype(
            np.float32
        ), component


def fit_mixture(fitted: np.ndarray, judged: np.ndarray, seed: int, numbers: Sequence[int] = NUMBERS) -> Mixture:
    """Fit mixtures of rising numbers of components, and keep the smallest under which other latents are likely enough.

    That is the smallest whose mean log-likelihood is within one standard error of the best (Hastie, Tibshirani and
    Friedman, 2009, 7.10; the error is that of the difference, latent by latent): a number that is larger by the luck
    of the draw is not worth having. By latents that were not fitted on rather than by BIC, whose penalty supposes far
    more rows than parameters: a covariance of 256 dimensions has 32,896. No number is tried beyond the first that
    does worse, and none that would leave a component fewer than 2 D rows, but for the first.

    Args:
        fitted: float (rows, D), of which at most 5,000 are taken.
        judged: float (other rows, D).
        seed: of the starts, and of the rows taken.
        numbers: of components to try, rising.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture
    from threadpoolctl import threadpool_limits

    rows = np.sort(np.random.default_rng(seed).permutation(len(fitted))[:_MOST])
    centre, scale = standardisation(fitted[rows])
    scaled, other = ((np.asarray(part, np.float64) - centre) * scale for part in (fitted[rows], judged))
    mixtures, likelihoods = {}, {}
    # more threads would add up in whatever order they finish
    with warnings.catch_warnings(), threadpool_limits(1, user_api="openmp"):
        warnings.simplefilter("ignore", ConvergenceWarning)
        for number in numbers:
            if number > len(scaled) or (mixtures and number * 2 * scaled.shape[1] > len(scaled)):
                break
            mixture = GaussianMixture(number, reg_covar=_FLOOR, max_iter=_ROUNDS, random_state=seed).fit(scaled)
            mixtures[number], likelihoods[number] = mixture, mixture.score_samples(other)
            if likelihoods[number].mean() < max(each.mean() for each in likelihoods.values()):
                break
    likeliest = max(likelihoods, key=lambda number: likelihoods[number].mean())
    for number in mixtures:
        behind = likelihoods[likeliest] - likelihoods[number]
        if behind.mean() <= behind.std() / len(behind) ** 0.5:
            break
    best = mixtures[number]
    # in the latents' own units: a density is divided by how much each dimension was stretched
    stretched = np.log(scale.astype(np.float64)).sum()
    scores = {number: float(each.mean() + stretched) for number, each in likelihoods.items()}
    return Mixture(
        best.weights_ / best.weights_.sum(),
        best.means_ / scale + centre,
        np.linalg.cholesky(best.covariances_) / scale[:, None],
        scores,
    )


def choose_mixture(
    latents: np.ndarray,
    validation: np.ndarray | None,
    groups: np.ndarray,
    side: str,
    number: int | None,
    seed: int,
    random: np.random.Generator,
) -> tuple[Mixture, dict[str, object]]:
    """Fit a mixture on latents of real images, and say what was done.

    Args:
        latents: float (rows, D).
        validation: float (other rows, D), which judge; None holds back a fifth of ``latents`` for it.
        groups: int (rows,): which rows belong together.
        side: what ``latents`` are of, "training" or "test".
        number: of components; None for the fewest of :data:`NUMBERS` that will do.
        seed: of the fit.
        random: draws what is held back.

    Returns:
        The mixture, and ``source``: what it is, in words, and ``mean_log_likelihood_by_components``.

    Raises:
        BadInput: too few images to fit on.
    """
    fitted, judged, judges = latents, validation, "validation images"
    if judged is None:
        held_back = hold_back(groups, random)
        fitted, judged, judges = latents[~held_back], latents[held_back], f"{side} images held back"
    fewest = max(FEWEST, number or 0)
    if len(fitted) < fewest or not len(judged):
        raise BadInput(
            f"a mixture needs at least {fewest} images to fit on and one more to judge it by, and there are "
            f"{len(fitted)} and {len(judged)}; take fewer --num_components, or more images"
        )
    mixture = fit_mixture(fitted, judged, seed, [number] if number else NUMBERS)
    chosen = f"of {', '.join(map(str, mixture.scores))} the fewest as likely as any, by {len(judged):,} {judges}"
    count = len(mixture.weights)
    return mixture, {
        "source": f"a Gaussian mixture of {count} component{'s' * (count != 1)} ({'as asked' if number else chosen}), "
        f"fitted on the latents of {len(fitted):,} {side} images",
        "mean_log_likelihood_by_components": {str(tried): score for tried, score in mixture.scores.items()},
    }


def hold_back(groups: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """bool (rows,): about a fifth of the rows, whole groups of them, to choose the number of components by."""
    names, group_of = np.unique(groups, return_inverse=True)
    return np.isin(group_of, random.permutation(len(names))[: len(names) // 5])
