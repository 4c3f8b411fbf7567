"""Draw held-out images beside what each bottleneck makes of them, with the error under each."""

import argparse

from model.options import add_refine
from run import arguments as flags
from run.command import execute


def parse_arguments() -> argparse.Namespace:
    parser = flags.new_parser(
        "python viz_reconstruction.py --model_path output/model_latent_size_256.pth --test_data output/test_data.pth",
        "Draw held-out images beside their reconstructions by the bottleneck of N and the bottleneck of 2.",
    )
    group = parser.add_argument_group("what is drawn")
    flags.add_model(group)
    flags.add_test_data(group)
    flags.add_choice(
        group, "--pick", ["class", "random", "worst"], "class",
        "one image of each class, random ones, or those that the bottleneck of N reconstructs worst",
    )  # fmt: skip
    flags.add_value(
        group, "--num_images", flags.whole_number(1, 512), None, "M",
        "how many (default: one of each of up to 64 classes, or 16)",
    )  # fmt: skip
    add_refine(group)
    flags.add_shared(parser.add_argument_group("run"), "output_dir", "seed", "device", "svg", "show")
    return flags.with_model_paths(parser.parse_args())


def main() -> None:
    args = parse_arguments()

    from stages.reconstruction import Settings, run

    run(Settings(**vars(args)))


if __name__ == "__main__":
    execute(main)
