"""Loss curves of trainings, beside PCA of the same sizes."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figure.style import MUTED, class_colour, class_marker, draw_title, literal, new_figure, shown

_LEVEL = 0.05  # per cent
_LEAST_SPAN = 0.2  # of its largest error that an axis shows, so that a curve on which nothing happens looks flat
_PANEL = 4.6  # inches
_IN_A_ROW = 4  # panels


def draw_training_curves(
    epochs: Sequence[dict[str, Any]], baselines: Mapping[int, float | None], subject: str, *, starts_as_pca: bool
) -> Figure:
    """Training and validation error against epochs, a panel for each bottleneck, with PCA of the same size as a line.

    Args:
        epochs: records with ``latent_size``, ``epoch``, ``train_mse`` and ``val_mse`` (None without validation images).
        baselines: latent size -> validation MSE of PCA of that size, or None.
        subject: what was trained on what, for the title.
        starts_as_pca: whether each network is PCA before its first step, which is kept where no epoch is better.
    """
    figure, panels = _panels(len(baselines), 4.0, "mean squared error, pixels in [0, 1]")
    for axes, (size, baseline) in zip(panels, sorted(baselines.items()), strict=True):
        mine = [record for record in epochs if record["latent_size"] == size]
        steps = [record["epoch"] for record in mine]
        for name, key, colour, marker in [
            ("training", "train_mse", class_colour(1), "s"),
            ("validation", "val_mse", class_colour(0), "o"),
        ]:
            values = [record[key] for record in mine]
            if values and None not in values:
                label = f"{name}, at last {values[-1]:.4g}"
                axes.plot(steps, values, f"{marker}-", color=colour, markersize=3, label=label)
        draw_baseline(axes, size, baseline)
        last = steps[-1] if steps else 1  # a network whose log is lost has no curve
        axes.set(xlabel="epoch", xlim=(min(0.5, last - 1), last + 0.5))
        literal(axes.set_title(f"bottleneck {size}{_compared(mine, baseline, starts_as_pca)}"))
        axes.grid(axis="y", color="#e4e4e4", linewidth=0.6)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), fontsize=8)
        _show_no_less(axes)
    draw_title(figure, subject)
    footer = "before its first step each network is PCA of its size" if starts_as_pca else ""
    literal(figure.supxlabel(footer, x=0.01, ha="left", fontsize=8, color="#333333"))
    return figure


def draw_compared_curves(
    curves: Sequence[tuple[str, int, Sequence[dict[str, Any]]]], baselines: Mapping[int, float], subject: str
) -> Figure:
    """Error against epochs of several networks, a panel for each bottleneck.

    The solid line is the validation error, the dotted one of the same colour the training error. Without validation
    images the training error is all there is.

    Args:
        curves: (name, latent size, records as of :func:`draw_training_curves`) of each network.
        baselines: latent size -> validation MSE of PCA of that size, where it is known.
        subject: the figure's title.
    """
    sizes = sorted({size for _, size, _ in curves})
    names = list(dict.fromkeys(name for name, _, _ in curves))
    error = "mean squared error, pixels in [0, 1]\n(solid: validation; dotted: training)"
    figure, panels = _panels(len(sizes), 3.8 + 0.17 * len(names), error)
    for axes, size in zip(panels, sizes, strict=True):
        for name, records in [(name, records) for name, its_size, records in curves if its_size == size]:
            number = names.index(name)
            steps = [record["epoch"] for record in records]
            errors = {key: [record[f"{key}_mse"] for record in records] for key in ("train", "val")}
            validated = None not in errors["val"]
            axes.plot(steps, errors["train"], ":", color=class_colour(number), linewidth=1.1)
            line, label = (errors["val"], "validation") if validated else (errors["train"], "training")
            axes.plot(
                steps, line, "-", marker=class_marker(number), markersize=3.5, color=class_colour(number),
                linewidth=1.3, label=f"{shown(name)}: {line[-1]:.4g} ({label})",
            )  # fmt: skip
        draw_baseline(axes, size, baselines.get(size))
        axes.set(title=f"bottleneck {size}", xlabel="epoch", yscale="log")
        for each in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
            each("{x:.3g}")
        axes.grid(axis="y", which="both", color="#e4e4e4", linewidth=0.6)
        axes.xaxis.get_major_locator().set_params(integer=True)
        literal(*axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.16)).get_texts())
        _show_no_less(axes)
    draw_title(figure, subject)
    return figure


def draw_baseline(axes: Axes, size: int, error: float | None) -> None:
    """PCA of a size as a line across, where its error is known."""
    if error is not None:
        label = f"PCA of {size}, validation {error:.4g}"
        axes.axhline(error, color=MUTED, linestyle="--", linewidth=1.2, label=label)


def _panels(count: int, height: float, label: str) -> tuple[Figure, Sequence[Axes]]:
    """A figure with so many panels, at most four in a row, each of a height in inches and with the same axis of y."""
    rows = -(-count // _IN_A_ROW)
    columns = -(-count // rows)
    figure = new_figure(_PANEL * columns, height * rows)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid[:, 0]:
        axes.set_ylabel(label)
    for axes in grid.flat[count:]:
        axes.remove()
    return figure, grid.flat[:count]


def _compared(records: Sequence[dict[str, Any]], baseline: float | None, starts_as_pca: bool) -> str:
    """``: 35% below PCA``, of the least validation error: that of the weights that are kept."""
    errors = [record["val_mse"] for record in records]
    if not baseline or not errors or None in errors:
        return ""
    if starts_as_pca and min(errors) > baseline:
        return ": its start, PCA, is kept"
    change = 100 * (min(errors) / baseline - 1)
    if abs(change) < _LEVEL:
        return ": level with PCA"
    return f": {abs(change):.{int(abs(change) < 1)}f}% {'below' if change < 0 else 'above'} PCA"


def _show_no_less(axes: Axes) -> None:
    """Widen an axis of errors that shows less than a part of them: noise would look like something."""
    low, high = axes.get_ylim()
    if high - low < _LEAST_SPAN * high:
        middle, half = (low + high) / 2, _LEAST_SPAN * high / 2
        axes.set_ylim(middle - half, middle + half)
