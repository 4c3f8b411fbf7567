"""Draw clusters of both latent spaces beside the true classes, score them, and give new images clusters of theirs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from run import arguments as flags
from run.artefacts import model_path, test_data_path, write_csv, write_json
from run.console import note, say, warn
from run.errors import BadInput, execute, printable

if TYPE_CHECKING:
    import numpy as np

    from figure.scatter import Panel
    from latent.archive import LatentSpace
    from latent.assignment import Assigner
    from latent.clustered import Clustered
    from latent.clustering import Clustering
    from latent.reduction import Reduction

BASELINES = ("raw pixels", "chance")
CENTRAL = 10  # images of each cluster on the contact sheet

Found = dict[str, "Clustered"]  # name of a space -> it and its clusters, the bottleneck of N first
Scores = dict[str, dict[str, float]]  # name of a space -> how its clusters agree with the classes; {} without classes


def parse_arguments() -> argparse.Namespace:
    parser = flags.parser(
        "python viz_kmeans_latent_space.py --latent_space output/latent_space_size_256.npy --num_clusters 43",
        "Cluster both latent spaces and draw clusters beside true classes, with how well they agree, and the same for\n"
        "the raw pixels and for chance. The bottleneck of 2 (looked for in the same folder) is clustered as it is.\n"
        "Any .npy of (rows, dimensions) can be clustered; without classes nothing is scored. What was fitted is\n"
        "saved, and --assign gives new images clusters of it.",
    )
    group = parser.add_argument_group("what is clustered")
    flags.add_latent_space(group)
    flags.add_test_data(
        group, "held-out images, whose pixels are clustered for comparison (default: test_data.pth beside the latents)"
    )
    group = parser.add_argument_group("where clusters are looked for")
    flags.add_choice(
        group, "--space", ["umap", "pca", "pca-umap", "latent"], "umap",
        "on the UMAP or PCA of the latents, on the UMAP of their first principal components, or among the latents "
        "themselves",
    )  # fmt: skip
    flags.add_value(
        group, "--space_size", flags.whole_number(2, 100), 2, "S",
        "dimensions of that UMAP or PCA; of more than 2, the clusters are drawn on a map of their own",
    )  # fmt: skip
    flags.add_value(group, "--pca_size", flags.whole_number(2), 50, "P", "pca-umap: principal components kept")
    flags.add_value(
        group, "--whiten", flags.fraction, 0.0, "W",
        "divide each latent dimension by its standard deviation to this power first; 1 makes all count alike; pixels "
        "stay as they are",
    )  # fmt: skip
    flags.add_shared(group, "n_neighbors")
    near = "umap: how near points may come; 0 packs clusters tightly"
    flags.add_value(group, "--min_dist", flags.real_number(0, 1, from_lowest=True), 0.1, "D", near)
    group = parser.add_argument_group("how")
    flags.add_choice(
        group, "--clusterer", ["kmeans", "gmm", "hdbscan"], "kmeans",
        "k-means, a Gaussian mixture, or HDBSCAN, which finds the number itself and leaves noise out",
    )  # fmt: skip
    flags.add_value(
        group, "--num_clusters", flags.word_or_number("auto", 1), None, "K|auto",
        "how many clusters (default: one for each class); auto takes the number with the best silhouette "
        "(kmeans) or Bayesian information criterion (gmm) in the bottleneck of N, and draws the curve",
    )  # fmt: skip
    flags.add_value(group, "--max_clusters", flags.whole_number(2), 60, "K", "auto: the most that is tried")
    flags.add_value(
        group, "--min_cluster_size", flags.whole_number(2), None, "M",
        "hdbscan: the fewest images that make a cluster (default: a hundredth of all, at least 5)",
    )  # fmt: skip
    group = parser.add_argument_group("new images")
    flags.add_value(
        group, "--assign", flags.path, None, "PATH",
        "fit nothing: give the images of a folder, or the latents of a .npy, clusters of the fit that the same "
        "command without --assign has saved",
    )  # fmt: skip
    flags.add_shared(group, "data_dir", "num_workers", "device")
    flags.add_shared(parser.add_argument_group("run"), "output_dir", "seed", "svg", "show")
    args = flags.with_latent_space_path(parser.parse_args())
    if args.clusterer == "hdbscan" and args.num_clusters is not None:
        raise BadInput("HDBSCAN finds the number of clusters itself; leave --num_clusters out, or take --clusterer gmm")
    args.stem = f"{args.latent_space.stem}_{args.clusterer}_{args.space}"
    return args


def main() -> None:
    args = parse_arguments()
    if args.assign is not None:
        assign_new(args)
        return

    from data.test_data import load_encoded_images
    from latent.archive import load_with_bottleneck_2
    from latent.assignment import save_assigner
    from latent.clustered import Clustered, agreement_with_classes, in_words, protocol_of
    from latent.clustering import require_different

    spaces = load_with_bottleneck_2(args.latent_space)
    space = spaces[args.latent_space]
    test_path = args.test_data or test_data_path(args.latent_space.parent)
    images = load_encoded_images(test_path, space.rows, space.origin.get("split_fingerprint"))
    if space.labels is None and args.num_clusters is None and args.clusterer != "hdbscan":
        raise BadInput(
            f"{printable(args.latent_space)} has no classes to count; say how many clusters, with --num_clusters 10, "
            "or have the number found, with --num_clusters auto"
        )
    num_clusters = args.num_clusters or (None if space.labels is None else len(set(space.labels.tolist())))
    if isinstance(num_clusters, int) and args.clusterer != "hdbscan":
        require_different(space.vectors, num_clusters)  # before a map is made, which may take minutes
    saved: list[Path] = []
    found: Found = {}
    for each in reversed(spaces.values()):
        reduction = reduce_as_asked(each.vectors, each.name, args.whiten, args)
        if num_clusters == "auto":
            num_clusters = choose_number(reduction.points, space, args, saved)
        found[each.name] = Clustered(each, reduction, cluster_as_asked(reduction.points, num_clusters, args))
    clusters_of = {name: each.clustering.clusters for name, each in found.items()}
    if images is not None:
        note(f"clustering the pixels of the same {len(images):,} images in the same way")
        pixels = images.reshape(len(images), -1).astype("float32") / 255
        reduction = reduce_as_asked(pixels, "raw pixels", 0.0, args)
        clusters_of["raw pixels"] = cluster_as_asked(reduction.points, num_clusters, args).clusters

    scores = agreement_with_classes(clusters_of, space, args.seed)
    protocol = protocol_of(args.clusterer)
    saved += save_numbers(found, scores, protocol, args)
    assigner = found[space.name].assigner(args.space, args.seed)
    saved += save_assigner(args.output_dir / f"{args.stem}_fitted.npz", assigner)
    if text := in_words(found, scores):
        say(text)
    # last, since a window that is shown keeps everything waiting
    saved += draw(found, scores, protocol, images, args)
    for path in saved:
        say(f"saved {printable(path)}")


def reduce_as_asked(vectors: np.ndarray, name: str, whiten: float, args: argparse.Namespace) -> Reduction:
    from latent.reduction import reduce

    if "umap" in args.space and vectors.shape[1] > 2:
        note(f"mapping {name}: {len(vectors):,} vectors of {vectors.shape[1]} dimensions")
    return reduce(
        vectors, args.space, args.seed, size=args.space_size, pca_size=args.pca_size, n_neighbors=args.n_neighbors,
        min_dist=args.min_dist, whiten=whiten,
    )  # fmt: skip


def cluster_as_asked(points: np.ndarray, num_clusters: int | None, args: argparse.Namespace) -> Clustering:
    from latent.clustering import find_clusters

    found = find_clusters(points, args.clusterer, num_clusters, args.seed, min_cluster_size=args.min_cluster_size)
    for sentence in found.warnings:
        warn(sentence)
    return found


def choose_number(points: np.ndarray, space: LatentSpace, args: argparse.Namespace, saved: list[Path]) -> int:
    """The number of clusters that the criterion is best at; its curve is written and its paths go into ``saved``."""
    from figure.criterion import draw_criterion
    from figure.style import save_figure
    from latent.clustering import CRITERIA, best_of, choose_num_clusters

    note(f"trying up to {args.max_clusters} clusters of {space.name}")
    criterion = choose_num_clusters(points, args.clusterer, args.seed, args.max_clusters)
    chosen = best_of(criterion, args.clusterer)
    if chosen == max(criterion) and len(criterion) > 1:
        warn(f"the criterion was still improving at {chosen} clusters; try more, with --max_clusters {2 * chosen}")
    classes = None if space.labels is None else len(set(space.labels.tolist()))
    name = CRITERIA[args.clusterer]
    subject = f"How many clusters are there in {space.name}? {space.contents[:1].upper()}{space.contents[1:]}"
    path = args.output_dir / f"{args.stem}_criterion.csv"
    write_csv(path, ["clusters", name], [list(pair) for pair in criterion.items()])
    figure = draw_criterion(criterion, chosen, classes, name, subject)
    saved += [path, *save_figure(figure, path.with_suffix(".png"), svg=args.svg)]
    say(f"{chosen} clusters: of 2 to {max(criterion)} the best by {name}")
    return chosen


def save_numbers(found: Found, scores: Scores, protocol: str, args: argparse.Namespace) -> list[Path]:
    """Write which image fell where, and the scores; the paths written."""
    from latent.cluster_tables import cluster_rows
    from run.provenance import command_line, versions

    mine = next(iter(found.values()))
    clusterings = {name: each.clustering for name, each in found.items()}
    paths = [args.output_dir / f"{args.stem}.csv", args.output_dir / f"metrics_{args.stem}.json"]
    write_csv(paths[0], *cluster_rows(mine.space, clusterings))
    write_json(
        paths[1],
        {
            "protocol": protocol,
            "scores": scores,
            "num_clusters": mine.clustering.count,
            "found": {name: {"clusters": each.count, "noise": each.noise} for name, each in clusterings.items()},
            "clusterer": args.clusterer,
            "clustered": args.space,
            "clustered_in_words": mine.reduction.words,
            "rows": len(mine.space.vectors),
            "groups": len(set(mine.space.groups.tolist())),
            "seed": args.seed,
            "command": command_line(),
            "versions": versions(),
        },
    )
    return paths


def draw(
    found: Found, scores: Scores, protocol: str, images: np.ndarray | None, args: argparse.Namespace
) -> list[Path]:
    """Maps; with classes, clusters against them; with images (rows, C, H, W), the contact sheet. The paths written."""
    from figure.class_sheet import draw_class_sheet
    from figure.confusion import draw_confusion
    from figure.scatter import draw_maps
    from figure.style import save_figure
    from latent.cluster_tables import score_line
    from latent.clustering import CLUSTERERS

    mine = next(iter(found.values()))
    space, figures = mine.space, {}
    panels = [panels_of(each, scores.get(name), args) for name, each in found.items()]
    if scores:
        baselines = "; ".join(f"{name}: {score_line(scores[name])}" for name in BASELINES if name in scores)
        figures[""] = draw_maps(panels, space.class_names, footer=f"{baselines}\n{protocol}")
        kind = CLUSTERERS[args.clusterer]
        subject = f"{kind} clusters against classes: {space.contents}; in the order of their classes"
        counts, columns = zip(*(each.confusion() for each in found.values()), strict=True)
        matrices = list(zip(found, counts, strict=True))
        figures["_confusion"] = draw_confusion(matrices, space.class_names, subject, columns)
    else:
        most = 1 + max(int(each.clustering.clusters.max()) for each in found.values())
        figures[""] = draw_maps(panels, [str(number) for number in range(most)], legend_title="cluster")
    sheet = [] if images is None else mine.central_images(images, CENTRAL)
    if sheet:
        subject = f"Clusters of {space.name}: number, images, commonest class; the mean, and the most central images"
        figures["_central"] = draw_class_sheet(sheet, CENTRAL, subject)
    saved = []
    for end, figure in figures.items():
        saved += save_figure(figure, args.output_dir / f"{args.stem}{end}.png", svg=args.svg, show=args.show)
    return saved


def panels_of(each: Clustered, scores: dict[str, float] | None, args: argparse.Namespace) -> list[Panel]:
    """A space's clusters on its map and, where there are any, its true classes beside them."""
    from figure.clusters import cluster_panels
    from latent.cluster_tables import score_line
    from latent.clustering import CLUSTERERS

    space, count = each.space, each.clustering.count
    points, drawn, axis_names = each.draw(args.seed, args.n_neighbors)
    classes = {}
    if scores is not None:
        classes = {"labels": space.labels, "class_of": each.paired, "contents": space.contents}
        classes["agreement"] = score_line(scores)
    return cluster_panels(
        points,
        each.clustering.clusters,
        count=count,
        title=f"{space.name}, {drawn}: {count} {CLUSTERERS[args.clusterer]} cluster{'s' * (count != 1)}",
        where=each.where,
        axis_names=axis_names,
        **classes,
    )


