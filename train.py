"""Train one autoencoder with a bottleneck of 2 and one with a bottleneck of N; save both and the held-out test split.

What is done stands in :mod:`stages.training.main`.
"""

import argparse

from data import VAL_FRACTION, add_data_arguments, refuse_unknown_dataset
from model import options
from run import arguments as flags
from run.command import execute
from run.errors import BadInput
from run.hints import own_command


def make_parser() -> argparse.ArgumentParser:
    parser = flags.new_parser(
        "python train.py --num_epochs 10 --latent_size 256 --batch_size 128 --lr 0.0001",
        "Train an autoencoder with a bottleneck of 2 and one with a bottleneck of N on the same images.",
    )
    group = parser.add_argument_group("what is trained")
    sizes = "bottleneck of the second model, the first has 2; several train one model each (needed, unless --resume)"
    flags.add_value(group, "--latent_size", flags.whole_number(1), None, "N", sizes, several=True)
    group.add_argument("--only_named", action="store_true", help="train these sizes alone, and none of 2 beside them")
    options.add_model_arguments(group)
    group = parser.add_argument_group("images and split")
    add_data_arguments(group)
    watched = "part of the training side that is watched and not trained on"
    flags.add_value(group, "--val_fraction", flags.real_number(0, 0.5), VAL_FRACTION, "F", watched)
    group = parser.add_argument_group("training")
    flags.add_value(group, "--num_epochs", flags.whole_number(1), 10, "E", "times each training image is seen")
    flags.add_value(group, "--batch_size", flags.whole_number(1), 128, "B", "images a step")
    flags.add_value(
        group, "--lr", flags.real_number(0, 10), 0.0001, "R",
        "learning rate that the one-cycle schedule begins with; its peak is 25 times that for conv, 50 for the others",
    )  # fmt: skip
    flags.add_choice(
        group, "--balance", ["none", "sampler", "weights"], "none",
        "against unequal classes: draw each class as often, or weigh an image's loss by how rare its class is",
    )  # fmt: skip
    flags.add_choice(
        group, "--mirror", ["auto", "yes", "no"], "auto",
        "mirror training images at random; auto does where PCA of the training images finds validation images as good "
        "mirrored as they are, so photographs and not signs or digits",
    )  # fmt: skip
    flags.add_value(
        group, "--patience", flags.whole_number(1), None, "P",
        "early stopping: end after P epochs without a better validation error, and keep the best weights "
        "(default: off)",
    )  # fmt: skip
    flags.add_choice(
        group, "--precision", ["auto", "fp32", "bf16"], "auto",
        "of convolutions and dense layers (PCA, weights and optimizer stay fp32); auto takes bf16, mixed precision, "
        "where the processor multiplies in it",
    )  # fmt: skip
    options.add_refine(group)
    group = parser.add_argument_group("run")
    group.add_argument(
        "--resume",
        type=flags.path,
        nargs="?",
        const=True,
        default=None,
        metavar="PATH",
        help="go on with the run that was stopped in OUTPUT_DIR, or in a folder PATH, or with a training state PATH; "
        "its arguments are taken from it, and more epochs may be asked for",
    )
    group.add_argument(
        "--retrain",
        action="store_true",
        help="train anew what lies in OUTPUT_DIR already, of the same images and settings; without it that is kept",
    )
    often = "minutes between two training states; one is kept at each epoch's end as well"
    flags.add_value(group, "--save_every", flags.real_number(0, 1e6), 5.0, "MIN", often)
    kept = (
        "epochs after which reconstructions of the same 16 test images are kept, for viz_training.py, and latents of "
        "up to 1,000, which explore_latent_space.py sets in motion"
    )
    flags.add_value(group, "--snapshot_epochs", flags.whole_number(1), [], "E", f"{kept} (default: none)", several=True)
    group.add_argument(
        "--tensorboard",
        action="store_true",
        help="write errors, reconstructions and latents for TensorBoard too, into OUTPUT_DIR/tensorboard "
        "(pip install tensorboard)",
    )
    flags.add_shared(group, "output_dir", "seed", "device", "num_workers", "svg", "show")
    return parser


def main() -> None:
    parser = make_parser()
    args = parser.parse_args()
    if args.resume is None:  # what is mistyped is answered at once: importing torch takes seconds
        if args.latent_size is None:
            raise BadInput(f"--latent_size is needed, say: {own_command({'--latent_size': [16]})}")
        refuse_unknown_dataset(args.dataset)

    from stages.training.main import Settings, resume, run

    if args.resume is None:
        run(Settings(**vars(args)))
    else:
        resume(Settings(**vars(args)), parser)


if __name__ == "__main__":
    execute(main, by_several=True)
