"""Names beside one another: within their columns, different where they are different, numbered at the left."""

import numpy as np
import pytest

from figure.names import _width, fitted, labelled, shown_apart
from figure.reconstruction import draw_reconstructions
from figure.scatter import Panel, draw_maps
from stages.generation.sheet import Cell, Row, draw_sheet

LONG = [f"Scharfer Hahnenfuß (Ranunculus acris) {part}" for part in ("Stängel", "Blatt", "Blüte", "Frucht", "Wurzel")]
WIDE = ["Сирень обыкновенная", "WWWWWWWWWWWWWWWWWWWWWW", "end of no passing for trucks", "a", "", "$x_1$ " * 9]


def test_names_that_would_be_cut_alike_are_cut_in_the_middle():
    assert shown_apart(["Scharfer Hahnenfuß rot", "Scharfer Hahnenfuß gelb", "Gemeiner Löwenzahn"], 12) == [
        "Schar…uß rot", "Schar…ß gelb", "Gemeiner Lö…",
    ]  # fmt: skip
    assert len(set(shown_apart(LONG, 28))) == len(set(fitted(LONG, 0.8, 7, 2))) == len(LONG)
    assert shown_apart([LONG[0], LONG[0]], 12) == ["Scharfer Ha…"] * 2  # one name twice is one name
    assert all(len(name) <= 28 for name in shown_apart(["x" * 999 + "a", "x" * 999 + "b"], 28))


@pytest.mark.parametrize("lines", [1, 2])
def test_no_line_is_wider_than_its_column(lines: int):
    for name in fitted(WIDE + LONG, 0.8, 7, lines):
        assert name.count("\n") < lines
        assert all(_width(line, 7) <= 0.8 for line in name.split("\n"))


def overlapping(texts: list, figure: object) -> list[tuple[str, str]]:
    """Pairs of texts that lie on one another."""
    renderer = figure.canvas.get_renderer()
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts if text.get_text()]
    return [
        (one, other)
        for place, (one, box) in enumerate(boxes)
        for other, next_box in boxes[place + 1 :]
        if box.shrunk(0.98, 0.9).overlaps(next_box.shrunk(0.98, 0.9))
    ]


def test_captions_of_neighbouring_images_do_not_meet():
    names, images = WIDE[:3] * 2 + LONG, np.zeros((11, 1, 8, 8), np.uint8)
    figure = draw_reconstructions(images, [("bottleneck 2", images / 255, np.zeros(11))], names, "subject")
    assert not overlapping([axes.title for axes in figure.axes], figure)
    cells = [Cell(image / np.float32(255), f"0.123\n{name}") for image, name in zip(images, names, strict=True)]
    figure = draw_sheet([Row("x", cells), Row("y", cells)], [], "subject")
    figure.draw_without_rendering()
    assert not overlapping(list(figure.axes[0].texts), figure)


def test_the_key_of_a_map_stays_within_the_figure_and_begins_with_numbers():
    names = [*LONG, *(f"وردة Wurzel & Rhizom im Querschnitt unter dem Mikroskop {n}" for n in range(9))]
    groups = np.repeat(np.arange(len(names)), 3)
    points = np.random.default_rng(0).normal(size=(len(groups), 2))
    figure = draw_maps([[Panel(points, groups, "title", "remark", None)] * 2], names)
    figure.draw_without_rendering()
    texts = figure.legends[0].get_texts()
    assert max(text.get_window_extent().x1 for text in texts) <= figure.bbox.width
    assert texts[5].get_text().strip("\N{LEFT-TO-RIGHT MARK}").startswith("5  ")
    assert labelled("5", "وردة").startswith("\N{LEFT-TO-RIGHT MARK}5")
    assert labelled("5", "Löwenzahn") == "5  Löwenzahn"
