"""What every figure shares: colours, fonts, text that is shown as it stands, and the one way of saving.

Figures are made without pyplot, so that none depends on a display; a window is opened only on request.
"""

import io
import json
import os
import textwrap
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from figure.fonts import drawable, families
from run.artefacts import write_bytes
from run.console import warn
from run.errors import printable

# Colour i is class i in every figure, however many classes there are. The first eight are those of Okabe and Ito,
# the yellow darkened for white paper. Each further one is the colour of an 18 x 18 x 18 grid of sRGB that lies
# farthest from all before it: distance in OKLab, the smallest over plain sight, protanopia and deuteranopia
# (simulated after Machado, Oliveira and Fernandes, 2009), and tritanopia at a lesser weight; very light, very dark and
# light grey ones left out. Lightness varies as much as hue, since it is what colour-blind readers have most of.
_PALETTE = """
    0072b2 e69f00 009e73 d55e00 cc79a7 56b4e9 e3d200 222222 783c5a 4b1eb4 00f0f0 a500ff 5a004b a578ff a50000
    a5d2a5 695a87 a55a4b 4b0087 b4b469 780000 c30096 0f2de1 87874b 0f3c2d 5a3c78 f02de1 5ae178 87b496 2d5a00
    c31ed2 d2b4ff a56996 960fc3 c3001e 8769ff ffa5d2 5a2d4b a5964b f0781e 5a8700 d296c3 1e0078 963c4b 96f05a
    875a69 ff78ff f00fa5 7896c3 870069 c3e196 b469e1 3cb478 f069d2 3c1e0f 78d24b 782da5 00692d 3c783c 875ac3
    d26987 3c3c5a 690f96 d22dff
""".split()  # noqa: SIM905  (as a list literal it takes 64 lines)
_MARKERS = "os^Dv"

MUTED = "#6b6b6b"  # of text and lines that should stand back
NO_CLASS = "#3a6ea5"  # of points that have no class
NO_GROUP, _UNGROUPED = -1, "#bdbdbd"  # a point of no group, and its colour
_MARGIN = 0.01  # beside a title, in widths of the figure
_TITLE_LINE = 0.17  # inches


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of ``width`` x ``height`` inches in the suite's style, which lays itself out."""
    matplotlib.rcParams.update(
        {
            "font.family": families(),
            "font.size": 9,
            "axes.titlesize": 10,
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": MUTED,
            "xtick.color": MUTED,
            "ytick.color": MUTED,
            "legend.frameon": False,
            "figure.dpi": 100,
            "savefig.dpi": 150,
            "text.usetex": False,
            "svg.hashsalt": "latent",  # else the ids in an .svg are random
        }
    )
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def class_colour(index: int) -> str:
    """The colour of class ``index`` (0, 1, ...), the same in every figure."""
    return "#" + _PALETTE[index % len(_PALETTE)]


def class_marker(index: int) -> str:
    """The shape of the points of class ``index``: a second means of telling classes apart, without colour."""
    return _MARKERS[index % len(_MARKERS)]


def group_colour(group: int) -> str:
    """The colour of a group of points: that of its class, or grey for :data:`NO_GROUP`."""
    return _UNGROUPED if group == NO_GROUP else class_colour(int(group))


def group_marker(group: int) -> str:
    """The shape of a group of points, likewise."""
    return "o" if group == NO_GROUP else class_marker(int(group))


def shown(name: object, at_most: int = 28) -> str:
    """Text from outside (a class or file name) as it is put into a figure: on one line, elided, drawable.

    A name that no font here can draw is as :mod:`figure.fonts` has it. Use :func:`literal` on the text made of it.
    """
    text = drawable(printable(name))
    if len(text) > at_most:
        text = text[: at_most - 1].rstrip() + "…"
    return text


def literal(*texts: Text) -> None:
    """Have texts drawn character by character, so that a class called ``$\\frac`` is no formula."""
    for text in texts:
        text.set_parse_math(False)


def draw_title(figure: Figure, subject: str) -> Text:
    """The title of a figure, at its top left; one that is wider than the figure is broken into lines.

    The figure grows taller by each further line, so that what is below keeps its size.
    """
    title = figure.suptitle(subject, x=_MARGIN, ha="left", fontsize=10)
    literal(title)
    renderer, room, letters = figure.canvas.get_renderer(), (1 - 2 * _MARGIN) * figure.bbox.width, len(subject)
    while title.get_window_extent(renderer).width > room and letters > 1:
        letters -= 1
        title.set_text(textwrap.fill(subject, letters))
    width, height = figure.get_size_inches()
    figure.set_size_inches(width, height + _TITLE_LINE * title.get_text().count("\n"))
    return title


def save_figure(
    figure: Figure,
    path: Path,
    *,
    made_of: Mapping[str, str] = MappingProxyType({}),
    svg: bool = False,
    show: bool = False,
) -> list[Path]:
    """Write ``figure`` as .png (and .svg beside it), the same bytes for the same figure; return the paths written.

    With ``show`` a window opens afterwards, and the call returns when it is closed; without a display there is a
    warning instead.

    Args:
        made_of: name -> SHA-256 of files beside it that it was made of, which the .png keeps as JSON in its text
            ``Source``, so that report.py shows no figure of another training.

    Raises:
        OSError: a file cannot be written.
    """
    written, source = [], json.dumps(dict(made_of), sort_keys=True)
    for suffix, metadata in [(".png", {"Software": None, "Source": source}), (".svg", {"Date": None, "Creator": None})]:
        if suffix == ".svg" and not svg:
            continue
        content = io.BytesIO()
        figure.savefig(content, format=suffix[1:], metadata=metadata)
        written.append(Path(path).with_suffix(suffix))
        write_bytes(written[-1], content.getvalue())
    if show:
        _open_window(figure)
    return written


def _open_window(figure: Figure) -> None:
    try:
        from matplotlib import pyplot  # a second that only a window takes

        if wanted := os.environ.get("MPLBACKEND"):  # of which matplotlib was not told: see run.scratch
            pyplot.switch_backend(wanted)
        interactive = pyplot.get_backend().lower() in {name.lower() for name in _interactive_backends()}
    except Exception:  # that variable asks for a toolkit that is not there, or for anything
        interactive = False
    if not interactive:
        warn("there is no display to open a window on; the figure is saved")
        return
    manager = pyplot.figure().canvas.manager  # a window of its own, which the figure made without pyplot moves into
    manager.canvas.figure = figure
    figure.set_canvas(manager.canvas)
    pyplot.show()
    pyplot.close("all")


def _interactive_backends() -> list[str]:
    try:
        from matplotlib.backends import BackendFilter, backend_registry  # absent before 3.9

        return backend_registry.list_builtin(BackendFilter.INTERACTIVE)
    except ImportError:  # matplotlib < 3.9
        return matplotlib.rcsetup.interactive_bk
