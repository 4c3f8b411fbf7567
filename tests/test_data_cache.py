"""The second start reads no image file; a changed source never meets a stale cache; damage is seen."""

import dataclasses
import errno
import json
import os
import random
import shutil
import signal
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data import cache, decode, load_images, workers
from data.image_set import ImageSet
from run.cores import cores


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(6):
        path = tmp_path / "set" / f"class {number % 2}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (12, 10), (number, 20, 30)).save(path)
    (tmp_path / "set" / "class 0" / "empty.png").touch()
    return tmp_path / "set"


def load(folder: Path, **options: object) -> ImageSet:
    return load_images(str(folder), folder.parent / "data", **options)


@pytest.fixture
def decoded(monkeypatch) -> list[str]:
    """The files decoded so far."""
    files = []
    decode_file = decode.decode_file

    def counting(path: str, shape: decode.Shape) -> np.ndarray:
        files.append(os.path.basename(path))
        return decode_file(path, shape)

    monkeypatch.setattr(decode, "decode_file", counting)
    return files


def kept(folder: Path) -> list[Path]:
    return sorted((folder.parent / "data" / "cache").iterdir())


def assert_equal(one: ImageSet, other: ImageSet) -> None:
    for field in ("images", "labels", "groups"):
        assert np.array_equal(getattr(one, field), getattr(other, field))
    for field in ("name", "class_names", "sample_ids", "published_test", "left_out"):
        assert getattr(one, field) == getattr(other, field)


def test_second_start_reads_no_image(folder, decoded):
    first = load(folder)
    assert len(decoded) == 6
    second = load(folder)
    assert len(decoded) == 6
    assert_equal(first, second)
    assert isinstance(second.images, np.memmap)
    assert not second.images.flags.writeable
    assert second.left_out == (("class 0/empty.png", "empty file"),)


def test_options_have_caches_of_their_own(folder, decoded):
    load(folder)
    assert load(folder, image_size=(8, 9)).images.shape[2:] == (8, 9)
    assert load(folder, grayscale=True).images.shape[1] == 1
    assert len(kept(folder)) == 3
    load(folder), load(folder, image_size=(8, 9)), load(folder, grayscale=True)
    assert len(decoded) == 18


def same_size_same_times(folder: Path) -> None:
    path = folder / "class 0" / "0.png"
    before = path.stat()
    Image.new("RGB", (12, 10), (9, 20, 30)).save(path)
    assert path.stat().st_size == before.st_size
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def add(folder: Path) -> None:
    Image.new("RGB", (12, 10)).save(folder / "class 1" / "new.png")


CHANGES = {
    "same size and modification time": same_size_same_times,
    "added": add,
    "removed": lambda folder: (folder / "class 0" / "0.png").unlink(),
    "renamed": lambda folder: (folder / "class 0" / "0.png").rename(folder / "class 0" / "zero.png"),
    "to another class": lambda folder: (folder / "class 0" / "0.png").rename(folder / "class 1" / "0.png"),
    "class renamed": lambda folder: (folder / "class 0").rename(folder / "class 2"),
    "emptied": lambda folder: (folder / "class 0" / "0.png").write_bytes(b""),
    "filled": lambda folder: Image.new("RGB", (12, 10)).save(folder / "class 0" / "empty.png"),
    "two swapped": lambda folder: [
        os.rename(folder / "class 0" / one, folder / "class 0" / other)
        for one, other in (("0.png", "t.png"), ("2.png", "0.png"), ("t.png", "2.png"))
    ],
}


@pytest.mark.parametrize("change", CHANGES)
def test_changed_source_never_meets_a_stale_cache(folder, change):
    load(folder)
    CHANGES[change](folder)
    changed = load(folder)
    shutil.rmtree(folder.parent / "data")
    assert_equal(changed, load(folder))
    assert len(kept(folder)) == 1


def test_outdated_images_do_not_pile_up(folder):
    for _ in range(3):
        load(folder)
        add(folder)
    assert len(kept(folder)) == 1


def test_change_in_the_same_instant_is_seen(folder):
    path = folder / "class 0" / "0.png"
    for value in range(20):
        Image.new("RGB", (12, 10), (value, 20, 30)).save(path)
        images = load(folder)
        assert images.images[images.sample_ids.index("class 0/0.png"), 0, 0, 0] == value


