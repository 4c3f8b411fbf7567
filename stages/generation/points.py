"""Points of a latent space that are worth decoding: ways between two images, grids, one dimension at a time."""

from collections.abc import Mapping, Sequence

import numpy as np

from latent.fidelity import squared_errors
from run.console import table_of
from run.errors import BadInput

LOWEST, HIGHEST = 0.01, 0.99  # quantiles that a grid or a traversal spans: what lies beyond is a rare image or none
RANGE = f"{LOWEST:.0%} to {HIGHEST:.0%} quantiles of the test images' latents"
_NEARLY_PARALLEL = 1e-4  # radians from the same or the opposite direction


def linear_path(start: np.ndarray, end: np.ndarray, steps: int) -> np.ndarray:
    """float32 (steps, D): the straight way from ``start`` to ``end``, (D,) each, in equal steps."""
    return np.linspace(start, end, steps, dtype=np.float32)


def spherical_path(start: np.ndarray, end: np.ndarray, steps: int, centre: np.ndarray) -> np.ndarray:
    """The way round ``centre``: the angle changes in equal steps, and the distance from the centre little by little.

    Spherical linear interpolation (Shoemake, 1985; of latents: White, 2016). Normally distributed points of many
    dimensions lie in a shell around their centre; the straight way leaves the shell, this one stays in it. Between
    points in one direction from the centre, in opposite ones or at the centre itself, no arc is the shortest: the way
    is straight.

    Args:
        start, end: (D,).
        steps: points of the way, from 2 up.
        centre: (D,) what the way goes round.

    Returns:
        float32 (steps, D).
    """
    first, last = (np.asarray(point, np.float64) - centre for point in (start, end))
    lengths = np.linalg.norm(first), np.linalg.norm(last)
    if min(lengths) == 0:
        return linear_path(start, end, steps)
    angle = np.arccos(np.clip(first @ last / (lengths[0] * lengths[1]), -1, 1))
    if min(angle, np.pi - angle) < _NEARLY_PARALLEL:
        return linear_path(start, end, steps)
    part = np.linspace(0, 1, steps)[:, None]
    points = (np.sin((1 - part) * angle) * first + np.sin(part * angle) * last) / np.sin(angle) + centre
    points[[0, -1]] = start, end  # to the last digit
    return points.astype(np.float32)


def measure_way(points: np.ndarray, images: np.ndarray, ends: np.ndarray) -> tuple[list[dict[str, float]], dict]:
    """The numbers of a way, step by step and as a whole.

    Args:
        points: float (steps, D), where it leads.
        images: float32 (steps, C, H, W) in [0, 1], what is seen there.
        ends: uint8 (2, C, H, W), the originals it leads from and to.

    Returns:
        For each step ``part`` of the way, ``distance`` from the last point, ``mse_from_last`` image, ``mse_to_start``
        and ``mse_to_end``, from the two originals. As a whole ``length``; ``mse_at_start`` and ``mse_at_end``, how well
        the originals are kept; ``largest_step``: the largest change of the image by the mean one, 1 when it changes
        evenly.
    """
    count = len(points)
    lengths = np.linalg.norm(np.diff(np.asarray(points, np.float64), axis=0), axis=1)
    changes = ((images[1:] - images[:-1]) ** 2).mean(axis=(1, 2, 3), dtype=np.float64)
    start, end = (squared_errors(np.repeat(ends[[side]], count, axis=0), images) for side in (0, 1))
    columns = {
        "part": np.linspace(0, 1, count),
        "distance": np.append(0.0, lengths),
        "mse_from_last": np.append(0.0, changes),
        "mse_to_start": start,
        "mse_to_end": end,
    }
    whole = {
        "length": float(lengths.sum()),
        "mse_at_start": float(start[0]),
        "mse_at_end": float(end[-1]),
        "largest_step": float(changes.max() / changes.mean()) if changes.any() else 1.0,
    }
    return [dict(zip(columns, step, strict=True)) for step in np.stack(list(columns.values()), axis=1).tolist()], whole


