"""Compare bottlenecks of several sizes: what each keeps of held-out images, and which is worth having."""

import argparse

from model.options import add_refine
from run import arguments as flags
from run.command import execute
from run.errors import BadInput


def parse_arguments() -> argparse.Namespace:
    parser = flags.new_parser(
        "python sweep_latent_size.py --output_dir output",
        "Compare bottlenecks of several sizes that were trained before, by one command, say\n"
        "python train.py --latent_size 4 8 16 32 64: what each keeps of held-out images beside PCA of every size, how\n"
        "well its latents tell the classes apart, and from which size on more dimensions are not worth having.",
    )
    group = parser.add_argument_group("what is compared")
    checkpoints = "checkpoints, one of each size, all of one split (default: all that lie in OUTPUT_DIR)"
    flags.add_value(group, "--model_path", flags.path, None, "FILE", checkpoints, several=True)
    sizes = "compare these sizes only (default: all)"
    flags.add_value(group, "--latent_size", flags.whole_number(1), None, "N", sizes, several=True)
    flags.add_test_data(group, "held-out test split (default: test_data.pth beside the checkpoints)")
    flags.add_shared(group, "data_dir")
    group = parser.add_argument_group("how it is measured and drawn")
    add_refine(group)
    fitted = "random training images that classifiers are fitted on"
    flags.add_value(group, "--num_fit", flags.all_or_number(2), 10000, "M|all", fitted)
    drawn = "test images on the sheet of reconstructions, of different classes"
    flags.add_value(group, "--num_images", flags.whole_number(1, 512), 12, "M", drawn)
    flags.add_shared(parser.add_argument_group("run"), "output_dir", "seed", "device", "num_workers", "svg", "show")
    args = parser.parse_args()
    if args.model_path is not None and args.latent_size is not None:
        raise BadInput("name checkpoints by --model_path, or sizes in OUTPUT_DIR by --latent_size, not both")
    return args


def main() -> None:
    args = parse_arguments()

    from stages.sweep.main import Settings, run

    run(Settings(**vars(args)))


if __name__ == "__main__":
    execute(main, by_several=True)
