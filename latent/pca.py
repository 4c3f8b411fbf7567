"""Principal component analysis of images: the baseline beside every reconstruction, and where training starts.

One fit of the largest size serves every smaller one: the components of PCA of 2 are the first two of PCA of 256.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from latent.pixels import pixels_as_rows
from run.cores import cores

_CHUNK = 4096  # images turned into float32 at a time, so that memory stays bounded
_SIXTEEN = (
    16  # rows: of other numbers products are added up in other orders, and an image's bits would tell its company
)
_VALUES = 12 << 20  # pixels of them, at most
_EXACT_UP_TO = 1024  # pixels; above, a full eigendecomposition takes too long (3 to 10 s at 3,072)
_OVERSAMPLED, _ITERATIONS = 128, 4  # of the iteration that takes its place
_BLOCK = 512  # rows and columns of it that a core computes at a time
_COVARIANCE_UP_TO = 6144  # pixels; above, the covariance costs more than products with the images themselves


@dataclass(frozen=True)
class PCA:
    """Directions of largest variance of a set of images with P = C*H*W pixels.

    Attributes:
        mean: (P,) float32, the mean image in [0, 1].
        components: (K, P) float32, orthonormal rows, by falling variance.
        scales: (K,) float32, the standard deviation along each component.
    """

    mean: np.ndarray
    components: np.ndarray
    scales: np.ndarray

    def first(self, size: int) -> "PCA":
        """PCA of a smaller size. With fewer than ``size`` components there are, all of them."""
        return PCA(self.mean, self.components[:size], self.scales[:size])

    def encode(self, images: np.ndarray) -> np.ndarray:
        """uint8 (N, C, H, W) -> (N, K) float32."""
        return np.concatenate([(chunk - self.mean) @ self.components.T for chunk in _float_chunks(images)])

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """uint8 (N, C, H, W) -> float32 of the same shape, clamped to [0, 1] as the networks' output is."""
        return np.concatenate(list(self.reconstruct_batches(images)))

    def reconstruct_batches(self, images: np.ndarray) -> Iterator[np.ndarray]:
        """As :meth:`reconstruct`, in pieces (n, C, H, W) in order, so that memory does not grow with N."""
        for chunk in _float_chunks(images):
            count = len(chunk)
            chunk = np.concatenate([chunk, chunk[-1:].repeat(-count % _SIXTEEN, axis=0)])
            made = ((chunk - self.mean) @ self.components.T @ self.components + self.mean)[:count]
            yield np.clip(made, 0, 1, out=made).reshape(count, *images.shape[1:])

    def errors(self, images: np.ndarray, sizes: Sequence[int]) -> list[float]:
        """Mean squared error of :meth:`reconstruct` with the first components alone, for many sizes at once.

        Args:
            images: uint8 (N, C, H, W).
            sizes: rising.
        """
        summed = np.zeros(len(sizes))
        for chunk in _float_chunks(images):
            codes, made, done = (chunk - self.mean) @ self.components.T, np.tile(self.mean, (len(chunk), 1)), 0
            for place, size in enumerate(sizes):
                made += codes[:, done:size] @ self.components[done:size]
                summed[place] += np.square(np.clip(made, 0, 1) - chunk).sum(dtype=np.float64)
                done = size
        return (summed / images.size).tolist()


def fit_pca(images: np.ndarray, size: int, seed: int) -> PCA:
    """Fit on uint8 images (N, C, H, W), read piece by piece; K = min(size, N - 1, C*H*W) components.

    Above 1,024 pixels the eigenvectors come from randomized subspace iteration (Halko, Martinsson and Tropp 2011):
    its reconstruction error was 0.002% above the exact one on GTSRB with 256 components. Above 6,144 it multiplies by
    the images themselves, since their covariance would not fit: memory is that of some vectors of the image's size.
    """
    count, pixels = len(images), int(np.prod(images.shape[1:]))
    size = min(size, max(count - 1, 1), pixels)
    level = (sum(chunk.sum(0, dtype=np.uint64) for chunk in _byte_chunks(images)) / count).astype(np.float32)  # 0..255
    mean = level / 255
    covariance = (_Covariance if pixels > _COVARIANCE_UP_TO else _whole_covariance)(images, level)
    if pixels <= _EXACT_UP_TO:
        variances, vectors = np.linalg.eigh(covariance)
    else:
        variances, vectors = _leading_eigenvectors(covariance, min(size + _OVERSAMPLED, pixels), seed)
    scales = np.sqrt(np.maximum(variances[: -size - 1 : -1], 0))
    components = vectors[:, : -size - 1 : -1].T
    return PCA(mean, np.ascontiguousarray(components, np.float32), scales.astype(np.float32))


