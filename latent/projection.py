"""Maps: latent vectors of any size drawn in two dimensions, by UMAP, t-SNE or PCA.

A map is fitted on the very points that it shows. The first UMAP of a process used to take 24 s, of which numba
compiled for 20. So UMAP is given exact neighbours where the set is small, for which nothing needs compiling, and numba
is told to keep what it compiles: the next process then takes about a second beyond the imports.
"""

import atexit
import contextlib
import shutil
import tempfile
import types
import warnings

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from latent.equal_rows import first_equal
from latent.neighbours import nearest
from latent.options import FEWEST_ROWS, METHODS
from latent.placing import FITTED_ON, fitted_rows, place_among
from run.console import LibraryProgress
from run.errors import BadInput
from run.hints import encoding_at_hand

_TSNE_STEPS = 1000  # scikit-learn's own number
AS_IT_IS = "as_it_is"
# Exact neighbours of 20,000 rows of 256 take 10 s on 2 cores. Approximate ones take 3 s, after numba has compiled for
# most of a minute.
_EXACT_UP_TO = 20_000


def map_settings(method: str, rows: int, *, n_neighbors: int = 15, perplexity: float = 30.0) -> dict[str, float]:
    """What ``method`` is run with on so many rows: the wanted settings, or the largest that the rows allow.

    Returns:
        ``{"n_neighbors": ...}`` for umap (a point counts as its own neighbour), ``{"perplexity": ...}`` for tsne (at
        most a third of the other points, as its author advises), {} for pca.

    Raises:
        BadInput: a map of neighbours is asked of fewer than 5 rows.
    """
    if method == "pca":
        return {}
    if rows < FEWEST_ROWS:
        raise too_few(method, rows, f"encode more: {encoding_at_hand({'--num_samples': ['all']})}")
    if method == "umap":
        return {"n_neighbors": min(n_neighbors, rows - 1)}
    return {"perplexity": min(perplexity, (rows - 1) / 3)}


def too_few(method: str, rows: int, remedy: str) -> BadInput:
    """What is said where so few rows have no map of neighbours by ``method``."""
    here = f"here {'is' if rows == 1 else 'are'} {rows}"
    return BadInput(f"{METHODS[method]} needs at least {FEWEST_ROWS} vectors, and {here}; {remedy}")


def lowered_settings(method: str, rows: int, *, n_neighbors: int = 15, perplexity: float = 30.0) -> list[str]:
    """A sentence for each wanted setting that so few rows do not allow; of rows that are drawn as they are, none."""
    if method == AS_IT_IS:
        return []
    wanted = {"n_neighbors": n_neighbors, "perplexity": perplexity}
    return [
        f"of {rows} vectors the most that --{name} can be is {used:.3g}, not {wanted[name]:g}"
        for name, used in map_settings(method, rows, **wanted).items()
        if used < wanted[name]
    ]


def project(
    vectors: np.ndarray,
    method: str,
    seed: int,
    *,
    n_neighbors: int = 15,
    perplexity: float = 30.0,
    size: int = 2,
    min_dist: float = 0.1,
) -> np.ndarray:
    """Draw vectors in two dimensions; or bring them down to more, which nobody can look at and clusters are found in.

    Settings that the rows do not allow are lowered: see :func:`lowered_settings`. Vectors that are equal
    share a place; where fewer than 5 are different, their map is that of PCA. Of more than ``FITTED_ON`` vectors, umap
    and tsne are fitted on so many, drawn at random, and the others placed among these: see :mod:`latent.placing`.

    Args:
        vectors: float (rows, D), finite, D >= 1.
        method: ``umap`` (McInnes, Healy and Melville, 2018), ``tsne`` (van der Maaten and Hinton, 2008) or ``pca``.
        seed: the same seed, versions and machine give the same map.
        n_neighbors: of umap, from 2 up: few show fine structure, many the large one.
        perplexity: of tsne, above 0, with the same meaning.
        size: S, the dimensions of the map; for tsne 2, for pca at most those of the vectors.
        min_dist: of umap, from 0 up: how near one another points may come.

    Returns:
        float32 (rows, S).

    Raises:
        BadInput: fewer than 5 rows for umap or tsne, or fewer than 3 beyond S for umap.
    """
    if method != "pca":
        wanted = {"n_neighbors": n_neighbors, "perplexity": perplexity, "size": size, "min_dist": min_dist}
        if len(vectors) > FITTED_ON:
            fitted = vectors[fitted_rows(len(vectors), seed)]
            near = max(2, round(n_neighbors if method == "umap" else perplexity))
            return place_among(fitted, project(fitted, method, seed, **wanted), vectors, near)
        first = first_equal(vectors)
        different = np.unique(first)
        if len(different) < len(vectors):  # equal rows are neighbours of nothing but one another
            map_settings(method, len(vectors))
            few = len(different) < max(FEWEST_ROWS, size + 3)
            place = project(vectors[different], "pca" if few else method, seed, **wanted)
            return place[np.searchsorted(different, first)]
    settings = map_settings(method, len(vectors), n_neighbors=n_neighbors, perplexity=perplexity)
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    spread = np.abs(centred).max()
    if spread == 0:
        return np.zeros((len(vectors), size), dtype=np.float32)
    if centred.shape[1] == 1:
        centred = np.pad(centred, [(0, 0), (0, 1)])
    if method == "pca":
        mean, axes = principal_axes(centred, size, seed)
        return ((centred - mean) @ axes.T).astype(np.float32)
    if size > 2 and size + 3 > len(vectors):
        raise BadInput(f"{METHODS[method]} to {size} dimensions needs at least {size + 3} vectors, not {len(vectors)}")
    # neighbours do not depend on the scale, and at this one nothing overflows
    scaled = (centred / spread).astype(np.float32)
    if method == "umap":
        return _umap(scaled, seed, size=size, min_dist=min_dist, **settings)
    return _tsne(scaled, seed, **settings)


