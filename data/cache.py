"""Decoded images, kept on disk: the second start reads no image file.

``data_dir/cache/<name>-<options>-<source>/`` holds ``images.npy``, uint8 (N, C, H, W), which is mapped rather than
read, and ``index.json`` with everything else and the SHA-256 of ``images.npy``. ``<options>`` stands for what was
asked for and from where, ``<source>`` for the state of the source's files: when they change, it no longer fits.
"""

import contextlib
import hashlib
import io
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import PIL

from data.decode import Batch, TonesUnknown
from data.decoding_log import HEADER_BYTES, DecodingLog, opened
from data.fitting import Shape, ShapeDisproved
from data.formats import READERS
from data.image_set import ImageSet, joined_groups
from data.near_duplicates import near_duplicates
from data.noted import Noted, doubts, remarks
from data.pictures import Pictures
from data.source import Source
from run import console
from run.artefacts import atomic_write, file_sha256, is_being_written, read_json, write_json
from run.errors import BadInput, printable
from run.hints import own_command


def load(
    source: Source,
    data_dir: Path,
    image_size: tuple[int, int] | None,
    grayscale: bool,
    num_workers: int | None,
    with_near_duplicates: bool = True,
) -> ImageSet:
    """The images of ``source``, from the cache if it holds them as the source's files are now.

    Arguments are those of :func:`data.load_images`.

    Raises:
        BadInput: the source holds no readable image.
    """
    seeks = with_near_duplicates and source.seeks_near_duplicates
    if not source.cached:
        return _in_memory(source.open(image_size, grayscale, num_workers), source.name, seeks)
    asked_for = _short_digest(repr((source.name, source.place, image_size, grayscale)))
    state = _short_digest(repr((source.key, READERS, PIL.__version__)))
    prefix = f"{re.sub(r'[^A-Za-z0-9_-]', '_', source.name)[:40]}-{asked_for}-"
    folder = data_dir / "cache" / (prefix + state)
    try:
        kept = _read(folder, source.name)
    except (BadInput, OSError) as error:
        console.warn(f"the kept images in {printable(folder)} can't be used and are decoded again: {printable(error)}")
        kept = None
    if kept is not None:
        return _as_wanted(kept, folder, seeks)
    pictures = source.open(image_size, grayscale, num_workers)
    try:
        with opened(folder) as log:
            with contextlib.suppress(BadInput, OSError):
                if log is not None and (kept := _read(folder, source.name)) is not None:  # by whoever had it before
                    return _as_wanted(kept, folder, seeks)
            images, facts = _fill(folder, pictures, source, log, seeks)
    except OSError as error:
        why = printable(error.strerror or error).lower()
        console.warn(f"decoded images can't be kept in {printable(folder)} ({why}); the next start decodes them again")
        _remove_half(folder)
        return _in_memory(pictures, source.name, seeks)
    for outdated in folder.parent.glob(prefix + "*"):
        if outdated != folder and not is_being_written(outdated):
            shutil.rmtree(outdated, ignore_errors=True)
    return _image_set(source.name, images, facts)


def _fill(
    folder: Path, pictures: Pictures, source: Source, log: DecodingLog | None, seeks: bool
) -> tuple[np.ndarray, dict[str, Any]]:
    """Decode into the cache, going on where the ``log`` ends; the images, mapped, and what is known of them.

    Raises:
        OSError: the disk takes no more.
    """
    place = folder / "images.npy"
    if log is None:  # nothing can be locked here, so nothing is shared with a run that was stopped
        with atomic_write(place) as file:
            facts, lasting = _decode(pictures, source.name, file)
    else:
        facts, lasting = _decode(pictures, source.name, log.file, log)
        log.file.flush()
    images = np.load(place if log is None else log.path, mmap_mode="r")
    facts["near_duplicates"] = near_duplicates(images).tolist() if seeks else None
    sha256 = file_sha256(place if log is None else log.path)
    if log is not None:
        log.keep_as(place)
    if lasting:
        write_json(folder / "index.json", {**facts, "sha256": sha256})
    if log is not None:
        log.forget()
    return images, facts


def _as_wanted(kept: ImageSet, folder: Path, seeks: bool) -> ImageSet:
    """A kept set with its near-duplicates, which are looked for now where nobody has asked before, or without them."""
    if not seeks:
        return replace(kept, near_duplicates=None)
    if kept.near_duplicates is not None:
        return kept
    pairs = near_duplicates(kept.images).tolist()
    with contextlib.suppress(OSError):  # else they are looked for again the next time
        write_json(folder / "index.json", {**read_json(folder / "index.json"), "near_duplicates": pairs})
    return replace(kept, near_duplicates=np.array(pairs, np.int64).reshape(-1, 2))


def _remove_half(folder: Path) -> None:
    """Half a cache only fills the disk; what another run has finished there, or is about to, is let be."""
    with contextlib.suppress(OSError):
        if not ((folder / "index.json").exists() or is_being_written(folder)):
            shutil.rmtree(folder)


def _short_digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _read(folder: Path, name: str) -> ImageSet | None:
    """What the cache holds; None if it holds nothing.

    Raises:
        BadInput: what it holds is damaged.
    """
    if not (folder / "index.json").exists():
        return None
    index = read_json(folder / "index.json")
    if file_sha256(folder / "images.npy") != index.get("sha256"):
        raise BadInput("images.npy is damaged: its checksum does not match its content")
    try:
        return _image_set(name, np.load(folder / "images.npy", mmap_mode="r"), index)
    except (KeyError, TypeError, ValueError):
        raise BadInput("index.json does not say what it should") from None


