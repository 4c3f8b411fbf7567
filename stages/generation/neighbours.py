"""The test images nearest to a test image, in both latent spaces and pixel by pixel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from data.choice import choose_test_rows
from latent.neighbours import nearest, neighbours_that_fit, others_of_own_class
from latent.pixels import pixels_as_rows
from run.console import say, table_of
from run.random_subset import random_subset
from stages.generation.sheet import Cell, Row, draw_sheet
from stages.generation.subject import Result, SharedSettings, Subject, require_images

_DRAWN_IMAGES = 3  # where none are named
_ASKED = 2000  # rows that it is measured over: enough for two decimals
PROTOCOL = "transductive: the neighbours of each test image among the other test images"
PASSED_OVER = "; images that belong together (frames of one track, equal pixels) passed over"


@dataclass(frozen=True, kw_only=True)
class Settings(SharedSettings):
    """Flags of ``neighbours``."""

    images: list[int] | None  # rows of the test split to look from
    num_neighbours: int  # drawn of each
    other_groups: bool  # pass over images of the own group


@dataclass(frozen=True)
class Line:
    """A test image, a space, and a record of each neighbour there, of :func:`neighbour_records`."""

    original: Cell
    space: str
    records: list[dict[str, object]]


def neighbours(subject: Subject, settings: Settings) -> Result:
    """Find the neighbours of a few test images in each space, count classes among those of many, and draw the few."""
    test_data, groups = subject.test_data, subject.test_data.groups
    require_images(test_data, 2, "a neighbour")
    chosen = choose_test_rows(test_data, settings.images, _DRAWN_IMAGES, settings.seed)
    spaces = {f"bottleneck {size}": latents for size, latents in subject.latents.items()}
    spaces["pixels"] = pixels_as_rows(test_data.images)
    numbers = agreement_of_spaces(spaces, test_data.labels, groups, settings.seed)
    together = len(np.unique(groups)) < len(groups)
    protocol = PROTOCOL + (PASSED_OVER if together else "")
    say(f"{agreement_table(numbers)}\n({protocol})")

    apart = groups if settings.other_groups else None
    found = {
        name: nearest_rows(space, np.array(chosen), settings.num_neighbours, apart) for name, space in spaces.items()
    }
    classes = [test_data.class_of(row) for row in range(len(groups))]
    lines, records = [], []
    for place, row in enumerate(chosen):
        for space, (near, distances) in found.items():
            mine = neighbour_records(row, near[place], distances[place], classes, test_data.sample_ids, groups)
            records += [{"test_row": row, "class": classes[row], "space": space, **each} for each in mine]
            lines.append(Line(subject.original(row), space, mine))
    remark = agreement_in_words(numbers, together, settings.other_groups)
    title = subject.title("the nearest test images, from near to far")
    figure = draw_neighbours(lines, len(spaces), test_data.images, remark, title)
    facts = {"protocol": protocol, "neighbours": numbers[0]["neighbours"], "spaces": numbers}
    return Result("neighbours", figure, records, facts)


def nearest_rows(
    vectors: np.ndarray, rows: np.ndarray, count: int, groups: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The rows nearest to some of the rows themselves, as :func:`latent.neighbours.nearest` gives them.

    Args:
        vectors: float (N, D).
        rows: int (M,), those whose neighbours are looked for.
        count: neighbours of each.
        groups: int (N,): rows of the own group are passed over; None passes over the row itself alone.
    """
    groups = np.arange(len(vectors)) if groups is None else groups
    return nearest(vectors, vectors[rows], count=count, groups=groups, query_groups=groups[rows])


def agreement_of_spaces(
    spaces: Mapping[str, np.ndarray], labels: np.ndarray | None, groups: np.ndarray, seed: int
) -> list[dict[str, object]]:
    """:func:`neighbour_agreement` in each space, and how many neighbours are those that ``pixels`` give.

    Args:
        spaces: name -> float (N, D); ``pixels`` among them.
        labels, groups, seed: as of :func:`neighbour_agreement`.
    """
    measured = {name: neighbour_agreement(space, labels, groups, seed) for name, space in spaces.items()}
    by_pixels = measured["pixels"][1]
    return [
        {"space": name, "neighbours": near.shape[1], **measures, "shared_with_pixels": shared(near, by_pixels)}
        for name, (measures, near) in measured.items()
    ]


def neighbour_agreement(
    vectors: np.ndarray, labels: np.ndarray | None, groups: np.ndarray, seed: int
) -> tuple[dict[str, float], np.ndarray]:
    """How many of the nearest neighbours of other groups are of a row's own class, over at most 2,000 random rows.

    Of 10 neighbours, or of fewer where classes have fewer rows: :func:`latent.neighbours.neighbours_that_fit`.

    Args:
        vectors: float (N, D).
        labels: int (N,), or None without classes.
        groups: int (N,): which rows belong together (the frames of one track).
        seed: of the rows asked.

    Returns:
        ``agreement``: the mean share; ``agreement_chance``: that of neighbours drawn at random among other groups;
        ``agreement_own_group_too``: the share when the own group is not passed over, where any group has more than one
        row. {} without labels, or where no row has another of its class in another group. Beside it the neighbours,
        int64 (rows asked, neighbours), -1 for none.
    """
    rows = random_subset(len(vectors), _ASKED, seed)
    count = neighbours_that_fit(labels, groups)
    near, _ = nearest_rows(vectors, rows, count, groups)
    if labels is None or not others_of_own_class(labels, groups).any():  # none could share the class
        return {}, near
    measures = {
        "agreement": _share_of_own_class(near, labels, rows),
        "agreement_chance": _chance_of_own_class(labels, groups, rows),
    }
    if len(np.unique(groups)) < len(groups):
        everybody, _ = nearest_rows(vectors, rows, count)
        measures["agreement_own_group_too"] = _share_of_own_class(everybody, labels, rows)
    return measures, near


