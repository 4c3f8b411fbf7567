"""Draw clusters of both latent spaces beside the true classes, score them, and give new images clusters of theirs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from run import arguments as flags
from run.artefacts import model_path, test_data_path, write_csv, write_json
from run.console import note, say, table, warn
from run.errors import BadInput, execute, printable

if TYPE_CHECKING:
    import numpy as np

    from data.test_data import TestData
    from figure.scatter import Panel
    from latent.archive import LatentSpace
    from latent.clustering import Clustering
    from latent.reduction import Reduction

PROTOCOL = (
    "transductive: clusters are fitted and scored on the same images, and no class is used to find them; chance deals "
    "the classes to whole tracks"
)
NOISE_RULE = "images that are in no cluster (noise) count as wrong, and in NMI, AMI and ARI as one more cluster"
SCORES = {
    "accuracy_majority": "accuracy (majority)",
    "accuracy_hungarian": "accuracy (one to one)",
    "nmi": "NMI",
    "ami": "AMI",
    "ari": "ARI",
}
CRITERIA = {"kmeans": "mean silhouette (the highest)", "gmm": "BIC an image (the lowest)"}
CENTRAL = 10  # images of each cluster on the contact sheet


class Clustered(NamedTuple):
    """A space, what it was brought down to, and the clusters that were found there."""

    space: LatentSpace
    reduction: Reduction
    clustering: Clustering


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
    flags.add_shared(group, "n_neighbors")
    near = "umap: how near points may come; 0 packs clusters tightly"
    flags.add_value(group, "--min_dist", flags.real_number(0, 1, from_lowest=True), 0.1, "D", near)
    group = parser.add_argument_group("how")
    flags.add_choice(
        group, "--clusterer", ["kmeans", "gmm", "hdbscan"], "kmeans",
        "k-means, a Gaussian mixture, or HDBSCAN, which finds the number itself and leaves noise out",
    )  # fmt: skip
    flags.add_value(
        group, "--num_clusters", number_or_auto, None, "K|auto",
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
        group, "--assign", Path, None, "PATH",
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


def number_or_auto(text: str) -> int | str:
    return text if text == "auto" else flags.whole_number(1)(text)


def main() -> None:
    args = parse_arguments()
    if args.assign is not None:
        assign_new(args)
        return

    from figure.scatter import draw_maps
    from figure.style import save_figure
    from latent.archive import load_with_bottleneck_2
    from latent.assignment import save_assigner
    from latent.cluster_tables import cluster_rows
    from latent.clustering import CLUSTERERS
    from latent.metrics import clustering_scores
    from latent.probes import dealt_scores
    from run.provenance import command_line, versions

    spaces = load_with_bottleneck_2(args.latent_space)
    space = spaces[args.latent_space]
    test_data = load_images_of(space, args.test_data or test_data_path(args.latent_space.parent))
    if space.labels is None and args.num_clusters is None and args.clusterer != "hdbscan":
        raise BadInput(
            f"{printable(args.latent_space)} has no classes to count; say how many clusters, with --num_clusters 10, "
            "or have the number found, with --num_clusters auto"
        )
    num_clusters = args.num_clusters or (None if space.labels is None else len(set(space.labels.tolist())))
    saved: list[Path] = []
    found: dict[str, Clustered] = {}
    for each in reversed(spaces.values()):  # the bottleneck of N first
        reduction = reduce_as_asked(each.vectors, each.name, args)
        if num_clusters == "auto":
            num_clusters = choose_number(reduction.points, space, args, saved)
        found[each.name] = Clustered(each, reduction, cluster_as_asked(reduction.points, num_clusters, args))
    clusters_of = {name: each.clustering.clusters for name, each in found.items()}
    if test_data is not None:
        note(f"clustering the pixels of the same {len(space.vectors):,} images in the same way")
        pixels = test_data.images[space.rows].reshape(len(space.rows), -1).astype("float32") / 255
        reduction = reduce_as_asked(pixels, "raw pixels", args)
        clusters_of["raw pixels"] = cluster_as_asked(reduction.points, num_clusters, args).clusters
    scores = {}
    if space.labels is not None:
        scores = {name: clustering_scores(clusters, space.labels) for name, clusters in clusters_of.items()}
        scores["chance"] = dealt_scores((clusters_of[space.name], space.labels, space.tracks), None, args.seed)
        if len(set(space.labels.tolist())) == 1:
            warn("the images are all of one class, with which any clusters agree or none: the scores say nothing")

    protocol = PROTOCOL + (f"; {NOISE_RULE}" if args.clusterer == "hdbscan" else "")
    mine = found[space.name]
    counts = {name: {"clusters": each.clustering.count, "noise": each.clustering.noise} for name, each in found.items()}
    saved += [args.output_dir / f"{args.stem}.csv", args.output_dir / f"metrics_{args.stem}.json"]
    write_csv(saved[-2], *cluster_rows(space, {name: each.clustering for name, each in found.items()}))
    write_json(
        saved[-1],
        {
            "protocol": protocol,
            "scores": scores,
            "num_clusters": mine.clustering.count,
            "found": counts,
            "clusterer": args.clusterer,
            "clustered": args.space,
            "clustered_in_words": mine.reduction.words,
            "rows": len(space.vectors),
            "tracks": len(set(space.tracks.tolist())),
            "seed": args.seed,
            "command": command_line(),
            "versions": versions(),
        },
    )
    saved += save_assigner(args.output_dir / f"{args.stem}_fitted.npz", assigner_of(mine, args))
    for name, each in found.items():
        if args.clusterer == "hdbscan":
            lost = f"{each.clustering.noise:,} of {len(each.space.vectors):,} images are in none (noise)"
            say(f"{name}: HDBSCAN found {each.clustering.count} clusters, and {lost}")
            if not each.clustering.count:
                warn(f"HDBSCAN found no cluster in {name}; try a smaller --min_cluster_size")
    if scores:
        header = [f"{CLUSTERERS[args.clusterer]}, {mine.clustering.count} clusters of {space.contents}"]
        rows = [[name, *(decimal(each[score], 3) for score in SCORES)] for name, each in scores.items()]
        say(table([*header, *SCORES.values()], rows))
        say(f"({protocol})")

    panels = [pair_of_panels(each, args, scores.get(name)) for name, each in found.items()]
    footer = f"{baselines(scores)}\n{protocol}" if scores else ""
    names = space.class_names if scores else [str(number) for number in range(1 + max(map(highest, found.values())))]
    figures = {"": draw_maps(panels, names, footer=footer, legend_title="class" if scores else "cluster")}
    if scores:
        figures["_confusion"] = draw_clusters_against_classes(found, args)
    if test_data is not None:
        figures["_central"] = draw_central_images(mine, test_data, args)
    # last, since a window that is shown keeps everything waiting
    for end, figure in figures.items():
        if figure is not None:
            path = args.output_dir / f"{args.stem}{end}.png"
            saved += save_figure(figure, path, svg=args.svg, show=args.show)
    for path in saved:
        say(f"saved {printable(path)}")


def reduce_as_asked(vectors: np.ndarray, name: str, args: argparse.Namespace) -> Reduction:
    from latent.reduction import reduce

    if "umap" in args.space and vectors.shape[1] > 2:
        note(f"mapping {name}: {len(vectors):,} vectors of {vectors.shape[1]} dimensions")
    return reduce(
        vectors, args.space, args.seed, size=args.space_size, pca_size=args.pca_size, n_neighbors=args.n_neighbors,
        min_dist=args.min_dist,
    )  # fmt: skip


def cluster_as_asked(points: np.ndarray, num_clusters: int | None, args: argparse.Namespace) -> Clustering:
    from latent.clustering import find_clusters

    return find_clusters(points, args.clusterer, num_clusters, args.seed, min_cluster_size=args.min_cluster_size)


def choose_number(points: np.ndarray, space: LatentSpace, args: argparse.Namespace, saved: list[Path]) -> int:
    """The number of clusters that the criterion is best at; its curve is written and its paths go into ``saved``."""
    from figure.criterion import draw_criterion
    from figure.style import save_figure
    from latent.clustering import best_of, choose_num_clusters

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


def highest(each: Clustered) -> int:
    return int(each.clustering.clusters.max())


def pair_of_panels(each: Clustered, args: argparse.Namespace, scores: dict[str, float] | None) -> list[Panel]:
    """Clusters and, where there are any, the true classes beside them, in colours that can be compared."""
    import numpy as np

    from figure.scatter import NO_GROUP, Panel
    from latent.clustering import CLUSTERERS
    from latent.metrics import match_clusters
    from latent.projection import AS_IT_IS, METHODS, draw_flat

    space, reduction, clustering = each
    if reduction.points.shape[1] == 2:
        points, drawn = reduction.points, args.space if reduction.arrays else AS_IT_IS
    else:
        note(f"drawing {space.name}")
        method = "pca" if args.space == "pca" else "umap"
        points, drawn = draw_flat(space.vectors, method, args.seed, n_neighbors=args.n_neighbors)
    form = "as it is" if drawn == AS_IT_IS else METHODS["pca" if drawn == "pca" else "umap"]
    axes = {AS_IT_IS: ("latent 1", "latent 2"), "pca": ("component 1", "component 2")}.get(drawn)
    count = clustering.count
    title = f"{space.name}, {form}: {count} {CLUSTERERS[args.clusterer]} cluster{'s' * (count != 1)}"
    where = f"its {reduction.words}" if reduction.arrays else f"the {space.name}"
    noise = f"; {clustering.noise:,} in none" if clustering.noise else ""
    if scores is None:
        return [Panel(points, clustering.clusters, title, f"found in {where}{noise}", axes)]
    class_of, _ = match_clusters(clustering.clusters, space.labels)
    colours = np.array([class_of.get(number, NO_GROUP) for number in clustering.clusters.tolist()])
    grey = [f"{count - len(class_of)} left over"] * (len(class_of) < count) + [
        f"{clustering.noise:,} images in none"
    ] * (clustering.noise > 0)
    agreement = (
        f"accuracy {scores['accuracy_majority']:.1%} (majority), {scores['accuracy_hungarian']:.1%} (one to one); "
        f"NMI {decimal(scores['nmi'], 2)}, ARI {decimal(scores['ari'], 2)}"
    )
    remark = f"found in {where}; coloured like the class each is paired with"
    remark += f"; grey: {', '.join(grey)}" if grey else ""
    return [
        Panel(points, colours, title, f"{remark}\n{agreement}", axes),
        Panel(points, space.labels, "true classes", f"the same {space.contents}", axes),
    ]


def draw_clusters_against_classes(found: dict[str, Clustered], args: argparse.Namespace):
    """The confusion figure: a panel for each space."""
    from figure.confusion import draw_confusion
    from latent.cluster_tables import cluster_confusion
    from latent.clustering import CLUSTERERS

    space = next(iter(found.values())).space
    matrices, columns = [], []
    for name, each in found.items():
        counts, names = cluster_confusion(each.clustering.clusters, space.labels, len(space.class_names))
        matrices.append((name, counts))
        columns.append(names)
    subject = f"{CLUSTERERS[args.clusterer]} clusters against classes: {space.contents}; in the order of their classes"
    return draw_confusion(matrices, space.class_names, subject, columns)


def draw_central_images(mine: Clustered, test_data: TestData, args: argparse.Namespace):
    """The contact sheet: mean and most central images of each cluster; None where there is no cluster."""
    import numpy as np

    from figure.dataset import draw_samples
    from latent.cluster_tables import cluster_classes
    from latent.clustering import most_central

    space, clusters = mine.space, mine.clustering.clusters
    class_of = cluster_classes(clusters, space.labels, space.class_names)
    sheet = []
    for cluster in range(mine.clustering.count):
        rows = np.flatnonzero(clusters == cluster)
        if not len(rows):
            continue
        name = f"{cluster}: {len(rows):,}"
        if class_of:
            share = np.mean([space.class_names[label] == class_of[cluster] for label in space.labels[rows]])
            name += f", {share:.0%} {class_of[cluster]}"
        central = most_central(mine.reduction.points, clusters, cluster, CENTRAL)
        mean = test_data.images[space.rows[rows]].mean(axis=0, dtype=np.float64) / 255
        sheet.append((name, mean.astype(np.float32), test_data.images[space.rows[central]]))
    if not sheet:
        return None
    subject = f"Clusters of {space.name}: number, images, commonest class; the mean, and the most central images"
    return draw_samples(sheet, CENTRAL, subject)


def load_images_of(space: LatentSpace, path: Path) -> TestData | None:
    """The test split that these are the latents of.

    None, and a word about it, where the images are not those of a test split or the split is not there.

    Raises:
        BadInput: the test data are damaged, or are not those that the latents were made from.
    """
    if space.rows is None:
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
    return test_data


def assigner_of(mine: Clustered, args: argparse.Namespace):
    """What gives later vectors clusters of these."""
    from latent.assignment import Assigner
    from latent.cluster_tables import cluster_classes
    from run.provenance import command_line, versions

    space, clustering = mine.space, mine.clustering
    about = {
        "space": args.space,
        "in_words": mine.reduction.words,
        "fitted_on": space.contents,
        "checkpoint_sha256": space.origin.get("checkpoint_sha256"),
        "split_fingerprint": space.origin.get("split_fingerprint"),
        "seed": args.seed,
        "command": command_line(),
        "versions": versions(),
    }
    class_of = cluster_classes(clustering.clusters, space.labels, space.class_names)
    return Assigner(
        args.clusterer, space.vectors.shape[1], mine.reduction.arrays, clustering.arrays, class_of, about
    )  # fmt: skip


def assign_new(args: argparse.Namespace) -> None:
    """Give images that came later clusters of a fit that was saved, and write which fell where."""
    from latent.archive import load_latent_space
    from latent.assignment import load_assigner
    from latent.cluster_tables import assigned_rows, summary_rows
    from latent.clustering import CLUSTERERS, MEASURES
    from latent.metrics import NOISE

    fit = f"python viz_kmeans_latent_space.py --latent_space {printable(args.latent_space)} "
    fit += f"--clusterer {args.clusterer} --space {args.space}"
    path = args.output_dir / f"{args.stem}_fitted.npz"
    assigner = load_assigner(path, fit)
    if not args.assign.exists():
        raise BadInput(
            f"--assign {printable(args.assign)} is not there; give a folder of images, or a .npy of latents, which "
            "python encode_latent_space.py --images FOLDER makes"
        )
    space = encode_folder(assigner, args) if args.assign.is_dir() else load_latent_space(args.assign)
    fitted_by, made_by = assigner.about.get("checkpoint_sha256"), space.origin.get("checkpoint_sha256")
    if fitted_by and made_by and fitted_by != made_by:
        raise BadInput(
            f"{printable(args.assign)} comes out of another model than the clusters of {printable(path)}; encode with "
            f"that model, or cluster anew: {fit}"
        )
    clusters, measured = assigner.assign(space.vectors)
    known = f"{CLUSTERERS[args.clusterer]} on {assigner.about.get('in_words')} of {assigner.about.get('fitted_on')}"
    say(f"{space.contents} given clusters of {known}; nothing is fitted on them")
    say(table(["cluster", "images", "its commonest class there"], summary_rows(clusters, assigner.class_of)))
    if (lost := int((clusters == NOISE).sum())) == len(clusters):
        warn("none of the images is near any cluster")
    elif lost:
        note(f"{lost:,} of {len(clusters):,} are near no cluster (noise)")
    if space.labels is not None and assigner.class_of:
        named = [assigner.class_of.get(cluster) for cluster in clusters.tolist()]
        right = sum(given == space.class_names[label] for given, label in zip(named, space.labels, strict=True))
        say(f"of their own class, by the commonest one of their cluster: {right / len(named):.1%}")
    table_path = args.output_dir / f"{args.stem}_assigned.csv"
    write_csv(table_path, *assigned_rows(space, clusters, measured, assigner.class_of, args.clusterer))
    say(f"saved {printable(table_path)} (with the {MEASURES[args.clusterer]})")


def encode_folder(assigner, args: argparse.Namespace) -> LatentSpace:
    """The latents of a folder of images, by the model whose latents were clustered.

    Raises:
        BadInput: that model is not beside the latents, or nobody knows which it was.
    """
    import numpy as np

    from data import load_images
    from latent.archive import LatentSpace
    from model.checkpoint import load_checkpoint
    from model.inference import encode_batches
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
    source = load_images(str(args.assign), args.data_dir, tuple(size), channels == 1, args.num_workers or None)
    images = np.broadcast_to(source.images, (len(source.images), *model.image_shape))
    vectors = np.concatenate(list(encode_batches(model.to(choose_device(args.device)), images)))
    origin = {"dataset": source.name, "checkpoint_sha256": record["sha256"]}
    return LatentSpace(vectors, source.labels, source.class_names, source.sample_ids, None, origin, source.groups)


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


if __name__ == "__main__":
    execute(main)
