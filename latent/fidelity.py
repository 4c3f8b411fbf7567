"""How much of an image a reconstruction keeps. Pixels are in [0, 1] throughout, and errors are of that range."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from skimage.metrics import structural_similarity

from run.device import cores

_CHUNK = 512  # images a piece, so that SSIM's float64 maps stay small


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

    PSNR is that of the set's MSE, in decibels. SSIM (Wang et al. 2004) is scikit-image's with its default uniform
    window of 7, averaged over images and channels.

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
    """SSIM of each image, float64 (N,); arguments as for :func:`fidelity`.

    The images are laid below one another and compared in one call: scikit-image leaves out the border that its
    window would cross, so leaving out the same border of each image gives what one call for each gives.
    """
    margin = 3  # of the 7 x 7 window

    def of_chunk(start: int) -> np.ndarray:
        original = images[start : start + _CHUNK] / np.float32(255)
        count, channels, height, width = original.shape
        column = (count * channels * height, width)
        _, similarity = structural_similarity(
            original.reshape(column), reconstructions[start : start + _CHUNK].reshape(column), data_range=1.0, full=True
        )
        inner = similarity.reshape(count, channels, height, width)[:, :, margin:-margin, margin:-margin]
        return inner.mean(axis=(1, 2, 3), dtype=np.float64)

    with ThreadPoolExecutor(cores()) as pool:  # the filters let go of Python's lock
        return np.concatenate(list(pool.map(of_chunk, range(0, len(images), _CHUNK))))