def assign_new(args: argparse.Namespace) -> None:
    """Give images that came later clusters of a fit that was saved, and write which fell where."""
    from latent.archive import load_latent_space
    from latent.assignment import describe_assigned, load_assigner
    from latent.cluster_tables import assigned_rows
    from latent.clustering import MEASURES

    fit = f"python viz_kmeans_latent_space.py --latent_space {printable(args.latent_space)} "
    fit += f"--clusterer {args.clusterer} --space {args.space}"
    fitted = args.output_dir / f"{args.stem}_fitted.npz"
    assigner = load_assigner(fitted, fit)
    if not args.assign.exists():
        raise BadInput(
            f"--assign {printable(args.assign)} is not there; give a folder of images, or a .npy of latents, which "
            "python encode_latent_space.py --images FOLDER makes"
        )
    space = encode_folder(assigner, args) if args.assign.is_dir() else load_latent_space(args.assign)
    if not assigner.may_know(space):
        raise BadInput(
            f"{printable(args.assign)} comes out of another model than the clusters of {printable(fitted)}; encode "
            f"with that model, or cluster anew: {fit}"
        )
    clusters, measured = assigner.assign(space.vectors)
    say(describe_assigned(assigner, space, clusters))
    path = args.output_dir / f"{args.stem}_assigned.csv"
    write_csv(path, *assigned_rows(space, clusters, measured, assigner.class_of, args.clusterer))
    say(f"saved {printable(path)} (with the {MEASURES[args.clusterer]})")


