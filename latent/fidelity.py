"""How much of an image a reconstruction keeps. Pixels are in [0, 1] throughout, and errors are of that range."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from run.device import cores

_CHUNK = 512  # images a piece
_VALUES = 200_000  # pixels a piece for SSIM, whose maps then stay in the processor's caches
_WINDOW = 7  # pixels on the side of its window
_C1, _C2 = np.float32(0.01**2), np.float32(0.03**2)


def squared_errors(images: np.ndarray, reconstructions: np.ndarray) -> np.ndarray:
    """Mean squared error of each image.

    Args:
        images: uint8 (N, C, H, W).
        reconstructions: float32 (N, C, H, W) in [0, 1].

    Returns:
        float64 (N,).
    """
    pieces = [
        np.mean(
            (images[i : i + _CHUNK] / np.float32(255) - reconstructions[i : i + _CHUNK]) ** 2,
            axis=(1, 2, 3),
            dtype=np.float64,
        )
        for i in range(0, len(images), _CHUNK)
    ]
    return np.concatenate(pieces)


def fidelity(images: np.ndarray, reconstructions: np.ndarray) -> dict[str, float]:
    """MSE, PSNR and SSIM over a set of images.

    PSNR is that of the set's MSE, in decibels. SSIM (Wang et al. 2004) is, as scikit-image's by default, of a uniform
    window of 7 x 7 that never reaches beyond the edge, averaged over images and channels.

    Args:
        images: uint8 (N, C, H, W).
        reconstructions: float32 (N, C, H, W) in [0, 1].
    """
    mse = float(squared_errors(images, reconstructions).mean())
    return {
        "mse": mse,
        "psnr_db": float(-10 * np.log10(mse)) if mse > 0 else float("inf"),
        "ssim": float(structural_similarities(images, reconstructions).mean()),
    }


def structural_similarities(images: np.ndarray, reconstructions: np.ndarray) -> np.ndarray:
    """SSIM of each image, float64 (N,); arguments as for :func:`fidelity`."""
    size = max(1, _VALUES // int(np.prod(images.shape[1:])))

    def of_chunk(start: int) -> np.ndarray:
        original, made = images[start : start + size] / np.float32(255), reconstructions[start : start + size]
        mean, mean_made = _window_means(original), _window_means(made)
        sample = _WINDOW**2 / (_WINDOW**2 - 1)  # variances as of a sample
        variance = sample * (_window_means(original * original) - mean * mean)
        variance_made = sample * (_window_means(made * made) - mean_made * mean_made)
        covariance = sample * (_window_means(original * made) - mean * mean_made)
        similar = (2 * mean * mean_made + _C1) * (2 * covariance + _C2)
        similar /= (mean * mean + mean_made * mean_made + _C1) * (variance + variance_made + _C2)
        return similar.mean(axis=(1, 2, 3), dtype=np.float64)

    with ThreadPoolExecutor(cores()) as pool:  # numpy lets go of Python's lock
        return np.concatenate(list(pool.map(of_chunk, range(0, len(images), size))))


def _window_means(values: np.ndarray) -> np.ndarray:
    """Means over the places of the window, float32 (n, C, H, W) -> (n, C, H - 6, W - 6)."""
    rows, columns = (side - _WINDOW + 1 for side in values.shape[2:])
    values = sum(values[:, :, k : k + rows] for k in range(_WINDOW))
    return sum(values[..., k : k + columns] for k in range(_WINDOW)) * np.float32(1 / _WINDOW**2)
