"""Loss curves of a training."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from figure.style import MUTED, class_colour, class_marker, draw_title, literal, new_figure, shown


def draw_training_curves(epochs: Sequence[dict[str, Any]], baselines: dict[int, float | None], subject: str) -> Figure:
    """Training and validation error against epochs, a panel for each bottleneck, with PCA of the same size as a line.

    Args:
        epochs: records with ``latent_size``, ``epoch``, ``train_mse`` and ``val_mse`` (None without validation images).
        baselines: latent size -> validation MSE of PCA of that size, or None.
        subject: what was trained on what, for the title.
    """
    figure = new_figure(4.6 * len(baselines), 3.6)
    for axes, (size, baseline) in zip(
        figure.subplots(1, len(baselines), squeeze=False)[0], sorted(baselines.items()), strict=True
    ):
        mine = [record for record in epochs if record["latent_size"] == size]
        steps = [record["epoch"] for record in mine]
        for name, key, colour in [
            ("training", "train_mse", class_colour(1)),
            ("validation", "val_mse", class_colour(0)),
        ]:
            values = [record[key] for record in mine]
            if values and None not in values:
                axes.plot(steps, values, "o-", color=colour, markersize=3, label=f"{name}, at last {values[-1]:.5f}")
        if baseline is not None:
            axes.axhline(
                baseline, color=MUTED, linestyle="--", linewidth=1.2, label=f"PCA of {size}, validation {baseline:.5f}"
            )
        last = steps[-1] if steps else 1  # a network whose log is lost has no curve
        axes.set(title=f"bottleneck {size}", xlabel="epoch", xlim=(min(0.5, last - 1), last + 0.5))
        axes.grid(axis="y", color="#e4e4e4", linewidth=0.6)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(loc="upper right", fontsize=8)
        axes.margins(y=0.3)
    figure.axes[0].set_ylabel("mean squared error, pixels in [0, 1]")
    draw_title(figure, subject)
    return figure


def draw_compared_curves(curves: Sequence[tuple[str, int, Sequence[dict[str, Any]]]], subject: str) -> Figure:
    """Error against epochs of several networks, a panel for each bottleneck.

    The solid line is the validation error, the dotted one of the same colour the training error. Without validation
    images the training error is all there is.

    Args:
        curves: (name, latent size, records as of :func:`draw_training_curves`) of each network.
        subject: the figure's title.
    """
    sizes = sorted({size for _, size, _ in curves})
    names = list(dict.fromkeys(name for name, _, _ in curves))
    figure = new_figure(4.6 * len(sizes), 3.6 + 0.17 * len(names))
    for axes, size in zip(figure.subplots(1, len(sizes), squeeze=False)[0], sizes, strict=True):
        for name, records in [(name, records) for name, its_size, records in curves if its_size == size]:
            number = names.index(name)
            steps = [record["epoch"] for record in records]
            errors = {key: [record[f"{key}_mse"] for record in records] for key in ("train", "val")}
            validated = None not in errors["val"]
            axes.plot(steps, errors["train"], ":", color=class_colour(number), linewidth=1.1)
            line, label = (errors["val"], "validation") if validated else (errors["train"], "training")
            axes.plot(
                steps, line, "-", marker=class_marker(number), markersize=3.5, color=class_colour(number),
                linewidth=1.3, label=f"{shown(name)}: {line[-1]:.5f} ({label})",
            )  # fmt: skip
        axes.set(title=f"bottleneck {size}", xlabel="epoch", yscale="log")
        for each in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
            each("{x:.3g}")
        axes.grid(axis="y", which="both", color="#e4e4e4", linewidth=0.6)
        axes.xaxis.get_major_locator().set_params(integer=True)
        literal(*axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.16)).get_texts())
    figure.axes[0].set_ylabel("mean squared error, pixels in [0, 1]\n(solid: validation; dotted: training)")
    draw_title(figure, subject)
    return figure
