"""Measure both bottlenecks on held-out images beside pixels, PCA and chance, and answer the three questions.

The road: checkpoints -> latents of training and test images -> reconstruction, clusters, probes, maps over some
seeds -> one table, metrics.json, and three answers in words.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from run import arguments as flags
from run.console import note, say, warn
from run.errors import BadInput, execute, printable

if TYPE_CHECKING:
    import numpy as np

    from data.image_set import ImageSet
    from data.split import Split
    from data.test_data import TestData
    from latent.pca import PCA
    from model.autoencoder import Autoencoder

Models = dict[Path, "tuple[Autoencoder, dict[str, Any]]"]
Runs = dict[str, list[dict[str, float]]]  # space -> its measures, a run each
Encode = Callable[["np.ndarray"], "np.ndarray"]  # uint8 (N, C, H, W) -> float32 (N, D)


def parse_arguments() -> argparse.Namespace:
    parser = flags.parser(
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
    return parser.parse_args()


def main() -> None:
    args = parse_arguments()

    import numpy as np

    from data.training_side import load_split_of, warn_of_untested_classes
    from run.artefacts import write_csv, write_json
    from run.device import make_repeatable
    from run.provenance import command_line, versions

    make_repeatable(args.seed)
    models, test_data = load_models_and_test_data(args)
    record = next(iter(models.values()))[1]
    image_set, split = load_split_of(record, args.data_dir, args.num_workers or None)
    num_clusters = count_clusters(args.num_clusters, test_data)
    fit_rows, score_rows = choose_rows(split, args)
    scored = fit_rows if score_rows is None else score_rows
    if num_clusters > len(fit_rows):
        raise BadInput(
            f"{len(fit_rows)} images can't make {num_clusters} clusters; take --num_clusters {len(fit_rows)} or fewer"
        )

    # Only now the libraries that take seconds to import: what can't be evaluated has been refused by then.
    from latent.answers import answers
    from latent.evaluation import PIXELS_TURNED_INTO, pixels_clustered_through, summarise, tells_apart, with_protocol
    from latent.pca import fit_pca
    from latent.tables import evaluation_tables, per_class_table

    warn_of_untested_classes(image_set, scored)
    if image_set.labels is not None and not tells_apart(image_set.labels[scored]):
        warn("the images that are scored are all of one class, so whatever compares with classes is left out")
    sizes = tuple(sorted({model.latent_size for model, _ in models.values()}, reverse=True))
    note(f"PCA of {len(split.train):,} training images, to compare with")
    pca = fit_pca(image_set.images[split.train], max(*sizes, PIXELS_TURNED_INTO), args.seed)
    reconstruction, per_class = measure_reconstructions(models, pca, sizes, test_data)
    spaces = measure_spaces(models, pca, sizes, image_set, (fit_rows, score_rows), num_clusters, args)
    maps = measure_maps(models, pca, sizes, test_data, image_set.groups[split.test], args)

    numbers = {name: summarise(runs) for name, runs in spaces.items()}
    errors = {name: summarise(runs) for name, runs in reconstruction.items()}
    drawn = {name: summarise(runs) for name, runs in maps.items()}
    together = {name: {**errors.get(name, {}), **numbers.get(name, {}), **drawn.get(name, {})} for name in numbers}
    independent = len(np.unique(image_set.groups[scored]))
    found = answers(together, sizes, independent)

    transductive = args.protocol == "transductive"
    over = f"mean ± standard deviation over {args.seeds} seeds" if args.seeds > 1 else f"seed {args.seed}"
    if len(models) > len(sizes):
        over += f" and {len(models)} checkpoints of {len(sizes)} sizes"
    say(f"{printable(test_data.dataset)}, {split.kind} split: {len(test_data.images):,} test images; {over}")
    if any(model.takes_labels for model, _ in models.values()):
        say("(reconstructions: the decoder was told each image's class, which PCA was not; latents hold no labels)")
    say(evaluation_tables(errors, numbers, drawn, num_clusters, transductive))
    through = pixels_clustered_through(pca)
    if through:
        say(f"(clusters of raw pixels, their stability and silhouette: in {through}, not in the pixels themselves)")
    for each in found:
        say(f"\n{each['question']} {each['answer']}\n  {each['because']}")

    content = {
        "dataset": test_data.dataset,
        "split": split.kind,
        "fingerprint": test_data.fingerprint,
        "checkpoints": [{"path": str(path), "sha256": record["sha256"]} for path, (_, record) in models.items()],
        "protocol": args.protocol,
        "held_out_images": len(test_data.images),
        "scored_images": len(scored),
        "scored_groups": independent,
        "fitting_images": len(fit_rows),
        "decoder_told_labels": any(model.takes_labels for model, _ in models.values()),
        "num_clusters": num_clusters,
        "seeds": list(range(args.seed, args.seed + args.seeds)),
        "pixel_range": "[0, 1]",
        "reconstruction": with_protocol(errors, transductive),
        "latent_space": with_protocol(numbers, transductive, {"raw pixels": through} if through else {}),
        "maps": with_protocol(drawn, transductive),
        "reconstruction_per_class": {
            name: {test_data.class_names[label]: summarise(runs) for label, runs in classes.items()}
            for name, classes in per_class.items()
        },
        "answers": found,
        "command": command_line(),
        "versions": versions(),
    }
    saved = [args.output_dir / "metrics.json", args.output_dir / "metrics_per_class.csv"]
    write_json(saved[0], content)
    write_csv(saved[1], *per_class_table(per_class, test_data.class_names, test_data.labels))
    say()
    for path in saved:
        say(f"saved {printable(path)}")


def load_models_and_test_data(args: argparse.Namespace) -> tuple[Models, TestData]:
    """The checkpoints that were named, those of 2 beside them, and the test split that all of them know.

    Raises:
        BadInput: a file is missing or damaged, the checkpoints are of several architectures, or of another split.
    """
    from data.test_data import load_test_data
    from model.checkpoint import load_with_sibling, require_split
    from run.artefacts import model_path, test_data_path
    from run.device import choose_device

    if (args.model_path is None) == (args.latent_size is None):
        raise BadInput("name checkpoints by --model_path FILE, or one by --latent_size N, as train.py was given it")
    device = choose_device(args.device)
    models: Models = {}
    for path in args.model_path or [model_path(args.output_dir, args.latent_size)]:
        models |= load_with_sibling(path)
    test_path = args.test_data or test_data_path(next(iter(models)).parent)
    test_data = load_test_data(test_path)
    for path, (model, record) in models.items():
        require_split(record, path, test_data.fingerprint, test_path)
        model.to(device)
    architectures = sorted({model.architecture for model, _ in models.values()})
    if len(architectures) > 1:
        raise BadInput(
            f"the checkpoints are of the architectures {', '.join(architectures)}; evaluate each by itself, or set them side by "
            "side with: python train_classifier.py --model_path FILE FILE"
        )
    return models, test_data


def measure_reconstructions(
    models: Models, pca: PCA, sizes: tuple[int, ...], test_data: TestData
) -> tuple[Runs, dict[str, dict[int, list[dict[str, float]]]]]:
    """Held-out errors of each bottleneck, of PCA of its size and of the mean image: over all images, and by class."""
    import numpy as np

    from model.inference import reconstruct
    from stages.evaluation.reconstructions import measure_reconstruction

    images = test_data.images

    def reconstructions():
        yield "mean image", np.broadcast_to(pca.mean.reshape(images.shape[1:]), images.shape)
        for size in sizes:
            for model, _ in models.values():
                if model.latent_size == size:
                    yield f"bottleneck {size}", reconstruct(model, images, test_data.labels)
            yield f"PCA of {size}", pca.first(size).reconstruct(images)

    runs: Runs = {}
    per_class: dict[str, dict[int, list[dict[str, float]]]] = {}
    for name, images_made in reconstructions():
        if not np.isfinite(images_made).all():
            raise BadInput(
                f"{name} makes images that are not finite; train again: python train.py --latent_size N --lr 0.00001"
            )
        whole, classes = measure_reconstruction(images, images_made, test_data.labels)
        runs.setdefault(name, []).append(whole)
        for label, values in classes.items():
            per_class.setdefault(name, {}).setdefault(label, []).append(values)
    return runs, per_class


def choose_rows(split: Split, args: argparse.Namespace) -> tuple[np.ndarray, np.ndarray | None]:
    """The images to fit on and to score on; None where these are the same."""
    import numpy as np

    if args.protocol == "transductive":
        return np.sort(np.concatenate([split.train, split.val, split.test])), None
    shuffled = np.random.default_rng(args.seed).permutation(split.train)
    return np.sort(shuffled[: args.num_fit]), split.test  # all of them for None


def measure_spaces(
    models: Models,
    pca: PCA,
    sizes: tuple[int, ...],
    image_set: ImageSet,
    rows: tuple[np.ndarray, np.ndarray | None],
    num_clusters: int,
    args: argparse.Namespace,
) -> Runs:
    """Clusters and classes in each space, a run each: one of what depends on no seed, one for each seed."""
    from latent.evaluation import PIXELS_TURNED_INTO, Side, measure_classes, measure_clusters, pixels_clustered_through

    def sides(encode: Encode) -> list[Side | None]:
        labels, groups = image_set.labels, image_set.groups
        return [
            None
            if each is None
            else Side(encode(image_set.images[each]), None if labels is None else labels[each], groups[each])
            for each in rows
        ]

    runs: Runs = {}
    for name, encode in spaces_of(models, pca, sizes):
        note(f"measuring {name}")
        both = sides(encode)
        measured = [measure_classes(*both)]
        if name == "raw pixels" and pixels_clustered_through(pca):
            both = sides(pca.first(PIXELS_TURNED_INTO).encode)
        measured += [measure_clusters(*both, num_clusters, args.seed + run) for run in range(args.seeds)]
        if not any(measured[1:]):
            warn(f"{name} has fewer than {num_clusters} different vectors, so no clusters were looked for in it")
        runs.setdefault(name, []).extend(measured)
    return runs


def measure_maps(
    models: Models,
    pca: PCA,
    sizes: tuple[int, ...],
    test_data: TestData,
    groups: np.ndarray,
    args: argparse.Namespace,
) -> Runs:
    """Whether the 2-d map of each space can be believed; {} where there are too few images for maps."""
    import numpy as np

    from latent.evaluation import Side, measure_map
    from latent.projection import FEWEST_ROWS

    count = min(len(test_data.images), args.num_samples or len(test_data.images))
    if count < FEWEST_ROWS:
        warn(f"a map needs at least {FEWEST_ROWS} images, and {count} are drawn; maps are left out")
        return {}
    rows = np.sort(np.random.default_rng(args.seed).permutation(len(test_data.images))[:count])
    images = test_data.images[rows]
    labels = None if test_data.labels is None else test_data.labels[rows]
    pixels = as_pixels(images)
    runs: Runs = {}
    for name, encode in spaces_of(models, pca, sizes):
        note(f"mapping {name}")
        side = Side(encode(images), labels, groups[rows])
        for seed in range(args.seed, args.seed + (args.seeds if side.vectors.shape[1] > 2 else 1)):
            runs.setdefault(name, []).append(measure_map(side, pixels, seed))
    return runs


def spaces_of(models: Models, pca: PCA, sizes: tuple[int, ...]) -> Iterator[tuple[str, Encode]]:
    """Name and encoder of each space: bottlenecks, PCA of their sizes, pixels."""
    from model.inference import encode

    for size in sizes:
        for model, _ in models.values():
            if model.latent_size == size:
                yield f"bottleneck {size}", functools.partial(encode, model)
        yield f"PCA of {size}", pca.first(size).encode
    yield "raw pixels", as_pixels


def as_pixels(images: np.ndarray) -> np.ndarray:
    """uint8 (N, C, H, W) -> float32 (N, C*H*W) in [0, 1]."""
    return images.reshape(len(images), -1).astype("float32") / 255


def count_clusters(asked: int | None, test_data: TestData) -> int:
    if asked is not None:
        return asked
    if len(test_data.class_names) < 2:
        has = "no classes" if test_data.labels is None else "one class only, and none"
        note(f"the images have {has} to count: 10 clusters are looked for; say another number with --num_clusters")
        return 10
    return len(test_data.class_names)


if __name__ == "__main__":
    execute(main)
