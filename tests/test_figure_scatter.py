"""Maps: every group is named once, readably, and nothing that is written lies on anything else written."""

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from figure.map_names import _spread_out
from figure.scatter import DRAWN_UP_TO, Panel, draw_maps
from figure.style import NO_GROUP, class_colour


def a_panel(groups: np.ndarray | None, axis_names: tuple[str, str] | None = None, **changes: object) -> Panel:
    count = 300 if groups is None else len(groups)
    parts = {
        "points": np.random.default_rng(0).normal(size=(count, 2)),
        "groups": groups,
        "title": "bottleneck 256, UMAP: 300 test images",
        "remark": "a line\nanother " + "long " * 30,
        "axis_names": axis_names,
    }
    return Panel(**{**parts, **changes})


def texts_of(figure: object) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def test_ten_classes_get_a_legend_whatever_they_are_called():
    names = ["_hidden", "$\\frac", *(f"class {index}" for index in range(8))]
    figure = draw_maps([[a_panel(np.arange(300) % 10), a_panel(np.arange(300) % 10)]], names, "the footer")
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == names
    assert "the footer" in texts_of(figure)
    figure.draw_without_rendering()


@pytest.mark.parametrize("count", [15, 43], ids=["framed", "without frames"])
def test_the_names_of_many_classes_stand_on_the_map_and_apart(count):
    groups = np.arange(860) % count
    figure = draw_maps([[a_panel(groups)]], [f"{index:05d}" for index in range(count)])
    figure.set_dpi(150)
    figure.draw_without_rendering()
    names = [text for text in figure.axes[0].texts if text.get_text().isdigit()]
    assert [text.get_text() for text in names] == [str(index) for index in range(count)]
    assert not figure.legends
    boxes = [(text.get_bbox_patch() or text).get_window_extent() for text in names]
    assert not [pair for pair in itertools.combinations(boxes, 2) if pair[0].overlaps(pair[1])]


def test_many_long_names_get_numbers_and_a_key():
    figure = draw_maps([[a_panel(np.arange(300) % 12)]], [f"a class called {index}" for index in range(12)], "footer")
    assert figure.legends[0].get_texts()[11].get_text() == "11  a class called 11"
    assert figure.legends[0].get_title().get_text() == "footer"
    figure.draw_without_rendering()


def test_many_short_names_stand_on_the_map():
    figure = draw_maps([[a_panel(np.arange(300) % 26)]], [chr(65 + index) for index in range(26)])
    assert {"A", "Z"} <= set(texts_of(figure))
    assert not figure.legends


def test_numbers_that_would_be_confused_are_not_shortened():
    names = ["1", "01", *(str(index) for index in range(2, 12))]
    assert "01" in texts_of(draw_maps([[a_panel(np.arange(300) % 12)]], names))


def test_only_classes_that_are_there_are_named():
    figure = draw_maps([[a_panel(np.array([4, 4, 40]))]], [f"n{index}" for index in range(50)])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["n4", "n40"]


@pytest.mark.parametrize("groups", [None, np.full(300, NO_GROUP), np.zeros(300, int)])
def test_maps_without_classes_or_with_one(groups: np.ndarray | None):
    figure = draw_maps([[a_panel(groups, ("latent 1", "latent 2"))]], ["only"] if groups is not None else [])
    assert "latent 1" in texts_of(figure)
    figure.draw_without_rendering()


@pytest.mark.parametrize("count", [1, 2, 20_000])
def test_one_point_and_many(count: int):
    points = np.zeros((count, 2), np.float32) if count < 3 else np.random.default_rng(0).normal(size=(count, 2))
    panel = a_panel(np.arange(count) % 30, points=points)
    draw_maps([[panel]], [str(index) for index in range(30)]).draw_without_rendering()


def test_too_many_points_to_be_told_apart_are_drawn_as_a_density():
    random = np.random.default_rng(0)
    groups = np.arange(DRAWN_UP_TO + 2) % 2
    points = random.normal(size=(len(groups), 2)) * 0.1 + 10 * groups[:, None]
    figure = draw_maps([[a_panel(groups, points=points)]], ["left", "right"])
    (picture,) = figure.axes[0].get_images()
    assert not figure.axes[0].collections
    cells = picture.get_array()
    shown = cells[..., 3] > 0
    for corner, group in [((slice(None, 100), slice(None, 100)), 0), ((slice(-100, None), slice(-100, None)), 1)]:
        colours = np.unique(cells[corner][shown[corner]][:, :3], axis=0)
        np.testing.assert_allclose(colours, [to_rgb(class_colour(group))])
    assert any("darker: more points in a cell" in text for text in texts_of(figure))


def test_boxes_at_one_place_part_within_the_window():
    anchors, sizes = np.full((30, 2), 250.0), np.full((30, 2), 20.0)
    places = _spread_out(anchors, sizes, np.zeros(2), np.full(2, 500.0))
    gaps = np.abs(places[:, None] - places[None]).max(axis=-1)[np.triu_indices(30, 1)]
    assert gaps.min() >= 20 - 1e-6
    assert places.min() >= 10
    assert places.max() <= 490


def test_of_a_thousand_classes_the_largest_are_named_and_the_others_grey():
    groups = np.concatenate([np.arange(1000), np.repeat(np.arange(500, 560), 3)])
    names = [f"class {each:04}" for each in range(1000)]
    figure = draw_maps([[a_panel(groups), a_panel(groups)]], names, "the footer")
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == [*(f"{each}  class {each:04}" for each in range(500, 560)), "940 others"]
    colours = [to_rgb(colour) for colour in figure.axes[0].collections[0].get_facecolors()[:, :3]]
    assert colours.count(to_rgb("#bdbdbd")) == 940
    for axis in figure.axes:  # the key below does not shrink the maps
        width, height = (np.ptp(limits) for limits in (axis.get_xlim(), axis.get_ylim()))
        spread = np.ptp(a_panel(groups).points, axis=0)
        assert min(width / spread[0], height / spread[1]) < 1.1


@pytest.mark.parametrize("count", [10, 60])
def test_numbers_stand_beside_few_points_and_cover_none(count: int):
    points = np.random.default_rng(0).normal(size=(count, 2))
    clusters = np.arange(count) % 3
    figure = draw_maps([[a_panel(np.zeros(count, int), numbers=clusters, points=points)]], ["a"])
    figure.draw_without_rendering()
    [axis] = figure.axes
    places = axis.transData.transform(points)
    boxes = [text.get_bbox_patch().get_window_extent() for text in axis.texts if text.get_text() in ("0", "1", "2")]
    assert len(boxes) == 3
    assert not any(box.contains(*place) for box in boxes for place in places)