def _in_memory(pictures: Pictures, name: str, seeks: bool) -> ImageSet:
    file = io.BytesIO()
    facts, _ = _decode(pictures, name, file)
    images = np.frombuffer(file.getbuffer(), np.uint8, offset=HEADER_BYTES).reshape(facts["shape"])
    images.flags.writeable = False
    facts["near_duplicates"] = near_duplicates(images).tolist() if seeks else None
    return _image_set(name, images, facts)


def _image_set(name: str, images: np.ndarray, facts: dict[str, Any]) -> ImageSet:
    labels, published_test, pairs = facts["labels"], facts["published_test"], facts["near_duplicates"]
    return ImageSet(
        name=name,
        images=images,
        labels=None if labels is None else np.array(labels, np.int64),
        class_names=tuple(facts["class_names"]),
        sample_ids=tuple(facts["sample_ids"]),
        groups=np.array(facts["groups"], np.int64),
        published_test=None if published_test is None else np.array(published_test, bool),
        left_out=tuple((sample_id, why) for sample_id, why in facts["left_out"]),
        published_val=None if facts["published_val"] is None else np.array(facts["published_val"], bool),
        near_duplicates=None if pairs is None else np.array(pairs, np.int64).reshape(-1, 2),
        layout=facts["layout"],
        doubts=tuple(facts["doubts"]),
        wide=facts["wide"],
        tones=facts["tones"],
    )


def _decode(
    pictures: Pictures, name: str, file: BinaryIO, log: DecodingLog | None = None
) -> tuple[dict[str, Any], bool]:
    """Write the images as a ``.npy`` file; give all else that is known, in plain types, and whether it will last.

    Args:
        pictures: the images.
        name: of their set.
        file: that they are written to.
        log: by which decoding goes on where it was stopped.

    Raises:
        BadInput: not one image is readable.
    """
    shape, before = pictures.shape, []
    log = log if pictures.batches_from is not None else None
    if log is not None:
        shape, before = log.recover(shape)
    while True:
        try:
            facts, lasting = _collected(shape, pictures, name, _batches(shape, pictures, file, log, before))
            break
        except ShapeDisproved as disproved:
            shape, before = disproved.shape, []
        except TonesUnknown:
            shape, before = replace(shape, tones=pictures.survey(shape)), []
    header = io.BytesIO()
    described = {"descr": "|u1", "fortran_order": False, "shape": tuple(facts["shape"])}
    np.lib.format.write_array_header_1_0(header, described)
    if header.tell() != HEADER_BYTES:
        raise AssertionError("numpy writes .npy headers of another length than it did")
    file.seek(0)
    file.write(header.getvalue())
    return facts, lasting


def _batches(
    shape: Shape, pictures: Pictures, file: BinaryIO, log: DecodingLog | None, before: list[Batch]
) -> Iterator[Batch]:
    """All batches, those that were decoded before first; the images of each are in the file when it comes."""
    if before:
        file.seek(0, io.SEEK_END)
        last = before[-1]
        first = 1 + max([*last.positions, *(each.position for each in last.unread)])
        console.note(f"{sum(len(each.positions) for each in before):,} of them were decoded before and kept")
        yield from before
        new = pictures.batches_from(shape, first)
    else:
        file.seek(0)
        file.truncate()
        file.write(bytes(HEADER_BYTES))
        if log is not None:
            log.start(shape)
        new = pictures.batches(shape)
    for batch in new:
        file.write(np.ascontiguousarray(batch.images).data)
        if log is not None:
            log.add(batch)
        yield batch


def _collected(shape: Shape, pictures: Pictures, name: str, batches: Iterator[Batch]) -> tuple[dict[str, Any], bool]:
    """What is known of images, batch by batch, in plain types, and whether it will last.

    Raises:
        BadInput: not one is readable.
    """
    kept: list[int] = []
    digests: list[bytes] = []
    left_out = list(pictures.left_out)
    lasting, noted = True, Noted()
    for batch in batches:
        digests += batch.digests
        kept += batch.positions
        left_out += [(pictures.ids[each.position], each.why) for each in batch.unread]
        lasting = lasting and not any(each.passing for each in batch.unread)
        if batch.noted is not None:
            noted.add(batch.noted)
    if not kept:
        first, why = left_out[0]
        raise BadInput(
            f"{printable(name)} holds no readable image ({printable(first)}: {printable(why)}); "
            f"give another folder of images, or try a set that is here: {own_command({'--dataset': ['digits']})}"
        )
    labels, class_names = None, ()
    if pictures.labels is not None:  # a class whose every image is unreadable is no class of this set
        labels = pictures.labels[kept]
        present, numbers = np.unique(labels[labels >= 0], return_inverse=True)
        labels[labels >= 0] = numbers
        labels, class_names = labels.tolist(), [pictures.class_names[number] for number in present]
        if not class_names:  # not one image with a label is readable
            labels = None
    groups = [pictures.groups[position] or position for position in kept]
    facts = {
        "shape": [len(kept), shape.channels, *shape.size],
        "labels": labels,
        "class_names": list(class_names),
        "sample_ids": [pictures.ids[position] for position in kept],
        "groups": joined_groups(groups, digests).tolist(),
        "published_test": None if pictures.published_test is None else pictures.published_test[kept].tolist(),
        "published_val": None if pictures.published_val is None else pictures.published_val[kept].tolist(),
        "layout": "\n".join([pictures.layout, *remarks(noted, shape.tones, shape.fit, shape.size, pictures.ids)]),
        "doubts": doubts(noted, shape.tones),
        "wide": noted.wide_count,
        "tones": shape.tones.plain if pictures.survey is not None else None,
        "left_out": sorted(left_out),
    }
    return facts, lasting
