"""Show what is in the data: counts, sizes, samples, mean images, duplicates, and what could not be read."""

import argparse

from data import add_data_arguments
from run import arguments as flags
from run.command import execute


def parse_arguments() -> argparse.Namespace:
    parser = flags.new_parser(
        "python viz_dataset.py --dataset gtsrb",
        "Show what is in the data before anything is trained: images of each class on each side of the split, the\n"
        "sizes they came in, samples and the mean image of each class, images that are the same, unreadable files.",
    )
    group = parser.add_argument_group("images and split")
    add_data_arguments(group)
    group = parser.add_argument_group("what is drawn")
    flags.add_value(group, "--num_images", flags.whole_number(1, 64), 10, "M", "random images of each class")
    flags.add_shared(parser.add_argument_group("run"), "output_dir", "seed", "num_workers", "svg", "show")
    return parser.parse_args()


def main() -> None:
    args = parse_arguments()

    from stages.dataset.main import Settings, run

    run(Settings(**vars(args)))


if __name__ == "__main__":
    execute(main)
