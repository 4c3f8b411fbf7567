"""A folder with everything that nobody should have: the run goes on, and what is left out is listed with its reason."""

import csv
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import refusal
from tests.forking import Server, can_be_bound

CLASSES = (
    "<img src=x onerror=alert(1)>", "$\\frac", "=cmd|' calc'!A0", "صور", "🙂🐈", "line\nbreak",
    "\x1b[2J\x1b]0;owned\x07", "-- drop table", "a" * 120, os.fsdecode(b"latin \xe9\xff"),
)  # fmt: skip
BRIEF = ["--latent_size", 3, "--num_epochs", 1, "--model", "dense", "--image_size", 8]


def png_of(width: int, height: int, rows: bytes = b"", depth: int = 8) -> bytes:
    """A PNG whose header says what it likes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(rows, 1))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


def fill(folder: Path) -> dict[str, str]:
    """Make the folder; name -> a word of the reason, of each image that can't be read."""
    chance = np.random.default_rng(0)
    for name in CLASSES:
        place = Path(os.fsencode(folder).decode("utf-8", "surrogateescape")) / name
        place.mkdir(parents=True)
        for number in range(6):
            pixels = chance.integers(0, 256, (9, 8, 3), np.uint8)
            Image.fromarray(pixels).save(place / f"{number} {name[:20]}.png")
    odd = folder / CLASSES[0]
    good = (odd / f"0 {CLASSES[0][:20]}.png").read_bytes()
    picture = Image.fromarray(chance.integers(0, 256, (9, 8, 3), np.uint8))
    picture.convert("CMYK").save(odd / "cmyk.jpg")
    Image.fromarray(chance.integers(0, 65536, (9, 8), np.uint16)).save(odd / "sixteen.png")
    picture.save(odd / "animated.gif", save_all=True, append_images=[picture.rotate(90), picture.rotate(180)])
    picture.save(odd / "really_png.jpg", format="PNG")
    (odd / "loop").symlink_to(folder, target_is_directory=True)
    (odd / "notes.txt").write_text("no image")
    reasons = {
        "truncated.png": (good[: len(good) // 2], "truncated"),
        "empty.png": (b"", "empty"),
        "bomb.png": (png_of(60_000, 60_000), "bomb"),
        "text.png": (b"no image at all", "not an image"),
        "page.png": (b"<html><img src=x onerror=alert(1)></html>", "not an image"),
        "script.png": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n(touch canary) run\n", "not an image"),
        "lying.png": (png_of(8, 9, b"\0" * 5), "truncated or damaged"),
    }
    for name, (content, _) in reasons.items():
        (odd / name).write_bytes(content)
    (odd / "itself.png").symlink_to("itself.png")
    os.mkfifo(odd / "pipe.png")
    found = {f"{CLASSES[0]}/{name}": reason for name, (_, reason) in reasons.items()}
    return {**found, f"{CLASSES[0]}/itself.png": "link", f"{CLASSES[0]}/pipe.png": "not a regular file"}


def table(path: Path) -> list[list[str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_everything_at_once_through_all_scripts(forked, tmp_path):
    reasons = fill(tmp_path / "set")
    done = forked.run("train.py", "--dataset", "set", *BRIEF, cwd=tmp_path, fault={"memory": 2 << 30})
    assert done.returncode == 0, done.stderr
    assert done.peak < forked.baseline + (300 << 20)
    left_out = dict(table(tmp_path / "output" / "left_out.csv")[1:])
    assert {name.lstrip("'") for name in left_out} == set(reasons)
    for name, word in reasons.items():
        assert word in left_out[name], name
        assert f"{name}: " in done.stderr  # and on the screen
    for script, *arguments in (
        ["viz_reconstruction.py", "--latent_size", 3, "--svg"],
        ["encode_latent_space.py", "--latent_size", 3, "--num_samples", "all"],
        ["viz_latent_space.py", "--latent_size", 3, "--vis_type", "pca", "--svg"],
        ["viz_kmeans_latent_space.py", "--latent_size", 3, "--space", "pca", "--svg"],
        ["viz_dataset.py", "--dataset", "set", "--svg", "--num_images", 2],
        ["evaluate.py", "--latent_size", 3, "--seeds", 1],
        ["sweep_latent_size.py", "--svg", "--num_images", 3],
        ["encode_latent_space.py", "--latent_size", 3, "--images", "set"],
    ):
        done = forked.run(script, *arguments, cwd=tmp_path)
        assert done.returncode == 0, (script, done.stderr)
        assert not [c for c in done.stdout + done.stderr if not (c.isprintable() or c == "\n")], script
    assert len(table(tmp_path / "output" / "images" / "left_out.csv")) == len(reasons) + 1
    assert not (tmp_path / "canary").exists()
    made = [path for path in (tmp_path / "output").rglob("*") if path.is_file()]
    for path in made:
        if path.suffix == ".svg":  # markup of a name would be markup of the page
            assert "<img" not in path.read_text(encoding="utf-8"), path.name
        if path.suffix == ".csv":
            assert not [cell for row in table(path) for cell in row if cell.startswith(("=", "@"))], path.name
    assert {path.suffix for path in made} >= {".svg", ".csv", ".png"}


@pytest.mark.skipif(not can_be_bound(), reason="this account may not give up root's powers (unshare -rm, setpriv)")
def test_what_may_not_be_read(tmp_path):
    """As somebody whom permissions bind, which root they do not."""
    folder = tmp_path
    fill(folder / "set")
    secret = next(folder.glob("set/*/3 *.png"))
    secret.chmod(0)
    (folder / "set" / "closed").mkdir(mode=0)
    (folder / "mine").mkdir()
    (folder / "theirs").mkdir(mode=0o555)
    server = Server(bound=True)
    try:
        command = ["train.py", "--dataset", "../set", *BRIEF]
        done = server.run(*command, cwd=folder / "mine")
        assert done.returncode == 0, done.stderr
        left_out = dict(table(folder / "mine" / "output" / "left_out.csv")[1:])
        assert left_out["closed"] == "folder: permission denied"
        assert [why for name, why in left_out.items() if "/3 " in name] == ["permission denied"]
        done = server.run(*command, "--data_dir", "../mine/data", cwd=folder / "theirs")
        assert "permission denied" in refusal(done)
        assert os.listdir(folder / "theirs") == []
    finally:
        server.close()
        (folder / "set" / "closed").chmod(0o755)


@pytest.mark.long
def test_a_hundred_thousand_files(forked, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (100_000, 8, 8), dtype=np.uint8)
    for number, image in enumerate(pixels):
        if number % 1000 == 0:
            (tmp_path / "set" / f"{number // 1000:03}").mkdir(parents=True)
        path = tmp_path / "set" / f"{number // 1000:03}" / f"{number}.pgm"
        path.write_bytes(b"P5 8 8 255\n" + image.tobytes() if number % 100 else b"damaged")
    done = forked.run("train.py", "--dataset", "set", *BRIEF, "--max_train", 1000, cwd=tmp_path, timeout=900)
    assert done.returncode == 0, done.stderr
    assert len(table(tmp_path / "output" / "left_out.csv")) == 1001
    assert done.peak < forked.baseline + (1 << 30)
