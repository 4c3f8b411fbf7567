"""encode_latent_space.py: images -> latents of both bottlenecks, each a .npy and its sidecar."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from data.image_set import ImageSet
from data.new_images import load_new_images
from data.test_data import TestData, load_test_data
from latent.archive import save_latent_batches
from model.autoencoder import Autoencoder
from model.checkpoint import load_with_sibling, require_split
from model.held_out import inference_in_words
from model.inference import encode_batches
from run import ranks
from run.agreement import SAME_FILES, agree
from run.artefacts import latent_space_path, write_csv
from run.console import count, note, say
from run.device import choose_device, make_repeatable
from run.errors import BadInput, printable
from run.hints import own_command
from run.provenance import command_line, versions
from run.training_folder import undisturbed

_MAY_DIFFER = ("data_dir", "num_workers", "output_dir")  # between processes
USUAL_SAMPLES = 1000  # enough for a map; where there are fewer test images, all of them


@dataclass(frozen=True)
class Settings:
    """The flags of encode_latent_space.py."""

    model_path: Path
    latent_size: int | None
    test_data: Path
    num_samples: int | str | None  # "all", or None for up to USUAL_SAMPLES
    images: Path | None
    refine: int
    data_dir: Path
    output_dir: Path
    seed: int
    device: str
    num_workers: int  # images decoded at a time; 0 takes one a core


def run(settings: Settings) -> None:
    """Encode the same images with the network of N and, where it lies beside it, that of 2.

    Raises:
        BadInput: a file is missing or damaged, the split is not that of the network, or there is no such folder of
            images.
    """
    if settings.images is not None and not settings.images.is_dir():
        if settings.images.exists():
            raise BadInput(
                f"--images {printable(settings.images)} is a file; give the folder that holds the images: "
                f"{own_command({'--images': [settings.images.parent]})}"
            )
        raise BadInput(f"--images {printable(settings.images)}: there is no such folder; give a folder of images")
    agree(vars(settings), settings.output_dir, _MAY_DIFFER)
    make_repeatable(settings.seed)
    device = choose_device(settings.device)
    with undisturbed(settings.model_path.parent):
        models = load_with_sibling(settings.model_path)
        test_data = None if settings.images is not None else load_test_data(settings.test_data)
    if test_data is not None:
        for path, (_, record) in models.items():
            require_split(record, path, test_data.fingerprint, settings.test_data)
        ranks.require_same("test images", {"the fingerprint of the split": test_data.fingerprint}, SAME_FILES)
        rows = choose_rows(len(test_data.images), settings.num_samples, settings.seed)
        for model, record in models.values():
            save(settings.output_dir, model.to(device), record, test_data, rows, settings.refine)
    else:
        output_dir = settings.output_dir / "images"
        model, record = next(iter(models.values()))
        workers = settings.num_workers or None
        with ranks.first_on_machine():  # it decodes, the others of its machine read its cache
            new, pixels = load_new_images(settings.images, settings.data_dir, model.image_shape, record, workers)
        ranks.require_same("images", {"their digest": digest_of(new.sample_ids, pixels)}, SAME_FILES)
        if ranks.is_first():
            write_csv(output_dir / "left_out.csv", ["sample_id", "reason"], [list(each) for each in new.left_out])
        for model, record in models.values():
            save(
                output_dir, model.to(device), record, replace(new, images=pixels), np.arange(len(new)), settings.refine
            )


def digest_of(sample_ids: Sequence[str], pixels: np.ndarray) -> str:
    """A digest of images uint8 (N, C, H, W) and their names, where several processes should have the same; else ""."""
    if ranks.world_size() == 1:
        return ""
    digest = hashlib.sha256("\n".join(sample_ids).encode("utf-8", "surrogatepass"))
    for start in range(0, len(pixels), 512):
        digest.update(np.ascontiguousarray(pixels[start : start + 512]))
    return digest.hexdigest()


def choose_rows(images: int, wanted: int | str | None, seed: int) -> np.ndarray:
    """``wanted`` of so many rows at random, int64 in rising order, or all where there are fewer; 1,000 for None."""
    if wanted == "all":
        return np.arange(images)
    if wanted is not None and wanted > images:
        note(f"there are {count(images, 'test image')}, fewer than --num_samples {wanted:,}: all are encoded")
    wanted = min(images, USUAL_SAMPLES if wanted is None else wanted)
    return np.sort(np.random.default_rng(seed).permutation(images)[:wanted])


def save(
    output_dir: Path,
    model: Autoencoder,
    record: dict[str, Any],
    source: TestData | ImageSet,
    rows: np.ndarray,
    refine: int,
) -> None:
    """Encode the images at ``rows`` (int64 (M,)) of ``source`` and write their latents."""
    refine = 0 if model.takes_labels else refine
    inference = inference_in_words(refine, of_latents_by_class=model.takes_labels)
    tested = isinstance(source, TestData)
    path = latent_space_path(output_dir, model.latent_size)
    save_latent_batches(
        path,
        encode_batches(model, source.images, rows[ranks.part(len(rows))], refine),
        (len(rows), model.latent_size),
        labels=None if source.labels is None else source.labels[rows],
        class_names=source.class_names,
        sample_ids=[source.sample_ids[row] for row in rows],
        rows=rows if tested else None,
        groups=source.groups[rows],
        origin={
            "dataset": source.dataset if tested else source.name,
            "split_fingerprint": source.fingerprint if tested else None,
            "checkpoint_sha256": record["sha256"],
            "latent_size": model.latent_size,
            "model": record["model"],
            "refine": refine,
            "inference": inference,
            "command": command_line(),
            "versions": versions(),
        },
    )
    say(f"saved {printable(path)}: {count(len(rows), 'image')}, {model.latent_size} dimensions ({inference})")
