"""Compare bottlenecks of several sizes: what each keeps of held-out images, and which is worth having.

The road: checkpoints of one training -> held-out errors beside PCA of every size -> classes told apart by the latents
-> one figure, one sheet of reconstructions, three answers.
"""

from __future__ import annotations

import argparse
import functools
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from run import arguments as flags
from run.console import note, say, table_of, warn
from run.errors import BadInput, execute, printable

if TYPE_CHECKING:
    import numpy as np

    from data.image_set import ImageSet
    from data.split import Split
    from data.test_data import TestData
    from latent.pca import PCA
    from model.autoencoder import Autoencoder

Models = dict[int, "tuple[Autoencoder, dict[str, Any]]"]  # by size, rising
EXACT = 1e-6  # of the error of the mean image: PCA's that is below is nothing but rounding
SIZE_SETTINGS = {"latent_size", "only_named", "snapshot_epochs"}  # arguments of train.py that may differ
TRAIN = "python train.py --latent_size 4 8 16 32 64"

COLUMNS = {  # of the table: value -> heading, and how it is written
    "latent_size": ("size", "d"),
    "mse": ("MSE", ".5f"),
    "kept": ("kept", ".1%"),
    "pca_mse": ("PCA's MSE", ".5f"),
    "below_pca": ("below PCA", ""),
    "as_pca_of": ("as PCA of", ""),
    "ssim": ("SSIM", ".3f"),
    "linear_accuracy": ("probe", ".1%"),
    "pca_linear_accuracy": ("probe on PCA", ".1%"),
    "knn_accuracy": ("10-NN", ".1%"),
    "pca_knn_accuracy": ("10-NN on PCA", ".1%"),
    "effective_rank": ("eff. rank", ".1f"),
}


def parse_arguments() -> argparse.Namespace:
    parser = flags.parser(
        "python sweep_latent_size.py --output_dir output",
        "Compare bottlenecks of several sizes that were trained before, by one command, say\n"
        f"{TRAIN}: what each keeps of held-out images beside PCA of every size, how well its\n"
        "latents tell the classes apart, and from which size on more dimensions are not worth having.",
    )
    group = parser.add_argument_group("what is compared")
    checkpoints = "checkpoints, one of each size, all of one split (default: all that lie in OUTPUT_DIR)"
    flags.add_value(group, "--model_path", flags.path, None, "FILE", checkpoints, several=True)
    sizes = "compare these sizes only (default: all)"
    flags.add_value(group, "--latent_size", flags.whole_number(1), None, "N", sizes, several=True)
    flags.add_test_data(group, "held-out test split (default: test_data.pth beside the checkpoints)")
    flags.add_shared(group, "data_dir")
    group = parser.add_argument_group("how it is measured and drawn")
    fitted = "random training images that classifiers are fitted on"
    flags.add_value(group, "--num_fit", flags.all_or_number(2), 10000, "M|all", fitted)
    drawn = "test images on the sheet of reconstructions, of different classes"
    flags.add_value(group, "--num_images", flags.whole_number(1, 512), 12, "M", drawn)
    flags.add_shared(parser.add_argument_group("run"), "output_dir", "seed", "device", "num_workers", "svg", "show")
    return parser.parse_args()