def working_memory(pixels: int, size: int) -> int:
    """About the bytes that :func:`fit_pca` takes, whatever the number of images."""
    chunk = 3 * 4 * max(_VALUES, pixels)
    if pixels <= _EXACT_UP_TO:
        return chunk + 4 * 4 * pixels**2
    columns = min(size + _OVERSAMPLED, pixels)
    return chunk + 4 * (2 * pixels**2 if pixels <= _COVARIANCE_UP_TO else 0) + 32 * pixels * columns


def _whole_covariance(images: np.ndarray, level: np.ndarray) -> np.ndarray:
    """The covariance of images, pixels in [0, 1], float32 (P, P); arguments as of :class:`_Covariance`.

    A core computes a block of it at a time, always of the same size, so its bytes don't depend on how many cores there
    are.
    """
    pixels = len(level)
    covariance = np.zeros((pixels, pixels), np.float32)
    blocks = [slice(start, start + _BLOCK) for start in range(0, pixels, _BLOCK)]
    above = [(rows, columns) for place, rows in enumerate(blocks) for columns in blocks[place:]]  # and on the diagonal
    with ThreadPoolExecutor(cores()) as pool:  # numpy lets go of Python's lock
        for chunk in _byte_chunks(images, _CHUNK):
            centred = chunk - level  # of the bytes as they are: dividing each would take as long again

            def add(rows: slice, columns: slice, centred: np.ndarray = centred) -> None:
                covariance[rows, columns] += centred[:, rows].T @ centred[:, columns]

            list(pool.map(add, *zip(*above, strict=True)))
    for rows, columns in above:
        covariance[columns, rows] = covariance[rows, columns].T
    covariance /= np.float32(len(images) * 255**2)
    return covariance


class _Covariance:
    """The covariance of images, pixels in [0, 1], as something to multiply by: too large to be written down.

    Args:
        images: uint8 (N, C, H, W).
        level: float32 (P,), their mean, 0..255.
    """

    __array_ufunc__ = None  # so that arrays leave products to it

    def __init__(self, images: np.ndarray, level: np.ndarray) -> None:
        self._images, self._level = images, level

    def __len__(self) -> int:
        return len(self._level)

    def __matmul__(self, basis: np.ndarray) -> np.ndarray:
        product = np.zeros_like(basis)
        for chunk in _byte_chunks(self._images):
            centred = chunk - self._level
            product += centred.T @ (centred @ basis)
        return product / np.float32(len(self._images) * 255**2)

    def __rmatmul__(self, rows: np.ndarray) -> np.ndarray:
        return (self @ np.ascontiguousarray(rows.T)).T


def _leading_eigenvectors(covariance: np.ndarray | _Covariance, size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """By rising eigenvalue, as ``numpy.linalg.eigh`` gives them: (size,) and (P, size)."""
    start = np.random.default_rng(seed).standard_normal((len(covariance), size), np.float32)
    basis = _spread(covariance @ start)
    for _ in range(_ITERATIONS - 1):
        basis = _spread(covariance @ basis)
    basis = np.linalg.qr(covariance @ basis).Q
    variances, rotation = np.linalg.eigh(basis.T @ covariance @ basis)
    return variances, basis @ rotation


def _spread(columns: np.ndarray) -> np.ndarray:
    """Columns of the same span that are nearly orthonormal, by Cholesky's factor: a third of the time of QR."""
    wide = columns.astype(np.float64)
    try:
        factor = np.linalg.cholesky(wide.T @ wide)
    except np.linalg.LinAlgError:  # they depend on one another: there are fewer directions than columns
        return np.linalg.qr(columns).Q
    return (wide @ np.linalg.inv(factor).T).astype(np.float32)


def _byte_chunks(images: np.ndarray, most: int = 0) -> Iterator[np.ndarray]:
    """Pieces uint8 (n, C*H*W): ``most`` images, or as many as stay small as float32."""
    size = most or _images_at_once(images)
    for start in range(0, len(images), size):
        chunk = images[start : start + size]
        yield chunk.reshape(len(chunk), -1)


def _float_chunks(images: np.ndarray) -> Iterator[np.ndarray]:
    """uint8 (N, C, H, W) -> float32 pieces (n, C*H*W) in [0, 1]."""
    for chunk in _byte_chunks(images):
        yield pixels_as_rows(chunk)


def _images_at_once(images: np.ndarray) -> int:
    return max(1, min(_CHUNK, _VALUES // int(np.prod(images.shape[1:]))))
