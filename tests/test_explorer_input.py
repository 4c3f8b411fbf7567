"""explore_latent_space.py on what is unusual, missing, damaged or hostile: the page says so, and nothing runs."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from latent.archive import LatentSpace, load_latent_space, save_latent_space
from tests.browser import opened, require_browser
from tests.conftest import ROOT, refusal
from tests.explored import content, explore

HOSTILE = (
    '</script><script>alert("1")</script><img src=x onerror=alert(2)> \N{GRINNING FACE} \u0645\u0631\u062d\u0628\u0627'
)


def test_hostile_names_are_text(whole_run: Path, tmp_path: Path):
    require_browser()
    space = load_latent_space(whole_run / "latent_space_size_8.npy")
    hostile = LatentSpace(
        space.vectors, space.labels, (HOSTILE, *space.class_names[1:]), (HOSTILE, *space.sample_ids[1:]), space.rows,
        {**space.origin, "dataset": HOSTILE}, space.groups,
    )  # fmt: skip
    save_latent_space(tmp_path / "latent_space_size_8.npy", hostile)
    (tmp_path / "latent_space_size_8_kmeans_latent.csv").write_text(f"test_row,cluster in bottleneck 8\n0,{HOSTILE}\n")
    page = explore(tmp_path / "latent_space_size_8.npy")
    assert page.count("<script") == 2
    assert "onerror=alert(2)>" not in page
    with opened(tmp_path / "explorer.html") as here:
        assert HOSTILE in here.page.inner_text("#x-heading")
        here.page.locator(".plot canvas").nth(1).focus()
        here.page.keyboard.press("n")
        assert here.page.inner_text("#x-image-title") == HOSTILE
        assert here.page.locator("img").count() == 0
        here.check()


def only(latents: np.ndarray, **about) -> LatentSpace:
    return LatentSpace(latents.astype(np.float32), **about)


@pytest.mark.parametrize("space", [
    only(np.random.default_rng(0).normal(size=(40, 6))),
    only(np.random.default_rng(0).normal(size=(40, 6)), labels=np.zeros(40, np.int64), class_names=("one",)),
    only(np.random.default_rng(0).normal(size=(1500, 3)), labels=np.arange(1500) % 1000,
         class_names=tuple(f"class {n}" for n in range(1000))),
    *[only(np.random.default_rng(0).normal(size=(rows, size))) for rows in (1, 2, 3) for size in (1, 2, 6)],
    only(np.zeros((12, 6))),
], ids=[
    "unlabelled", "one class", "1,000 classes", *(f"{n} of {d}" for n in (1, 2, 3) for d in (1, 2, 6)), "all equal",
])  # fmt: skip
def test_unusual_latents_have_a_page(tmp_path: Path, space: LatentSpace):
    require_browser()
    path = tmp_path / "latent_space_size_6.npy"
    if space.labels is None:
        np.save(path, space.vectors)
    else:
        save_latent_space(path, space)
    page = explore(path, vis_type=None if len(space.vectors) < 5 else ["pca"])
    assert "no pictures are shown" in page
    with opened(tmp_path / "explorer.html") as here:
        here.page.locator(".plot canvas").nth(1).focus()
        here.page.keyboard.press("n")
        here.page.keyboard.press("Enter")
        here.page.locator("#x-select-found").click()
        assert len(here.page.evaluate("explorer.selection()")) == len(space.vectors)
        assert here.axe() == []
        here.check()


@pytest.mark.parametrize(("gone", "said"), [
    ("test_data.pth", "No pictures"),
    ("model_latent_size_2.pth", "No reconstructions by bottleneck 2"),
    ("model_latent_size_8.pth", "No reconstructions by bottleneck 8"),
    ("latent_space_size_2.npy", "so the bottleneck of 2 is left out"),
    ("latent_space_size_8_kmeans_latent.csv", "No clusters of these images yet"),
])  # fmt: skip
@pytest.mark.parametrize("how", ["missing", "damaged"])
def test_what_is_missing_or_damaged_is_said_on_the_page(
    whole_run: Path, tmp_path: Path, gone: str, said: str, how: str, capsys
):
    require_browser()
    folder = Path(shutil.copytree(whole_run, tmp_path / "run"))
    if how == "missing" or gone.endswith(".npy"):
        (folder / gone).unlink()
    else:
        (folder / gone).write_bytes((folder / gone).read_bytes()[:-40])
        said = "cluster them anew" if gone.endswith(".csv") else said
    explore(folder / "latent_space_size_8.npy")
    assert said in capsys.readouterr().err
    with opened(folder / "explorer.html") as here:
        assert said in here.page.inner_text("#x-notes")
        here.page.mouse.move(*here.page.evaluate("explorer.place(0, 3)"))
        here.check()


def test_parts_of_another_training_are_said_on_the_page(whole_run: Path, tmp_path: Path, trained_without_classes: Path):
    folder = Path(shutil.copytree(whole_run, tmp_path / "run"))
    shutil.copy(trained_without_classes / "test_data.pth", folder)
    shutil.copy(trained_without_classes / "model_latent_size_2.pth", folder)
    notes = " ".join(note["text"] for note in content(explore(folder / "latent_space_size_8.npy"))["notes"])
    assert "not the split that the latents were made from" in notes
    assert "is not the network that the latents were made by" in notes


def test_what_cannot_be_explored_is_refused(forked, tmp_path: Path):
    sentence = refusal(forked.run("explore_latent_space.py", "--latent_size", 8, "--output_dir", tmp_path, cwd=ROOT))
    assert "make it with: python train.py --latent_size 8" in sentence  # nothing has been trained there yet
    np.save(tmp_path / "own.npy", np.zeros((3, 4), np.float32))
    few = forked.run("explore_latent_space.py", "--latent_space", tmp_path / "own.npy", "--vis_type", "umap", cwd=ROOT)
    assert "at least 5 vectors" in refusal(few)
    assert not (tmp_path / "explorer.html").exists()
