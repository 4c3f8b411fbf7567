"""How classifiers learned: loss and accuracy against epochs."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figure.style import MUTED, class_colour, draw_title, literal, new_figure
from stages.classifiers.outcomes import Outcome

_SIDES = (("train", "training", 1, "s"), ("val", "validation", 0, "o"))  # key, name, colour, marker


def draw_learning_curves(outcomes: Sequence[Outcome], names: Mapping[str, str], title: str) -> Figure:
    """A column for each classifier: loss above, accuracy below, over its epochs.

    Args:
        outcomes: of classifiers that are trained in steps.
        names: classifier -> what it is called.
        title: of the figure.
    """
    figure = new_figure(3.6 * len(outcomes) + 0.4, 5.4)
    grid = figure.subplots(2, len(outcomes), squeeze=False, sharex="col")
    for column, each in enumerate(outcomes):
        above, below = grid[:, column]
        accuracy, chance = each.scores["accuracy"], each.scores["accuracy_chance"]
        literal(above.set_title(f"{names[each.classifier]} on {each.space}", fontweight="bold"))
        for axes, measure in [(above, "loss"), (below, "accuracy")]:
            _draw_sides(axes, each.log, measure)
        below.axhline(accuracy, color="#222222", linestyle="--", linewidth=1.1, label=f"test, at last {accuracy:.1%}")
        below.axhline(chance, color=MUTED, linestyle=":", linewidth=1.1, label=f"largest class alone {chance:.1%}")
        below.set(ylim=(0, 1.03), xlabel="epoch")
        below.yaxis.set_major_formatter("{x:.0%}")
        below.xaxis.get_major_locator().set_params(integer=True)
        above.set_ylim(bottom=0)
        above.legend(fontsize=8)
        below.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)  # curves may lie anywhere
    grid[0, 0].set_ylabel("cross-entropy, nats")
    grid[1, 0].set_ylabel("accuracy")
    draw_title(figure, title)
    return figure


def _draw_sides(axes: Axes, records: Sequence[dict[str, Any]], measure: str) -> None:
    epochs = [record["epoch"] for record in records]
    for key, name, colour, marker in _SIDES:
        values = [record[f"{key}_{measure}"] for record in records]
        if None not in values:
            last = f"{values[-1]:.1%}" if measure == "accuracy" else f"{values[-1]:.3f}"
            axes.plot(
                epochs, values, "-", marker=marker, markersize=2.5, color=class_colour(colour), label=f"{name} {last}"
            )
    axes.grid(axis="y", color="#e4e4e4", linewidth=0.6)
