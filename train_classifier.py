"""Train classifiers on latents, beside the same ones on PCA and raw pixels, and a convolutional one as the ceiling."""

import argparse

from model.options import CLASSIFIER_BATCH, CLASSIFIER_PEAK_RATE, CLASSIFIERS
from run import arguments as flags
from run.artefacts import model_path
from run.command import execute
from run.errors import BadInput
from run.hints import choice_of_file


def parse_arguments() -> argparse.Namespace:
    parser = flags.new_parser(
        "python train_classifier.py --latent_size 256",
        "Train a linear probe, a small MLP and nearest neighbours on the latents of training images, and a\n"
        "convolutional network on their pixels; score all on test images, beside the same classifiers on PCA of equal\n"
        "size and on raw pixels. Several checkpoints, of any architectures, sizes and data sets, make one table.",
    )
    group = parser.add_argument_group("what is classified")
    flags.add_model(group, "checkpoints of bottlenecks of N; that of 2 is found beside each", several=True)
    flags.add_shared(group, "data_dir")
    flags.add_value(
        group, "--max_fit", flags.whole_number(2), None, "M", "learn from M random training images (default: from all)"
    )
    group = parser.add_argument_group("classifiers")
    which = f"which of {', '.join(CLASSIFIERS)}"
    flags.add_choice(group, "--classifiers", list(CLASSIFIERS), list(CLASSIFIERS), which, several=True)
    flags.add_choice(
        group, "--balance", ["none", "sampler", "weights"], "none",
        "against unequal classes: draw each class as often, or weigh its loss by how rare it is; nearest "
        "neighbours stay as they are",
    )  # fmt: skip
    number = flags.whole_number(1)
    flags.add_value(group, "--hidden", flags.whole_number(1, 8192), 64, "H", "ReLU units of the MLP")
    flags.add_value(group, "--num_epochs", number, 40, "E", "times the MLP sees each training image")
    flags.add_value(group, "--cnn_epochs", number, 10, "E", "times the convolutional network sees each training image")
    flags.add_value(group, "--batch_size", number, CLASSIFIER_BATCH, "B", "images a step")
    rate = "highest learning rate of the MLP's and the network's one-cycle schedule"
    flags.add_value(group, "--lr", flags.real_number(0, 10), CLASSIFIER_PEAK_RATE, "R", rate)
    flags.add_shared(parser.add_argument_group("run"), "output_dir", "seed", "device", "num_workers", "svg", "show")
    args = parser.parse_args()
    if (args.model_path is None) == (args.latent_size is None):
        raise BadInput(
            "name checkpoints by --model_path, or one by --latent_size, as train.py was given it: "
            f"{choice_of_file('--model_path', args.output_dir)}"
        )
    if args.model_path is None:
        args.model_path = [model_path(args.output_dir, args.latent_size)]
    return args


def main() -> None:
    args = parse_arguments()

    from stages.classifiers.main import Settings, run

    run(Settings(**vars(args)))


if __name__ == "__main__":
    execute(main)
