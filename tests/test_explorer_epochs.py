"""The maps of explore_latent_space.py over the epochs of a training that kept snapshots."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from latent.archive import load_latent_space
from model.checkpoint import load_checkpoint
from model.snapshots import load_snapshots, save_snapshots
from run.tensor_file import load_tensors
from tests.browser import opened, require_browser
from tests.conftest import ROOT
from tests.explored import content, explore

EPOCHS = (1, 2, 4)


@pytest.fixture(scope="module")
def moving(forked, data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that kept snapshots, and its explorer. To be read, not written."""
    folder = tmp_path_factory.mktemp("moving")
    where, size = ["--output_dir", folder], ["--latent_size", 8]
    digits = ["--dataset", "digits", "--max_train", 300, "--num_epochs", 4, "--data_dir", data_dir]
    for script, *arguments in [
        ("train.py", *digits, "--snapshot_epochs", *EPOCHS),
        ("encode_latent_space.py", "--num_samples", "all"),
        ("explore_latent_space.py", "--vis_type", "pca"),
    ]:
        done = forked.run(script, *size, *arguments, *where, cwd=ROOT)
        assert done.returncode == 0, (script, done.stderr)
    return folder


def at_epoch(folder: Path, size: int, epoch: int) -> np.ndarray:
    """Where each image should be drawn after an epoch, (rows, 2): by numpy alone."""
    latents = load_tensors(folder / f"snapshots_latent_size_{size}.pth", "snapshots of a training", "")["latents"]
    kept, vectors = load_latent_space(folder / f"latent_space_size_{size}.npy").vectors, latents[epoch].numpy()
    if size == 2:
        return vectors
    _, _, axes = np.linalg.svd(kept - kept.mean(axis=0), full_matrices=False)
    return (vectors - kept.mean(axis=0)) @ axes[:2].T


def drawn_at(page, which: int) -> np.ndarray:
    """Where each image is drawn on a map, in its own units."""
    script = (
        """which => [...Array(explorer.count).keys()].map(i => explorer.toData(which, ...explorer.place(which, i)))"""
    )
    return np.array(page.evaluate(script, which))


def check_drawn(page, folder: Path, epoch: int) -> None:
    for which, size in enumerate((2, 8)):
        shown, expected = drawn_at(page, which), at_epoch(folder, size, epoch)
        for axis in (0, 1):  # PCA says nothing of signs
            sign = 1 if size == 2 else np.sign(shown[:, axis] @ expected[:, axis])
            np.testing.assert_allclose(shown[:, axis], sign * expected[:, axis], atol=1e-3)