def main() -> None:
    args = parse_arguments()

    from data.choice import choose_test_rows
    from data.training_side import load_split_of, warn_of_untested_classes
    from run.artefacts import require_folder, write_csv, write_json
    from run.device import make_repeatable
    from run.provenance import command_line, versions

    require_folder(args.output_dir)
    make_repeatable(args.seed)
    models, test_data = load_models_and_test_data(args)
    warn_of_other_settings(models)
    told = any(model.takes_labels for model, _ in models.values())
    image_set, split = load_split_of(next(iter(models.values()))[1], args.data_dir, args.num_workers or None)

    # Only now the libraries that take seconds to import: what can't be compared has been refused by then.
    from figure.reconstruction import draw_reconstructions
    from figure.style import save_figure, shown
    from figure.sweep import draw_sweep
    from latent.pca import fit_pca
    from latent.sweep import PIXELS, answers, curve_sizes, dimensions, independent_of
    from model.fidelity import squared_errors
    from model.held_out import measure_mean_image

    warn_of_untested_classes(image_set, split.test)
    note(f"PCA of {len(split.train):,} training images, to compare with")
    # Beyond the largest size: a network may keep more than PCA of its own size does.
    pca = fit_pca(image_set.images[split.train], max(*models, min(2 * max(models), 512)), args.seed)
    sizes = curve_sizes(len(pca.components), list(models))
    curve = dict(zip(sizes, pca.errors(test_data.images, sizes), strict=True))
    mean_image = measure_mean_image(pca.mean, test_data.images)["mse"]
    if not mean_image:
        raise BadInput(
            f"every test image is the mean training image, so there is nothing to keep; train on others: {TRAIN}"
        )
    classes, right = measure_classes(models, pca, image_set, split, args)
    chosen = choose_test_rows(test_data, None, args.num_images, args.seed)
    records, drawn = [], []
    for size, made in reconstructions(models, test_data):
        of_pca = {f"pca_{name}": value for name, value in classes[f"PCA of {size}"].items() if "accuracy" in name}
        errors = errors_of(size, test_data.images, made, curve, mean_image)
        records.append({**errors, **classes[f"bottleneck {size}"], **of_pca})
        drawn.append(made[chosen])
    groups = image_set.groups[split.test]
    found = answers(records, sizes[-1], right, groups)

    architecture = next(iter(models.values()))[0].architecture + (", told the class when it decodes" if told else "")
    subject = (
        f"{shown(test_data.dataset)}, {split.kind} split, {architecture}: what bottlenecks of {len(models)} sizes keep "
    )
    subject += f"of {len(test_data.images):,} held-out images"
    figure = draw_sweep(records, curve, mean_image, classes[PIXELS], subject)
    saved = save_figure(figure, args.output_dir / "sweep.png", svg=args.svg, show=args.show)
    sheet = draw_reconstructions(
        test_data.images[chosen],
        [
            (
                f"bottleneck {record['latent_size']}{' and the class' if told else ''}\n"
                f"all test images {record['mse']:.5f}\nPCA of {record['latent_size']} {record['pca_mse']:.5f}",
                made,
                squared_errors(test_data.images[chosen], made),
            )
            for record, made in zip(records, drawn, strict=True)
        ],
        [test_data.class_of(row) for row in chosen],
        f"{shown(test_data.dataset)}: held-out images and what each bottleneck keeps of them (mean squared error, "
        "pixels in [0, 1])",
    )
    saved += save_figure(sheet, args.output_dir / "sweep_reconstructions.png", svg=args.svg, show=args.show)

    say(f"{printable(test_data.dataset)}, {split.kind} split: {len(test_data.images):,} test images; pixels in [0, 1]")
    in_words = [
        {
            **record,
            "below_pca": "-" if record["below_pca"] is None else f"{record['below_pca']:.1%}",
            "as_pca_of": dimensions(record["as_pca_of"], sizes[-1]),
        }
        for record in records
    ]
    say(table_of(in_words, COLUMNS))
    if told:
        say("(reconstructions: the decoder was told each image's class, which PCA was not; latents hold no labels)")
    for each in found:
        say(f"\n{each['question']} {each['answer']}\n  {each['because']}")

    finite = [{name: None if value == math.inf else value for name, value in record.items()} for record in records]
    write_csv(args.output_dir / "sweep.csv", list(finite[0]), [list(record.values()) for record in finite])
    content = {
        "dataset": test_data.dataset,
        "split": split.kind,
        "fingerprint": test_data.fingerprint,
        "checkpoints": {str(size): record["sha256"] for size, (_, record) in models.items()},
        "protocol": "PCA and classifiers fitted on training images, everything measured on held-out images; pixels in "
        "[0, 1]; kept: 1 - error / error of the mean image; as_pca_of: dimensions that PCA needs for the same error",
        "held_out_images": len(test_data.images),
        "independent": independent_of(groups),
        "fitting_images": min(len(split.train), args.num_fit or len(split.train)),
        "decoder_told_labels": told,
        "mean_image_mse": mean_image,
        "sizes": finite,
        "pca": {str(size): error for size, error in curve.items()},
        "raw_pixels": classes[PIXELS],
        "answers": found,
        "command": command_line(),
        "versions": versions(),
    }
    write_json(args.output_dir / "sweep.json", content)
    say()
    for path in [*saved, args.output_dir / "sweep.csv", args.output_dir / "sweep.json"]:
        say(f"saved {printable(path)}")


def load_models_and_test_data(args: argparse.Namespace) -> tuple[Models, TestData]:
    """The checkpoints by size, and the test split that all of them know.

    Raises:
        BadInput: a file is missing or damaged, there are fewer than two sizes, two checkpoints of one size, several
            architectures, or one that was named is of another split.
    """
    from data.test_data import load_test_data
    from model.checkpoint import load_checkpoint, require_split
    from run.artefacts import model_path, model_paths, test_data_path
    from run.device import choose_device

    if args.model_path is not None and args.latent_size is not None:
        raise BadInput("name checkpoints by --model_path, or sizes in OUTPUT_DIR by --latent_size, not both")
    named = args.model_path or [model_path(args.output_dir, size) for size in args.latent_size or []]
    loaded = {path: load_checkpoint(path) for path in named or model_paths(args.output_dir)}
    test_path = args.test_data or test_data_path(next(iter(loaded)).parent if loaded else args.output_dir)
    test_data, device = load_test_data(test_path), choose_device(args.device)
    models: Models = {}
    for path, (model, record) in loaded.items():
        if not named and record["fingerprint"] != test_data.fingerprint:
            warn(
                f"{printable(path)} is left out: it is of another split than {printable(test_path)}, which the last "
                f"training into that folder made; train all sizes by one command: {TRAIN}"
            )
            continue
        require_split(record, path, test_data.fingerprint, test_path)
        if model.latent_size in models:
            raise BadInput(
                f"two of the checkpoints are of size {model.latent_size}; name one of each, or see what seeds do to "
                f"one size: python evaluate.py --model_path FILE FILE"
            )
        models[model.latent_size] = model.to(device), record
    architectures = sorted({model.architecture for model, _ in models.values()})
    if len(architectures) > 1:
        raise BadInput(
            f"the checkpoints are of the architectures {', '.join(architectures)}; compare sizes of one architecture, each trained "
            "into an --output_dir of its own"
        )
    if len(models) < 2 and named:
        raise BadInput("a comparison takes two sizes or more; name another, or none for all that lie in OUTPUT_DIR")
    if len(models) < 2:
        raise BadInput(
            f"there {'is 1 size' if models else 'are no sizes'} to compare in {printable(test_path.parent)}, and two "
            f"are the fewest; train more: {TRAIN}"
        )
    return dict(sorted(models.items())), test_data