def ways_table(numbers: Sequence[Mapping]) -> str:
    """What :func:`measure_way` says of whole ways as a table; each has its ``pair``, ``space`` and ``way`` as well."""
    columns = {"pair": ("test images", ""), "space": ("space", ""), "way": ("way", ""), "length": ("length", ".3f")}
    columns |= {"mse_at_start": ("MSE at start", ".5f"), "mse_at_end": ("MSE at end", ".5f")}
    return (
        table_of(numbers, columns | {"largest_step": ("largest step", ".2f")})
        + "\n(MSE of the ends from the originals, pixels in [0, 1]; largest step: its change of the image by the mean)"
    )


def ranges(latents: np.ndarray) -> np.ndarray:
    """Lowest and highest value of each dimension but for the rarest: float32 (2, D), the 1% and 99% quantiles."""
    return np.quantile(latents, [LOWEST, HIGHEST], axis=0).astype(np.float32)


def plane(latents: np.ndarray) -> np.ndarray:
    """The :func:`ranges` of latents (N, 2) over which a grid can be laid.

    Raises:
        BadInput: the latents do not spread over a plane.
    """
    span = ranges(latents)
    if not (span[1] > span[0]).all():
        raise BadInput(
            f"the latents of the test images ({len(latents)}) do not spread over a plane, so there is nothing to draw; "
            "take a test split of more images, or train again: python train.py --latent_size 2"
        )
    return span


def grid(span: np.ndarray, count: int) -> np.ndarray:
    """Points of a square grid over two dimensions, as a picture shows them: rows from the top, columns from the left.

    Args:
        span: (2, 2): lowest values of the two dimensions, then highest.
        count: points on a side.

    Returns:
        float32 (count, count, 2): the middles of ``count`` x ``count`` cells that fill ``span``. The first dimension
        grows to the right, the second upwards.
    """
    middles = (np.arange(count) + 0.5) / count
    across, up = (span[0, axis] + middles * (span[1, axis] - span[0, axis]) for axis in (0, 1))
    return np.stack(np.meshgrid(across, up[::-1]), axis=-1).astype(np.float32)


def cells_of(points: np.ndarray, span: np.ndarray, count: int) -> np.ndarray:
    """The cell of :func:`grid` that each point lies in, row * count + column; -1 for points outside of the grid.

    Args:
        points: (rows, 2).
        span, count: as of :func:`grid`.
    """
    part = (np.asarray(points, np.float64) - span[0]) / (span[1] - span[0])
    inside = ((part >= 0) & (part <= 1)).all(axis=1)
    place = np.clip((part * count).astype(int), 0, count - 1)
    return np.where(inside, (count - 1 - place[:, 1]) * count + place[:, 0], -1)