def test_every_damage_is_seen_said_and_mended(folder, capfd):
    whole = load(folder)
    whole = dataclasses.replace(whole, images=np.array(whole.images))  # a copy: the file is damaged
    (place,) = kept(folder)
    chance = random.Random(0)
    for number in range(40):
        file = place / ("images.npy", "index.json")[number % 2]
        content = bytearray(file.read_bytes())
        if number % 3 == 0:
            del content[chance.randrange(len(content) - 1) :]  # more than the last line's end
        else:
            content[chance.randrange(len(content) - 1)] ^= 1 << chance.randrange(8)
        file.write_bytes(content)
        capfd.readouterr()
        assert_equal(whole, load(folder))
        assert "can't be used" in capfd.readouterr().err
    load(folder)
    assert "can't be used" not in capfd.readouterr().err


def test_killed_between_its_two_files(folder, decoded):
    whole = load(folder)
    (place,) = kept(folder)
    (place / "index.json").unlink()
    assert_equal(whole, load(folder))
    assert len(decoded) == 12
    (place / "images.npy").unlink()
    assert_equal(whole, load(folder))
    assert len(decoded) == 18


@pytest.mark.parametrize("error", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_goes_on_without_a_cache_where_none_can_be_written(folder, monkeypatch, capfd, error):
    whole = load(folder)
    shutil.rmtree(folder.parent / "data")

    def refuse(*_: object) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(cache, "opened", refuse)
    images = load(folder)
    assert_equal(whole, images)
    assert not images.images.flags.writeable
    assert "can't be kept" in capfd.readouterr().err


def test_data_dir_that_is_a_file(folder, capfd):
    (folder.parent / "data").touch()
    assert len(load(folder)) == 6
    assert "can't be kept" in capfd.readouterr().err


@pytest.mark.parametrize(
    "error", [OSError(errno.EIO, "Input/output error"), OSError(errno.ESTALE, "Stale file handle"), MemoryError()]
)
def test_passing_trouble_is_not_kept(folder, monkeypatch, decoded, error):
    trouble = {"0.png"}
    allowed = decode.open_image

    def failing(path: str) -> Image.Image:
        if os.path.basename(path) in trouble:
            raise error
        return allowed(path)

    monkeypatch.setattr(decode, "open_image", failing)
    assert len(load(folder)) == 5
    trouble.clear()
    assert len(load(folder)) == 6
    load(folder)
    assert len(decoded) == 12


@pytest.mark.parametrize("error", [OSError(errno.EINVAL, "Invalid argument"), OSError("broken data stream")])
def test_a_damaged_file_is_left_out_for_good(folder, monkeypatch, decoded, error):
    """It may send its reader to a place before the file begins, which the system refuses with a number."""
    allowed = decode.open_image

    def failing(path: str) -> Image.Image:
        if os.path.basename(path) == "0.png":
            raise error
        return allowed(path)

    monkeypatch.setattr(decode, "open_image", failing)
    assert len(load(folder)) == 5
    decoded.clear()
    assert len(load(folder)) == 5
    assert not decoded


@pytest.fixture(params=["threads", "processes"])
def two_a_batch(request, monkeypatch):
    """Batches of two files, decoded by either kind of workers."""
    monkeypatch.setattr(workers, "_BATCH_FILES", 2)
    monkeypatch.setattr(workers, "_WORTH_PROCESSES", 0 if request.param == "processes" else 1_000_000)


@pytest.mark.parametrize("count", [1, 2, 5, None])
def test_number_of_workers_changes_nothing(folder, two_a_batch, count):
    (folder / "class 1" / "broken.png").write_bytes(b"no image")
    images = load(folder, num_workers=1)
    (place,) = kept(folder)
    content = {file.name: file.read_bytes() for file in place.iterdir()}
    shutil.rmtree(folder.parent / "data")
    assert_equal(images, load(folder, num_workers=count))
    assert {file.name: file.read_bytes() for file in place.iterdir()} == content


def test_files_of_a_process_that_was_killed_are_decoded_by_this_one(folder, monkeypatch):
    """As the system kills it where memory is short."""
    monkeypatch.setattr(workers, "_BATCH_FILES", 2)
    monkeypatch.setattr(workers, "_WORTH_PROCESSES", 0)
    images = load(folder, num_workers=1)
    shutil.rmtree(folder.parent / "data")
    ours, decode_batch = os.getpid(), workers.decode_batch

    def dying(paths: list[str], first: int, shape: decode.Shape) -> decode.Batch:
        if first >= 2 and os.getpid() != ours:
            os.kill(os.getpid(), signal.SIGKILL)
        return decode_batch(paths, first, shape)

    monkeypatch.setattr(workers, "decode_batch", dying)
    assert_equal(images, load(folder, num_workers=2))


def test_another_shape_is_seen_by_another_worker(folder, two_a_batch):
    """Too many images for a sample of them to show that one has another size."""
    for number in range(128):
        shutil.copy(folder / "class 0" / "0.png", folder / "class 0" / f"a{number}.png")
    Image.new("RGB", (20, 30)).save(folder / "class 0" / "a64.png")
    assert load(folder, num_workers=2).images.shape == (134, 3, 32, 32)


def test_filters_of_warnings_are_as_before_whatever_workers_did(folder, two_a_batch, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 150)  # what has more is a decompression bomb
    Image.new("RGB", (14, 14)).save(folder / "class 0" / "bomb.png")
    before = list(warnings.filters)
    images = load(folder, num_workers=5)
    assert warnings.filters == before
    assert [why.partition(" (")[0] for name, why in images.left_out if "bomb" in name] == [
        "too large: 196 pixels, more than 150"
    ]
    assert Image.MAX_IMAGE_PIXELS == 150


def test_a_process_that_is_kept_to_one_core_takes_one(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3}, raising=False)
    assert cores() == 1


