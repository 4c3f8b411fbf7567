"""Draw the error curves of several trainings in one figure, and what each network made of the same 16 test images."""

import argparse

from run import arguments as flags
from run.command import execute


def parse_arguments() -> argparse.Namespace:
    parser = flags.new_parser(
        "python viz_training.py --runs output",
        "Draw the error curves of one or several trainings in one figure and, of those that train.py was given\n"
        "--snapshot_epochs, how each network came to see the same 16 test images, architectures and sizes in columns.",
    )
    group = parser.add_argument_group("what is drawn")
    runs = "output folders of train.py, all of one split (default: OUTPUT_DIR)"
    flags.add_value(group, "--runs", flags.path, None, "DIR", runs, several=True)
    sizes = "draw these bottlenecks only (default: all)"
    flags.add_value(group, "--latent_size", flags.whole_number(1), None, "N", sizes, several=True)
    flags.add_shared(parser.add_argument_group("run"), "output_dir", "svg", "show")
    return parser.parse_args()


def main() -> None:
    args = parse_arguments()

    from stages.curves import Settings, run

    run(Settings(**vars(args)))


if __name__ == "__main__":
    execute(main)