def warn_of_other_settings(models: Models) -> None:
    """Say so where networks were trained with different settings: then it is not their size alone that differs."""
    settings = {size: record["arguments"] for size, (_, record) in models.items()}
    names = sorted({name for each in settings.values() for name in each} - SIZE_SETTINGS)
    for name in names:
        values = {size: each.get(name) for size, each in settings.items()}
        if len(set(map(str, values.values()))) > 1:
            said = ", ".join(f"{size}: {printable(value)}" for size, value in values.items())
            warn(f"the networks differ in more than their size, for they were trained with --{printable(name)} {said}")


def reconstructions(models: Models, test_data: TestData) -> Iterator[tuple[int, np.ndarray]]:
    """What each bottleneck makes of the test images: its size, and float32 (N, C, H, W) in [0, 1].

    Raises:
        BadInput: one makes images that are not finite.
    """
    import numpy as np

    from model.inference import reconstruct

    for size, (model, _) in models.items():
        note(f"reconstructing by bottleneck {size}")
        made = reconstruct(model, test_data.images, test_data.labels)
        if not np.isfinite(made).all():
            raise BadInput(
                f"bottleneck {size} makes images that are not finite; train again: "
                f"python train.py --latent_size {size} --lr 0.00001"
            )
        yield size, made


def errors_of(
    size: int, images: np.ndarray, made: np.ndarray, curve: dict[int, float], mean_image: float
) -> dict[str, float | None]:
    """The held-out errors of one bottleneck beside the ``curve`` of PCA, by size, and the error of the mean image."""
    from latent.sweep import equivalent_size
    from model.fidelity import fidelity

    measured = fidelity(images, made)
    of_pca = curve.get(size, min(curve.values()))  # where the images have fewer dimensions than the bottleneck
    return {
        "latent_size": size,
        "mse": measured["mse"],
        "ssim": measured["ssim"],
        "kept": 1 - measured["mse"] / mean_image,
        "pca_mse": of_pca,
        "pca_kept": 1 - of_pca / mean_image,
        "below_pca": 1 - measured["mse"] / of_pca if of_pca > EXACT * mean_image else None,
        "as_pca_of": equivalent_size(measured["mse"], list(curve), list(curve.values())),
    }


def measure_classes(
    models: Models, pca: PCA, image_set: ImageSet, split: Split, args: argparse.Namespace
) -> tuple[dict[str, dict[str, float]], dict[str, np.ndarray]]:
    """How well classifiers that are fitted on training images tell the classes of test images apart.

    Returns:
        Of each ``bottleneck N``, each ``PCA of N`` and the raw pixels what ``latent.sweep.measure_space`` gives: the
        measures and, with classes, the test images on which a linear probe is right; those of the largest class too.
    """
    import numpy as np

    from latent.evaluation import Side
    from latent.sweep import LARGEST, PIXELS, measure_space
    from model.inference import encode

    shuffled = np.random.default_rng(args.seed).permutation(split.train)
    rows = [np.sort(shuffled[: args.num_fit]), split.test]  # all training images for None
    images = [image_set.images[each] for each in rows]
    labels = [None if image_set.labels is None else image_set.labels[each] for each in rows]
    spaces: dict[str, Callable[[np.ndarray], np.ndarray]] = {}
    for size, (model, _) in models.items():
        spaces[f"bottleneck {size}"] = functools.partial(encode, model)
        spaces[f"PCA of {size}"] = pca.first(size).encode
    spaces[PIXELS] = lambda side: side.reshape(len(side), -1).astype("float32") / 255

    measures, right = {}, {}
    for space, encode_images in spaces.items():
        note(f"telling classes apart by {space}")
        sides = [
            Side(encode_images(its_images), its_labels, image_set.groups[each])
            for its_images, its_labels, each in zip(images, labels, rows, strict=True)
        ]
        measures[space], hits = measure_space(*sides)
        if hits is not None:
            right[space] = hits
    if right:
        right[LARGEST] = labels[1] == np.bincount(labels[0]).argmax()
    return measures, right


if __name__ == "__main__":
    execute(main)
