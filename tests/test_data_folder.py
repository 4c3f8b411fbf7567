"""Folders of images as people have them, and as nobody should."""

import os
import random
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data import decode, load_images
from data.annotations import Annotations
from data.folder import Folder
from run.errors import BadInput
from tests.painted import GREY, RED, load, paint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "set").mkdir()
    return tmp_path / "set"


def test_one_folder_a_class(folder):
    paint(folder / "cat" / "1.png", RED)
    paint(folder / "dog" / "1.png", GREY)
    paint(folder / "dog" / "deep" / "er" / "2.png", GREY)
    images = load(folder)
    assert images.name == "set"
    assert images.sample_ids == ("cat/1.png", "dog/1.png", "dog/deep/er/2.png")
    assert images.class_names == ("cat", "dog")
    assert images.labels.tolist() == [0, 1, 1]
    assert images.images.shape == (3, 3, 10, 12)  # the size that all share
    assert images.images.dtype == np.uint8
    assert not images.images.flags.writeable
    assert images.published_test is None
    assert images.groups.tolist() == [0, 1, 1]  # equal pixels


def test_flat_folder_has_no_labels(folder):
    paint(folder / "1.png")
    paint(folder / "2.png")
    images = load(folder)
    assert images.labels is None
    assert images.class_names == ()


def test_stray_image_beside_class_folders_is_left_out_and_a_few_in_folders_are_not_classes(folder):
    paint(folder / "preview.png")
    for number in range(3):
        paint(folder / "cat" / f"{number}.png")
        paint(folder / "dog" / f"{number}.png")
    images = load(folder)
    assert images.class_names == ("cat", "dog")
    assert images.left_out == (("preview.png", "lies beside the class folders"),)
    for number in range(9):
        paint(folder / f"{number}.png")
    assert load(folder).labels is None
    assert len(load(folder)) == 16


def test_pictures_without_an_ending_are_known_by_their_first_bytes(folder):
    for number, kind in enumerate(("JPEG", "PNG", "GIF", "TIFF")):
        Image.new("RGB", (12, 10), (200, number, 0)).save(folder / f"picture{number}", kind)
    (folder / "README").write_text("of cats")
    os.mkfifo(folder / "pipe")  # which is not waited for
    assert load(folder).sample_ids == tuple(f"picture{number}" for number in range(4))


def test_hidden_and_foreign_files_are_passed_over(folder, capfd):
    paint(folder / "cat" / "1.png")
    paint(folder / "dog" / "1.png")
    paint(folder / ".git" / "2.png")
    paint(folder / "cat" / "._1.png")
    (folder / "cat" / "notes.txt").write_text("no image")
    (folder / "README").write_text("no image")
    images = load(folder)
    assert images.sample_ids == ("cat/1.png", "dog/1.png")
    assert images.left_out == ()
    said = capfd.readouterr().err
    assert "passed over 2 files" in said
    assert "passed over 1 picture in hidden folders (.git)" in said


def test_a_folder_with_nothing_in_it_and_one_that_is_linked_twice_are_said(folder, capfd):
    for name in ("cat/1.png", "dog/1.png"):
        paint(folder / name)
    (folder / "frog").mkdir()
    (folder / "hund").symlink_to(folder / "dog")
    assert load(folder).sample_ids == ("cat/1.png", "dog/1.png")
    said = capfd.readouterr().err
    assert "nothing is in 1 folder (frog)" in said
    assert "passed over 1 link to folders that are read already (hund)" in said


