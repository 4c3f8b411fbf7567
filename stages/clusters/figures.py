"""Clusters as pictures: on maps beside the true classes, against these in a matrix, as images, and their number."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from figure.class_sheet import draw_class_sheet
from figure.confusion import draw_confusion
from figure.scatter import DRAWN_UP_TO, Panel, draw_maps
from figure.style import MUTED, NO_GROUP, class_colour, draw_title, new_figure
from latent.archive import LatentSpace
from latent.comparison import CANT_TELL, NO, YES
from latent.lying_apart import number_in_words, sure_range
from latent.options import CLUSTERERS
from latent.placing import FITTED_ON
from latent.separation import APART
from run import console
from stages.clusters.choosing import Choice
from stages.clusters.clustered_space import ClusteredSpace, FlatPoints, protocol_in_words
from stages.clusters.tables import score_line

_CENTRAL = 10  # images of each cluster on the contact sheet


def draw_cluster_maps(
    maps: Sequence[tuple[ClusteredSpace, FlatPoints, Mapping[str, float] | None]],
    baselines: Mapping[str, Mapping[str, float]],
) -> Figure:
    """A row for each space: its clusters on its map and, with classes, the classes beside them.

    Args:
        maps: a space, where its rows are drawn, and how its clusters agree with the classes; None without classes.
        baselines: the same agreement of what is no latent space, by name; for the footer.
    """
    panels = [cluster_panels(*each) for each in maps]
    mine = maps[0][0]
    if maps[0][2] is None:
        most = 1 + max(int(each.clustering.clusters.max()) for each, _, _ in maps)
        return draw_maps(panels, [str(number) for number in range(most)], legend_title="cluster")
    footer = "; ".join(f"{name}: {score_line(scores)}" for name, scores in baselines.items())
    protocol = protocol_in_words(mine.clustering.method)
    return draw_maps(panels, mine.space.class_names, footer=f"{footer}\n{protocol}")


def cluster_panels(each: ClusteredSpace, flat: FlatPoints, scores: Mapping[str, float] | None) -> list[Panel]:
    """A map coloured by cluster and, with classes, the same map coloured by class, in colours that can be compared.

    A cluster has the colour of the class that more than half of its images are of; others are grey. Each has its number
    on the map, and images of another class than their cluster's are crossed.

    Args:
        flat: where the rows are drawn.
        scores: how clusters and classes agree; None without classes.
    """
    clusters, count, noise = each.clustering.clusters, each.clustering.count, each.clustering.noise
    title = f"{each.space.name}, {flat.drawn}: {count} {CLUSTERERS[each.clustering.method]} cluster{'s' * (count != 1)}"
    where = f"found in {each.where}"
    if len(clusters) > FITTED_ON:
        where += f", fitted on {FITTED_ON:,} of {each.space.contents}, drawn at random"
    if scores is None:
        remark = f"{where}{f'; {noise:,} in none' if noise else ''}"
        return [Panel(flat.points, clusters, title, remark, flat.axis_names, numbers=clusters)]
    named_after = each.class_of_most
    mixed = count - len(named_after)
    grey = [f"{mixed} that no class has more than half of"] * (mixed > 0) + [
        f"{console.count(noise, 'image')} in none"
    ] * (noise > 0)
    colours = np.array([named_after.get(number, NO_GROUP) for number in clusters.tolist()])
    wrong = (colours != NO_GROUP) & (colours != each.space.labels) & (len(clusters) <= DRAWN_UP_TO)
    remark = f"{where}; coloured like the class that most of its images are of; numbers: clusters"
    remark += f"; crossed: {console.count(int(wrong.sum()), 'image')} of another class" if wrong.any() else ""
    remark += f"; grey: {', '.join(grey)}" if grey else ""
    return [
        Panel(
            flat.points,
            colours,
            title,
            f"{remark}\n{score_line(scores)}",
            flat.axis_names,
            numbers=clusters,
            wrong=wrong,
        ),
        Panel(flat.points, each.space.labels, "true classes", f"the same {each.space.contents}", flat.axis_names),
    ]


def draw_overlap(found: Mapping[str, ClusteredSpace]) -> Figure:
    """How many images of each class fell into each cluster, a matrix for each space; by the names of the spaces."""
    mine = next(iter(found.values()))
    kind = CLUSTERERS[mine.clustering.method]
    subject = f"{kind} clusters against classes: {mine.space.contents}; in the order of their classes"
    counts, columns = zip(*(each.confusion() for each in found.values()), strict=True)
    return draw_confusion(list(zip(found, counts, strict=True)), mine.space.class_names, subject, columns)


def draw_central_images(each: ClusteredSpace, images: np.ndarray) -> Figure | None:
    """A row for each cluster: its mean image and its most central ones. None where there is no cluster.

    Args:
        images: uint8 (rows, C, H, W), of the rows of the space.
    """
    sheet = each.central_images(images, _CENTRAL)
    subject = f"Clusters of {each.space.name}: number, images, commonest class; the mean, and the most central images"
    return draw_class_sheet(sheet, _CENTRAL, subject) if sheet else None


def draw_criterion(choice: Choice, space: LatentSpace) -> Figure:
    """How a number of clusters was chosen: ties cut against the number, beside those of a continuum; and the classes.

    Args:
        choice: with numbers that were tried.
        space: whose clusters they are.
    """
    figure = new_figure(6.4, 3.9)
    axes = figure.subplots()
    axes.plot(list(choice.tried), list(choice.tried.values()), "o-", color=class_colour(0), markersize=3)
    axes.axhline(1, color=MUTED, linestyle=":", linewidth=1.2, label="a continuum: no clusters")
    axes.axhline(APART, color=class_colour(1), linestyle=":", linewidth=1.2, label="gaps, from here down")
    if space.labels is not None:
        classes = len(set(space.labels.tolist()))
        label = f"{classes} classes (not used)"
        axes.axvline(classes, color=MUTED, linestyle="--", linewidth=1.2, label=label)
    best = choice.best
    label = {
        YES: f"chosen: {number_in_words(best)}",
        CANT_TELL: f"best: {best.pieces}, and whether these are clusters can't be told",
        NO: f"best: {best.pieces}, and these are no clusters",
    }[choice.verdict]
    low, high = sure_range(best)  # what decides, so what is drawn
    axes.errorbar(
        [best.pieces], [best.ratio], [[max(best.ratio - low, 0)], [high - best.ratio]], fmt="D", color=class_colour(3),
        markersize=7, zorder=3, capsize=3, label=f"{label}: {best.ratio:.2f}, surely {low:.2f} to {high:.2f}",
    )  # fmt: skip
    axes.set(xlabel="clusters", ylabel="ties between neighbours cut,\nof those cut in a continuum")
    axes.set_ylim(0, 1.1 * max(1.1, high, *choice.tried.values()))
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(axis="y", color="#e4e4e4", linewidth=0.6)
    axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)
    contents = f"{space.contents[:1].upper()}{space.contents[1:]}"
    draw_title(figure, f"How many clusters are there in {space.name}? {contents}")
    return figure
