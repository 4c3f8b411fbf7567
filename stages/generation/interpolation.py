"""Ways from one image to another: through both bottlenecks, straight and round the centre, and through the pixels."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from data.choice import choose_test_rows
from data.test_data import TestData
from model.fidelity import squared_errors
from model.inference import decode
from run.console import say, table_of
from run.errors import BadInput
from stages.generation.sheet import Cell, Row, draw_sheet
from stages.generation.subject import Result, SharedSettings, Subject, require_images

_PAIRS = 2  # random ones, where none are named
_NEARLY_PARALLEL = 1e-4  # radians from the same or the opposite direction


@dataclass(frozen=True, kw_only=True)
class Settings(SharedSettings):
    """Flags of ``interpolate``."""

    images: list[int] | None  # rows of the test split, pair by pair
    steps: int  # images on each way, both ends among them


@dataclass(frozen=True)
class Way:
    """A way from one image to another.

    Attributes:
        space, name: where it leads through, and how.
        points: float (steps, D), the places.
        images: float32 (steps, C, H, W) in [0, 1], what is seen there.
    """

    space: str
    name: str
    points: np.ndarray
    images: np.ndarray


@dataclass(frozen=True)
class Interpolated:
    """Two test images, and the ways from the first to the second, each with its numbers of :func:`measure_way`."""

    start: Cell
    end: Cell
    ways: list[tuple[Way, Mapping[str, float]]]


def interpolate(subject: Subject, settings: Settings) -> Result:
    """Decode the ways between pairs of test images, measure them step by step, and draw them."""
    test_data = subject.test_data
    pairs = choose_pairs(test_data, settings.images, settings.seed)
    drawn, records, numbers = [], [], []
    for a, b in pairs:
        pair = Interpolated(subject.original(a), subject.original(b), [])
        for way in ways_of_pair(subject, a, b, settings.steps):
            known = {"from_test_row": a, "to_test_row": b, "space": way.space, "way": way.name}
            measured, whole = measure_way(way.points, way.images, test_data.images[[a, b]])
            records += [{**known, "step": step, **each} for step, each in enumerate(measured)]
            numbers.append({"pair": f"{a} to {b}", **known, **whole})
            pair.ways.append((way, whole))
        drawn.append(pair)
    say(ways_table(numbers))

    centre = "the prior's centre" if subject.model.variational else "the mean of the test images' latents"
    title = subject.title(f"test image to test image, {', '.join(f'{a} to {b}' for a, b in pairs[:6])}")
    figure = draw_ways(drawn, centre, subject.model.takes_labels, title)
    made = np.stack([way.images for pair in drawn for way, _ in pair.ways])
    return Result("interpolation", figure, records, {"ways": numbers, "round": f"about {centre}"}, made)


def choose_pairs(test_data: TestData, asked: Sequence[int] | None, seed: int) -> list[tuple[int, int]]:
    """The pairs of rows that were asked for, or at most two random ones.

    Raises:
        BadInput: a row that the test split has not, an odd number of rows, an image and itself, or a single image.
    """
    require_images(test_data, 2, "a way from one to another")
    rows = choose_test_rows(test_data, asked, 2 * min(_PAIRS, len(test_data.images) // 2), seed)
    if len(rows) % 2:
        raise BadInput(f"--images takes pairs, and {len(rows)} is an odd number of images; add or drop one")
    pairs = list(zip(rows[::2], rows[1::2], strict=True))
    for first, second in pairs:
        if first == second:
            raise BadInput(
                f"--images {first} {second}: there is no way from an image to itself; name two different ones"
            )
    return pairs


def ways_of_pair(subject: Subject, a: int, b: int, steps: int) -> Iterator[Way]:
    """The ways from test image ``a`` to ``b``: two through each bottleneck, and the fading of one into the other."""
    test_data = subject.test_data
    # a network that takes labels is given that of the nearer end
    labels = None if test_data.labels is None else test_data.labels[np.where(np.arange(steps) < steps / 2, a, b)]
    for size, model in subject.models.items():
        latents = subject.latents[size]
        centre = np.zeros(size, np.float32) if model.variational else latents.mean(axis=0)
        paths = {
            "straight": linear_path(latents[a], latents[b], steps),
            "round": spherical_path(latents[a], latents[b], steps, centre),
        }
        for name, points in paths.items():
            yield Way(f"bottleneck {size}", name, points, decode(model, points, labels))
    faded = linear_path(test_data.pixels(a), test_data.pixels(b), steps)
    yield Way("pixels", "faded", faded.reshape(steps, -1), faded)


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


def draw_ways(pairs: Sequence[Interpolated], centre: str, takes_labels: bool, title: str) -> Figure:
    """Draw ways between pairs of images, a row a way.

    Args:
        pairs: with ways of equally many steps.
        centre: what the ways that lead round lead round.
        takes_labels: whether the decoder is given a label, first that of the one end and then that of the other.
        title: of the figure.
    """
    sheet = []
    for pair in pairs:
        for place, (way, whole) in enumerate(pair.ways):
            between = [""] * (len(way.images) - 2)
            captions = [f"{whole['mse_at_start']:.4f}", *between, f"{whole['mse_at_end']:.4f}"]
            steps = [Cell(*each) for each in zip(way.images, captions, strict=True)]
            ends = (None, None) if place else (pair.start, pair.end)
            sheet.append(Row(f"{way.space}\n{way.name}", [ends[0], *steps, ends[1]], opens=place == 0))
    parts = np.linspace(0, 1, len(pairs[0].ways[0][0].images))
    footer = f"below the ends: mean squared error from the original, pixels in [0, 1]; round: about {centre}"
    footer += "\nthe label that the decoder takes changes half-way" if takes_labels else ""
    return draw_sheet(sheet, ["from", *(f"{part:.0%}" for part in parts), "to"], title, footer)