def png_of(width: int, height: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_many_that_are_left_out_are_told_by_reason(folder, capfd):
    paint(folder / "cat" / "good.png", size=(64, 64))
    paint(folder / "dog" / "good.png", size=(64, 64))
    for number in range(300):
        (folder / "cat" / f"{number}.svg").write_text("<svg/>")
    for number in range(30):
        (folder / "cat" / f"{number}.png").write_bytes(b"")
    images = load(folder)
    assert len(images.left_out) == 330
    said = capfd.readouterr().err
    listed = said[said.index("330 of set left out") :].splitlines()[1:3]
    assert listed[0].startswith("  300 unsupported: a drawing")
    assert listed[0].endswith(".svg, ...")
    assert listed[1].startswith("  30 empty file: cat/")
    assert listed[1].count(".png") == 3


def test_unreadable_images_are_left_out_by_name_with_the_reason(folder, capfd):
    good = paint(folder / "cat" / "good.png", size=(64, 64))
    (folder / "cat" / "empty.png").write_bytes(b"")
    (folder / "cat" / "text.png").write_text("<svg onload=alert(1)>")
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(folder / "cat" / "cut.png")
    (folder / "cat" / "cut.png").write_bytes((folder / "cat" / "cut.png").read_bytes()[:900])
    (folder / "cat" / "bomb.png").write_bytes(png_of(50_000, 50_000))
    (folder / "cat" / "lesser_bomb.png").write_bytes(png_of(10_000, 10_000))
    (folder / "cat" / "script.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EOF\n")
    os.symlink("nowhere.png", folder / "cat" / "broken.png")
    os.symlink("self.png", folder / "cat" / "self.png")
    Image.fromarray(np.full((64, 64), np.nan, np.float32)).save(folder / "cat" / "depth.tif")
    (folder / "dead").mkdir()
    (folder / "dead" / "only.jpg").write_bytes(good.read_bytes()[:50])
    images = load(folder)
    assert images.sample_ids == ("cat/good.png",)
    assert images.class_names == ("cat",)  # a class without one readable image is none
    reasons = dict(images.left_out)
    assert reasons.pop("cat/empty.png") == "empty file"
    assert reasons.pop("cat/text.png") == reasons.pop("cat/script.jpg") == "not an image"
    assert "bomb" in reasons.pop("cat/bomb.png")
    assert "bomb" in reasons.pop("cat/lesser_bomb.png")
    assert "nowhere" in reasons.pop("cat/broken.png")
    assert "nowhere" in reasons.pop("cat/self.png")
    assert reasons.pop("cat/depth.tif") == "holds no data: every pixel is NaN"
    assert "truncated" in reasons.pop("cat/cut.png")
    assert "truncated" in reasons.pop("dead/only.jpg")
    assert not reasons
    said = capfd.readouterr().err
    assert "10 of set left out" in said
    assert all(name in said for name, _ in images.left_out)
    load(folder)
    assert "10 of set left out" in capfd.readouterr().err  # said again when the cache answers


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
def test_a_pipe_is_not_waited_for(folder):
    paint(folder / "1.png")
    os.mkfifo(folder / "2.png")
    assert load(folder).left_out == (("2.png", "not a regular file"),)


def test_permission_denied(folder, monkeypatch):
    paint(folder / "1.png")
    paint(folder / "2.png")
    allowed = decode.open_image

    def guarded(path: str) -> Image.Image:
        if path.endswith("2.png"):
            raise PermissionError(13, "Permission denied")
        return allowed(path)

    monkeypatch.setattr(decode, "open_image", guarded)
    assert load(folder).left_out == (("2.png", "permission denied"),)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_folder_that_may_not_be_entered(folder):
    paint(folder / "cat" / "1.png")
    paint(folder / "dog" / "1.png")
    (folder / "dog").chmod(0)
    try:
        assert load(folder).left_out == (("dog", "folder: permission denied"),)
    finally:
        (folder / "dog").chmod(0o700)


def test_links_are_followed_once(folder):
    paint(folder / "cat" / "1.png")
    paint(folder.parent / "elsewhere" / "2.png")
    os.symlink("..", folder / "cat" / "up")
    os.symlink(".", folder / "cat" / "here")
    os.symlink("cat", folder / "aaa")  # sorts before the folder that it names, and does not take its place
    os.symlink(folder.parent / "elsewhere", folder / "dog")
    images = load(folder)
    assert images.sample_ids == ("cat/1.png", "dog/2.png")


def test_links_lead_no_further_than_one_folder(folder, capsys):
    outside = folder.parent / "outside"
    paint(folder / "cat" / "1.png")
    paint(outside / "2.png")
    paint(folder.parent / "far" / "3.png")
    os.symlink(folder.parent, folder / "above")
    os.symlink("/", folder / "root")
    os.symlink(outside, folder / "dog")
    os.symlink(folder.parent / "far", outside / "far")  # a link behind a link out of the folder
    (outside / "inner").mkdir()
    os.symlink("inner", outside / "within")
    if os.path.isdir("/proc/self"):
        os.symlink("/proc/self", folder / "process")
    assert load(folder).sample_ids == ("cat/1.png", "dog/2.png")
    said = capsys.readouterr().err
    assert "did not follow" in said
    for name in ("above", "root", "dog/far"):
        assert name in said


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="no such folder here")
def test_a_process_is_no_way_through_the_machine():
    with pytest.raises(BadInput, match=r"no images \(did not follow .* links that would lead through the machine"):
        Folder(Path("/proc/self"), "self").open(None, False, None)


def test_names_are_text(folder):
    names = ["<img src=x onerror=alert(1)>", "$\\frac$", "=cmd", "عربي", "🙂", "a\nb", "x" * 200]
    for name in names:
        paint(folder / name / f"{name}.png", (len(name), 0, 0))
    images = load(folder)
    assert set(images.class_names) == set(names)
    assert load(folder).class_names == images.class_names
    assert load(folder).sample_ids == images.sample_ids


