"""Encode held-out images, or any folder of images, with both bottlenecks; one .npy and its sidecar for each."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from run import arguments as flags
from run.console import say
from run.errors import BadInput, execute, printable

if TYPE_CHECKING:
    import numpy as np


def parse_arguments() -> argparse.Namespace:
    parser = flags.parser(
        "python encode_latent_space.py --model_path output/model_latent_size_256.pth "
        "--test_data output/test_data.pth --num_samples 1000",
        "Encode the same random held-out images with the bottleneck of N and the bottleneck of 2.",
    )
    group = parser.add_argument_group("what is encoded")
    flags.add_model(group)
    flags.add_test_data(group)
    how_many = "how many random test images; all of them with all"
    flags.add_value(group, "--num_samples", flags.all_or_number(1), 1000, "M|all", how_many)
    new = "a folder of new images to encode instead of test images; saved into OUTPUT_DIR/images"
    flags.add_value(group, "--images", flags.path, None, "PATH", new)
    flags.add_shared(group, "data_dir")
    flags.add_shared(parser.add_argument_group("run"), "output_dir", "seed", "device", "num_workers")
    return flags.with_model_paths(parser.parse_args())


def main() -> None:
    args = parse_arguments()

    import numpy as np

    from data import load_images
    from data.test_data import load_test_data
    from latent.archive import save_latent_batches
    from model.checkpoint import load_with_sibling, require_split
    from model.inference import encode_batches
    from run.artefacts import latent_space_path, write_csv
    from run.device import choose_device, make_repeatable
    from run.provenance import command_line, versions

    if args.images is not None and not args.images.is_dir():
        raise BadInput(f"--images {printable(args.images)}: there is no such folder; give a folder of images")
    make_repeatable(args.seed)
    device = choose_device(args.device)
    models = load_with_sibling(args.model_path)
    if args.images is None:
        source = load_test_data(args.test_data)
        fingerprint, dataset, output_dir = source.fingerprint, source.dataset, args.output_dir
        for path, (_, record) in models.items():
            require_split(record, path, fingerprint, args.test_data)
        rows = choose_rows(len(source.images), args.num_samples, args.seed)
    else:
        channels, *size = next(iter(models.values()))[0].image_shape
        source = load_images(str(args.images), args.data_dir, tuple(size), channels == 1, args.num_workers or None)
        fingerprint, dataset, output_dir = None, source.name, args.output_dir / "images"
        rows = np.arange(len(source.images))
        write_csv(output_dir / "left_out.csv", ["sample_id", "reason"], [list(each) for each in source.left_out])

    for model, record in models.values():
        # a folder of grey pictures shown to a network for colour: the one channel stands for all three
        images = np.broadcast_to(source.images, (len(source.images), *model.image_shape))
        path = latent_space_path(output_dir, model.latent_size)
        save_latent_batches(
            path,
            encode_batches(model.to(device), images, rows),
            (len(rows), model.latent_size),
            labels=None if source.labels is None else source.labels[rows],
            class_names=source.class_names,
            sample_ids=[source.sample_ids[row] for row in rows],
            rows=rows if args.images is None else None,
            groups=None if source.groups is None else source.groups[rows],
            origin={
                "dataset": dataset,
                "split_fingerprint": fingerprint,
                "checkpoint_sha256": record["sha256"],
                "latent_size": model.latent_size,
                "model": record["model"],
                "command": command_line(),
                "versions": versions(),
            },
        )
        say(f"saved {printable(path)}: {len(rows):,} images, {model.latent_size} dimensions")


def choose_rows(count: int, wanted: int | None, seed: int) -> np.ndarray:
    """``wanted`` of ``count`` rows at random, in rising order; all of them for None.

    Raises:
        BadInput: more rows are wanted than there are.
    """
    import numpy as np

    if wanted is None:
        return np.arange(count)
    if wanted > count:
        raise BadInput(f"--num_samples {wanted} is more than the {count} test images; use --num_samples all")
    return np.sort(np.random.default_rng(seed).permutation(count)[:wanted])


if __name__ == "__main__":
    execute(main)
