"""What all figures share: colours that stay apart for every reader, text as it stands, the same bytes twice."""

import errno
from pathlib import Path

import numpy as np
import pytest

from figure import style
from figure.style import class_colour, class_marker, draw_title, literal, new_figure, save_figure, shown

# Machado, Oliveira and Fernandes (2009), severity 1: what a colour, as linear RGB, looks like
SIGHTS = {
    "plain": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}


def oklab(colours: list[str], sight: object) -> np.ndarray:
    """OKLab (Ottosson, 2020) of colours as somebody sees them."""
    rgb = np.array([[int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)] for colour in colours])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.transpose(sight), 0, 1)
    cones = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    opponents = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    return np.cbrt(seen @ cones.T) @ opponents.T


@pytest.mark.parametrize(("count", "apart"), [(10, 0.07), (43, 0.038), (64, 0.03)])
@pytest.mark.parametrize("sight", SIGHTS)
def test_class_colours_stay_apart_for_every_reader(count: int, apart: float, sight: str):
    # 0.02 is about what is just seen of two colours side by side
    seen = oklab([class_colour(index) for index in range(count)], SIGHTS[sight])
    distances = np.linalg.norm(seen[:, None] - seen[None], axis=-1)
    assert distances[np.triu_indices(count, 1)].min() > apart


def test_class_colours_stand_out_from_white_paper():
    lightness = oklab([class_colour(index) for index in range(64)], SIGHTS["plain"])[:, 0]
    assert lightness.max() < 0.9


def test_neighbouring_classes_differ_in_shape_as_well():
    assert all(class_marker(index) != class_marker(index + 1) for index in range(100))
    assert class_colour(1000)  # there is a colour for any number


@pytest.mark.parametrize(
    "name",
    [
        "$\\frac{",
        "_hidden",
        "a\nb\x1b[31m",
        "مرحبا",
        "\U0001f600\U0010ffff",
        "\udc80",
        "%s{}",
        "",
        "x" * 999,
        "a\u202eb",
    ],
)
def test_any_class_name_is_drawn(name: str, tmp_path: Path):
    figure = new_figure(3, 2)
    literal(figure.subplots().set_title(shown(name)))
    save_figure(figure, tmp_path / "x.png", svg=True)
    assert len(shown(name)) <= 28
    assert shown(name).isprintable()


def test_names_are_elided_and_undrawable_characters_replaced():
    assert shown("abcdefgh", 5) == "abcd…"
    assert shown("\U0010fffd") in ("\\U0010fffd", "\N{REPLACEMENT CHARACTER}")
    assert shown("plain") == "plain"


def a_figure() -> style.Figure:
    figure = new_figure(3, 2)
    axes = figure.subplots()
    axes.scatter(np.arange(20), np.arange(20) ** 2, c=[class_colour(index) for index in range(20)])
    axes.set_title("title")
    return figure


def test_the_same_figure_gives_the_same_bytes(tmp_path: Path):
    first = save_figure(a_figure(), tmp_path / "a.png", svg=True)
    second = save_figure(a_figure(), tmp_path / "b.png", svg=True)
    assert [path.suffix for path in first] == [".png", ".svg"]
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert b"<dc:date>" not in first[1].read_bytes()
    assert b"Software" not in first[0].read_bytes()


def test_a_window_without_a_display_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    for variable in ("DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND"):
        monkeypatch.delenv(variable, raising=False)
    assert save_figure(a_figure(), tmp_path / "a.png", show=True)[0].exists()
    assert "no display" in capsys.readouterr().err


def test_a_failed_write_leaves_the_old_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr("run.artefacts.os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        save_figure(a_figure(), path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("subject", ["a word " * 30, "$\\frac$ " + "x" * 150, "short"])
def test_a_title_stays_within_its_figure_and_takes_no_room_from_what_is_below(subject):
    figure = new_figure(3, 2)
    draw_title(figure, subject)
    title = figure.texts[0]
    assert title.get_window_extent(figure.canvas.get_renderer()).x1 <= figure.bbox.width
    assert "".join(title.get_text().split()) == "".join(subject.split())
    lines = title.get_text().count("\n") + 1
    assert (lines > 1) == (subject != "short")
    assert figure.get_size_inches().tolist() == [3, pytest.approx(2 + 0.17 * (lines - 1))]
