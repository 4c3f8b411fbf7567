"""No image, and no copy of it, is on two sides of a split: for folders of any content, through a kill and a resume."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from data import load_images
from data.split import split_images
from data.test_data import load_test_data
from run.errors import BadInput
from tests.conftest import refusal

BRIEF = ["--latent_size", 3, "--num_epochs", 3, "--model", "dense", "--batch_size", 20]


def paint(path: Path, content: int) -> None:
    """An image that is the same for the same ``content``, whatever it is called."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(content).integers(0, 256, (8, 8), dtype=np.uint8)).save(path)


# class, track (None: the name says nothing of it), content: few of each, so that they meet
pictures = st.lists(
    st.tuples(st.integers(0, 2), st.one_of(st.none(), st.integers(0, 5)), st.integers(0, 25)), min_size=2, max_size=30
)


@settings(max_examples=60, deadline=None)
@given(
    pictures,
    st.sampled_from([None, "random", "group"]),
    st.floats(0.05, 0.6),
    st.sampled_from([0.0, 0.05, 0.4]),
    st.sampled_from([None, 3, 12]),
    st.sampled_from([None, 1, 4]),
    st.integers(0, 2**31 - 1),
)
def test_for_any_folder_sizes_and_seed(made, kind, test_fraction, val_fraction, max_train, max_test, seed):
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "set"
        for number, (label, track, content) in enumerate(made):
            name = f"{number}.png" if track is None else f"{track:05}_{number:05}.ppm"
            paint(folder / f"class {label}" / name, content)
        try:
            images = load_images(str(folder), Path(place) / "data")
            split = split_images(
                images, kind=kind, test_fraction=test_fraction, val_fraction=val_fraction, max_train=max_train,
                max_test=max_test, seed=seed,
            )  # fmt: skip
        except BadInput:
            assume(False)
        sides = [[images.sample_ids[row] for row in rows] for rows in (split.train, split.val, split.test)]
        together = [name for side in sides for name in side]
        assert len(set(together)) == len(together)  # by index
        files = [{(folder / name).read_bytes() for name in side} for side in sides]
        pixels = [{images.images[row].tobytes() for row in rows} for rows in (split.train, split.val, split.test)]
        for contents in (files, pixels):  # by content
            assert not contents[0] & contents[1]
            assert not contents[2] & (contents[0] | contents[1])
        if split.kind == "group":
            groups = [{(name.split("/")[0], name.split("/")[1][:5]) for name in side if "_" in name} for side in sides]
            assert not groups[0] & groups[1]
            assert not groups[2] & (groups[0] | groups[1])


@pytest.fixture
def stopped(forked, tmp_path) -> Path:
    """A folder with a training that was killed in its second epoch."""
    for number in range(60):
        paint(tmp_path / "set" / "ab"[number % 2] / f"{number:02}.png", number)
    done = forked.run("train.py", "--dataset", "set", *BRIEF, cwd=tmp_path, fault={"poison": 4})
    assert "no longer finite" in refusal(done)
    (tmp_path / "output" / "not_finite.csv").unlink()
    return tmp_path


def artefacts(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "output").rglob("*") if path.is_file()}


def test_the_split_survives_a_resume(forked, stopped):
    """Files copied at another time and decoded anew, by other threads: the same images on the same sides."""
    shutil.copytree(stopped / "set", stopped / "copy", copy_function=shutil.copyfile)
    done = forked.run("train.py", "--dataset", "set", *BRIEF, "--output_dir", "whole", cwd=stopped)
    assert done.returncode == 0, done.stderr
    shutil.rmtree(stopped / "set")
    (stopped / "copy").rename(stopped / "set")
    shutil.rmtree(stopped / "data")
    done = forked.run("train.py", "--resume", "--num_workers", 2, cwd=stopped)
    assert done.returncode == 0, done.stderr
    ours, theirs = (load_test_data(stopped / place / "test_data.pth") for place in ("output", "whole"))
    assert (ours.sample_ids, ours.fingerprint) == (theirs.sample_ids, theirs.fingerprint)


def change(folder: Path, how: str) -> None:
    first = sorted((folder / "set").rglob("*.png"))[0]
    if how == "added":
        paint(folder / "set" / "a" / "new.png", 1000)
    elif how == "removed":
        first.unlink()
    elif how == "changed":
        paint(first, 1000)
    elif how == "renamed":
        first.rename(first.with_name("another.png"))
    else:
        first.rename(folder / "set" / "b" / first.name)


@pytest.mark.parametrize("how", ["added", "removed", "changed", "renamed", "of another class"])
def test_other_images_are_refused_on_resume_and_nothing_is_replaced(forked, stopped, how):
    before = artefacts(stopped)
    change(stopped, how)
    sentence = refusal(forked.run("train.py", "--resume", cwd=stopped))
    assert "files were added, removed or changed" in sentence
    assert artefacts(stopped) == before
