"""Pictures of every size, mode and orientation: what a folder of them comes out as."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.decode import read_size
from tests.painted import GREY, RED, load, paint, pixel


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "set").mkdir()
    return tmp_path / "set"


def test_mixed_sizes_become_32_by_32_unless_asked_otherwise(folder):
    paint(folder / "1.png", size=(40, 20))
    paint(folder / "2.png", size=(21, 50))
    assert load(folder).images.shape == (2, 3, 32, 32)
    assert load(folder, image_size=(16, 24)).images.shape == (2, 3, 16, 24)


def test_late_odd_one_out_overturns_the_guess_from_the_sample(folder):
    for number in range(300):
        paint(folder / f"{number:04}.png", 5, mode="L")
    assert load(folder).images.shape == (300, 1, 10, 12)
    paint(folder / "0299.png", RED, size=(30, 9))
    images = load(folder)
    assert images.images.shape == (300, 3, 32, 32)
    assert pixel(images, "0299.png") == list(RED)
    assert pixel(images, "0000.png") == [5, 5, 5]


@pytest.mark.parametrize("size", [(4, 4), (1100, 1100)])
def test_shared_size_that_no_network_takes_becomes_32(folder, size):
    paint(folder / "1.png", size=size)
    assert load(folder).images.shape == (1, 3, 32, 32)


def test_grey_images_have_one_channel_however_they_are_stored(folder):
    paint(folder / "1.png", 90, mode="L")
    paint(folder / "2.png", GREY)
    paint(folder / "3.gif", 90, mode="L")
    images = load(folder)
    assert images.images.shape[1] == 1
    assert {pixel(images, name)[0] for name in images.sample_ids} == {90}


def test_grayscale_turns_colours_to_brightness(folder):
    paint(folder / "1.png", RED)
    images = load(folder, grayscale=True)
    assert images.images.shape[1] == 1
    assert pixel(images, "1.png") == [round(0.299 * 200 + 0.587 * 30 + 0.114 * 40)]


def test_every_mode_comes_out_as_it_looks(folder):
    paint(folder / "rgb.png", RED)
    Image.new("RGB", (12, 10), RED).quantize(4).save(folder / "palette.png")
    Image.new("CMYK", (12, 10), (0, 255, 255, 0)).save(folder / "cmyk.tif")
    paint(folder / "clear.png", (200, 30, 40, 0), mode="RGBA")
    paint(folder / "opaque.webp", (*RED, 255), mode="RGBA", lossless=True)
    paint(folder / "half.png", (0, 0, 0, 128), mode="RGBA")
    paint(folder / "la.png", (100, 0), mode="LA")
    paint(folder / "one.png", 1, mode="1")
    paint(folder / "photo.jpg", RED, quality=95)
    paint(folder / "wrong_extension.jpg", RED, format="PNG")
    wide = np.full((10, 12), 0x8080, np.uint16)
    Image.fromarray(wide).save(folder / "sixteen.png")
    Image.fromarray(wide).save(folder / "sixteen.tif")
    Image.fromarray(np.full((10, 12), 0.5, np.float32)).save(folder / "float.tif")
    (folder / "sixteen.pgm").write_bytes(b"P5 12 10 65535\n" + wide.astype(">u2").tobytes())
    images = load(folder)
    assert images.left_out == ()
    assert pixel(images, "rgb.png") == pixel(images, "palette.png") == pixel(images, "opaque.webp") == list(RED)
    assert pixel(images, "wrong_extension.jpg") == list(RED)
    assert pixel(images, "cmyk.tif") == [255, 0, 0]
    assert pixel(images, "clear.png") == pixel(images, "la.png") == pixel(images, "one.png") == [255, 255, 255]
    assert pixel(images, "half.png") == [127, 127, 127]
    assert np.abs(np.array(pixel(images, "photo.jpg")) - RED).max() < 6
    for name in ("sixteen.png", "sixteen.tif", "sixteen.pgm", "float.tif"):
        assert pixel(images, name) == [128, 128, 128], name


@pytest.mark.parametrize("kind", ["jpg", "png", "tif", "webp"])
def test_orientation_of_a_camera_is_honoured(folder, kind):
    picture = Image.new("RGB", (16, 24), GREY)
    picture.paste(RED, (0, 0, 16, 12))  # the upper half as it is stored
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise: the upper half comes to lie right
    picture.save(folder / f"1.{kind}", exif=exif)
    images = load(folder)
    assert images.images.shape == (1, 3, 16, 24)
    assert read_size(str(folder / f"1.{kind}")) == (16, 24)
    left, right = images.images[0, :, 8, 4], images.images[0, :, 8, 20]
    assert np.abs(left.astype(int) - GREY).max() < 8
    assert np.abs(right.astype(int) - RED).max() < 8


def test_first_frame_of_an_animation(folder):
    frames = [Image.new("RGB", (12, 10), colour) for colour in (RED, (0, 0, 255), (0, 255, 0))]
    for name in ("a.gif", "a.webp", "a.png", "a.tif"):
        options = {"lossless": True} if name.endswith("webp") else {}
        frames[0].save(folder / name, save_all=True, append_images=frames[1:], **options)
    images = load(folder, image_size=(8, 8))
    assert len(images) == 4
    assert {tuple(pixel(images, name)) for name in images.sample_ids} == {RED}


def test_large_jpeg_is_averaged_not_sampled(folder):
    noise = np.random.default_rng(0).integers(0, 255, (1000, 1000), np.uint8)
    Image.fromarray(noise).save(folder / "1.jpg", quality=90)
    images = load(folder, image_size=(10, 10))
    assert images.images.std() < 6
