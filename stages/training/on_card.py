"""Training images held by the card that trains on them, where they fit beside the network: none is copied twice."""

import numpy as np
import torch

from data.selection import Selection

_PART = 0.5  # of the card's free memory, at most: the network, its gradients and a batch take the rest
_AT_ONCE = 4096  # images copied at a time


class OnCard:
    """Images uint8 (N, C, H, W) in a device's memory, indexed as a :class:`data.selection.Selection` is.

    Args:
        images: of which each is copied once.
        device: that holds them.
    """

    def __init__(self, images: Selection, device: torch.device) -> None:
        self._images = torch.empty(images.shape, dtype=torch.uint8, device=device)
        for start in range(0, len(images), _AT_ONCE):
            piece = slice(start, start + _AT_ONCE)
            self._images[piece] = torch.from_numpy(np.ascontiguousarray(images[piece])).to(device)

    def __getitem__(self, rows: np.ndarray) -> torch.Tensor:
        """uint8 (n, C, H, W) on the device: those at positions (n,)."""
        return self._images[torch.from_numpy(np.ascontiguousarray(rows)).to(self._images.device)]


def source_for(images: Selection, device: torch.device) -> Selection | OnCard:
    """Where a training takes its images from: the card itself where they fit there, else the processor's memory."""
    if device.type != "cuda":
        return images
    free, _ = torch.cuda.mem_get_info(device)
    return OnCard(images, device) if images.size <= _PART * free else images