def test_two_runs_that_fill_one_cache_leave_each_other_their_files(folder, monkeypatch):
    """The second begins while the first decodes, after an image was added: it takes the first one's folder for old."""
    decode_file = decode.decode_file
    others = []

    def slow(path: str, shape: decode.Shape) -> np.ndarray:
        if not others:
            others.append(None)
            Image.new("RGB", (12, 10)).save(folder / "class 0" / "added.png")
            others[0] = load(folder, num_workers=1)
        return decode_file(path, shape)

    monkeypatch.setattr(decode, "decode_file", slow)
    first = load(folder, num_workers=1)
    assert (len(first), len(others[0])) == (6, 7)
    assert len(kept(folder)) == 1
    assert_equal(others[0], load(folder))


@pytest.fixture
def one_a_batch(monkeypatch) -> None:
    monkeypatch.setattr(workers, "_BATCH_FILES", 1)


class Stopped(BaseException):
    """As a signal: nothing in between catches it."""


@pytest.mark.parametrize("damage", ["", "last line cut", "pixels cut", "pixels changed", "not a line"])
@pytest.mark.parametrize("after", [1, 3, 5])
def test_decoding_that_was_stopped_goes_on(folder, monkeypatch, decoded, one_a_batch, after, damage):
    whole = load(folder, num_workers=1)
    (place,) = kept(folder)
    files = {path.name: path.read_bytes() for path in place.iterdir()}
    assert sorted(files) == ["images.npy", "index.json"]
    shutil.rmtree(place)
    decoded.clear()
    add = cache.DecodingLog.add

    def stop(log: object, batch: decode.Batch) -> None:
        add(log, batch)
        if batch.positions[0] + 1 == after:
            raise Stopped

    monkeypatch.setattr(cache.DecodingLog, "add", stop)
    with pytest.raises(Stopped):
        load(folder, num_workers=1)
    monkeypatch.setattr(cache.DecodingLog, "add", add)
    spoil(place, damage)
    decoded.clear()
    assert_equal(whole, load(folder, num_workers=1))
    assert len(decoded) == 6 - after + (damage not in ("", "not a line"))
    found = {path.name: path.read_bytes() for path in place.iterdir()}
    assert found["index.json"].decode().splitlines() == files["index.json"].decode().splitlines()
    assert found == files