def cell_records(
    cells: np.ndarray, labels: np.ndarray | None, class_names: Sequence[str], span: np.ndarray, count: int
) -> list[dict[str, object]]:
    """What lies in each cell of :func:`grid`: its place, how many images, their commonest class and its share.

    Args:
        cells: of :func:`cells_of`, (rows,).
        labels: int (rows,), or None without classes.
        class_names: of the labels.
        span, count: as of :func:`grid`.
    """
    records = []
    for cell, (across, up) in enumerate(grid(span, count).reshape(-1, 2).tolist()):
        mine = np.flatnonzero(cells == cell)
        record = {"row": cell // count, "column": cell % count, "latent_1": across, "latent_2": up}
        record |= {"test_images": len(mine), "commonest_class": "", "share_of_commonest": ""}
        if len(mine) and labels is not None:
            counts = np.bincount(labels[mine])
            record |= {
                "commonest_class": class_names[counts.argmax()],
                "share_of_commonest": float(counts.max() / len(mine)),
            }
        records.append(record)
    return records


def ways_between(start: np.ndarray, end: np.ndarray, steps: int, centre: np.ndarray) -> dict[str, np.ndarray]:
    """Both ways by name: see :func:`linear_path` and :func:`spherical_path`."""
    return {"straight": linear_path(start, end, steps), "round": spherical_path(start, end, steps, centre)}


def by_variance(latents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Dimensions by falling variance, int64 (D,), and each dimension's variance, float64 (D,), in its own order."""
    variances = np.var(latents, axis=0, dtype=np.float64)
    return np.argsort(-variances, kind="stable"), variances


def choose_dimensions(latents: np.ndarray, asked: Sequence[int] | None, most: int) -> list[int]:
    """Dimensions counted from 0, by falling variance: those asked for, counted from 1, or the first ``most``.

    Raises:
        BadInput: one that latents (N, D) do not have.
    """
    size = latents.shape[1]
    if asked is not None and max(asked) > size:
        raise BadInput(f"--dimensions {max(asked)}: the bottleneck has the dimensions 1 to {size}; name some of these")
    order = by_variance(latents)[0].tolist()
    return order[:most] if asked is None else [dimension for dimension in order if dimension + 1 in asked]


def traversal(start: np.ndarray, dimension: int, values: np.ndarray) -> np.ndarray:
    """float32 (steps, D): ``start`` (D,) with one dimension set to each of ``values`` (steps,), all others kept."""
    points = np.repeat(np.asarray(start, np.float32)[None], len(values), axis=0)
    points[:, dimension] = values
    return points


def measure_traversal(latents: np.ndarray, dimensions: Sequence[int], values: np.ndarray, made: np.ndarray) -> list:
    """The numbers of each traversed dimension.

    Args:
        latents: float (N, D) of the test images.
        dimensions: K of them, counted from 0.
        values: float (steps, K), what each was set to, from the lowest to the highest.
        made: float (M, K, steps, C, H, W) in [0, 1], what M images became.

    Returns:
        K records: ``dimension`` counted from 1; its ``variance``, the ``share_of_variance`` of all; ``lowest`` and
        ``highest`` value; ``mse_between_ends``: how much an image changes from one to the other, on average.
    """
    _, variances = by_variance(latents)
    shares = variances / max(variances.sum(), np.finfo(np.float64).tiny)
    changes = ((made[:, :, -1] - made[:, :, 0]) ** 2).mean(axis=(2, 3, 4), dtype=np.float64)
    return [
        {
            "dimension": dimension + 1,
            "variance": float(variances[dimension]),
            "share_of_variance": float(shares[dimension]),
            "lowest": float(values[0, place]),
            "highest": float(values[-1, place]),
            "mse_between_ends": float(changes[:, place].mean()),
        }
        for place, dimension in enumerate(dimensions)
    ]


def traversal_table(numbers: Sequence[Mapping]) -> str:
    """What :func:`measure_traversal` gave, as a table."""
    columns = {"dimension": ("latent", "d"), "variance": ("variance", ".4g"), "share_of_variance": ("share", ".1%")}
    columns |= {"lowest": ("1%", ".3g"), "highest": ("99%", ".3g"), "mse_between_ends": ("MSE between ends", ".5f")}
    return (
        table_of(numbers, columns)
        + f"\n(range: {RANGE}; MSE: how much the image changes from one end to the other, pixels in [0, 1])"
    )


def traversal_records(
    known: Sequence[dict[str, object]],
    dimensions: Sequence[int],
    levels: np.ndarray,
    values: np.ndarray,
    made: np.ndarray,
    decoded: Sequence[np.ndarray],
) -> list[dict[str, object]]:
    """What each step of each traversal made: a record for each.

    Args:
        known: what is known of each of M images.
        dimensions, values, made: as of :func:`measure_traversal`.
        levels: float (steps,), the quantiles which ``values`` are.
        decoded: M times float (C, H, W) in [0, 1], the images with none of their dimensions changed.
    """
    return [
        {**known[row], "dimension": dimension + 1, "quantile": level, "value": value, "mse_to_decoded": error}
        for row, own in enumerate(decoded)
        for place, dimension in enumerate(dimensions)
        for level, value, error in zip(
            levels.tolist(),
            values[:, place].tolist(),
            ((made[row, place] - own) ** 2).mean(axis=(1, 2, 3), dtype=np.float64).tolist(),
            strict=True,
        )
    ]
