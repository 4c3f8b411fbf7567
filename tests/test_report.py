"""report.py: one page of what lies in a folder, that runs nothing, asks for nothing and says what is missing."""

import base64
import html
import json
import re
import shlex
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from run.artefacts import read_json, write_json
from tests.browser import opened, require_browser
from tests.conftest import ROOT, refusal

HOSTILE = (
    '<script>alert("1")</script><img src=x onerror=alert(2)> & \u202e \N{GRINNING FACE} \u0645\u0631\u062d\u0628\u0627'
)


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.source = path.read_text("utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def report(forked, folder: Path, *arguments: object):
    done = forked.run("report.py", "--output_dir", folder, *arguments, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done, Page(folder / "report.html")


@pytest.fixture
def folder(whole_run: Path, tmp_path: Path) -> Path:
    """A copy of a whole run, to be changed."""
    return Path(shutil.copytree(whole_run, tmp_path / "run"))


def test_the_answers_stand_on_top_with_the_picture_of_each(forked, folder: Path):
    done, page = report(forked, folder)
    assert f"saved {folder / 'report.html'}" in done.stdout
    answers = json.loads((folder / "metrics.json").read_text())["answers"]
    assert len({each["question"] for each in answers}) == 3
    for each in answers:
        assert all(
            text in page.text for text in (each["question"], each["verdict"], each["sentence"], *each["evidence"])
        )
    shown = [base64.b64decode(image["src"].partition("base64,")[2]) for image in page.of("img")]
    names = ["latent_space_size_8_kmeans_latent", "latent_space_size_8_pca", "reconstructions_latent_size_8"]
    assert shown[:3] == [(folder / f"{name}.png").read_bytes() for name in names]
    assert (folder / "training_curves.png").read_bytes() in shown
    assert len(set(shown)) == len(shown), "a picture is carried once"
    assert all(image["alt"] for image in page.of("img"))
    held_out = json.loads((folder / "metrics_training.json").read_text())["held_out"]
    assert f"{held_out['autoencoder of 8']['mse']:.5f}" in page.text
    assert f"{held_out['PCA of 8']['mse']:.5f}" in page.text


def test_a_page_made_twice_is_the_same_bytes(forked, folder: Path):
    report(forked, folder)
    first = (folder / "report.html").read_bytes()
    report(forked, folder)
    assert (folder / "report.html").read_bytes() == first
    assert str(folder.parent).encode() not in first.replace(shlex.quote(str(folder)).encode(), b"")


def test_nothing_is_asked_of_any_network(forked, folder: Path):
    _, page = report(forked, folder)
    for _, attributes in page.elements:
        for name in ("src", "href", "action", "data", "srcset", "poster"):
            assert (attributes.get(name) or "#").startswith(("#", "data:")), attributes
        assert not [name for name in attributes if name.startswith("on")]
    assert "url(" not in page.source
    assert "default-src 'none'" in page.of("meta")[3]["content"]


def test_each_part_says_the_command_that_makes_it_again(forked, folder: Path):
    _, page = report(forked, folder)
    made_by = json.loads((folder / "metrics_latent_space_size_8_kmeans_latent.json").read_text())["command"]
    assert made_by in page.text
    for command in re.findall(r'<code class="command">(.*?)</code>', page.source):
        script = shlex.split(html.unescape(command))[1]
        assert (ROOT / script).exists()


def test_what_is_missing_is_named_with_a_command_that_makes_it(forked, trained: Path, tmp_path: Path):
    folder = Path(shutil.copytree(trained, tmp_path / "run"))
    done, page = report(forked, folder)
    assert "not answered yet" in page.text
    command = next(line for line in done.stderr.splitlines() if "Reconstructions" in line).partition("make it with: ")[
        2
    ]
    words = shlex.split(command)
    assert command in page.text
    assert forked.run(*words[1:], cwd=ROOT).returncode == 0
    done, page = report(forked, folder)
    assert "missing: Reconstructions" not in done.stderr
    assert any("Test images" in image["alt"] for image in page.of("img"))


def test_the_explorer_is_part_of_the_page_but_not_its_script(forked, folder: Path):
    require_browser()
    explorer = folder / "explorer.html"
    explorer.write_text(explorer.read_text().replace("<script>", "<script>alert(1);"))
    _, page = report(forked, folder)
    assert "alert(1)" not in page.source
    with opened(folder / "report.html") as here:
        assert here.page.evaluate("explorer.count") == 180
        here.page.locator(".plot canvas").nth(1).focus()
        here.page.keyboard.press("n")
        assert here.page.inner_text("#x-facts").startswith("class")
        here.check()
    explorer.write_text(explorer.read_text().replace('"checkpoints":{"2":"', '"checkpoints":{"2":"0'))
    _, page = report(forked, folder)
    assert "explorer.html was made with another model_latent_size_2.pth" in page.text
    assert not page.of("canvas")


def test_files_of_another_training_are_left_out_with_a_word(forked, folder: Path):
    (folder / "model_latent_size_8.pth").write_bytes(b"of another training")
    _, page = report(forked, folder)
    assert "metrics.json was made with another model_latent_size_8.pth" in page.text
    assert "not answered yet" in page.text
    assert "latent_space_size_8.json was made with another model_latent_size_8.pth" in page.text


@pytest.fixture(scope="module")
def other(forked, data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of another training with what later scripts make of it."""
    folder = tmp_path_factory.mktemp("other")
    for script, *arguments in [
        ("train.py", "--dataset", "digits", "--num_epochs", 1, "--max_train", 200, "--data_dir", data_dir),
        ("viz_reconstruction.py",),
        ("encode_latent_space.py", "--num_samples", "all"),
        ("viz_latent_space.py", "--vis_type", "pca"),
        ("find_odd_images.py",),
    ]:
        done = forked.run(script, "--latent_size", 8, "--output_dir", folder, *arguments, cwd=ROOT)
        assert done.returncode == 0, (script, done.stderr)
    return folder


@pytest.mark.parametrize("name", [
    "training_curves.png", "reconstructions_latent_size_8.png", "latent_space_size_8_pca.png",
    "odd_images_latent_size_8_error.png", "odd_images_latent_size_8.csv", "metrics_latent_space_size_8_pca.json",
    "metrics_training.json", "training_log.jsonl",
])  # fmt: skip
def test_a_file_of_another_training_is_left_out_with_a_word(forked, folder: Path, other: Path, name: str):
    if name.startswith("odd"):
        done = forked.run("find_odd_images.py", "--latent_size", 8, "--output_dir", folder, cwd=ROOT)
        assert done.returncode == 0, done.stderr
    shutil.copy(other / name, folder / name)
    _, page = report(forked, folder)
    assert re.search(r"was made with another \S+ than lies beside it; make it again", page.text), name


def test_a_figure_that_nobody_knows_is_left_out_with_a_word(forked, folder: Path):
    with Image.open(folder / "training_curves.png") as image:
        image.load()
        image.save(folder / "training_curves.png")  # as by an editor: without what it was made of
    done, page = report(forked, folder)
    assert "training_curves.png does not say what it was made of; make it again" in page.text
    assert "missing: The training; make it with: python train.py" in done.stderr


def test_hostile_text_is_text(forked, folder: Path):
    for name, change in [
        ("metrics.json", lambda old: {"answers": [{**each, "sentence": HOSTILE} for each in old["answers"]],
                                      "command": "python evaluate.py; touch canary"}),
        ("metrics_training.json", lambda old: {"dataset": HOSTILE, "class_names": [HOSTILE] * 10,
                                               "held_out": {HOSTILE: {"mse": HOSTILE}, **old["held_out"]}}),
    ]:  # fmt: skip
        old = read_json(folder / name)
        write_json(folder / name, {**old, **change(old)})
    (folder / "left_out.csv").write_text(f'sample_id,reason\n"{HOSTILE.replace(chr(34), chr(34) * 2)}",broken\n')
    _, page = report(forked, folder, "--hand_in", HOSTILE)
    assert page.text.count(HOSTILE) >= 5
    assert len(page.of("script")) == 2, "our own, and the explorer's values"
    assert not [image for image in page.of("img") if not image["src"].startswith("data:image/png;base64,")]
    assert "touch canary" not in page.source


EDITED = [b"", b"<script>alert(1)</script>\0", b'{"a": [', b"\xff" * 50, b"[1]\n", b"{}\n"]
FILES = [
    "metrics.json", "metrics_training.json", "training_log.jsonl", "training_curves.png", "latent_space_size_8.json",
    "metrics_latent_space_size_8_pca.json", "latent_space_size_8_pca.png", "left_out.csv", "explorer.html",
]  # fmt: skip


EDITS = [
    (name, kinds[place % len(kinds)]) for kinds in (EDITED, EDITED[1:]) for place, name in enumerate(FILES)
]  # each file in two ways


@pytest.mark.parametrize(("name", "content"), EDITS)
def test_an_edited_file_is_left_out(forked, folder: Path, name: str, content: bytes):
    (folder / name).write_bytes(content)
    _, page = report(forked, folder)
    assert "alert(1)" not in page.source
    if name.endswith((".json", ".png", ".html")):
        assert f"{name} is damaged" in page.text


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metrics.json", {}),
        ("metrics.json", {"answers": 3, "checkpoints": "x", "maps": [1], "reconstruction": {"a": 1}}),
        ("metrics_training.json", {"held_out": [], "arguments": 7, "class_names": {}, "held_out_images": []}),
        ("sweep.json", {"checkpoints": {"x": 1}, "sizes": [3, {}], "answers": [1]}),
        ("dataset.json", {"images": {}}),
    ],
)
def test_a_sealed_file_that_holds_something_else_breaks_nothing(forked, folder: Path, name: str, content: dict):
    write_json(folder / name, content)
    report(forked, folder)


def test_a_folder_without_a_training_is_refused(forked, tmp_path: Path):
    assert "train first" in refusal(forked.run("report.py", "--output_dir", tmp_path, cwd=ROOT))
    assert list(tmp_path.iterdir()) == []


def test_a_bottleneck_that_is_not_there_is_refused(forked, trained: Path):
    done = forked.run("report.py", "--output_dir", trained, "--latent_size", 9, cwd=ROOT)
    assert "nothing of a bottleneck of 9" in refusal(done)
    assert not (trained / "report.html").exists()


def test_of_several_bottlenecks_the_page_is_about_the_one_that_most_was_made_of(forked, folder: Path):
    log = (folder / "training_log.jsonl").read_text()
    more = [
        {**json.loads(line), "latent_size": 16} for line in log.splitlines() if json.loads(line)["latent_size"] == 8
    ]
    (folder / "training_log.jsonl").write_text(log + "".join(f"{json.dumps(each)}\n" for each in more))
    shutil.copy(folder / "model_latent_size_8.pth", folder / "model_latent_size_16.pth")
    _, page = report(forked, folder)
    assert "what do bottlenecks of 2 and 8 keep?" in page.text


def test_a_bottleneck_of_2_alone(forked, trained_without_classes: Path, tmp_path: Path):
    folder = Path(shutil.copytree(trained_without_classes, tmp_path / "run"))
    _, page = report(forked, folder)
    assert "what does a bottleneck of 2 keep?" in page.text
    assert "no classes" in page.text


def test_the_page_in_a_browser(forked, folder: Path):
    require_browser()
    report(forked, folder)
    for scheme in ("light", "dark"):
        with opened(folder / "report.html", color_scheme=scheme) as here:
            broken = "[...document.images].filter(image => !image.complete || !image.naturalWidth).length"
            assert here.page.evaluate(broken) == 0
            wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert here.page.evaluate(wider) <= 0
            assert here.axe() == []
            here.check()


def test_the_page_on_paper(forked, folder: Path):
    """On A4 nothing is cut off at the right, and no picture is taller than a page."""
    require_browser()
    report(forked, folder)
    with opened(folder / "report.html", viewport={"width": 718, "height": 1047}) as here:
        here.page.emulate_media(media="print")
        cut = """[...document.querySelectorAll("table, img, p, h2, code")].filter(each => each.offsetParent)
          .filter(each => each.getBoundingClientRect().right > 718 || each.getBoundingClientRect().height > 1047)
          .map(each => each.outerHTML.slice(0, 80))"""
        assert here.page.evaluate(cut) == []
        assert not here.page.locator("#x-all").is_visible()
        here.check()


def test_a_copy_with_own_words_is_saved(forked, folder: Path):
    require_browser()
    report(forked, folder, "--hand_in", "Ada")
    with opened(folder / "report.html", accept_downloads=True) as here:
        here.page.get_by_label("In my own words").first.fill(f"Mine: {HOSTILE}")
        with here.page.expect_download() as download:
            here.page.get_by_role("button", name="Save a copy").click()
        download.value.save_as(folder / "copy.html")
        here.check()
    with opened(folder / "copy.html") as here:
        assert here.page.get_by_label("In my own words").first.input_value() == f"Mine: {HOSTILE}"
        here.check()