def draw_flat(vectors: np.ndarray, method: str, seed: int, **settings: float) -> tuple[np.ndarray, str]:
    """Two coordinates of each vector: its own where it has no more than two, else those of :func:`project`.

    A vector of one dimension is drawn at a random height, so that equal values do not hide each other.

    Returns:
        float32 (rows, 2), and what they are: ``"as_it_is"`` or ``method``.
    """
    if vectors.shape[1] == 2:
        return vectors, AS_IT_IS
    if vectors.shape[1] == 1:
        height = np.random.default_rng(seed).uniform(-0.1, 0.1, size=vectors.shape) * (np.ptp(vectors) or 1.0)
        return np.hstack([vectors, height]).astype(np.float32), AS_IT_IS
    return project(vectors, method, seed, **settings), method


def principal_axes(vectors: np.ndarray, size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """PCA of latents: their mean, float64 (D,), and at most ``size`` directions of largest variance, (K, D)."""
    if len(vectors) < 2:  # which vary in no direction
        return np.asarray(vectors, np.float64).mean(axis=0), np.zeros((0, vectors.shape[1]))
    # not by LU, as it would choose: where memory is short that waits for ever, and keeps Python's lock meanwhile
    fitted = PCA(min(size, *vectors.shape), random_state=seed, power_iteration_normalizer="QR")
    fitted.fit(np.asarray(vectors, np.float64))
    return fitted.mean_, fitted.components_


def _tsne(vectors: np.ndarray, seed: int, perplexity: float) -> np.ndarray:
    mean, axes = principal_axes(vectors, 2, seed)
    start = (vectors - mean) @ axes.T
    start *= 1e-4 / start[:, 0].std()  # as init="pca" has it, which goes by LU
    settings = {"init": start.astype(np.float32), "learning_rate": "auto", "random_state": seed}
    tsne = TSNE(perplexity=perplexity, verbose=2, **settings)  # which prints how far it is
    with (
        threadpool_limits(1, user_api="openmp"),  # more threads add up the gradient in whatever order they finish
        LibraryProgress("t-SNE", r"Iteration (\d+):", _TSNE_STEPS) as counted,
        contextlib.redirect_stdout(counted),
    ):
        return tsne.fit_transform(vectors).astype(np.float32)


def _umap(vectors: np.ndarray, seed: int, n_neighbors: int, size: int, min_dist: float) -> np.ndarray:
    umap = _import_umap()
    _keep_compiled(umap)
    settings = {"n_neighbors": n_neighbors, "n_components": size, "min_dist": min_dist}
    settings |= {"random_state": seed, "n_jobs": 1}
    if len(vectors) <= _EXACT_UP_TO:
        near, away = nearest(vectors, count=n_neighbors - 1)
        near = np.insert(near, 0, np.arange(len(near)), axis=1)  # UMAP wants each row to come first among its own
        settings["precomputed_knn"] = near, np.insert(away, 0, 0, axis=1).astype(np.float32), None
    with warnings.catch_warnings():
        # that new points cannot be placed without a search index, that a start was found by another way, and the like
        warnings.simplefilter("ignore")
        with LibraryProgress("UMAP", r"(\d+)/(\d+)") as counted:
            settings["tqdm_kwds"] = {"disable": False, "file": counted, "bar_format": "{n}/{total}", "mininterval": 0.5}
            return umap.UMAP(**settings).fit_transform(vectors).astype(np.float32)


def _import_umap() -> types.ModuleType:
    import numba  # it and umap take seconds, which only this way of drawing waits for

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of umap's dependencies, about each other; and that TensorFlow is absent
        try:
            import umap
        except RuntimeError as error:
            if "cannot cache" not in str(error):
                raise
            # No folder to keep compiled code in: neither beside the packages nor in the home folder. One that only
            # this process knows of, for compiled code is trusted when it is found again.
            numba.config.CACHE_DIR = tempfile.mkdtemp(prefix="numba-")
            atexit.register(shutil.rmtree, numba.config.CACHE_DIR, ignore_errors=True)
            import umap
    return umap


def _keep_compiled(umap: types.ModuleType) -> None:
    """Have numba store the machine code of what a fit runs, which umap asks for only in a few places.

    Goes by what the functions can do rather than by their names, since these change from version to version.
    Where numba finds no folder to store in, everything is compiled anew.
    """
    for module in (umap.umap_, umap.layouts):
        for function in vars(module).values():
            if hasattr(function, "enable_caching") and not getattr(function, "signatures", True):
                try:
                    function.enable_caching()
                except RuntimeError:
                    return
