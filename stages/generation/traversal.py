"""One latent dimension of a test image at a time, set to quantiles of the test images' latents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from data.choice import choose_test_rows
from model.inference import decode
from run.console import say, table_of
from run.errors import BadInput
from stages.generation.sheet import Cell, Row, draw_sheet
from stages.generation.subject import HIGHEST, LOWEST, RANGE, Result, SharedSettings, Subject, require_images

MOST_DIMENSIONS = 8  # that are traversed where none are named


@dataclass(frozen=True, kw_only=True)
class Settings(SharedSettings):
    """Flags of ``traverse``."""

    images: list[int] | None  # rows of the test split to begin from
    dimensions: list[int] | None  # counted from 1
    steps: int  # values of each dimension


@dataclass(frozen=True)
class Traversals:
    """M images, each changed in K dimensions to ``steps`` values.

    Attributes:
        rows: M, of the test split.
        dimensions: K, counted from 0.
        levels: float (steps,), quantiles of the test images' latents.
        values: float32 (steps, K), which these are.
        own: float32 (M, K), the values that the images have themselves.
        decoded: float32 (M, C, H, W) in [0, 1], the images unchanged.
        made: float32 (M, K, steps, C, H, W) in [0, 1], changed.
    """

    rows: list[int]
    dimensions: list[int]
    levels: np.ndarray
    values: np.ndarray
    own: np.ndarray
    decoded: np.ndarray
    made: np.ndarray


def traverse(subject: Subject, settings: Settings) -> Result:
    """Decode a few test images with one dimension changed at a time, measure how much they change, and draw them."""
    model, test_data, size = subject.model, subject.test_data, subject.model.latent_size
    latents = subject.latents[size]
    dimensions = choose_dimensions(latents, settings.dimensions, MOST_DIMENSIONS)
    require_images(test_data, 2, "a range of values")
    rows = choose_test_rows(test_data, settings.images, 1, settings.seed)
    traversals = decode_traversals(subject, rows, dimensions, settings.steps)
    numbers = measure_traversals(latents, traversals)
    say(traversal_table(numbers))

    title = subject.title(f"{model.architecture}, bottleneck {size}, one dimension at a time")
    originals = [subject.original(row) for row in rows]
    figure = draw_traversals(originals, traversals, numbers, len(latents), title)
    records = traversal_records(traversals, test_data.sample_ids)
    images = traversals.made.reshape(-1, *traversals.made.shape[2:])
    return Result("traversal", figure, records, {"range": RANGE, "dimensions": numbers}, images)


def choose_dimensions(latents: np.ndarray, asked: Sequence[int] | None, most: int) -> list[int]:
    """Dimensions counted from 0, by falling variance: those asked for, counted from 1, or the first ``most``.

    Raises:
        BadInput: one that latents (N, D) do not have.
    """
    size = latents.shape[1]
    if asked is not None and max(asked) > size:
        raise BadInput(f"--dimensions {max(asked)}: the bottleneck has the dimensions 1 to {size}; name some of these")
    order = np.argsort(-variances_of(latents), kind="stable").tolist()
    return order[:most] if asked is None else [dimension for dimension in order if dimension + 1 in asked]


def variances_of(latents: np.ndarray) -> np.ndarray:
    """Of each dimension of latents (N, D), float64 (D,)."""
    return np.var(latents, axis=0, dtype=np.float64)


def decode_traversals(subject: Subject, rows: list[int], dimensions: list[int], steps: int) -> Traversals:
    """Decode the test images at ``rows`` as they are, and with one of ``dimensions`` at a time changed."""
    model, labels = subject.model, subject.test_data.labels
    latents = subject.latents[model.latent_size]
    levels = np.linspace(LOWEST, HIGHEST, steps)
    values = np.quantile(latents[:, dimensions], levels, axis=0).astype(np.float32)
    decoded = np.empty((len(rows), *model.image_shape), np.float32)
    made = np.empty((len(rows), len(dimensions), steps, *model.image_shape), np.float32)
    for place, row in enumerate(rows):
        decoded[place] = decode(model, latents[[row]], None if labels is None else labels[[row]])[0]
        under = None if labels is None else np.repeat(labels[[row]], steps)
        for column, dimension in enumerate(dimensions):
            made[place, column] = decode(model, traversal(latents[row], dimension, values[:, column]), under)
    return Traversals(rows, dimensions, levels, values, latents[np.ix_(rows, dimensions)], decoded, made)


def traversal(start: np.ndarray, dimension: int, values: np.ndarray) -> np.ndarray:
    """float32 (steps, D): ``start`` (D,) with one dimension set to each of ``values`` (steps,), all others kept."""
    points = np.repeat(np.asarray(start, np.float32)[None], len(values), axis=0)
    points[:, dimension] = values
    return points


def measure_traversals(latents: np.ndarray, traversals: Traversals) -> list[dict[str, float]]:
    """The numbers of each traversed dimension.

    Args:
        latents: float (N, D) of the test images.
        traversals: of K dimensions.

    Returns:
        K records: ``dimension`` counted from 1; its ``variance``, the ``share_of_variance`` of all; ``lowest`` and
        ``highest`` value; ``mse_between_ends``: how much an image changes from one to the other, on average.
    """
    variances, values, made = variances_of(latents), traversals.values, traversals.made
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
        for place, dimension in enumerate(traversals.dimensions)
    ]


def traversal_table(numbers: Sequence[Mapping]) -> str:
    """What :func:`measure_traversals` gave, as a table."""
    columns = {"dimension": ("latent", "d"), "variance": ("variance", ".4g"), "share_of_variance": ("share", ".1%")}
    columns |= {"lowest": ("1%", ".3g"), "highest": ("99%", ".3g"), "mse_between_ends": ("MSE between ends", ".5f")}
    return (
        table_of(numbers, columns)
        + f"\n(range: {RANGE}; MSE: how much the image changes from one end to the other, pixels in [0, 1])"
    )


def traversal_records(traversals: Traversals, sample_ids: Sequence[str]) -> list[dict[str, object]]:
    """A record for each step of each traversal; ``sample_ids`` are of the test split."""
    records = []
    for place, row in enumerate(traversals.rows):
        for column, dimension in enumerate(traversals.dimensions):
            changes = (traversals.made[place, column] - traversals.decoded[place]) ** 2
            errors = changes.mean(axis=(1, 2, 3), dtype=np.float64).tolist()
            steps = zip(traversals.levels.tolist(), traversals.values[:, column].tolist(), errors, strict=True)
            for level, value, error in steps:
                record = {"test_row": row, "sample_id": sample_ids[row], "dimension": dimension + 1}
                records.append(record | {"quantile": level, "value": value, "mse_to_decoded": error})
    return records


def draw_traversals(
    originals: Sequence[Cell], traversals: Traversals, numbers: Sequence[Mapping], count: int, title: str
) -> Figure:
    """Draw what M images become when one latent dimension of K at a time is changed, a row a dimension.

    Args:
        originals: M.
        traversals: of these.
        numbers: K, of :func:`measure_traversals`.
        count: images that the quantiles are of.
        title: of the figure.
    """
    sheet = []
    for row, original in enumerate(originals):
        for column, each in enumerate(numbers):
            first = [None, None] if column else [original, Cell(traversals.decoded[row])]
            label = f"latent {each['dimension']}\n{each['share_of_variance']:.0%} of variance\n"
            label += f"here {traversals.own[row, column]:.3g}"
            values = traversals.values[:, column]
            here = int(np.abs(values - traversals.own[row, column]).argmin())
            pairs = enumerate(zip(traversals.made[row, column], values, strict=True))
            cells = [Cell(image, f"{value:.3g}", "yes" if step == here else "") for step, (image, value) in pairs]
            sheet.append(Row(label, first + cells, opens=column == 0))
    headings = ["original", "decoded", *(f"{level:.0%}" for level in traversals.levels)]
    footer = f"columns: quantiles of {count:,} test images' latents; below: the dimension's value; "
    footer += "framed: the step that is nearest to the image's own value"
    return draw_sheet(sheet, headings, title, footer)
