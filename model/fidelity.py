"""How much of an image a reconstruction keeps. Pixels are in [0, 1] throughout, and errors are of that range."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from torch import Tensor

from run.cores import cores

Values = TypeVar("Values", np.ndarray, Tensor)

Made = np.ndarray | Iterable[np.ndarray]  # reconstructions, all at once or as they come

_CHUNK = 512  # images a piece
_AT_ONCE = 4 << 20  # pixels of them, at most
_VALUES = 200_000  # pixels a piece for SSIM, whose maps then stay in the processor's caches
_WINDOW = 7  # pixels on the side of its window
_C1, _C2 = 0.01**2, 0.03**2


def squared_errors(images: np.ndarray, reconstructions: Made) -> np.ndarray:
    """Mean squared error of each image.

    Args:
        images: uint8 (N, C, H, W).
        reconstructions: float32 (N, C, H, W) in [0, 1], or pieces of it in order.

    Returns:
        float64 (N,).
    """
    found = [_squared_errors(*pair) for pair in _pairs(images, reconstructions)]
    return np.concatenate(found) if found else np.empty(0)


def _squared_errors(images: np.ndarray, reconstructions: np.ndarray) -> np.ndarray:
    return np.mean((images / np.float32(255) - reconstructions) ** 2, axis=(1, 2, 3), dtype=np.float64)


def _pairs(images: np.ndarray, reconstructions: Made) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Images and what was made of them, in pieces that stay small."""
    first, size = 0, max(1, min(_CHUNK, _AT_ONCE // int(np.prod(images.shape[1:]))))
    for made in [reconstructions] if isinstance(reconstructions, np.ndarray) else reconstructions:
        for i in range(0, len(made), size):
            piece = made[i : i + size]
            yield images[first : first + len(piece)], piece
            first += len(piece)
    if first != len(images):
        raise ValueError(f"{len(images)} images have {first} reconstructions")


def mean_error(images: np.ndarray, reconstructions: Made) -> float:
    """Mean squared error over all pixels; arguments as of :func:`squared_errors`."""
    return float(squared_errors(images, reconstructions).mean())


def fidelity(images: np.ndarray, reconstructions: Made) -> dict[str, float]:
    """MSE, PSNR and SSIM over a set of images; see :func:`summary`.

    Args:
        images: uint8 (N, C, H, W).
        reconstructions: float32 (N, C, H, W) in [0, 1], or pieces of it in order.
    """
    return summary(errors_and_similarities(images, reconstructions))


def errors_and_similarities(images: np.ndarray, reconstructions: Made) -> np.ndarray:
    """Mean squared error and SSIM of each image, float64 (N, 2); arguments as of :func:`fidelity`."""
    found = [
        np.stack([_squared_errors(some, made), structural_similarities(some, made)], axis=1)
        for some, made in _pairs(images, reconstructions)
    ]
    return np.concatenate(found) if found else np.empty((0, 2))


def summary(of_each: np.ndarray) -> dict[str, float]:
    """MSE, PSNR and SSIM over images, of the error and the similarity of each, (N, 2).

    PSNR is that of the set's MSE, in decibels. SSIM is that of :func:`ssim_map`, averaged over images and channels.
    """
    mse, ssim = (float(np.ascontiguousarray(column).mean()) for column in of_each.T)
    return {"mse": mse, "psnr_db": float(-10 * np.log10(mse)) if mse > 0 else float("inf"), "ssim": ssim}


def structural_similarities(images: np.ndarray, reconstructions: np.ndarray) -> np.ndarray:
    """SSIM of each image, float64 (N,), of images uint8 and reconstructions float32 in [0, 1], both (N, C, H, W)."""
    size = max(1, _VALUES // int(np.prod(images.shape[1:])))

    def of_chunk(start: int) -> np.ndarray:
        places = ssim_map(images[start : start + size] / np.float32(255), reconstructions[start : start + size])
        return places.mean(axis=(1, 2, 3), dtype=np.float64)

    with ThreadPoolExecutor(cores()) as pool:  # numpy lets go of Python's lock
        return np.concatenate(list(pool.map(of_chunk, range(0, len(images), size))))


def ssim_map(first: Values, second: Values) -> Values:
    """Structural similarity (Wang et al., 2004) at each place of a window: 1 where two images agree, at least -1.

    The window is uniform, of 7 x 7 pixels, and never reaches beyond the edge; variances are as of a sample: the default
    of scikit-image's ``structural_similarity``. Of tensors the result is differentiable, and so a loss.

    Args:
        first: (N, C, H, W) in [0, 1], H and W at least 7.
        second: of the same shape.

    Returns:
        (N, C, H - 6, W - 6).
    """
    mean, mean_second = _window_means(first), _window_means(second)
    sample = _WINDOW**2 / (_WINDOW**2 - 1)
    variance = sample * (_window_means(first * first) - mean * mean)
    variance_second = sample * (_window_means(second * second) - mean_second * mean_second)
    covariance = sample * (_window_means(first * second) - mean * mean_second)
    similar = (2 * mean * mean_second + _C1) * (2 * covariance + _C2)
    return similar / ((mean * mean + mean_second * mean_second + _C1) * (variance + variance_second + _C2))


def _window_means(values: Values) -> Values:
    """Means over the places of the window, (N, C, H, W) -> (N, C, H - 6, W - 6)."""
    rows, columns = (side - _WINDOW + 1 for side in values.shape[2:])
    values = sum(values[:, :, k : k + rows] for k in range(_WINDOW))
    return sum(values[..., k : k + columns] for k in range(_WINDOW)) * (1 / _WINDOW**2)
