"""explore_latent_space.py in a real browser: both spaces under the pointer, equal to what torch and numpy say."""

import base64
import csv
import io
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.path import Path as Outline

from data.test_data import load_test_data
from figure.page import SHARED
from latent.archive import load_latent_space
from model.checkpoint import build_model, load_model
from model.inference import decode, reconstruct
from run.artefacts import write_text
from stages.explorer.decoder import export_decoder
from tests.browser import opened, require_browser
from tests.conftest import ROOT
from tests.explored import content

MAPS = ["--vis_type", "pca", "tsne"]


@pytest.fixture(scope="module")
def folder(whole_run: Path, forked, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with its explorer. To be read, not written."""
    folder = Path(shutil.copytree(whole_run, tmp_path_factory.mktemp("explored") / "run"))
    done = forked.run("explore_latent_space.py", "--latent_size", 8, "--output_dir", folder, *MAPS, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert f"saved {folder / 'explorer.html'}" in done.stdout
    return folder


@pytest.fixture
def page(folder: Path):
    require_browser()
    with opened(folder / "explorer.html") as here:
        yield here
        here.check()


def pixels(page, selector: str) -> np.ndarray:
    """What a canvas shows, (H, W, 4)."""
    script = """selector => {
      const shown = document.querySelector(selector), copy = document.createElement("canvas");
      [copy.width, copy.height] = [shown.width, shown.height];
      const context = copy.getContext("2d", { willReadFrequently: true });
      context.drawImage(shown, 0, 0);
      return [copy.height, copy.width, ...context.getImageData(0, 0, copy.width, copy.height).data];
    }"""
    height, width, *values = page.evaluate(script, selector)
    return np.array(values).reshape(height, width, 4)


def test_made_twice_it_is_the_same_bytes(folder: Path, forked):
    first = (folder / "explorer.html").read_bytes()
    done = forked.run("explore_latent_space.py", "--latent_size", 8, "--output_dir", folder, *MAPS, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert (folder / "explorer.html").read_bytes() == first
    assert str(folder).encode() not in first


@pytest.mark.parametrize("arguments", [[], ["--disable-gpu", "--disable-webgl", "--disable-accelerated-2d-canvas"]])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_without_a_network_and_can_be_used_by_all(folder: Path, scheme: str, arguments: list[str]):
    require_browser()
    with opened(folder / "explorer.html", color_scheme=scheme, arguments=arguments) as here:
        page = here.page
        page.mouse.move(*page.evaluate("explorer.place(0, 3)"))
        page.get_by_role("button", name="Select all").click()
        assert len(page.evaluate("explorer.selection()")) == 180
        assert here.axe() == []
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
        here.check()


def test_the_picture_under_the_pointer_is_the_right_one(page, folder: Path):
    test, spaces, alone_by = load_test_data(folder / "test_data.pth"), {}, {}
    for size in (2, 8):
        model, space = (load_model(folder / f"model_latent_size_{size}.pth"),
                        load_latent_space(folder / f"latent_space_size_{size}.npy"))  # fmt: skip
        spaces[size], alone_by[size] = decode(model, space.vectors), reconstruct(model, test.images, refine=0)
    page = page.page
    apart = [i for i in range(180) if alone(folder, i)][:12]
    assert len(apart) == 12
    for number, i in enumerate(apart):
        page.mouse.move(*page.evaluate(f"explorer.place({number % 2}, {i})"))
        assert page.evaluate("explorer.pointed()") == i
        page.wait_for_timeout(60)
        assert page.inner_text("#x-image-title") == test.sample_ids[i]
        assert f"class\n{test.class_of(i)}" in page.inner_text("#x-facts")
        captions = page.locator("#x-pictures figcaption").all_inner_texts()
        shown = {
            caption: pixels(page, f"#x-pictures figure:nth-child({place}) canvas")[:, :, 0]
            for place, caption in enumerate(captions, 1)
        }
        assert np.array_equal(shown["original"], test.images[i, 0])
        for size in (2, 8):
            for words, made in [("refined", spaces[size]), ("encoder alone", alone_by[size])]:
                assert np.abs(shown[f"bottleneck {size}, {words}"] - made[i, 0] * 255).max() <= 0.51
        error = float(np.mean((spaces[2][i] - test.images[i] / 255) ** 2))
        assert float(re.search(r"error of bottleneck 2\n(\S+)", page.inner_text("#x-facts"))[1]) == pytest.approx(
            error, rel=0.01
        )


def alone(folder: Path, i: int) -> bool:
    """Whether no other image lies so near on either map that the pointer might mean it."""
    points = load_latent_space(folder / "latent_space_size_2.npy").vectors
    away = np.linalg.norm(points - points[i], axis=1)
    return np.sort(away)[1] > 0.02 * np.ptp(points, axis=0).max()


def test_a_lasso_selects_the_same_images_in_both_maps(page, folder: Path):
    test = load_test_data(folder / "test_data.pth")
    page = page.page
    page.check("input[value=lasso]")
    box = page.locator(".plot").first.bounding_box()
    around = np.array([[0.3, 0.2], [0.75, 0.25], [0.7, 0.7], [0.5, 0.45], [0.2, 0.8]])
    corners = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in around]
    outline = [page.evaluate("([x, y]) => explorer.toData(0, x, y)", list(corner)) for corner in corners]
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner)
    page.mouse.up()
    points = load_latent_space(folder / "latent_space_size_2.npy").vectors
    inside = np.flatnonzero(Outline(outline).contains_points(points)).tolist()
    assert 10 < len(inside) < 170
    assert page.evaluate("explorer.selection()") == inside
    page.wait_for_timeout(200)
    for which in (0, 1):
        drawn = opacity(page, which)
        assert drawn[inside].min() > 0.6
        assert np.median(np.delete(drawn, inside)) < 0.4
    assert page.locator("#x-sheet button").count() == min(120, len(inside))
    counts = {row.split("\t")[0]: int(row.split("\t")[1]) for row in page.inner_text("#x-counts tbody").splitlines()}
    assert counts == {
        str(label): n for label, n in zip(*np.unique(test.labels[inside], return_counts=True), strict=True)
    }
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as CSV").click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text())))
    assert [int(row["test_row"]) for row in rows] == inside
    assert [row["sample_id"] for row in rows] == [test.sample_ids[i] for i in inside]
    assert [row["class"] for row in rows] == [test.class_of(i) for i in inside]


def opacity(page, which: int) -> np.ndarray:
    """How strongly a map is drawn at the place of each image, in 0..1."""
    drawn = pixels(page, f".panels figure:nth-child({which + 1}) canvas:first-child")[:, :, 3] / 255
    script = """which => {
      const box = document.querySelectorAll(".plot canvas:first-child")[which].getBoundingClientRect();
      const places = [...Array(explorer.count).keys()].map(i => explorer.place(which, i));
      return places.map(([x, y]) => [Math.floor(y - box.top), Math.floor(x - box.left)]);
    }"""
    rows, columns = np.array(page.evaluate(script, which)).T
    return drawn[rows, columns]


def test_a_box_in_the_other_map_search_and_classes(page, folder: Path):
    test = load_test_data(folder / "test_data.pth")
    page = page.page
    page.check("input[value=box]")
    box = page.locator(".plot").nth(1).bounding_box()
    ends = [(box["x"] + part * box["width"], box["y"] + part * box["height"]) for part in (0.25, 0.6)]
    (x0, y0), (x1, y1) = (page.evaluate("([x, y]) => explorer.toData(1, x, y)", list(end)) for end in ends)
    page.mouse.move(*ends[0])
    page.mouse.down()
    page.mouse.move(*ends[1], steps=6)
    page.mouse.up()
    data = content((folder / "explorer.html").read_text())["spaces"][1]["maps"][0]["points"]["data"]
    points = np.frombuffer(base64.b64decode(data), "<f4").reshape(-1, 2)
    inside = (points[:, 0] > x0) & (points[:, 0] < x1) & (points[:, 1] < y0) & (points[:, 1] > y1)
    assert page.evaluate("explorer.selection()") == np.flatnonzero(inside).tolist() != []

    page.get_by_label("Find class or file").fill("7")
    page.locator("#x-select-found").click()
    found = [i for i in range(180) if test.labels[i] == 7 or "7" in test.sample_ids[i]]
    assert page.evaluate("explorer.selection()") == found
    page.get_by_label("Find class or file").fill("")
    page.locator("#x-legend button").nth(3).click()
    page.locator("#x-select-found").click()
    assert page.evaluate("explorer.selection()") == [i for i in range(180) if test.labels[i] != 3]
    for choice in page.locator("#x-colour option").all_inner_texts():
        page.select_option("#x-colour", label=choice)
        assert page.locator("#x-legend").inner_text().strip()
    page.select_option("#x-map", label="t-SNE")
    assert "t-SNE" in page.locator("figcaption").nth(1).inner_text()


def test_live_decode_is_what_torch_decodes(page, folder: Path):
    page = page.page
    model = load_model(folder / "model_latent_size_2.pth")
    box = page.locator(".plot").first.bounding_box()
    for x, y in np.random.default_rng(0).uniform(0.05, 0.95, (20, 2)):
        place = [box["x"] + x * box["width"], box["y"] + y * box["height"]]
        page.mouse.move(*place)
        page.wait_for_timeout(80)
        at = page.evaluate("([x, y]) => explorer.toData(0, x, y)", place)
        expected = decode(model, np.array([at], np.float32))[0, 0]
        assert np.abs(pixels(page, "#x-live")[:, :, 0] / 255 - expected).max() <= 1 / 255


@pytest.mark.parametrize("size", [2, 5])
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 30, 21)])
def test_the_decoder_of_every_architecture_runs_on_a_page(tmp_path: Path, shape: tuple[int, int, int], size: int):
    require_browser()
    write_text(tmp_path / "page.html", "<title>decoders</title>")
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    with opened(tmp_path / "page.html") as here:
        here.page.evaluate((SHARED / "decoder.js").read_text() + ";globalThis.Decoder = Decoder")
        for name in ("conv", "cae", "dense", "deep_dense", "vae", "beta_vae", "conditional", "cvae"):
            labelled = {"num_classes": 3} if name in ("conditional", "cvae") else {}
            model = build_model(name, size, shape, **labelled).eval()
            with torch.no_grad():
                for values in model.state_dict().values():
                    if values.is_floating_point():  # nothing stays at zero, at one, or at its first values
                        values.add_(0.02 * torch.randn(values.shape))
                for key, values in model.state_dict().items():
                    if key.endswith("running_var"):
                        values.abs_()
            latents = rng.normal(0, 1.5, (20, size)).astype(np.float32)
            labels = np.arange(20) % 3 if labelled else None
            expected = decode(model, latents, labels)
            packed = export_decoder(model, latents)
            run = """([packed, all, labels]) => {
              const decoder = Decoder.build(packed);
              return all.map((latents, k) => [...decoder.decode(latents, labels[k])]);
            }"""
            made = here.page.evaluate(run, [packed, latents.tolist(), (np.arange(20) % 3).tolist()])
            made = np.moveaxis(np.array(made).reshape(20, *shape[1:], shape[0]), -1, 1)
            assert np.ptp(expected) > 0.05, name
            assert np.abs(made - expected).max() <= 1 / 255, name
        here.check()


def test_a_walk_between_two_images(page, folder: Path):
    from playwright.sync_api import expect

    page = page.page
    models = {size: load_model(folder / f"model_latent_size_{size}.pth") for size in (2, 8)}
    for end, i in (("#x-start", 5), ("#x-end", 90)):
        page.locator(".plot canvas").nth(1).focus()
        while page.evaluate("explorer.pointed()") != i:
            page.keyboard.press("n")
        page.keyboard.press("Enter")
        page.locator(end).click()
    page.locator("#x-walk").fill("30")
    for place, (size, model) in enumerate(models.items(), 1):
        vectors = load_latent_space(folder / f"latent_space_size_{size}.npy").vectors
        way = (0.7 * vectors[5] + 0.3 * vectors[90])[None]
        shown = pixels(page, f"#x-walk-pictures figure:nth-child({place}) canvas")[:, :, 0]
        assert np.abs(shown / 255 - decode(model, way)[0, 0]).max() <= 1.5 / 255
    page.locator("#x-play").click()
    expect(page.locator("#x-walk")).to_have_value("100", timeout=20000)


def test_the_keyboard_alone_reaches_everything(page):
    page = page.page
    page.locator(".plot canvas").nth(1).focus()
    page.keyboard.press("n")
    page.keyboard.press("Enter")
    page.keyboard.press(" ")
    assert page.evaluate("explorer.selection()") == [0]
    page.keyboard.press("Escape")
    assert page.evaluate("explorer.selection()") == []
    page.keyboard.press("0")
    page.keyboard.press("b")
    for key in ["Shift+ArrowRight", "Shift+ArrowUp"] * 3:
        page.keyboard.press(key)
    assert page.evaluate("explorer.selection()") == []
    page.keyboard.press("b")
    assert len(page.evaluate("explorer.selection()")) > 3
    wanted = set(page.evaluate(f"({WHO})()"))
    assert len(wanted) > 20
    page.evaluate("document.activeElement.blur()")
    reached = set()
    for _ in range(600):
        page.keyboard.press("Tab")
        reached.add(page.evaluate(f"({NAME})(document.activeElement)"))
        if wanted <= reached:
            break
    assert wanted - reached == set()


NAME = """element => element.tagName + (element.id || element.getAttribute("aria-labelledby")
  || element.getAttribute("aria-label") || element.dataset.group || element.textContent)"""
# radio buttons are one stop, in which arrows choose
WHO = f"""() => [...document.querySelectorAll("button, select, input:not([type=radio]), canvas[tabindex], summary")]
  .filter(element => element.offsetParent && !element.disabled).map({NAME})"""