def encode_folder(assigner: Assigner, args: argparse.Namespace) -> LatentSpace:
    """The latents of a folder of images, by the model whose latents were clustered.

    Raises:
        BadInput: that model is not beside the latents, or nobody knows which it was.
    """
    import numpy as np

    from data import load_images
    from latent.archive import LatentSpace
    from model.checkpoint import load_checkpoint
    from model.inference import encode
    from run.device import choose_device

    path = model_path(args.latent_space.parent, assigner.size)
    if not assigner.about.get("checkpoint_sha256"):
        raise BadInput("the clusters are of vectors of unknown origin, and images can't be encoded; --assign a .npy")
    model, record = load_checkpoint(path)
    if record["sha256"] != assigner.about["checkpoint_sha256"]:
        raise BadInput(
            f"{printable(path)} is not the model whose latents were clustered; encode and cluster anew: "
            f"python encode_latent_space.py --latent_size {assigner.size}"
        )
    channels, *size = model.image_shape
    source = load_images(
        str(args.assign), args.data_dir, tuple(size), channels == 1, args.num_workers or None, is_new=True
    )
    images = np.broadcast_to(source.images, (len(source.images), *model.image_shape))
    vectors = encode(model.to(choose_device(args.device)), images)
    origin = {"dataset": source.name, "checkpoint_sha256": record["sha256"]}
    return LatentSpace(vectors, source.labels, source.class_names, source.sample_ids, None, origin, source.groups)


if __name__ == "__main__":
    execute(main)
