"""Sheets of what is made from latents: samples, ways, traversals, other labels; and of neighbours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from figure.sheet import Cell, Row, draw_sheet

_SAMPLES, _A_ROW = 60, 10  # samples that are drawn, in rows of ten


@dataclass(frozen=True)
class Way:
    """A way from one image to another.

    Attributes:
        space, name: where it leads through, and how.
        images: float (steps, C, H, W) in [0, 1].
        errors: of the first and of the last from the originals.
    """

    space: str
    name: str
    images: np.ndarray
    errors: tuple[float, float]


def draw_samples(
    made: np.ndarray,
    nearest: np.ndarray,
    records: Sequence[Mapping],
    numbers: Sequence[Mapping],
    side: str,
    source: str,
    subject: str,
) -> Figure:
    """Draw samples, each above the real image nearest to it; of more than 60 the first 60.

    Args:
        made: float (M, C, H, W) in [0, 1].
        nearest: uint8 (M, C, H, W).
        records: what :func:`latent.samples.sample_records` says of each; hostile text.
        numbers: what :func:`latent.samples.nearness` says of all samples, and of what they are compared with.
        side: what the real images are, "training" or "test".
        source: where the samples are from.
        subject: the figure's title.
    """
    columns, sheet = min(len(made), _A_ROW), []
    for start in range(0, min(len(made), _SAMPLES), _A_ROW):
        part = list(zip(made, nearest, records, strict=True))[start : start + _A_ROW]
        above = [Cell(image, each["label"], "no" if each["copy"] == "yes" else "") for image, _, each in part]
        below = [
            Cell(near / np.float32(255), f"{each['mse_to_nearest']:.4f}\n{each['nearest_class']}".strip())
            for _, near, each in part
        ]
        beyond = [None] * (columns - len(part))
        sheet += [Row("sample", above + beyond, opens=True), Row(f"nearest\n{side} image", below + beyond)]
    median = ", ".join(f"{each['median']:.4f} for {each['what']}" for each in numbers)
    footer = f"from {source}\nbelow: mean squared error between the two, pixels in [0, 1]; median {median}\n"
    footer += f"copies of a {side} image (dashed frame): {numbers[0]['copies']} of {len(made):,}"
    return draw_sheet(sheet, [], subject, footer)


def draw_ways(pairs: Sequence[tuple[Cell, Cell, Sequence[Way]]], centre: str, told: bool, subject: str) -> Figure:
    """Draw ways between pairs of images.

    Args:
        pairs: the original that ways lead from, that which they lead to, and the ways, all of as many steps.
        centre: what the ways that lead round lead round.
        told: whether decoders are told a label, first that of the one end and then that of the other.
        subject: the figure's title.
    """
    sheet = []
    for start, end, ways in pairs:
        for place, way in enumerate(ways):
            captions = [f"{way.errors[0]:.4f}", *[""] * (len(way.images) - 2), f"{way.errors[1]:.4f}"]
            steps = [Cell(*each) for each in zip(way.images, captions, strict=True)]
            ends = (None, None) if place else (start, end)
            sheet.append(Row(f"{way.space}\n{way.name}", [ends[0], *steps, ends[1]], opens=place == 0))
    parts = np.linspace(0, 1, len(pairs[0][2][0].images))
    footer = f"below the ends: mean squared error from the original, pixels in [0, 1]; round: about {centre}"
    footer += "\nthe label told to the decoder changes half-way" if told else ""
    return draw_sheet(sheet, ["from", *(f"{part:.0%}" for part in parts), "to"], subject, footer)


def draw_traversals(
    originals: Sequence[Cell],
    decoded: Sequence[np.ndarray],
    made: np.ndarray,
    own: np.ndarray,
    values: np.ndarray,
    levels: np.ndarray,
    numbers: Sequence[Mapping],
    count: int,
    subject: str,
) -> Figure:
    """Draw what M images become when one latent dimension of K at a time is changed.

    Args:
        originals: M.
        decoded: M times float (C, H, W) in [0, 1], as they are.
        made: float (M, K, steps, C, H, W) in [0, 1], changed.
        own: float (M, K), the values that they have themselves.
        values: float (steps, K), what each dimension is set to.
        levels: float (steps,), the quantiles which these are.
        numbers: K times ``dimension``, counted from 1, and ``share_of_variance``.
        count: images that the quantiles are of.
        subject: the figure's title.
    """
    sheet = []
    for row, original in enumerate(originals):
        for place, each in enumerate(numbers):
            first = [None, None] if place else [original, Cell(decoded[row])]
            label = (
                f"latent {each['dimension']}\n{each['share_of_variance']:.0%} of variance\nhere {own[row, place]:.3g}"
            )
            pairs = zip(made[row, place], values[:, place], strict=True)
            cells = [Cell(image, f"{value:.3g}") for image, value in pairs]
            sheet.append(Row(label, first + cells, opens=place == 0))
    footer = f"columns: quantiles of {count:,} test images' latents; below: the dimension's value"
    return draw_sheet(sheet, ["original", "decoded", *(f"{level:.0%}" for level in levels)], subject, footer)


def draw_relabelled(
    originals: Sequence[tuple[int, Cell]],
    decoded: Sequence[np.ndarray],
    made: np.ndarray,
    seen: Sequence[np.ndarray],
    labels: np.ndarray,
    class_names: Sequence[str],
    reading: str,
    subject: str,
) -> Figure:
    """Draw M images decoded under K labels, each in a frame that says whether its label is read.

    Args:
        originals: M, each after its row among the test images.
        decoded: M times float (C, H, W) in [0, 1], under their own labels.
        made: float (M, K, C, H, W) in [0, 1], under others.
        seen: M times int (K,), what a classifier reads.
        labels: int (K,).
        class_names: of all labels; hostile text.
        reading: how often it reads them, in words.
        subject: the figure's title.
    """
    sheet = []
    for place, (row, original) in enumerate(originals):
        cells = [
            Cell(image, "", "yes") if read == label else Cell(image, f"read {class_names[read]}", "no")
            for image, read, label in zip(made[place], seen[place], labels, strict=True)
        ]
        sheet.append(Row(f"test image {row}", [original, Cell(decoded[place]), *cells]))
    footer = (
        "solid frame: a classifier of original images reads the new label; dashed: it reads another one\n" + reading
    )
    return draw_sheet(sheet, ["original", "decoded", *(class_names[label] for label in labels)], subject, footer)


def draw_neighbours(
    lines: Sequence[tuple[Cell, str, Sequence[Mapping]]],
    spaces: int,
    images: np.ndarray,
    count: int,
    remark: str,
    subject: str,
) -> Figure:
    """Draw images and their nearest ones.

    Args:
        lines: from the top, an image, the space that is looked in, and what
            :func:`latent.neighbours.neighbour_records` says of the image's neighbours there.
        spaces: lines of each image; the first of them shows it.
        images: uint8 (N, C, H, W), by ``neighbour_test_row``.
        count: neighbours that a line has room for.
        remark: what holds of all images.
        subject: the figure's title.
    """
    sheet = []
    for number, (original, space, neighbours) in enumerate(lines):
        opens = number % spaces == 0
        cells = [original if opens else None]
        for each in neighbours:
            other = each["neighbour_class"] if each["same_class"] == "no" else ""
            named = other or ("same group" if each["same_group"] == "yes" else "")
            image = images[each["neighbour_test_row"]] / np.float32(255)
            cells.append(Cell(image, f"{each['distance']:.3g}\n{named}".strip(), each["same_class"]))
        beyond = [None] * (1 + count - len(cells))
        sheet.append(Row(space, cells + beyond, opens))
    footer = "below: distance in that space"
    if any(each["same_class"] for _, _, neighbours in lines for each in neighbours):
        footer += "; solid frame: of the same class; dashed: of another, named below"
    footer += f"\n{remark}"
    return draw_sheet(sheet, ["test image", *(str(rank) for rank in range(1, count + 1))], subject, footer)
