"""Loss curves of a training."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from figure.style import MUTED, class_colour, new_figure


def draw_training_curves(epochs: Sequence[dict[str, Any]], baselines: dict[int, float], subject: str) -> Figure:
    """Training and validation error of every bottleneck against epochs, PCA of the same size beside each.

    Args:
        epochs: records with ``latent_size``, ``epoch``, ``train_mse`` and ``val_mse``.
        baselines: latent size -> validation MSE of PCA of that size.
        subject: what was trained on what, for the title.
    """
    figure = new_figure(6.4, 4.0)
    axes = figure.subplots()
    last = max(record["epoch"] for record in epochs)
    for place, (size, baseline) in enumerate(sorted(baselines.items())):
        colour = class_colour(place)
        mine = [record for record in epochs if record["latent_size"] == size]
        steps = [record["epoch"] for record in mine]
        axes.plot(
            steps,
            [record["val_mse"] for record in mine],
            "o-",
            color=colour,
            markersize=3.5,
            label=f"bottleneck {size}: validation {mine[-1]['val_mse']:.5f}",
        )
        axes.plot(
            steps,
            [record["train_mse"] for record in mine],
            "--",
            color=colour,
            linewidth=1,
            label=f"bottleneck {size}: training {mine[-1]['train_mse']:.5f}",
        )
        axes.axhline(
            baseline, color=colour, linestyle=":", linewidth=1.2, label=f"PCA of {size}: validation {baseline:.5f}"
        )
    axes.set(yscale="log", xlabel="epoch", ylabel="mean squared error, pixels in [0, 1]", xlim=(0.5, last + 0.5))
    axes.set_title(subject, parse_math=False)
    axes.grid(axis="y", which="both", color="#e4e4e4", linewidth=0.6)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8, labelcolor=MUTED)
    figure.set_size_inches(8.4, 4.0)
    return figure