def test_the_latents_of_an_epoch_are_those_of_its_network(moving: Path):
    """The last epoch's, where that is the network that was kept: those of the checkpoint."""
    for size in (2, 8):
        snapshots = load_snapshots(moving / f"snapshots_latent_size_{size}.pth")
        assert snapshots.latent_rows == list(range(180))
        record = load_checkpoint(moving / f"model_latent_size_{size}.pth")[1]
        assert record["kept_epoch"] == 4
        kept = load_latent_space(moving / f"latent_space_size_{size}.npy").vectors
        # a decoder is measured along fewer directions after an epoch than after the last
        assert np.median(np.abs(snapshots.latents[4] - kept)) < 0.05 * kept.std()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_maps_over_the_epochs(moving: Path, scheme: str):
    require_browser()
    with opened(moving / "explorer.html", color_scheme=scheme) as here:
        page = here.page
        usual = [drawn_at(page, which) for which in (0, 1)]
        slider = page.get_by_role("slider", name="Epoch")
        assert slider.get_attribute("aria-valuetext") == "as kept"
        slider.focus()
        spans = []
        for epoch in reversed(EPOCHS):  # the keyboard alone
            page.keyboard.press("ArrowLeft")
            assert slider.get_attribute("aria-valuetext") == f"after epoch {epoch}"
            check_drawn(page, moving, epoch)
            spans.append(page.evaluate("[0, 1].map(which => explorer.toData(which, 100, 300))"))
            assert f"after epoch {epoch}" in page.locator("figcaption").nth(1).inner_text()
        assert np.allclose(spans[0], spans[1])  # the axes stay
        assert np.allclose(spans[0], spans[2])
        page.mouse.move(*page.evaluate("explorer.place(0, 7)"))
        assert page.evaluate("explorer.pointed()") >= 0
        assert "by the network as it is kept" in page.inner_text("#x-live-text")
        assert here.axe() == []
        page.get_by_role("button", name="Back to the maps").click()
        assert page.evaluate("document.activeElement.id") == "x-epoch-play"
        for which in (0, 1):
            np.testing.assert_allclose(drawn_at(page, which), usual[which], atol=1e-4)
        assert page.get_by_role("button", name="Back to the maps").is_disabled()
        here.check()


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_playing_goes_through_all_epochs_and_moves_only_where_that_is_welcome(moving: Path, motion: str):
    require_browser()
    with opened(moving / "explorer.html", reduced_motion=motion) as here:
        page, seen = here.page, []
        page.get_by_role("button", name="Play").first.click()
        places = set()
        for _ in range(400):
            said = page.get_by_role("slider", name="Epoch").get_attribute("aria-valuetext")
            if said not in seen:
                seen.append(said)
            places.add(tuple(np.round(page.evaluate("explorer.toData(1, ...explorer.place(1, 0))"), 4)))
            if seen[-1] == "as kept" and page.locator("#x-epoch-play").inner_text() == "Play":
                break
            page.wait_for_timeout(15)
        assert seen == [*(f"after epoch {epoch}" for epoch in EPOCHS), "as kept"]
        assert len(places) > 8 if motion == "no-preference" else len(places) <= 4
        here.check()


def test_images_that_were_not_followed_are_not_drawn_after_an_epoch(moving: Path, tmp_path: Path):
    require_browser()
    folder = Path(shutil.copytree(moving, tmp_path / "run"))
    for size in (2, 8):
        path = folder / f"snapshots_latent_size_{size}.pth"
        known = load_snapshots(path)
        half = {epoch: vectors[::2] for epoch, vectors in known.latents.items()}
        save_snapshots(path, replace(known, latent_rows=known.latent_rows[::2], latents=half), {})
    explore(folder / "latent_space_size_8.npy")
    with opened(folder / "explorer.html") as here:
        here.page.locator("#x-epoch").fill("0")
        assert "90 of 180 images were followed" in here.page.inner_text("#x-epoch-text")
        drawn = here.page.evaluate("[...Array(180).keys()].filter(i => !isNaN(explorer.place(0, i)[0]))")
        assert drawn == list(range(0, 180, 2))
        here.page.locator(".plot canvas").nth(1).focus()
        for expected in (0, 2, 4):
            here.page.keyboard.press("n")
            assert here.page.evaluate("explorer.pointed()") == expected
        here.page.locator("#x-select-found").click()
        here.check()


def test_snapshots_that_do_not_belong_are_said(moving: Path, tmp_path: Path):
    folder = Path(shutil.copytree(moving, tmp_path / "run"))
    path = folder / "snapshots_latent_size_8.pth"
    save_snapshots(path, replace(load_snapshots(path), fingerprint="other"), {})
    damaged = folder / "snapshots_latent_size_2.pth"
    damaged.write_bytes(damaged.read_bytes()[:-9])
    said = content(explore(folder / "latent_space_size_8.npy"))
    notes = " ".join(note["text"] for note in said["notes"])
    assert "snapshots_latent_size_8.pth is not of the training of these latents" in notes
    assert "No maps over the epochs: snapshots_latent_size_2.pth is truncated" in notes
    assert [space["followed"] for space in said["spaces"]] == [None, None]
