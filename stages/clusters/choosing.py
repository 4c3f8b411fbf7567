"""How many clusters there are, if any: the number whose borders cut the fewest ties between neighbours."""

from dataclasses import dataclass

import numpy as np

from latent.archive import LatentSpace
from latent.clustering import count_different, find_clusters
from latent.comparison import CANT_TELL, YES
from latent.lying_apart import lie_apart, number_in_words, range_in_words
from latent.number_of_clusters import look_for
from latent.separation import Separation, cloud_of
from run.errors import BadInput

CRITERION = "ties cut, of a continuum's (the fewest)"


@dataclass(frozen=True)
class Choice:
    """A number of clusters, and why.

    Attributes:
        number: how many; 1 where there are none, or where that can't be told.
        tried: number -> ties between neighbours that the borders cut, of those that borders in a continuum cut.
        best: what the borders of the best number cut; None where nothing could be tried.
        verdict: whether these are clusters: ``yes``, ``no`` or ``can't tell``.
    """

    number: int
    tried: dict[int, float]
    best: Separation | None
    verdict: str

    @property
    def sentence(self) -> str:
        """What came of it, with the value and its reference."""
        if self.best is None:
            return (
                "can't tell how many clusters: there are too few different vectors to look for gaps among; all are one"
            )
        found, tried = self.best, f"of {len(self.tried)} numbers tried, 2 to {max(self.tried)},"
        cut = (
            f"their borders cut {found.ratio:.2f} of the ties between neighbours that borders through a continuum cut "
            f"(0 gaps, 1 continuum; {range_in_words(found)})"
        )
        if self.verdict == YES:
            return f"{number_in_words(found)}: {tried} none cuts fewer ties, and {cut}"
        start = "can't tell whether there are clusters" if self.verdict == CANT_TELL else "no clusters"
        return f"{start}: {tried} the best is {found.pieces}, and {cut}; all images are one"


def choose_number(points: np.ndarray, space: LatentSpace, method: str, seed: int, most: int) -> Choice:
    """Try numbers of clusters; their gaps are looked for among the latents, not on the map, which makes gaps itself.

    Args:
        points: float (rows, S), where clusters of ``space`` are found.
        method: ``kmeans`` or ``gmm``.
        most: the largest number to try.

    Raises:
        BadInput: fewer than 3 different points, among which there is nothing to choose.
    """
    different = count_different(points, 3)
    if different < 3:
        raise BadInput(
            f"{different} different vector{'s' * (different != 1)} leave no number of clusters to choose; say it: "
            "--num_clusters 1"
        )
    cloud = cloud_of(space.vectors, space.groups, seed)
    if cloud is None:
        return Choice(1, {}, None, CANT_TELL)
    mine = points[cloud.rows]
    most = min(most, count_different(mine, most + 1) - 1)
    found = look_for(cloud, lambda number: find_clusters(mine, method, number, seed).clusters, most, seed)
    if found is None:
        return Choice(1, {}, None, CANT_TELL)
    verdict, best = lie_apart(found.separation), found.separation
    tried = {number: each.ratio for number, each in found.tried.items()}
    return Choice(best.pieces if verdict == YES else 1, tried, best, verdict)
