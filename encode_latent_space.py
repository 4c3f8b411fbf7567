"""Encode held-out images, or any folder of images, with both bottlenecks; one .npy and its sidecar for each."""

import argparse

from model.options import add_refine
from run import arguments as flags
from run.command import execute


def parse_arguments() -> argparse.Namespace:
    parser = flags.new_parser(
        "python encode_latent_space.py --model_path output/model_latent_size_256.pth "
        "--test_data output/test_data.pth --num_samples 1000",
        "Encode the same random held-out images with the bottleneck of N and the bottleneck of 2.",
    )
    group = parser.add_argument_group("what is encoded")
    flags.add_model(group)
    flags.add_test_data(group)
    how_many = "how many random test images, or all of them (default: up to 1,000)"
    flags.add_value(group, "--num_samples", flags.word_or_number("all", 1), None, "M|all", how_many)
    new = "a folder of new images to encode instead of test images; saved into OUTPUT_DIR/images"
    flags.add_value(group, "--images", flags.path, None, "PATH", new)
    add_refine(group)
    flags.add_shared(group, "data_dir")
    flags.add_shared(parser.add_argument_group("run"), "output_dir", "seed", "device", "num_workers")
    return flags.with_model_paths(parser.parse_args())


def main() -> None:
    args = parse_arguments()

    from stages.encoding import Settings, run

    run(Settings(**vars(args)))


if __name__ == "__main__":
    execute(main, by_several=True)
