"""Make one page on which both latent spaces can be explored with the pointer: explorer.html."""

import argparse

from latent.options import METHODS
from run import arguments as flags
from run.command import execute


def parse_arguments() -> argparse.Namespace:
    parser = flags.new_parser(
        "python explore_latent_space.py --latent_space output/latent_space_size_256.npy",
        "Make explorer.html: both latent spaces side by side, and under the pointer each image with what both\n"
        "bottlenecks keep of it, its class, clusters, errors and neighbours. What is selected in one is selected in\n"
        "the other; the decoder of 2 draws live what lies anywhere on its plane. One file, which needs no network.\n"
        "It takes the test split, both checkpoints and clusters from the folder of the latents, if they are there.",
    )
    group = parser.add_argument_group("what is shown")
    flags.add_latent_space(group)
    flags.add_test_data(group, "held-out test split (default: test_data.pth beside the latents)")
    group = parser.add_argument_group("maps of N")
    flags.add_choice(
        group, "--vis_type", list(METHODS), None,
        "maps to switch between (default: umap, pca and, of up to 5,000 images, tsne)", several=True,
    )  # fmt: skip
    flags.add_shared(group, "n_neighbors")
    flags.add_shared(parser.add_argument_group("run"), "output_dir", "seed", "device")
    return flags.with_latent_space_path(parser.parse_args())


def main() -> None:
    args = parse_arguments()

    from stages.explorer.main import Settings, run

    run(Settings(**vars(args)))


if __name__ == "__main__":
    execute(main)
