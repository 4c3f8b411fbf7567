"""Measure both bottlenecks on held-out images beside pixels, PCA and chance, and answer the three questions."""

import argparse

from model.options import add_refine
from run import arguments as flags
from run.artefacts import model_path, test_data_path
from run.command import execute
from run.errors import BadInput
from run.hints import choice_of_file


def parse_arguments() -> argparse.Namespace:
    parser = flags.new_parser(
        "python evaluate.py --model_path output/model_latent_size_256.pth --test_data output/test_data.pth",
        "Measure both bottlenecks on held-out images, beside raw pixels, PCA of equal size and chance, and say in\n"
        "words whether there are clusters, whether the classes cluster well and how the two bottlenecks compare.\n"
        "Several checkpoints of one size (trainings with other seeds) are put together as mean and spread.",
    )
    group = parser.add_argument_group("what is measured")
    checkpoints = "checkpoints of the bottleneck of N, all of one split; that of 2 is found beside each"
    flags.add_model(group, checkpoints, several=True)
    flags.add_test_data(group)
    flags.add_shared(group, "data_dir")
    group = parser.add_argument_group("how it is measured")
    add_refine(group)
    flags.add_choice(
        group, "--protocol", ["train-test", "transductive"], "train-test",
        "train-test fits on training images and scores on test images; transductive fits and scores on the same "
        "images, all of them, and is there to compare with published tables",
    )  # fmt: skip
    flags.add_value(group, "--seeds", flags.whole_number(1, 100), 3, "R", "runs, with seeds S, S + 1, ...")
    flags.add_value(
        group, "--num_clusters", flags.whole_number(1), None, "K",
        "clusters of k-means (default: one for each class; 10 where there are not two classes)",
    )  # fmt: skip
    flags.add_value(
        group, "--num_fit", flags.all_or_number(2), 10000, "M|all",
        "train-test: random training images that clusters and probes are fitted on",
    )  # fmt: skip
    flags.add_value(
        group, "--num_samples", flags.all_or_number(1), 1000, "M|all",
        "random test images on each map, or all of them where there are fewer",
    )  # fmt: skip
    flags.add_shared(parser.add_argument_group("run"), "output_dir", "seed", "device", "num_workers")
    args = parser.parse_args()
    if (args.model_path is None) == (args.latent_size is None):
        raise BadInput(
            "name checkpoints by --model_path, or one by --latent_size, as train.py was given it: "
            f"{choice_of_file('--model_path', args.output_dir)}"
        )
    args.model_path = args.model_path or [model_path(args.output_dir, args.latent_size)]
    args.test_data = args.test_data or test_data_path(args.model_path[0].parent)
    return args


def main() -> None:
    args = parse_arguments()

    from stages.evaluation.main import Settings, run

    run(Settings(**vars(args)))


if __name__ == "__main__":
    execute(main)
