"""How samples lie among real images: about as near as other real images do, or so near that they are copies."""

from collections.abc import Mapping, Sequence

import numpy as np

from latent.neighbours import copies
from run.console import table_of


def nearness(what: str, error: np.ndarray, next_error: np.ndarray) -> dict[str, object]:
    """The numbers of some images among real ones.

    Args:
        what: the images.
        error, next_error: float (M,), of :func:`latent.neighbours.nearest_images`.

    Returns:
        ``what``; the ``median`` and the ``smallest`` error; how many are ``copies``.
    """
    return {
        "what": what,
        "median": float(np.median(error)),
        "smallest": float(error.min()),
        "copies": int(copies(error, next_error).sum()),
    }


def nearness_table(numbers: Sequence[Mapping], side: str, source: str) -> str:
    """What :func:`nearness` gave, as a table; ``side``: what the real images are, ``source``: of the samples."""
    heading = f"MSE to the nearest {side} image"
    columns = {"what": (heading, ""), "median": ("median", ".5f"), "smallest": ("smallest", ".5f")}
    return (
        table_of(numbers, columns | {"copies": ("copies", "d")})
        + f"\nfrom {source}\n(pixels in [0, 1]; copies: less than a third as far from the nearest image as from the "
        "nearest that does not belong together with that one)"
    )


def sample_records(
    components: Sequence[object],
    told: np.ndarray | None,
    nearest: np.ndarray,
    real_ids: Sequence[str],
    real_labels: np.ndarray | None,
    class_names: Sequence[str],
    error: np.ndarray,
    next_error: np.ndarray,
) -> list[dict[str, object]]:
    """What each of M samples is, and which real image is nearest to it.

    Args:
        components: of the mixture that each came from; "" without one.
        told: int (M,), the labels that they were decoded as, or None.
        nearest: int (M,), the nearest of N real images.
        real_ids: of these, N.
        real_labels: int (N,), or None without classes.
        class_names: of the labels.
        error, next_error: float (M,), of :func:`latent.neighbours.nearest_images`.
    """
    return [
        {
            "sample": number,
            "component": components[number],
            "label": "" if told is None else class_names[told[number]],
            "nearest_sample_id": real_ids[near],
            "nearest_class": "" if real_labels is None else class_names[real_labels[near]],
            "mse_to_nearest": float(error[number]),
            "mse_to_next": float(next_error[number]) if np.isfinite(next_error[number]) else "",
            "copy": "yes" if copied else "no",
        }
        for number, (near, copied) in enumerate(zip(nearest, copies(error, next_error), strict=True))
    ]
