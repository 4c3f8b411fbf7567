"""How a number of clusters was chosen: the criterion against the number."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from figure.style import MUTED, class_colour, draw_title, new_figure


def draw_criterion(criterion: Mapping[int, float], chosen: int, classes: int | None, name: str, subject: str) -> Figure:
    """A curve, the number that was chosen on it, and how many classes there are.

    Args:
        criterion: number of clusters -> value.
        chosen: one of these numbers.
        classes: how many classes there are, for comparison; None without any.
        name: what the value is, and which end of it is good.
        subject: the figure's title.
    """
    figure = new_figure(6.4, 3.6)
    axes = figure.subplots()
    axes.plot(list(criterion), list(criterion.values()), "o-", color=class_colour(0), markersize=3)
    if classes is not None:
        label = f"{classes} classes (not used)"
        axes.axvline(classes, color=MUTED, linestyle="--", linewidth=1.2, label=label)
    axes.plot(
        [chosen], [criterion[chosen]], "D", color=class_colour(3), markersize=7, zorder=3,
        label=f"chosen: {chosen} clusters, {criterion[chosen]:.3f}",
    )  # fmt: skip
    axes.set(xlabel="clusters", ylabel=name)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(axis="y", color="#e4e4e4", linewidth=0.6)
    axes.legend(fontsize=8)
    draw_title(figure, subject)
    return figure
