"""Files as people have them, through the real scripts: which values become black and white, which frames are images."""

import csv
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data import load_images
from data.annotations import Annotations
from data.test_data import load_test_data
from model.checkpoint import load_checkpoint
from tests.conftest import refusal, run_script
from tests.test_own_pictures import BRIEF, paint, picture

EACH = 20


def values(number: int, white: float, black: float = 0) -> np.ndarray:
    """float64 (24, 24): a picture of its own that uses all levels from black to white."""
    random = np.random.default_rng(number)
    coarse = Image.fromarray(random.random((5, 5)).astype(np.float32)).resize((24, 24), Image.BICUBIC)
    levels = np.asarray(coarse, np.float64)
    return black + (levels - levels.min()) / np.ptp(levels) * (white - black)


def save_all(folder: Path, white: float, black: float = 0, kind: type = np.uint16, ending: str = "tif") -> None:
    for label in range(2):
        for number in range(EACH):
            path = folder / f"c{label}" / f"{number}.{ending}"
            path.parent.mkdir(parents=True, exist_ok=True)
            found = values(label * EACH + number, white, black)
            Image.fromarray((found if kind == np.float32 else found.round()).astype(kind)).save(path)


def train(forked, folder: Path, *words: object):
    done = forked.run("train.py", "--dataset", "set", *BRIEF, *words, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stderr


def held_out(folder: Path) -> np.ndarray:
    return load_test_data(folder / "output" / "test_data.pth").images


@pytest.mark.parametrize(
    ("white", "black", "kind", "ending", "said", "levels"),
    [
        (1023, 0, np.uint16, "png", "black is 0 and white 1,023 (10 bits)", 200),
        (4095, 0, np.uint16, "tif", "black is 0 and white 4,095 (12 bits)", 200),
        (16383, 0, np.uint16, "png", "black is 0 and white 16,383 (14 bits)", 200),
        (65535, 0, np.uint16, "tif", "black is 0 and white 65,535 (16 bits)", 200),
        (700, 0, np.uint16, "tif", "black is 0 and white 1,023 (10 bits)", 150),
        (34000, 31000, np.uint16, "tif", "black is 31,000 and white 34,000", 200),
        (3071, -1024, np.int32, "tif", "black is -1,024 and white 3,071", 200),
        (255, 0, np.float32, "tif", "black is 0 and white 255 ", 200),
        (1, 0, np.float32, "tif", "black is 0 and white 1 ", 200),
        (1, -1, np.float32, "tif", "black is -1 and white 1 ", 200),
        (0.02, 0, np.float32, "tif", "white 0.02", 200),
    ],
)  # fmt: skip
def test_black_and_white_are_found_over_the_set(forked, tmp_path, white, black, kind, ending, said, levels):
    save_all(tmp_path / "set", white, black, kind, ending)
    assert said in train(forked, tmp_path)
    images = held_out(tmp_path)
    assert len(np.unique(images)) >= levels
    first = load_test_data(tmp_path / "output" / "test_data.pth").sample_ids[0]
    label, number = first.removesuffix(f".{ending}")[1:].split("/")
    found = values(int(label) * EACH + int(number), white, black)
    top = load_checkpoint(tmp_path / "output" / "model_latent_size_3.pth")[1]["tones"]
    low, high = top["floats"] or top["integers"]
    assert np.abs(images[0, 0] - (found - low) / (high - low) * 255).max() <= 1


def test_colours_of_16_bits_keep_their_levels(forked, tmp_path):
    tifffile = pytest.importorskip("tifffile")
    for label in range(2):
        for number in range(EACH):
            folder = tmp_path / "set" / f"c{label}"
            folder.mkdir(parents=True, exist_ok=True)
            planes = [values(9 * number + each + 1000 * label, 4095) for each in range(3)]
            tifffile.imwrite(folder / f"{number}.tif", np.stack(planes, -1).round().astype(np.uint16),
                             photometric="rgb", byteorder="<>"[number % 2])  # fmt: skip
    for label in range(2):  # all of one colour, then all of the next
        apart = tmp_path / "set" / f"c{label}" / "planes.tif"
        planes = np.stack([values(each + 7000 * label, 4095) for each in range(3)]).round().astype(np.uint16)
        tifffile.imwrite(apart, planes, photometric="rgb", planarconfig="separate", byteorder="<>"[label])
    assert "white 4,095 (12 bits)" in train(forked, tmp_path, "--test_fraction", 0.5)
    test_data = load_test_data(tmp_path / "output" / "test_data.pth")
    assert len(np.unique(test_data.images[:, 0])) > 200
    images = load_images(str(tmp_path / "set"), tmp_path / "data")
    for label in range(2):
        found = images.images[images.sample_ids.index(f"c{label}/planes.tif")]
        wanted = np.stack([values(each + 7000 * label, 4095) for each in range(3)]) / 4095 * 255
        assert np.abs(found - wanted).max() <= 1


def test_32_bits_without_a_sign(forked, tmp_path):
    tifffile = pytest.importorskip("tifffile")
    for number in range(30):
        (tmp_path / "set").mkdir(exist_ok=True)
        tifffile.imwrite(tmp_path / "set" / f"{number}.tif", values(number, 4.2e9).astype(np.uint32))
    assert "black is 0 and white 4,294,967,295 (32 bits)" in train(forked, tmp_path)
    assert len(np.unique(held_out(tmp_path))) > 200


def test_all_frames_of_one_stack_are_one_group(forked, tmp_path):
    frames = [picture(number) for number in range(30)]
    (tmp_path / "set").mkdir()
    frames[0].save(tmp_path / "set" / "stack.tif", save_all=True, append_images=frames[1:])
    words = ["--dataset", "set", *BRIEF, "--frames", "all"]
    assert "--split random" in refusal(forked.run("train.py", *words, cwd=tmp_path))
    train(forked, tmp_path, "--frames", "all", "--split", "random")
    assert len(held_out(tmp_path)) == 3


def test_a_range_may_be_given_and_is_kept(forked, tmp_path):
    save_all(tmp_path / "set", 4095)
    said = train(forked, tmp_path, "--value_range", "-100", "8191")
    assert "black is -100 and white 8,191, as --value_range says" in said
    assert held_out(tmp_path).max() <= 130
    done = forked.run("train.py", "--resume", "--num_epochs", 2, "--data_dir", "data", "--output_dir", "output",
                      cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    for wrong in (["5"], ["9", "3"], ["a", "b"], ["1", "2", "3"]):
        words = ["--dataset", "set", *BRIEF, "--value_range", *wrong]
        assert "two numbers" in refusal(forked.run("train.py", *words, cwd=tmp_path))


def test_far_too_dark_pictures_are_pointed_out(forked, tmp_path):
    save_all(tmp_path / "set", 60, kind=np.uint8, ending="png")
    said = train(forked, tmp_path)
    assert "warning: the brightest pixel of all pictures is 24% of white (255)" in said
    flag = said.partition("--value_range ")[2].split()[:2]
    assert "brightest" not in train(forked, tmp_path, "--value_range", *flag)
    assert held_out(tmp_path).max() > 240
    for path in (tmp_path / "set").rglob("*.png"):
        pixels = np.asarray(Image.open(path)).astype(np.uint16) * 60
        pixels[0, 0] = 65535  # a defective pixel: white is where nothing is
        Image.fromarray(pixels).save(path)
    said = train(forked, tmp_path)
    assert "6% of white (65,535), but for 2% of the pixels of each" in said.replace("5% of", "6% of")
    assert "--value_range 0 4095" in said


def test_new_pictures_are_read_as_those_of_the_training(forked, tmp_path):
    save_all(tmp_path / "set", 4095)
    train(forked, tmp_path)
    (tmp_path / "new").mkdir()
    (tmp_path / "eight").mkdir()
    for number in range(4):
        pixels = values(number, 1200).round().astype(np.uint16)  # alone they would be taken for 11 bits
        Image.fromarray(pixels).save(tmp_path / "new" / f"{number}.png")
        picture(number).save(tmp_path / "eight" / f"{number}.png")
    where = ["--latent_size", 3, "--output_dir", "output", "--data_dir", "data"]
    done = forked.run("encode_latent_space.py", *where, "--images", "new", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "white 4,095" in done.stderr
    new = np.load(next((tmp_path / "data" / "cache").glob("new-*")) / "images.npy")
    assert abs(int(new.max()) - 1200 / 4095 * 255) <= 1
    done = forked.run("encode_latent_space.py", *where, "--images", "eight", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "trained on pictures of more than 8 bits" in done.stderr
    assert "have colours, which become brightness" in done.stderr
    for number in range(4):
        Image.fromarray(values(number, 9000).round().astype(np.uint16)).save(tmp_path / "new" / f"{number}.png")
    done = forked.run("encode_latent_space.py", *where, "--images", "new", cwd=tmp_path)
    assert "cut off" in done.stderr


def test_new_pictures_of_other_classes_and_colours_are_told(forked, tmp_path):
    paint(tmp_path / "set", lambda label, n: f"c{label}/{n}.png")
    train(forked, tmp_path)
    for name in ("c1", "zebra"):
        (tmp_path / "new" / name).mkdir(parents=True)
        picture(77).convert("L").resize((40, 20)).save(tmp_path / "new" / name / "1.png")
    where = ["--latent_size", 3, "--output_dir", "output", "--data_dir", "data"]
    done = forked.run("encode_latent_space.py", *where, "--images", "new", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1 of their 2 classes are none that it was trained on: zebra" in done.stderr
    assert "they are grey, and the network was trained on colours" in done.stderr
    assert "16 x 16 in colour" in done.stderr
    assert "is stretched by 2 in its height" in done.stderr


@pytest.mark.parametrize("ending", ["tif", "gif", "webp"])
def test_frames(forked, tmp_path, ending):
    for label in range(2):
        folder = tmp_path / "set" / f"c{label}"
        folder.mkdir(parents=True)
        for number in range(4):
            frames = [picture(100 * label + 10 * number + frame) for frame in range(6)]
            options = {"lossless": True} if ending == "webp" else {}
            frames[0].save(folder / f"{number}.{ending}", save_all=True, append_images=frames[1:], **options)
    words = ["--near_duplicates", "ignore", "--test_fraction", 0.3]
    assert "40 further frames of 8 files are not used, only the first: --frames all" in train(forked, tmp_path, *words)
    said = train(forked, tmp_path, *words, "--frames", "all")
    assert "further frames" not in said
    assert "decoding 48 images" in said
    test_data = load_test_data(tmp_path / "output" / "test_data.pth")
    files = [name.partition("#")[0] for name in test_data.sample_ids]
    assert all(files.count(file) == 6 for file in files)  # a file is a group: all on one side
    if ending == "tif":  # lossless
        for name, image in zip(test_data.sample_ids, test_data.images, strict=True):
            label, number, frame = int(name[1]), int(name[3]), int(name.partition("#")[2]) - 1
            assert (image.transpose(1, 2, 0) == np.asarray(picture(100 * label + 10 * number + frame))).all()
    done = forked.run("viz_dataset.py", "--dataset", "set", "--frames", "all", "--data_dir", "data", "--output_dir",
                      "look", cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "48 images" in done.stdout


def icon(number: int, colour: tuple[int, int, int]) -> Image.Image:
    drawing = Image.new("RGBA", (24, 24), (*colour, 0))
    drawing.paste((*colour, 255), (4 + number % 5, 5, 12 + number % 7, 10 + number % 9))
    return drawing


@pytest.mark.parametrize(
    ("colours", "ground", "value"),
    [
        ([(255, 255, 255)], "black", 0),
        ([(0, 0, 0)], "white", 255),
        ([(255, 255, 255), (0, 0, 0)], "grey", 128),
        ([(200, 30, 40), (255, 220, 0)], "white", 255),
    ],
)
def test_transparent_drawings_are_laid_on_what_shows_them(forked, tmp_path, colours, ground, value):
    for label in range(2):
        for number in range(EACH):
            path = tmp_path / "set" / f"c{label}" / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            icon(number + 40 * label, colours[number % len(colours)]).save(path)
    words = ["--near_duplicates", "ignore"]
    said = train(forked, tmp_path, *words)
    assert f"40 of the pictures are transparent in part and laid on {ground}" in said
    images = held_out(tmp_path)
    assert (images[:, :, 0, 0] == value).all()
    assert all(np.ptp(image) > 100 for image in images)
    assert "laid on grey" in train(forked, tmp_path, *words, "--ground", "grey")
    assert (held_out(tmp_path)[:, :, 0, 0] == 128).all()


@pytest.mark.parametrize(
    ("fit", "said"),
    [("stretch", "stretched by 2 in its height"), ("pad", "padded in the colour of its edge, 50%"),
     ("crop", "cropped to its middle, 50%")],
)  # fmt: skip
def test_proportions(forked, tmp_path, fit, said):
    for label in range(2):
        for number in range(EACH):
            path = tmp_path / "set" / f"c{label}" / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            wide = Image.new("RGB", (80, 40), (10, 200, 30))
            wide.paste((250, number, 10 * label), (20, 0, 60, 40))  # the middle is a square
            (wide if number else picture(number + 50 * label)).save(path)
    words = ["--image_size", 16, "--near_duplicates", "ignore", "--fit", fit]
    assert said in train(forked, tmp_path, *words)
    image = next(each for each in held_out(tmp_path) if each[0, 8, 8] == 250)
    reddish = image[0] > 130
    if fit == "stretch":
        assert reddish.sum() == 8 * 16
    elif fit == "crop":
        assert reddish.all()
    else:
        assert reddish.sum() == 8 * 8
        assert tuple(image[:, 0, 0]) == tuple(image[:, 8, 0]) == (10, 200, 30)


def test_what_the_system_made_is_passed_over_and_said(forked, tmp_path):
    paint(tmp_path / "set", lambda label, n: f"c{label}/{n}.png")
    for place in ("c0/@eaDir/1.png/SYNOPHOTO_THUMB_XL.jpg", "c1/.thumbnails/1.jpg", "$RECYCLE.BIN/S-1/2.png",
                  "#recycle/3.png", "lost+found/4.png", ".Trash-1000/files/5.png", "__MACOSX/c0/._6.png"):  # fmt: skip
        path = tmp_path / "set" / place
        path.parent.mkdir(parents=True)
        picture(len(place)).save(path)
    picture(3).save(tmp_path / "set" / "c0" / "._1.png")
    (tmp_path / "set" / "c0" / "Thumbs.db").write_bytes(b"x")
    for _ in range(2):
        said = train(forked, tmp_path)
        assert "passed over 7 pictures in folders of thumbnails, of the system or of what was thrown away" in said
        assert "@eaDir" in said
        assert "1 hidden file" in said
        assert "1 .db" in said
        assert "3 folders are the classes" in said


def test_formats_of_phones(forked, tmp_path):
    heif = pytest.importorskip("pillow_heif")
    for label in range(2):
        for number in range(EACH):
            folder = tmp_path / "set" / f"c{label}"
            folder.mkdir(parents=True, exist_ok=True)
            image = picture(100 * label + number).resize((64, 64))
            if number % 2:
                image.save(folder / f"{number}.avif", quality=95)
            else:
                heif.from_pillow(image).save(folder / f"{number}.HEIC", quality=95)
    assert "left out" not in train(forked, tmp_path)
    test_data = load_test_data(tmp_path / "output" / "test_data.pth")
    label, number = test_data.sample_ids[0][1:].partition(".")[0].split("/")
    wanted = np.asarray(picture(100 * int(label) + int(number)).resize((64, 64)), float)
    assert np.abs(test_data.images[0].transpose(1, 2, 0) - wanted).mean() < 8
    absent = tmp_path / "absent"
    absent.mkdir()
    (absent / "pillow_heif.py").write_text("raise ImportError")
    words = ["--dataset", "set", *BRIEF]
    done = run_script("train.py", *words, cwd=tmp_path, PYTHONPATH=str(absent))
    assert done.returncode == 0, done.stderr
    assert "unsupported: HEIC, which is read when its package is there: pip install pillow-heif" in done.stderr


def test_damaged_too_large_and_unsupported_are_told_apart(forked, tmp_path):
    paint(tmp_path / "set", lambda label, n: f"c{label}/{n}.png")
    folder = tmp_path / "set" / "c0"
    large = Image.new("L", (12_000, 9_000), 200)  # 108 megapixels
    large.paste(20, (0, 0, 6000, 9000))
    large.save(folder / "phone.jpg")
    large.save(folder / "scan.png")
    picture(1).save(folder / "cut.bmp")
    (folder / "cut.bmp").write_bytes((folder / "cut.bmp").read_bytes()[:300])
    for name in ("raw.CR2", "vector.svg", "ct.dcm"):
        (folder / name).write_bytes(b"anything")
    (folder / "heart.jpg").write_bytes(bytes(128) + b"DICM" + bytes(50))
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(folder / "three_floats.tif", np.zeros((9, 9, 3), np.float32), photometric="rgb")
    words = ["--image_size", 16]
    said = train(forked, tmp_path, *words)
    done = forked.run("viz_dataset.py", "--dataset", "set", *words, "--data_dir", "data", "--output_dir", "look",
                      cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    with open(tmp_path / "look" / "dataset_unreadable.csv", newline="") as file:
        reasons = {row["sample_id"].removeprefix("c0/"): row["reason"] for row in csv.DictReader(file)}
    assert reasons.pop("cut.bmp").startswith("truncated or damaged")
    assert reasons.pop("scan.png").startswith("too large: 108,000,000 pixels")
    assert {why.partition(":")[0] for why in reasons.values()} == {"unsupported"}
    assert set(reasons) == {"raw.CR2", "vector.svg", "ct.dcm", "heart.jpg", "three_floats.tif"}
    assert "raw.CR2: unsupported: a camera's raw file" in said
    said = train(forked, tmp_path, *words, "--max_pixels", 108_000_000)
    assert "scan.png" not in said


def test_class_order(forked, tmp_path):
    paint(tmp_path / "set", lambda label, n: f"{('10', '2', 'b')[label]}/{n}.png")
    train(forked, tmp_path)
    assert load_test_data(tmp_path / "output" / "test_data.pth").class_names == ("2", "10", "b")
    train(forked, tmp_path, "--class_order", "b", "10")
    assert load_test_data(tmp_path / "output" / "test_data.pth").class_names == ("b", "10", "2")
    done = forked.run("train.py", "--resume", "--num_epochs", 2, "--data_dir", "data", "--output_dir", "output",
                      cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    for wrong, why in ((["c"], "is no class"), (["b", "b"], "is named twice")):
        words = ["--dataset", "set", *BRIEF, "--class_order", *wrong]
        assert why in refusal(forked.run("train.py", *words, cwd=tmp_path))


def _tiff(width: int, height: int, bands: int, photometric: int, values: np.ndarray) -> bytes:
    """A TIFF of 16 bits a channel, pixel by pixel."""
    data, fields = values.astype("<u2").tobytes(), {}
    fields |= {256: [width], 257: [height], 258: [16] * bands, 259: [1], 262: [photometric], 277: [bands]}
    fields |= {278: [height], 279: [len(data)], 284: [1]}
    start = 8 + 2 + 12 * (len(fields) + 1) + 4
    beyond = struct.pack(f"<{bands}H", *fields[258]) if bands > 2 else b""
    fields[273] = [start + len(beyond)]
    entries = b""
    for tag, numbers in sorted(fields.items()):
        kind, letter = (3, "H") if tag in (258, 259, 262, 277, 284) else (4, "I")
        packed = struct.pack(f"<{len(numbers)}{letter}", *numbers).ljust(4, b"\0")
        entries += struct.pack("<HHI", tag, kind, len(numbers)) + (
            packed if len(packed) == 4 else struct.pack("<I", start)
        )
    return b"II*\0" + struct.pack("<IH", 8, len(fields)) + entries + bytes(4) + beyond + data


def test_white_is_zero_where_the_file_says_so(tmp_path):
    """Photometric interpretation 0, as scanners write it: Pillow inverts 8 bits by itself, and not 16."""
    rising = np.arange(64).reshape(8, 8) * 1000
    for name, photometric in (("black", 1), ("white", 0)):
        (tmp_path / "set").mkdir(exist_ok=True)
        (tmp_path / f"set/{name}.tif").write_bytes(_tiff(8, 8, 1, photometric, rising))
    images = load_images(str(tmp_path / "set"), tmp_path / "data", annotations=Annotations(value_range=(0, 65535)))
    black, white = images.images[:, 0]
    assert np.abs(black.astype(int) + white - 255).max() <= 1
    assert black[0, 0] == 0


def test_many_bands_are_unsupported_rather_than_damaged(tmp_path, capfd):
    (tmp_path / "set").mkdir()
    Image.new("L", (8, 8), 9).save(tmp_path / "set/a.png")
    (tmp_path / "set/b.tif").write_bytes(_tiff(8, 8, 13, 1, np.zeros((8, 8, 13))))
    ((_, why),) = load_images(str(tmp_path / "set"), tmp_path / "data").left_out
    assert why.startswith("unsupported: a TIFF")
    assert "More samples" not in capfd.readouterr().err
