"""Draw clusters of both latent spaces beside the true classes, score them, and give new images clusters of theirs."""

import argparse

from latent.options import CLUSTERERS, SPACES
from run import arguments as flags
from run.command import execute
from run.errors import BadInput


def parse_arguments() -> argparse.Namespace:
    parser = flags.new_parser(
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
        group, "--space", SPACES, "umap",
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
        group, "--clusterer", list(CLUSTERERS), "kmeans",
        "k-means, a Gaussian mixture, or HDBSCAN, which finds the number itself and leaves noise out",
    )  # fmt: skip
    flags.add_value(
        group, "--num_clusters", flags.word_or_number("auto", 1), None, "K|auto",
        "how many clusters (default: one for each class); auto takes the number whose borders cut "
        "the fewest ties between neighbours in the bottleneck of N, or none (one cluster), and draws the curve",
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
    return args


def main() -> None:
    args = parse_arguments()

    from stages.clusters.main import Settings, run

    run(Settings(**vars(args)))


if __name__ == "__main__":
    execute(main)
