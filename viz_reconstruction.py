"""Draw held-out images beside what each bottleneck makes of them, with the error under each."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from run import arguments as flags
from run.console import say, table
from run.errors import execute, printable

if TYPE_CHECKING:
    import numpy as np

    from data.test_data import TestData


def parse_arguments() -> argparse.Namespace:
    parser = flags.parser(
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
        group, "--num_images", flags.whole_number(1, 512), None, "M", "how many (default: one of each class, or 16)"
    )
    flags.add_shared(parser.add_argument_group("run"), "output_dir", "seed", "device", "svg", "show")
    return flags.with_model_paths(parser.parse_args())


def main() -> None:
    args = parse_arguments()

    from data.test_data import load_test_data
    from figure.reconstruction import draw_reconstructions
    from figure.style import save_figure, shown
    from latent.fidelity import squared_errors
    from model.checkpoint import load_with_sibling, require_split
    from model.inference import reconstruct
    from run.artefacts import write_csv
    from run.device import choose_device, make_repeatable

    make_repeatable(args.seed)
    device = choose_device(args.device)
    test_data = load_test_data(args.test_data)
    reconstructions, of_pca = {}, {}  # by latent size, that of the model that was named first
    told = set()  # sizes whose decoders were told the class
    for path, (model, record) in load_with_sibling(args.model_path).items():
        require_split(record, path, test_data.fingerprint, args.test_data)
        size = model.latent_size
        if model.takes_labels:
            told.add(size)
        of_pca[size] = record["held_out"][f"PCA of {size}"]["mse"]  # measured by train.py on these same images
        reconstructions[size] = reconstruct(model.to(device), test_data.images, test_data.labels)
    errors = {size: squared_errors(test_data.images, images) for size, images in reconstructions.items()}
    chosen = choose_images(args.pick, args.num_images, test_data, errors[max(errors)], args.seed)

    names = [test_data.class_of(row) for row in chosen]
    figure = draw_reconstructions(
        test_data.images[chosen],
        [
            (
                f"bottleneck {size}{' and the class' if size in told else ''}\n"
                f"all test images {errors[size].mean():.5f}\nPCA of {size} {of_pca[size]:.5f}",
                reconstructions[size][chosen],
                errors[size][chosen],
            )
            for size in errors
        ],
        names,
        f"{shown(test_data.dataset)}: images held out from training and what each bottleneck keeps of them "
        "(mean squared error, pixels in [0, 1])",
    )
    stem = args.output_dir / f"reconstructions_latent_size_{max(errors)}"
    saved = save_figure(figure, stem.with_suffix(".png"), svg=args.svg, show=args.show)
    write_csv(
        stem.with_suffix(".csv"),
        ["test_row", "sample_id", "class", *(f"mse_bottleneck_{size}" for size in errors)],
        [
            [int(row), test_data.sample_ids[row], name, *(float(errors[size][row]) for size in errors)]
            for row, name in zip(chosen, names, strict=True)
        ],
    )
    say(
        table(
            ["mean squared error", "images drawn", "all test images", "PCA of same size"],
            [
                (
                    f"bottleneck {size}",
                    *(f"{e:.5f}" for e in (errors[size][chosen].mean(), errors[size].mean(), of_pca[size])),
                )
                for size in errors
            ],
        )
    )
    if told:
        say("(the decoder was told each image's class, which PCA was not)")
    for path in [*saved, stem.with_suffix(".csv")]:
        say(f"saved {printable(path)}")


def choose_images(pick: str, num_images: int | None, test_data: TestData, errors: np.ndarray, seed: int) -> np.ndarray:
    """Rows of the test split to draw: one of each class in turn, random ones, or those of largest error."""
    import numpy as np

    count = len(test_data.images)
    shuffled = np.random.default_rng(seed).permutation(count)
    if pick == "worst":
        return np.argsort(-errors, kind="stable")[: num_images or 16]
    if pick == "random" or test_data.labels is None:
        return shuffled[: num_images or 16]
    present = np.unique(test_data.labels)
    rank = np.empty(count, np.int64)  # of each image among those of its class: a round over the classes at a time
    for label in present:
        members = shuffled[test_data.labels[shuffled] == label]
        rank[members] = np.arange(len(members))
    return np.lexsort((test_data.labels, rank))[: num_images or len(present)]


if __name__ == "__main__":
    execute(main)
