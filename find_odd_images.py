"""Rank the test images by how much they stand out: badly kept, far from all others, or of a doubtful label."""

import argparse

from run import arguments as flags
from run.command import execute


def parse_arguments() -> argparse.Namespace:
    parser = flags.new_parser(
        "python find_odd_images.py --model_path output/model_latent_size_256.pth --test_data output/test_data.pth",
        "Rank the test images in three ways: by their reconstruction error, by their distance from the nearest others\n"
        "in the latent space, and by how sure these are of another class (likely wrong labels). The first of each are\n"
        "drawn with their reconstructions; all of them stand in a table.",
    )
    group = parser.add_argument_group("what is ranked")
    flags.add_model(group, "checkpoint of the bottleneck of N")
    flags.add_test_data(group)
    group = parser.add_argument_group("how")
    flags.add_value(group, "--num_images", flags.whole_number(1), 24, "M", "images drawn of each ranking")
    flags.add_value(group, "--num_neighbours", flags.whole_number(1), 10, "K", "nearest images that are asked")
    flags.add_shared(parser.add_argument_group("run"), "output_dir", "device", "svg", "show")
    return flags.with_model_paths(parser.parse_args())


def main() -> None:
    args = parse_arguments()

    from stages.odd_images import Settings, run

    run(Settings(**vars(args)))


if __name__ == "__main__":
    execute(main)
