"""Draw k-means clusters of both latent spaces beside the true classes, and score them beside pixels and chance."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from run import arguments as flags
from run.artefacts import test_data_path, write_csv, write_json
from run.console import note, say, table
from run.errors import BadInput, execute, printable

if TYPE_CHECKING:
    import numpy as np

    from figure.scatter import Panel
    from latent.archive import LatentSpace

PROTOCOL = "transductive: clusters are fitted and scored on the same images, and no class is used to find them"
SCORES = {
    "accuracy_majority": "accuracy (majority)",
    "accuracy_hungarian": "accuracy (one to one)",
    "nmi": "NMI",
    "ami": "AMI",
    "ari": "ARI",
}


def parse_arguments() -> argparse.Namespace:
    parser = flags.parser(
        "python viz_kmeans_latent_space.py --latent_space output/latent_space_size_256.npy --num_clusters 43",
        "Cluster both latent spaces by k-means and draw clusters beside true classes, with how well they agree, and\n"
        "the same for the raw pixels and for chance. The bottleneck of 2 (looked for in the same folder) is clustered\n"
        "as it is. Any .npy of (rows, dimensions) can be clustered; without classes nothing is scored.",
    )
    group = parser.add_argument_group("what is clustered")
    flags.add_latent_space(group)
    group.add_argument(
        "--num_clusters",
        type=flags.whole_number(1),
        default=None,
        metavar="K",
        help="how many clusters (default: one for each class)",
    )
    group.add_argument(
        "--space",
        choices=["umap", "latent", "pca"],
        default="umap",
        help="where clusters are looked for: on the 2-d UMAP or PCA that is drawn, or among the latents themselves, "
        "which are then drawn on their UMAP",
    )
    flags.add_n_neighbors(group)
    group.add_argument(
        "--test_data",
        type=Path,
        default=None,
        metavar="FILE",
        help="held-out images, whose pixels are clustered for comparison (default: test_data.pth beside the latents)",
    )
    group = parser.add_argument_group("run")
    flags.add_output_dir(group)
    flags.add_seed(group)
    flags.add_svg(group)
    flags.add_show(group)
    return flags.with_latent_space_path(parser.parse_args())


def main() -> None:
    args = parse_arguments()

    from figure.scatter import draw_maps
    from figure.style import save_figure
    from latent.archive import load_with_bottleneck_2
    from latent.clustering import cluster
    from latent.metrics import clustering_scores
    from latent.probes import dealt_scores
    from latent.projection import AS_IT_IS, METHODS, draw_flat
    from run.provenance import command_line, versions

    spaces = load_with_bottleneck_2(args.latent_space)
    space = spaces[args.latent_space]
    pixels = load_pixels(space, args.test_data or test_data_path(args.latent_space.parent))
    num_clusters = args.num_clusters or count_classes(space, args.latent_space)
    method = "pca" if args.space == "pca" else "umap"
    scores, panels, clusters_of = {}, [], {}
    for each in reversed(spaces.values()):  # the bottleneck of N first
        if each.vectors.shape[1] > 2:
            note(
                f"drawing the {METHODS[method]} of {len(each.vectors):,} vectors of {each.vectors.shape[1]} dimensions"
            )
        points, drawn = draw_flat(each.vectors, method, args.seed, n_neighbors=args.n_neighbors)
        in_latents = args.space == "latent" or drawn == AS_IT_IS
        clusters = cluster(each.vectors if in_latents else points, num_clusters, args.seed)
        clusters_of[each.name] = clusters
        if each.labels is not None:
            scores[each.name] = clustering_scores(clusters, each.labels)
        where = f"the {each.name}" if in_latents else f"its {METHODS[drawn]}"
        panels.append(pair_of_panels(each, points, drawn, clusters, scores.get(each.name), where))
    if pixels is not None:
        note(f"clustering the pixels of the same {len(pixels):,} images in the same way")
        if args.space != "latent":
            pixels, _ = draw_flat(pixels, method, args.seed, n_neighbors=args.n_neighbors)
        scores["raw pixels"] = clustering_scores(cluster(pixels, num_clusters, args.seed), space.labels)
    if scores:
        scores["chance"] = dealt_scores((clusters_of[space.name], space.labels, space.tracks), None, args.seed)

    footer = f"{baselines(scores)}\n{PROTOCOL}" if scores else ""
    names = space.class_names if scores else [str(number) for number in range(num_clusters)]
    stem = f"{args.latent_space.stem}_kmeans_{args.space}"
    figure = draw_maps(panels, names, footer=footer, legend_title="class" if scores else "cluster")
    saved = [args.output_dir / f"{stem}.csv", args.output_dir / f"metrics_{stem}.json"]
    write_csv(saved[0], *as_table(space, clusters_of))
    write_json(
        saved[1],
        {
            "protocol": PROTOCOL,
            "scores": scores,
            "num_clusters": num_clusters,
            "clustered": args.space,
            "rows": len(space.vectors),
            "seed": args.seed,
            "command": command_line(),
            "versions": versions(),
        },
    )
    if scores:
        header = [f"k-means, {num_clusters} clusters of {space.contents}", *SCORES.values()]
        say(table(header, [[name, *(decimal(each[score], 3) for score in SCORES)] for name, each in scores.items()]))
        say(f"({PROTOCOL})")
    # last, since a window that is shown keeps everything waiting
    saved += save_figure(figure, args.output_dir / f"{stem}.png", svg=args.svg, show=args.show)
    for path in saved:
        say(f"saved {printable(path)}")


def count_classes(space: LatentSpace, path: Path) -> int:
    """How many classes the images are of, as far as any image of them is there.

    Raises:
        BadInput: the images have no classes.
    """
    if space.labels is None:
        raise BadInput(f"{printable(path)} has no classes to count; say how many clusters, with --num_clusters 10")
    return len(set(space.labels.tolist()))


def pair_of_panels(
    space: LatentSpace,
    points: np.ndarray,
    drawn: str,
    clusters: np.ndarray,
    scores: dict[str, float] | None,
    where: str,
) -> list[Panel]:
    """Clusters and, where there are any, the true classes beside them, in colours that can be compared."""
    import numpy as np

    from figure.scatter import NO_GROUP, Panel
    from latent.metrics import match_clusters
    from latent.projection import METHODS

    form = METHODS.get(drawn, "as it is")
    axes = {"as_it_is": ("latent 1", "latent 2"), "pca": ("component 1", "component 2")}.get(drawn)
    count = len(set(clusters.tolist()))
    title = f"{space.name}, {form}: {count} k-means cluster{'s' * (count != 1)}"
    found = f"found in {where}"
    if scores is None:
        return [Panel(points, clusters, title, found, axes)]
    class_of, _ = match_clusters(clusters, space.labels)
    colours = np.array([class_of.get(number, NO_GROUP) for number in clusters.tolist()])
    grey = f"; grey: {count - len(class_of)} left over" if len(class_of) < count else ""
    agreement = (
        f"accuracy {scores['accuracy_majority']:.1%} (majority), {scores['accuracy_hungarian']:.1%} (one to one); "
        f"NMI {decimal(scores['nmi'], 2)}, ARI {decimal(scores['ari'], 2)}"
    )
    return [
        Panel(
            points,
            colours,
            title,
            f"{found}; coloured like the class each is paired with{grey}\n{agreement}",
            axes,
        ),
        Panel(points, space.labels, "true classes", f"the same {space.contents}", axes),
    ]


def load_pixels(space: LatentSpace, path: Path) -> np.ndarray | None:
    """The pixels of the images whose latents these are, float32 (rows, C * H * W) in [0, 1].

    None, and a word about it, where the images are not those of a test split or the split is not there.

    Raises:
        BadInput: the test data are damaged, or are not those that the latents were made from.
    """
    if space.labels is None or space.rows is None:
        return None
    if not path.exists():
        note(f"{printable(path)} is not there, so pixels are left out of the comparison")
        return None
    from data.test_data import load_test_data

    test_data = load_test_data(path)
    if test_data.fingerprint != space.origin.get("split_fingerprint") or space.rows.max() >= len(test_data.images):
        raise BadInput(
            f"{printable(path)} is not the split that the latents were made from; encode it anew: "
            f"python encode_latent_space.py --latent_size {space.vectors.shape[1]}"
        )
    return test_data.images[space.rows].reshape(len(space.rows), -1).astype("float32") / 255


def baselines(scores: dict[str, dict[str, float]]) -> str:
    """What the scores in the figure are to be compared with, in a line."""
    return "; ".join(
        f"{name}: accuracy {each['accuracy_majority']:.1%} (majority), {each['accuracy_hungarian']:.1%} (one to one), "
        f"NMI {decimal(each['nmi'], 2)}, ARI {decimal(each['ari'], 2)}"
        for name, each in scores.items()
        if name in ("raw pixels", "chance")
    )


def decimal(value: float, places: int) -> str:
    """Fixed decimals, without the sign of a zero: an adjusted score of chance is as often -0.0001 as 0.0001."""
    return f"{round(value, places) + 0.0:.{places}f}"


def as_table(space: LatentSpace, clusters_of: dict[str, np.ndarray]) -> tuple[list[str], list[list[object]]]:
    """Header and rows of the CSV: what each image is and which cluster it fell into, in each space."""
    from latent.metrics import match_clusters

    header, columns = [], []
    for name, clusters in clusters_of.items():
        header.append(f"cluster in {name}")
        columns.append(clusters.tolist())
        if space.labels is not None:
            one_to_one, majority = match_clusters(clusters, space.labels)
            for how, class_of in [("one to one", one_to_one), ("majority", majority)]:
                header.append(f"class of that cluster ({how})")
                paired = [class_of.get(number) for number in clusters.tolist()]
                columns.append(["" if label is None else space.class_names[label] for label in paired])
    known, rows = space.describe_rows()
    return [*known, *header], [[*row, *found] for row, *found in zip(rows, *columns, strict=True)]


if __name__ == "__main__":
    execute(main)