@pytest.mark.skipif(os.name != "posix", reason="names are text on this system")
def test_names_that_are_not_utf8(folder):
    os.makedirs(os.fsencode(folder) + b"/caf\xe9")
    picture = Image.new("RGB", (9, 9), RED)
    with open(os.fsencode(folder) + b"/caf\xe9/\xff\xfe.png", "wb") as file:
        picture.save(file, "PNG")
    paint(folder / "tea" / "1.png")
    for _ in range(2):  # decoded, then from the cache
        images = load(folder)
        assert images.sample_ids == ("caf\udce9/\udcff\udcfe.png", "tea/1.png")
        assert images.class_names == ("caf\udce9", "tea")
    os.rename(folder, os.fsencode(folder.parent) + b"/s\xe9t")
    assert len(load_images(str(folder.parent / "s\udce9t"), folder.parent / "data")) == 2


def test_tracks_are_known_by_gtsrbs_names(folder):
    for track in range(3):
        for frame in range(4):
            paint(folder / "00007" / f"{track:05}_{frame:05}.ppm", (track, frame, 0))
    paint(folder / "00008" / "00000_00000.ppm", (9, 9, 9))
    assert load(folder).groups.tolist() == [0] * 4 + [1] * 4 + [2] * 4 + [3]


def test_a_published_split_is_taken_as_it_lies(folder, capfd):
    for part, count in [("Train", 6), ("valid", 2), ("TEST", 3)]:
        for label in ("cat", "dog"):
            for number in range(count):
                paint(folder / part / label / f"{number}.png")
    images = load(folder)
    assert images.class_names == ("cat", "dog")
    assert images.published_test.sum() == 6
    assert images.published_val.sum() == 4
    assert "a published split (Train/, valid/, TEST/: 12 train, 4 val, 6 test)" in capfd.readouterr().err


@pytest.mark.parametrize("content", [None, "notes.txt", "empty.png"])
def test_nothing_to_see(folder, content):
    if content:
        (folder / content).write_bytes(b"")
    with pytest.raises(BadInput, match=r"holds no .*images?.*--dataset digits"):
        load(folder)


def test_only_damaged_images(folder):
    (folder / "1.png").write_text("x")
    with pytest.raises(BadInput, match=r"holds no readable image \(1.png: not an image\)"):
        load(folder)


def test_bytes_at_random_never_stop_a_load(folder):
    good = {
        kind: paint(folder / f"good.{kind}", size=(20, 20)).read_bytes() for kind in ("png", "jpg", "gif", "tif", "bmp")
    }
    good["webp"] = paint(folder / "good.webp", size=(20, 20)).read_bytes()
    chance = random.Random(0)
    for kind, content in good.items():
        for number in range(40):
            damaged = bytearray(content)
            for _ in range(chance.randrange(1, 12)):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            (folder / f"{number}.{kind}").write_bytes(damaged[: chance.randrange(20, len(damaged) + 1)])
    images = load(folder)
    assert len(images) + len(images.left_out) == 41 * len(good)
    assert len(images.left_out) > 40


def test_many_files_are_listed_fast(folder):
    for number in range(10_000):
        (folder / f"{number}.png").touch()
    started = time.monotonic()
    with pytest.raises(BadInput):
        load(folder)
    assert time.monotonic() - started < 3


def kaggle(folder: Path) -> Path:
    """Pictures of train/ labelled by train.csv, and those of test/ by nobody; the table."""
    for number in range(6):
        paint(folder / "train" / f"{number}.png", (10 * number, 0, 0))
        paint(folder / "test" / f"{number}.png", (0, 10 * number + 5, 0))
    (folder / "train.csv").write_text("id,label\n" + "".join(f"{number},{'ab'[number % 2]}\n" for number in range(6)))
    return folder / "train.csv"


def test_a_table_of_labels_that_nobody_named_is_pointed_out(folder):
    table = kaggle(folder)
    said = f"there are labels from label in {table} (6 images): a, b: to use these, --labels {table}"
    assert said in load(folder).layout
    assert said in load_images(str(folder / "train"), folder.parent / "data").layout  # it lies beside the pictures
    table.write_text("id,label\n0,a\n1,b\n")  # of too few
    (folder / "train" / "new.png").write_bytes((folder / "train" / "0.png").read_bytes())
    assert "there are labels" not in load(folder).layout


def test_test_images_are_drawn_where_those_of_a_split_have_no_label(folder):
    images = load(folder, annotations=Annotations(labels=[kaggle(folder)]))
    assert images.published_test is None
    assert images.sample_ids == tuple(f"train/{number}.png" for number in range(6))
    assert "nothing that tests has a label, so test images are drawn from the others" in images.layout


def test_pieces_of_a_set_with_a_table_of_labels(folder, monkeypatch):
    """As of HAM10000."""
    monkeypatch.setattr("sys.argv", ["train.py", "--dataset", str(folder), "--latent_size", "8"])
    for number in range(4):
        paint(folder / f"part_{number // 2}" / f"{number}.png", (10 * number, 0, 0))
    (folder / "known.csv").write_text("image_id,dx\n0,mel\n1,nv\n2,mel\n3,nv\n")
    with pytest.raises(
        BadInput,
        match=r"pieces of a data set.*; or, with labels from dx in .*: mel, nv: python .* --labels \S+known.csv$",
    ):
        load(folder)