def _share_of_own_class(near: np.ndarray, labels: np.ndarray, rows: np.ndarray) -> float:
    there = near >= 0
    return float((labels[near] == labels[rows][:, None])[there].mean())


def _chance_of_own_class(labels: np.ndarray, groups: np.ndarray, rows: np.ndarray) -> float:
    """Expected share of the own class among rows of other groups, mean over the rows that have such."""
    _, group_of, in_group = np.unique(groups, return_inverse=True, return_counts=True)
    same = others_of_own_class(labels, groups)
    others = len(labels) - in_group[group_of]
    asked = rows[others[rows] > 0]
    return float((same[asked] / others[asked]).mean())


def shared(near: np.ndarray, other: np.ndarray) -> float:
    """Mean share of a row's neighbours that are its neighbours elsewhere too; (rows, k) each, -1 for none."""
    both = [len(set(a[a >= 0].tolist()) & set(b[b >= 0].tolist())) for a, b in zip(near, other, strict=True)]
    return float(sum(both) / max((near >= 0).sum(), 1))


def neighbour_records(
    row: int,
    near: np.ndarray,
    distances: np.ndarray,
    classes: Sequence[str],
    sample_ids: Sequence[str],
    groups: np.ndarray,
) -> list[dict[str, object]]:
    """The neighbours of one row as :func:`nearest_rows` gives them, with what is known of them.

    Args:
        row: whose neighbours they are.
        near, distances: int and float (count,), from near to far; -1 where there are no more.
        classes: N names of classes, all "" without classes.
        sample_ids: N.
        groups: int (N,): which rows belong together.
    """
    return [
        {
            "rank": rank,
            "neighbour_test_row": other,
            "neighbour_sample_id": sample_ids[other],
            "neighbour_class": classes[other],
            "same_class": ("yes" if classes[other] == classes[row] else "no") if any(classes) else "",
            "same_group": "yes" if groups[other] == groups[row] else "no",
            "distance": distance,
        }
        for rank, (other, distance) in enumerate(zip(near.tolist(), distances.tolist(), strict=True), 1)
        if other >= 0
    ]


def agreement_table(numbers: Sequence[Mapping]) -> str:
    """A row for each space of :func:`agreement_of_spaces`."""
    columns = {
        "space": (f"{_nearest(numbers)} test images", ""),
        "agreement": ("same class", ".1%"),
    }
    columns |= {"agreement_chance": ("by chance", ".1%"), "agreement_own_group_too": ("own group too", ".1%")}
    return table_of(numbers, columns | {"shared_with_pixels": ("same as by pixels", ".1%")})


def agreement_in_words(numbers: Sequence[Mapping], together: bool, passed_over: bool) -> str:
    """The agreement in each space in a line, none without classes; and what to know of neighbours, in another.

    Args:
        numbers: of :func:`agreement_of_spaces`.
        together: whether any rows belong together; of the agreement they are passed over.
        passed_over: whether they are of the neighbours that are drawn, too.
    """
    known = "\nimages of one group (frames of one track) lie near each other in any space: see --other_groups"
    known = known if together and not passed_over else ""
    if "agreement" not in numbers[0]:
        return known
    shares = ", ".join(f"{each['agreement']:.0%} in {each['space']}" for each in numbers)
    nearest = f"{_nearest(numbers)}{' of other groups' if together else ''}"
    many = "so many share" if numbers[0]["neighbours"] > 1 else "so often it shares"
    return f"of the {nearest} {many} the class: {shares}; by chance {numbers[0]['agreement_chance']:.0%}{known}"


def _nearest(numbers: Sequence[Mapping]) -> str:
    count = numbers[0]["neighbours"]
    return f"{count} nearest" if count > 1 else "nearest"


def draw_neighbours(lines: Sequence[Line], spaces: int, images: np.ndarray, remark: str, title: str) -> Figure:
    """Draw images and their nearest ones.

    Args:
        lines: from the top.
        spaces: lines of each image; the first of them shows it.
        images: uint8 (N, C, H, W), the test images.
        remark: what holds of all images.
        title: of the figure.
    """
    sheet, count = [], max(len(line.records) for line in lines)  # a small test split has fewer than were asked for
    for number, line in enumerate(lines):
        opens = number % spaces == 0
        cells = [line.original if opens else None]
        for each in line.records:
            other = each["neighbour_class"] if each["same_class"] == "no" else ""
            named = other or ("same group" if each["same_group"] == "yes" else "")
            image = images[each["neighbour_test_row"]] / np.float32(255)
            cells.append(Cell(image, f"{each['distance']:.3g}\n{named}".strip(), each["same_class"]))
        beyond = [None] * (1 + count - len(cells))
        sheet.append(Row(line.space, cells + beyond, opens))
    footer = "below: distance in that space"
    if any(each["same_class"] for line in lines for each in line.records):
        footer += "; solid frame: of the same class; dashed: of another, named below"
    footer += f"\n{remark}"
    return draw_sheet(sheet, ["test image", *(str(rank) for rank in range(1, count + 1))], title, footer)
