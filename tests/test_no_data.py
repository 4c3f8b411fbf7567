"""Pixels that stand for no data, in files of more than 8 bits."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from data import load_images, workers
from data.annotations import Annotations
from data.decode import Batch
from data.decoding_log import DecodingLog
from model.checkpoint import load_checkpoint
from run.errors import BadInput
from tests.test_own_files import EACH, held_out, save_all, train, values


def save_with_holes(path: Path, number: int, mark: float, kind: type = np.float32, named: str | None = None,
                    white: float = 3000, black: float = 100) -> np.ndarray:  # fmt: skip
    """A picture of which a corner of 9 x 9 holds no data; its values before, in 0 to 1."""
    found = values(number, white, black)
    held = np.round(found).astype(kind)
    held[:9, :9] = mark
    path.parent.mkdir(parents=True, exist_ok=True)
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    if named is not None:
        tags[42113] = named
    Image.fromarray(held).save(path, tiffinfo=tags)
    return (found - black) / (white - black)


NO_DATA = [
    (np.nan, np.float32, None, "NaN"),
    (np.nan, np.float32, "nan", "NaN"),
    (np.inf, np.float32, None, "inf"),
    (-np.inf, np.float32, None, "-inf"),
    (-9999, np.float32, "-9999", "-9999"),
    (-12345, np.float32, "-12345.0 ", "-12345"),
    (-9999, np.float32, None, "-9999"),
    (-9999, np.int16, None, "-9999"),
    (-32768, np.int16, None, "-32768"),
    (-32768, np.int16, "-32768", "-32768"),
    (-(2**31), np.int32, None, "-2147483648"),
    (65535, np.uint16, "65535", "65535"),
    (np.finfo(np.float32).min, np.float32, "-3.4028234663852886e+38", "-3.4028235e+38"),
    (np.finfo(np.float32).min, np.float32, "-1e400", "-3.4028235e+38"),
    (np.finfo(np.float32).max, np.float32, None, "3.4028235e+38"),
    (1e20, np.float32, None, "1e+20"),
]


@pytest.mark.parametrize(("mark", "kind", "named", "said"), NO_DATA)
def test_pixels_without_data_are_black_and_count_for_nothing(tmp_path, capfd, mark, kind, named, said):
    found = [save_with_holes(tmp_path / "set" / f"{n}.tif", n, mark, kind, named) for n in range(8)]
    images = load_images(str(tmp_path / "set"), tmp_path / "data")
    told = capfd.readouterr().err
    assert f"{said} in 8 of the pictures stands for no data: such pixels become black" in told
    assert "hold values from 100 to 3,000: black is 0 and white 4,095" in told
    assert "warning" not in told
    for number, image in enumerate(images.images):
        wanted = (100 + 2900 * found[number]) / 4095 * 255
        wanted[:9, :9] = 0
        assert np.abs(image[0] - wanted).max() <= 1
    again = load_images(str(tmp_path / "set"), tmp_path / "data")
    assert (again.images == images.images).all()
    assert again.layout == images.layout


def test_pictures_of_no_data_alone_are_left_out(tmp_path, capfd):
    for number in range(4):
        save_with_holes(tmp_path / "set" / f"{number}.tif", number, np.nan)
    (tmp_path / "none").mkdir()
    for name, mark in (("nan", np.nan), ("sea", -9999)):
        for folder in ("set", "none"):
            Image.fromarray(np.full((24, 24), mark, np.float32)).save(tmp_path / folder / f"{name}.tif")
    images = load_images(str(tmp_path / "set"), tmp_path / "data")
    assert images.left_out == (
        ("nan.tif", "holds no data: every pixel is NaN"),
        ("sea.tif", "holds no data: every pixel is -9999"),
    )
    assert "NaN in 4 of the pictures stands for no data" in capfd.readouterr().err
    with pytest.raises(BadInput, match=r"holds no readable image .* holds no data: every pixel is"):
        load_images(str(tmp_path / "none"), tmp_path / "data")


@pytest.mark.parametrize(
    ("low", "high", "kind", "said"),
    [
        (-1, 1, np.float32, "black is -1 and white 1 "),
        (-9999, 9999, np.float32, "black is -9,999 and white 9,999"),  # it lies in the middle of others
        (-9999, -9000, np.int16, "black is -9,999 and white -9,000"),
        (-1024, 3071, np.int16, "black is -1,024 and white 3,071"),
        (0, 65535, np.uint16, "black is 0 and white 65,535"),
    ],
)
def test_honest_extremes_are_data(tmp_path, capfd, low, high, kind, said):
    save_all(tmp_path / "set", high, low, kind)
    load_images(str(tmp_path / "set"), tmp_path / "data")
    told = capfd.readouterr().err
    assert said in told
    assert "no data" not in told


@pytest.mark.parametrize("outlier", [0, 2000, 65535])
def test_outliers_and_dark_grounds_are_data(tmp_path, capfd, outlier):
    for number in range(8):
        save_with_holes(tmp_path / "set" / f"{number}.tif", number, outlier, np.float32, None, 310, 270)  # Kelvin
    load_images(str(tmp_path / "set"), tmp_path / "data")
    assert "no data" not in capfd.readouterr().err


def test_stacks_with_frames_without_data(tmp_path, capfd):
    frames = [values(number, 1) for number in range(5)]
    frames[1][:] = np.nan  # those after it are looked at all the same
    frames[4] *= 200
    frames[4][0, 0] = -9999
    frames = [Image.fromarray(frame.astype(np.float32)) for frame in frames]
    (tmp_path / "set").mkdir()
    frames[0].save(tmp_path / "set" / "stack.tif", save_all=True, append_images=frames[1:])
    images = load_images(str(tmp_path / "set"), tmp_path / "data", annotations=Annotations(frames="all"))
    assert images.left_out == (("stack.tif#2", "holds no data: every pixel is NaN"),)
    assert images.tones["floats"] == [0, 255]
    assert "-9999 in 1 of the pictures stands for no data" in capfd.readouterr().err


def test_no_data_is_counted_on_where_decoding_was_stopped(tmp_path, monkeypatch):
    for number in range(6):
        save_with_holes(tmp_path / "set" / f"{number}.tif", number, (np.nan, -9999)[number % 2])
    whole = load_images(str(tmp_path / "set"), tmp_path / "whole")
    add = DecodingLog.add

    def stop(log: DecodingLog, batch: Batch) -> None:
        add(log, batch)
        if batch.positions == [3]:
            raise KeyboardInterrupt

    monkeypatch.setattr(workers, "_BATCH_FILES", 1)
    with monkeypatch.context() as patch:
        patch.setattr(DecodingLog, "add", stop)
        with pytest.raises(KeyboardInterrupt):
            load_images(str(tmp_path / "set"), tmp_path / "data", num_workers=1)
    images = load_images(str(tmp_path / "set"), tmp_path / "data", num_workers=1)
    assert "NaN in 3, -9999 in 3 of the pictures" in images.layout
    assert images.layout == whole.layout
    assert (images.images == whole.images).all()


def test_colours_of_16_bits_without_data(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    pixels = np.stack([values(each, 60000, 1000) for each in range(3)], -1).round().astype(np.uint16)
    pixels[0, 0] = 65535
    pixels[0, 1] = 65535, 0, 65535  # a colour, since one of its channels holds data
    (tmp_path / "set").mkdir()
    tag = (42113, "s", 0, "65535", True)
    tifffile.imwrite(tmp_path / "set" / "1.tif", pixels, photometric="rgb", extratags=[tag])
    image = load_images(str(tmp_path / "set"), tmp_path / "data").images[0]
    assert image[:, 0, 0].tolist() == [0, 0, 0]
    assert image[:, 0, 1].tolist() == [255, 0, 255]


def test_no_data_through_the_scripts(forked, tmp_path):
    for number in range(2 * EACH):
        save_with_holes(tmp_path / "set" / f"c{number % 2}" / f"{number}.tif", number, (np.nan, -9999)[number % 2])
    Image.fromarray(np.full((24, 24), np.nan, np.float32)).save(tmp_path / "set" / "c0" / "none.tif")
    said = train(forked, tmp_path)
    assert "NaN in 20, -9999 in 20 of the pictures stand for no data" in said
    assert "c0/none.tif: holds no data: every pixel is NaN" in said
    assert (held_out(tmp_path)[:, :, :9, :9] == 0).all()
    assert load_checkpoint(tmp_path / "output" / "model_latent_size_3.pth")[1]["tones"]["floats"] == [0, 4095]
    done = forked.run("viz_dataset.py", "--dataset", "set", "--data_dir", "data", "--output_dir", "look", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "NaN in 20, -9999 in 20 of the pictures" in done.stderr  # from the cache
    assert "holds no data" in (tmp_path / "look" / "dataset_unreadable.csv").read_text()
    for number, mark in enumerate((np.nan, np.inf, -9999, 1e20)):
        save_with_holes(tmp_path / "new" / f"{number}.tif", number, mark, white=1200)  # alone: 11 bits
    where = ["--latent_size", 3, "--output_dir", "output", "--data_dir", "data"]
    done = forked.run("encode_latent_space.py", *where, "--images", "new", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "hold values from 100 to 1,200: black is 0 and white 4,095" in done.stderr
    assert "1e+20 in 1 of the pictures stand for no data" in done.stderr
    assert "cut off" not in done.stderr
    new = np.load(next((tmp_path / "data" / "cache").glob("new-*")) / "images.npy")
    assert (new[:, :, :9, :9] == 0).all()
    assert abs(int(new.max()) - 1200 / 4095 * 255) <= 1
    said = train(forked, tmp_path, "--value_range", "-1000", "3000")
    assert "NaN in 20, -9999 in 20 of the pictures" in said
    assert "cut off" not in said
    images = held_out(tmp_path)
    assert (images[:, :, :9, :9] == 0).all()
    assert images[:, :, 9:].min() >= 1100 / 4000 * 255 - 1
