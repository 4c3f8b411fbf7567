"""Clusters of both latent spaces beside the true classes, and the same of raw pixels and of chance.

The road: latents -> the space that clusters are looked for in -> clusters -> how they agree with the classes -> tables,
the fit itself, maps. What gives new images clusters of an earlier fit stands in :mod:`stages.clusters.assigning`.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from data.test_data import load_encoded_images
from figure.fonts import settle_names
from figure.style import save_figure
from latent.archive import LatentSpace, load_with_bottleneck_2
from latent.clustering import Clustering, assign, find_clusters, require_different
from latent.options import FEWEST_ROWS
from latent.pixels import pixels_as_rows
from latent.placing import FITTED_ON, fitted_rows
from latent.projection import too_few
from run.artefacts import test_data_path, write_csv, write_json
from run.console import count, note, say, warn
from run.errors import BadInput, printable
from run.hints import own_command
from run.provenance import command_line, versions
from stages.clusters.assigner import save_assigner
from stages.clusters.assigning import assign_new
from stages.clusters.choosing import CRITERION, Choice, choose_number
from stages.clusters.clustered_space import (
    ClusteredSpace,
    agreement_with_classes,
    in_words,
    protocol_in_words,
    warnings_of,
)
from stages.clusters.figures import draw_central_images, draw_cluster_maps, draw_criterion, draw_overlap
from stages.clusters.reduction import Reduction, SearchSpace, place, reduce
from stages.clusters.settings import Settings
from stages.clusters.tables import cluster_rows

PIXELS = "raw pixels"
_PLACED_AT_ONCE = 10_000  # images, as rows of floats

Found = dict[str, ClusteredSpace]  # name of a space -> it and its clusters, the bottleneck of N first
Scores = dict[str, dict[str, float]]  # name of a space -> how its clusters agree with the classes; {} without classes


def run(settings: Settings) -> None:
    """Cluster every space, score and draw what is found; or give new images clusters of an earlier fit.

    Raises:
        BadInput: latents or images can't be read, do not belong together, or can't make so many clusters.
    """
    if settings.assign is not None:
        assign_new(settings)
        return
    spaces, images = load(settings)
    mine = spaces[0]
    number = number_asked(mine, settings)
    rows = fitted_rows(len(mine.vectors), settings.seed)
    reductions = [bring_down(space.vectors[rows], space.name, settings.search_space, settings.seed) for space in spaces]
    saved: list[Path] = []
    if number == "auto":
        choice, saved = choose(reductions[0].points, mine.taken(rows), settings)
        number = choice.number
    found = {}
    for space, reduction in zip(spaces, reductions, strict=True):
        clustering = cluster(reduction.points, number, settings)
        if len(rows) < len(space.vectors):
            note(f"{space.name}: fitted on {len(rows):,} of {space.contents}, drawn at random; the others are placed")
            reduction, clustering = extended(reduction, clustering, space.vectors)
        found[space.name] = ClusteredSpace(space, reduction, clustering)
    clusters_of = {name: each.clustering.clusters for name, each in found.items()}
    if images is not None:
        clusters_of[PIXELS] = cluster_pixels(images, rows, number, settings)

    for sentence in warnings_of(found):
        warn(sentence)
    scores = agreement_with_classes(clusters_of, mine, settings.seed)
    saved += save_numbers(found, scores, settings)
    saved += save_assigner(settings.path("_fitted.npz"), found[mine.name].assigner(settings.space, settings.seed))
    if text := in_words(found, scores):
        say(text)
    # last, since a window that is shown keeps everything waiting
    saved += draw(found, scores, images, settings)
    for path in saved:
        say(f"saved {printable(path)}")


def load(settings: Settings) -> tuple[list[LatentSpace], np.ndarray | None]:
    """The latents, those of the bottleneck of N first, and their images, uint8 (rows, C, H, W), where these are there.

    Raises:
        BadInput: a file can't be read, or is of other images.
    """
    spaces, warnings = load_with_bottleneck_2(settings.latent_space)
    for sentence in warnings:
        warn(sentence)
    mine = spaces[settings.latent_space]
    test_data = settings.test_data or test_data_path(settings.latent_space.parent)
    images = load_encoded_images(test_data, mine.rows, mine.origin.get("split_fingerprint"))
    return list(reversed(spaces.values())), images


def number_asked(space: LatentSpace, settings: Settings) -> int | str | None:
    """How many clusters are to be made: a number, "auto", or None for HDBSCAN, which finds it.

    Raises:
        BadInput: nobody says, or there are fewer different vectors. A map, which may take minutes, is not made before.
    """
    if settings.clusterer == "hdbscan" or settings.num_clusters == "auto":
        return settings.num_clusters
    if settings.num_clusters is None and space.labels is None:
        raise BadInput(
            f"{printable(settings.latent_space)} has no classes to count; say how many clusters, with "
            f"--num_clusters 10, or have the number found: {own_command({'--num_clusters': ['auto']})}"
        )
    number = settings.num_clusters or len(set(space.labels.tolist()))
    require_different(space.vectors, number)
    return number


def bring_down(vectors: np.ndarray, name: str, where: SearchSpace, seed: int) -> Reduction:
    """The vectors (rows, D) of a space in the space that clusters are looked for in.

    Raises:
        BadInput: too few vectors for UMAP.
    """
    if "umap" in where.space and vectors.shape[1] > 2 and len(vectors) < FEWEST_ROWS:
        raise too_few("umap", len(vectors), f"look among the latents: {own_command({'--space': ['latent']})}")
    if "umap" in where.space and vectors.shape[1] > 2:
        note(f"mapping {name}: {count(len(vectors), 'vector')} of {vectors.shape[1]} dimensions")
    reduction = reduce(vectors, where, seed)
    for sentence in reduction.warnings:
        warn(sentence)
    return reduction


def choose(points: np.ndarray, space: LatentSpace, settings: Settings) -> tuple[Choice, list[Path]]:
    """The number of clusters, if there are any, and the paths of its curve.

    Args:
        points: float (rows, S), where clusters of ``space`` are looked for.
    """
    note(f"trying up to {count(settings.max_clusters, 'cluster')} of {space.name}")
    choice = choose_number(points, space, settings.clusterer, settings.seed, settings.max_clusters)
    say(choice.sentence)
    if choice.best is None:
        return choice, []
    if choice.number == choice.best.most == settings.max_clusters:
        warn(f"the most that were tried are the best; try more, with --max_clusters {2 * choice.number}")
    path = settings.path("_criterion.csv")
    write_csv(path, ["clusters", CRITERION], [list(pair) for pair in choice.tried.items()])
    figure = draw_criterion(choice, space)
    return choice, [path, *save_figure(figure, path.with_suffix(".png"), made_of=space.made_of, svg=settings.svg)]


def cluster(points: np.ndarray, number: int | None, settings: Settings, *, spare_copy: bool = False) -> Clustering:
    """Clusters of points (rows, S), as many as asked for; see :func:`latent.clustering.find_clusters`."""
    how = {"min_cluster_size": settings.min_cluster_size, "spare_copy": spare_copy}
    found = find_clusters(points, settings.clusterer, number, settings.seed, **how)
    for sentence in found.warnings:
        warn(sentence)
    return found


def extended(reduction: Reduction, clustering: Clustering, vectors: np.ndarray) -> tuple[Reduction, Clustering]:
    """What was fitted on some vectors, for all of them, (rows, D): where each lies, and its cluster."""
    points = place(reduction.arrays, vectors)
    clusters, measured = assign(clustering.method, clustering.arrays, points)
    return replace(reduction, points=points), replace(clustering, clusters=clusters, measured=measured)


def cluster_pixels(images: np.ndarray, rows: np.ndarray, number: int | None, settings: Settings) -> np.ndarray:
    """Clusters of the pixels of images, uint8 (N, C, H, W), found as those of latents are, but never whitened.

    Args:
        images: all.
        rows: int64, those that are fitted on.

    Returns:
        int64 (N,).
    """
    note(f"clustering the pixels of the same {count(len(images), 'image')} in the same way")
    where = replace(settings.search_space, whiten=0.0)
    reduction = bring_down(pixels_as_rows(images[rows]), PIXELS, where, settings.seed)
    clustering = cluster(reduction.points, number, settings, spare_copy=True)
    if len(rows) == len(images):
        return clustering.clusters
    pieces = (images[start : start + _PLACED_AT_ONCE] for start in range(0, len(images), _PLACED_AT_ONCE))
    return np.concatenate([extended(reduction, clustering, pixels_as_rows(each))[1].clusters for each in pieces])


def save_numbers(found: Found, scores: Scores, settings: Settings) -> list[Path]:
    """Write which image fell where, and the scores; the paths written."""
    mine = next(iter(found.values()))
    clusterings = {name: each.clustering for name, each in found.items()}
    paths = [settings.path(".csv"), settings.path(".json", start="metrics_")]
    write_csv(paths[0], *cluster_rows(mine.space, clusterings))
    write_json(
        paths[1],
        {
            "protocol": protocol_in_words(settings.clusterer),
            "scores": scores,
            "num_clusters": mine.clustering.count,
            "found": {name: {"clusters": each.count, "noise": each.noise} for name, each in clusterings.items()},
            "clusterer": settings.clusterer,
            "clustered": settings.space,
            "clustered_in_words": mine.reduction.words,
            "rows": len(mine.space.vectors),
            "made_of": made_of(found),
            "fitted_on": min(len(mine.space.vectors), FITTED_ON),
            "groups": len(set(mine.space.groups.tolist())),
            "seed": settings.seed,
            "command": command_line(),
            "versions": versions(),
        },
    )
    return paths


def made_of(found: Found) -> dict[str, str]:
    """The checkpoints whose latents were clustered: name of the file -> SHA-256."""
    return {name: digest for each in found.values() for name, digest in each.space.made_of.items()}


def draw(found: Found, scores: Scores, images: np.ndarray | None, settings: Settings) -> list[Path]:
    """Maps; with classes, clusters against them; with images (rows, C, H, W), the contact sheet. The paths written."""
    for sentence in settle_names(next(iter(found.values())).space.class_names):
        warn(sentence)
    baselines = {name: scores[name] for name in (PIXELS, "chance") if name in scores}
    maps = []
    for name, each in found.items():
        points, warnings = each.flat_points(settings.seed, settings.n_neighbors)
        maps.append((each, points, scores.get(name)))
        for sentence in warnings:
            warn(sentence)
    figures = {"": draw_cluster_maps(maps, baselines)}
    if scores:
        figures["_confusion"] = draw_overlap(found)
    if images is not None and (sheet := draw_central_images(next(iter(found.values())), images)):
        figures["_central"] = sheet
    saved = []
    for end, figure in figures.items():
        path = settings.path(f"{end}.png")
        saved += save_figure(figure, path, made_of=made_of(found), svg=settings.svg, show=settings.show)
    return saved