def spoil(place: Path, damage: str) -> None:
    """Take the last batch of a decoding that was stopped away, or add what is none."""
    lines, pixels = place / ".decoding.jsonl", place / ".decoding.partial"
    if damage == "last line cut":
        lines.write_text(lines.read_text()[:-10])
    elif damage == "pixels cut":
        pixels.write_bytes(pixels.read_bytes()[:-10])
    elif damage == "pixels changed":
        pixels.write_bytes(pixels.read_bytes()[:-10] + bytes(10))
    elif damage == "not a line":
        with open(lines, "a") as file:
            file.write('{"positions": [7')


def test_what_is_decoded_and_not_described_yet_is_not_decoded_again(folder, monkeypatch, decoded):
    whole = load(folder)
    shutil.rmtree(kept(folder)[0])

    def stop(*_: object) -> None:
        raise Stopped

    for step in ("near_duplicates", "write_json"):
        decoded.clear()
        with monkeypatch.context() as patch:
            patch.setattr(cache, step, stop)
            with pytest.raises(Stopped):
                load(folder)
    assert_equal(whole, load(folder))
    assert decoded == []


def test_another_shape_is_kept_when_decoding_was_stopped(folder, monkeypatch, decoded, one_a_batch):
    """The last image has another size than the first ones, which are decoded anew for it, once."""
    Image.new("RGB", (30, 20)).save(folder / "class 1" / "7.png")
    add, seen = cache.DecodingLog.add, []

    def stop(log: object, batch: decode.Batch) -> None:
        add(log, batch)
        seen.append(batch.images.shape)
        if batch.images.shape[2:] == (32, 32) and batch.positions == [4]:
            raise Stopped

    monkeypatch.setattr(cache.DecodingLog, "add", stop)
    with pytest.raises(Stopped):
        load(folder, num_workers=1)
    monkeypatch.setattr(cache.DecodingLog, "add", add)
    decoded.clear()
    images = load(folder, num_workers=1)
    assert images.images.shape == (7, 3, 32, 32)
    assert len(decoded) == 2


def test_who_wants_the_same_waits_for_it(folder, decoded):
    """Two threads stand for two commands: locks are of open files."""
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda _: load(folder, num_workers=1), range(2))
    assert_equal(one, other)
    assert len(decoded) == 6


def test_a_cache_without_its_pixels_is_made_anew(folder, decoded, capfd):
    whole = load(folder)
    (kept(folder)[0] / "images.npy").unlink()
    assert_equal(whole, load(folder))
    assert "can't be kept" not in capfd.readouterr().err
    decoded.clear()
    assert_equal(whole, load(folder))
    assert decoded == []


def test_a_disk_that_fills_while_decoding_gets_its_half_back(folder, monkeypatch, capfd):
    """What was not flushed yet can't be written when the log is closed either."""
    write = cache.DecodingLog._write

    def full(log: cache.DecodingLog, content: dict) -> None:
        if "positions" not in content:
            return write(log, content)
        close, no_space = log._lines.close, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def closed() -> None:
            close()
            raise no_space

        log._lines.close = closed
        raise no_space

    monkeypatch.setattr(cache.DecodingLog, "_write", full)
    assert len(load(folder)) == 6
    assert "no space left on device" in capfd.readouterr().err
    assert kept(folder) == []


def test_index_is_plain_json(folder):
    load(folder)
    (place,) = kept(folder)
    index = json.loads((place / "index.json").read_text("utf-8"))
    assert index["class_names"] == ["class 0", "class 1"]
    assert np.load(place / "images.npy", allow_pickle=False).shape == (6, 3, 10, 12)


def test_near_duplicates_are_looked_for_when_they_are_asked_for_and_once(folder, monkeypatch, decoded):
    Image.new("RGB", (12, 10), (2, 20, 31)).save(folder / "class 0" / "copy.png")  # nearly 2.png
    sought, search = [], cache.near_duplicates
    monkeypatch.setattr(cache, "near_duplicates", lambda images: sought.append(len(images)) or search(images))
    assert load(folder, near_duplicates=False).near_duplicates is None
    assert sought == []
    decoded.clear()
    found = load(folder).near_duplicates
    assert len(found)
    assert np.array_equal(load(folder).near_duplicates, found)
    assert load(folder, near_duplicates=False).near_duplicates is None
    assert sought == [7]
    assert decoded == []
