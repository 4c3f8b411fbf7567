"""Draw both latent spaces side by side: the bottleneck of 2 as it is, the one of N by UMAP, t-SNE or PCA."""

import argparse

from latent.options import METHODS
from run import arguments as flags
from run.command import execute


def parse_arguments() -> argparse.Namespace:
    parser = flags.new_parser(
        "python viz_latent_space.py --latent_space output/latent_space_size_256.npy --vis_type umap",
        "Draw the latent spaces of both bottlenecks side by side, coloured by class. The bottleneck of 2 is drawn as\n"
        "it is, never projected; its latents are looked for in the same folder. Any .npy of (rows, dimensions) can be\n"
        "drawn: alone, and without classes, if it is not from encode_latent_space.py.",
    )
    group = parser.add_argument_group("what is drawn")
    flags.add_latent_space(group)
    group = parser.add_argument_group("map")
    flags.add_choice(group, "--vis_type", list(METHODS), "umap", "how N becomes 2")
    flags.add_shared(group, "n_neighbors")
    flags.add_value(
        group, "--perplexity", flags.real_number(0, 1e6), 30.0, "P", "tsne: about how many neighbours count"
    )
    group.add_argument("--thumbnails", action="store_true", help="draw some of the images at their points")
    flags.add_shared(parser.add_argument_group("run"), "output_dir", "seed", "svg", "show")
    return flags.with_latent_space_path(parser.parse_args())


def main() -> None:
    args = parse_arguments()

    from stages.latent_maps import Settings, run

    run(Settings(**vars(args)))


if __name__ == "__main__":
    execute(main)
