"""Make images from latents: samples, a map of the latent space, ways between images, other labels; and neighbours.

Each mode reads a checkpoint and its test split, draws one figure, and writes the numbers behind it beside it.
"""

import argparse
import shlex
import sys

from run import arguments as flags
from run.command import execute

SAMPLE = """
Sample new images, each beside the real image nearest to it. Latents come from the prior of a variational
network, or from a Gaussian mixture fitted on the latents of any.
"""
MANIFOLD = """
Decode a grid over a bottleneck of 2, beside the test images' latents. The axes span the 1% to 99% quantiles
of these.
"""
INTERPOLATE = """
Decode the way from one test image to another, straight and round the centre. Both bottlenecks go it; the
pixels themselves are faded as a baseline.
"""
TRAVERSE = """
Change one latent dimension of a test image at a time. Its values are quantiles of the test images' latents;
the dimensions of largest variance come first.
"""
RELABEL = """
Decode the same test images under every label, and count how often a classifier reads it. The network has to
take labels; the classifier is trained on original training images, and kept in OUTPUT_DIR/classifier.pth.
"""
NEIGHBOURS = """
Show the test images nearest to a test image, in both latent spaces and pixel by pixel. It also counts how
often the 10 nearest of each test image (fewer in small classes) are of its class.
"""


def parse_arguments() -> argparse.Namespace:
    parser = flags.new_parser(
        "python generate_images.py sample --latent_size 256",
        "Make images from latents, to see what a latent space is made of.\n"
        "python generate_images.py MODE --help shows the flags of a mode.",
    )
    add_mode, whole, modes = flags.add_modes(parser), flags.whole_number, []

    def add(name: str, purpose: str, size: int = 256) -> argparse._ArgumentGroup:
        modes.append(add_mode(name, f"python generate_images.py {name} --latent_size {size}", purpose.strip()))
        group = modes[-1].add_argument_group("what is decoded")
        flags.add_model(group)
        flags.add_test_data(group)
        return modes[-1].add_argument_group("what is made")

    def add_images(meaning: str) -> None:
        meaning += ", by their rows in the test split, which every .csv calls test_row"
        flags.add_value(group, "--images", whole(0), None, "ROW", meaning, several=True)

    def add_labels() -> None:
        meaning = "networks that take labels: classes to decode under, by name or by number (default: all)"
        flags.add_value(group, "--labels", str, None, "LABEL", meaning, several=True)

    group = add("sample", SAMPLE)
    latents = "where latents come from (default: prior where the network has one, else mixture)"
    flags.add_choice(group, "--source", ["prior", "mixture"], None, latents)
    flags.add_value(group, "--num_images", whole(1, 10000), 20, "M", "samples")
    lowest = "mixture: components (default: of 1 to 64 those of the lowest Bayesian information criterion)"
    flags.add_value(group, "--num_components", whole(1, 1000), None, "K", lowest)
    flags.add_choice(
        group, "--fit_on", ["train", "test"], None,
        "real images that the mixture is fitted on and samples are compared with (default: train where the training "
        "images are found, else test)",
    )  # fmt: skip
    add_labels()
    flags.add_shared(group, "data_dir")

    group = add("manifold", MANIFOLD, size=2)
    flags.add_value(group, "--grid", whole(2, 64), 12, "G", "images on a side of the grid")
    add_labels()

    group = add("interpolate", INTERPOLATE)
    add_images("pairs of test images, A B for the way from A to B (default: 2 random pairs)")
    flags.add_value(group, "--steps", whole(2, 100), 9, "M", "images on each way, both ends among them")

    group = add("traverse", TRAVERSE)
    add_images("test images to begin from (default: a random one)")
    which = "which, counted from 1 (default: the 8 of largest variance)"
    flags.add_value(group, "--dimensions", whole(1), None, "D", which, several=True)
    flags.add_value(group, "--steps", whole(2, 100), 9, "M", "values of each dimension")

    group = add("relabel", RELABEL)
    add_images("test images to draw (default: 8 random ones of different classes; the table is of more)")
    add_labels()
    table_of = "random test images that the table is of, or all of them where there are fewer"
    flags.add_value(group, "--num_samples", flags.all_or_number(1), 1000, "M|all", table_of)
    flags.add_value(group, "--cnn_epochs", whole(1, 1000), 10, "E", "times the classifier sees each training image")
    learnt = "random training images that the classifier learns from"
    flags.add_value(group, "--max_fit", flags.all_or_number(2), 10000, "M|all", learnt)
    flags.add_shared(group, "data_dir")

    group = add("neighbours", NEIGHBOURS)
    add_images("test images to look from (default: 3 random ones of different classes)")
    flags.add_value(group, "--num_neighbours", whole(1, 50), 10, "K", "neighbours drawn of each")
    passed_over = "pass over images that belong together with the one looked from"
    group.add_argument("--other_groups", action="store_true", help=passed_over)

    for each in modes:
        decoding = [] if each.get_default("data_dir") is None else ["num_workers"]
        flags.add_shared(each.add_argument_group("run"), "output_dir", "seed", "device", *decoding, "svg", "show")
    typed = sys.argv[1:]
    if not typed or (typed[0].startswith("-") and not {"-h", "--help"} & set(typed)):
        # argparse would take the value of the first flag for the mode
        names = [each.prog.split()[-1] for each in modes]
        late = [word for word in typed if word in names] or names[:1]
        rest = [word for word in typed if word not in names] or ["--latent_size", "256"]
        example = shlex.join(["python", "generate_images.py", late[0], *rest])
        parser.error(f"a mode comes first, one of {', '.join(names)}: {example}")
    return flags.with_model_paths(parser.parse_args())


def main() -> None:
    args = parse_arguments()

    from stages.generation.main import MODES, run

    run(MODES[args.mode].settings(**vars(args)))


if __name__ == "__main__":
    execute(main)
