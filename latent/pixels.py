"""Images as rows of numbers: the baseline beside every space, and what is compared pixel by pixel."""

import numpy as np

PIXELS = "raw pixels"  # what the space of such rows is called


def pixels_as_rows(images: np.ndarray) -> np.ndarray:
    """uint8 (N, C, H, W) -> float32 (N, C*H*W) in [0, 1]."""
    return images.reshape(len(images), -1).astype(np.float32) / 255
