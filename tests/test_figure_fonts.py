"""Names in any script: drawn by whatever font here has the characters, else by number and with a sentence."""

from pathlib import Path

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from PIL import Image

from figure import fonts
from figure.style import shown

# Wancho and Vithkuqi: hardly a machine has a font for them.
NAMES = ["\U0001e2c0\U0001e2c1", "\U0001e2c2", "\U00010570 new", "plain"]


def make_font(path: Path, characters: str) -> None:
    """A font whose glyphs are boxes, for some characters."""
    pen = TTGlyphPen(None)
    pen.moveTo((100, 0))
    for place in [(100, 700), (500, 700), (500, 0)]:
        pen.lineTo(place)
    pen.closePath()
    box, builder = pen.glyph(), FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "box"])
    builder.setupCharacterMap({ord(each): "box" for each in characters})
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "box": box})
    builder.setupHorizontalMetrics({".notdef": (600, 0), "box": (600, 100)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Boxes of Wancho", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    path.parent.mkdir(parents=True)
    builder.save(path)


@pytest.fixture
def pictures(tmp_path) -> Path:
    random = np.random.default_rng(0)
    for number, name in enumerate(NAMES * 6):
        path = tmp_path / "pictures" / name / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (8, 8), np.uint8)).save(path)
    return tmp_path


def said(forked, folder: Path) -> str:
    done = forked.run("viz_dataset.py", "--dataset", "pictures", cwd=folder, HOME=str(folder))
    assert done.returncode == 0, done.stderr
    return "\n".join(line for line in done.stderr.splitlines() if line.startswith("warning: no font"))


def test_what_no_font_has_is_said_and_numbered(forked, pictures):
    sentence = said(forked, pictures)
    assert "Vithkuqi and Wancho characters" in sentence
    assert "3 classes are shown by their numbers" in sentence
    assert sentence.endswith("apt-get install fonts-noto-core")


def test_a_font_that_is_installed_is_used(forked, pictures):
    """Also one that was installed after matplotlib had looked for fonts."""
    before = said(forked, pictures)
    samples = (pictures / "output" / "dataset_samples.png").read_bytes()
    make_font(pictures / ".fonts" / "wancho.ttf", "".join(NAMES[:2]))
    after = said(forked, pictures)
    assert "Wancho" in before
    assert "Wancho" not in after
    assert "1 class is shown by its number (class " in after
    assert (pictures / "output" / "dataset_samples.png").read_bytes() != samples


@pytest.fixture
def no_fonts(monkeypatch):
    """A machine with matplotlib's own fonts and no other."""
    own = [each for each in font_manager.fontManager.ttflist if each.name == "DejaVu Sans"]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", own)
    monkeypatch.setattr(font_manager, "findSystemFonts", list)
    for name, empty in [("_added", []), ("_missing", set()), ("_stand_ins", {})]:
        monkeypatch.setattr(fonts, name, empty)
    fonts._usual.cache_clear()
    fonts._usual_codes.cache_clear()
    yield
    fonts._usual.cache_clear()
    fonts._usual_codes.cache_clear()


@pytest.mark.parametrize(("name", "script", "package"), [
    ("猫", "Chinese", "fonts-noto-cjk"), ("ねこ", "Japanese", "fonts-noto-cjk"), ("고양이", "Korean", "fonts-noto-cjk"),
    ("แมว", "Thai", "fonts-noto-core"), ("बिल्ली", "Hindi", "fonts-noto-core"),
])  # fmt: skip
def test_what_to_install_for_a_script(no_fonts, name, script, package):
    [sentence] = fonts.settle_names(["cat", name])
    assert script in sentence
    assert sentence.endswith(package)
    assert shown(name) == "class 1"
    assert shown(f"read {name}") == "read class 1"
    assert shown("cat") == "cat"
    assert not fonts.settle_names(["Ελληνικά", "Ünïcode", "кошка"])
