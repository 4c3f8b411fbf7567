"""What each size of a bottleneck keeps: held-out error and accuracy against the number of dimensions."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, PercentFormatter

from figure.style import MUTED, class_colour, draw_title, new_figure

_MARKS = (0.5, 0.8, 0.9, 0.95, 0.99)  # shares of the variance whose errors are marked
_PROBES = {"linear_accuracy": "linear probe", "knn_accuracy": "10 nearest neighbours"}


def draw_sweep(
    records: Sequence[Mapping[str, Any]],
    curve: Mapping[int, float],
    mean_image: float,
    pixels: Mapping[str, float],
    subject: str,
) -> Figure:
    """Error against size and, with classes, the accuracy of two classifiers on the latents against size.

    Args:
        records: of each size, rising: ``latent_size``, ``mse``, ``pca_mse``; ``below_pca``, the part of PCA's error
            that is saved, None where PCA is exact; and, with classes, ``linear_accuracy`` and ``knn_accuracy``, both
            again beginning with ``pca_`` and both ending with ``_chance``.
        curve: errors of PCA by size, rising.
        mean_image: its error.
        pixels: accuracies on the raw pixels.
        subject: the figure's title.
    """
    known = [name for name in _PROBES if all(name in record for record in records)]
    figure = new_figure(5.2 + 3.6 * len(known), 4.2)
    errors, *others = figure.subplots(
        1, 1 + len(known), squeeze=False, gridspec_kw={"width_ratios": [1.5, *[1] * len(known)]}
    )[0]
    _draw_errors(errors, records, curve, mean_image)
    for axes, name in zip(others, known, strict=True):
        _draw_accuracies(axes, records, name, pixels[name])
    sizes = [record["latent_size"] for record in records]
    powers = [2**power for power in range(max(*sizes, *curve).bit_length())]
    for axes in figure.axes:
        axes.set(xscale="log", xlabel="bottleneck size")
        axes.minorticks_off()
        axes.set_xticks(powers, powers)
        axes.grid(color="#e4e4e4", linewidth=0.6)
        axes.tick_params(axis="x", labelsize=7.5)
    for axes in others:
        axes.set_xlim(sizes[0] / 1.3, sizes[-1] * 1.3)
    errors.set_xlim(min(sizes[0], *curve) / 3, max(sizes[-1], *curve) * 1.25)  # the marks stand at the left
    draw_title(figure, subject)
    return figure


def _draw_errors(
    axes: Axes, records: Sequence[Mapping[str, Any]], curve: Mapping[int, float], mean_image: float
) -> None:
    sizes, errors = ([record[name] for record in records] for name in ("latent_size", "mse"))
    axes.plot(list(curve), list(curve.values()), "--", color=MUTED, linewidth=1.2, label="PCA of each size")
    axes.plot(sizes, errors, "o-", color=class_colour(0), markersize=4.5, label="autoencoder")
    for record in [each for each in records if each["below_pca"] is not None]:
        gain = record["below_pca"]
        away, side, edge = (-1, "right", "top") if gain >= 0 else (1, "left", "bottom")  # from the curve of PCA
        axes.annotate(
            f"{'−' if gain >= 0 else '+'}{abs(gain):.0%}", (record["latent_size"], record["mse"]), (3 * away, 5 * away),
            textcoords="offset points", ha=side, va=edge, fontsize=7.5, color=class_colour(0),
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5},
        )  # fmt: skip
    axes.axhline(mean_image, color=MUTED, linestyle=":", linewidth=1.2, label="mean image")
    # Not down to where PCA of as many dimensions as there are pixels is exact.
    lowest = min([*errors, *(record["pca_mse"] for record in records if record["below_pca"] is not None)]) / 3
    for share in _MARKS:
        if (1 - share) * mean_image > lowest:
            axes.axhline((1 - share) * mean_image, color="#c8c8c8", linewidth=0.8, zorder=0)
            axes.annotate(
                f"{share:.0%} kept", (0, (1 - share) * mean_image), (3, 2), xycoords=axes.get_yaxis_transform(),
                textcoords="offset points", ha="left", va="bottom", fontsize=7.5, color=MUTED,
            )  # fmt: skip
    axes.set(
        yscale="log",
        ylim=(lowest, 1.4 * max(mean_image, *errors)),
        ylabel="held-out mean squared error, pixels in [0, 1]",
    )
    axes.set_title("reconstruction (and error beside PCA of the same size)")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.16))


def _draw_accuracies(axes: Axes, records: Sequence[Mapping[str, Any]], name: str, of_pixels: float) -> None:
    sizes = [record["latent_size"] for record in records]
    best = max(record[name] for record in records)
    axes.plot(sizes, [record[f"pca_{name}"] for record in records], "s--", color=MUTED, markersize=3.5, linewidth=1.2,
              label="PCA of the same size")  # fmt: skip
    axes.plot(sizes, [record[name] for record in records], "o-", color=class_colour(0), markersize=4.5,
              label=f"autoencoder, at best {best:.1%}")  # fmt: skip
    axes.axhline(of_pixels, color=class_colour(3), linestyle="-.", linewidth=1.2, label=f"raw pixels {of_pixels:.1%}")
    chance = records[0][f"{name}_chance"]
    axes.axhline(chance, color=MUTED, linestyle=":", linewidth=1.2, label=f"largest class alone {chance:.1%}")
    axes.set(ylim=(0, min(1.03, 1.15 * max(best, of_pixels, *(record[f"pca_{name}"] for record in records)))))
    axes.set_title(f"classes: {_PROBES[name]}")
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.16))
