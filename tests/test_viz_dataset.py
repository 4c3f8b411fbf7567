"""viz_dataset.py on digits and on a hostile folder, and the inventory that it draws."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data import load_images
from data.image_set import ImageSet
from figure.class_sheet import draw_class_sheet
from figure.style import save_figure
from stages.dataset.counts_figure import draw_counts
from stages.dataset.inventory import duplicates, in_conflict, mean_image, members_of_classes, original_sizes
from stages.dataset.main import choose_samples
from tests.conftest import refusal, run_script


def image_set(images: np.ndarray, labels: list[int] | None = None) -> ImageSet:
    count = len(images)
    names = () if labels is None else tuple("abcdef"[: max(labels) + 1])
    found = None if labels is None else np.array(labels)
    return ImageSet("made", images, found, names, tuple(map(str, range(count))), np.arange(count), None, ())


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """Three classes of odd sizes: one image twice under two classes, one damaged, one class of a single image."""
    root = tmp_path / "images"
    random = np.random.default_rng(0)

    def save(name: str, height: int, width: int) -> None:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(root / name)

    for number in range(9):
        save(f"$\\frac/{number}.png", 20 + number, 30)
        save(f"=cmd()/{number}.png", 16, 400 if number == 8 else 17)
    save("only/one.png", 12, 12)
    (root / "=cmd()" / "copy.png").write_bytes((root / "$\\frac" / "0.png").read_bytes())
    (root / "only" / "broken.png").write_bytes(b"\x89PNG no more")
    return root


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_digits_are_counted_and_drawn_the_same_twice(tmp_path: Path, data_dir: Path):
    for run in ("a", "b"):
        done = run_script(
            "viz_dataset.py", "--dataset", "digits", "--data_dir", data_dir, "--output_dir", tmp_path / run, "--show"
        )
        assert done.returncode == 0, done.stderr
    assert "no display" in done.stderr
    assert "largest (3, 183)" in done.stdout
    rows = rows_of(tmp_path / "a" / "dataset_classes.csv")
    assert sum(int(row["all"]) for row in rows) == 1797
    assert all(int(row["train"]) + int(row["val"]) + int(row["test"]) == int(row["all"]) for row in rows)
    facts = json.loads((tmp_path / "a" / "dataset.json").read_text())
    assert facts["imbalance_ratio"] == pytest.approx(183 / 174)
    for path in (tmp_path / "a").glob("*.png"):
        assert path.stat().st_size > 10_000
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_a_hostile_folder(hostile: Path, tmp_path: Path):
    arguments = ["--dataset", hostile, "--data_dir", tmp_path / "data", "--output_dir", tmp_path / "out"]
    done = run_script("viz_dataset.py", *arguments, "--image_size", 16)
    assert done.returncode == 0, done.stderr
    facts = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert (facts["images"], facts["unreadable"], facts["smallest_class"]) == (20, 1, 1)
    assert facts["same_pixels_different_classes"] == 1
    assert facts["original_width"] == {"smallest": 12, "median": 30.0, "largest": 400}
    same = rows_of(tmp_path / "out" / "dataset_duplicates.csv")
    assert {row["sample_id"] for row in same} == {"$\\frac/0.png", "'=cmd()/copy.png"}
    assert {row["classes differ"] for row in same} == {"yes"}
    assert len({row["side"] for row in same}) == 1  # the split keeps them together
    assert rows_of(tmp_path / "out" / "dataset_unreadable.csv")[0]["sample_id"] == "only/broken.png"
    assert "at most one can be right" in done.stdout


def test_a_single_image_is_shown_though_it_can_not_be_split(tmp_path: Path):
    (tmp_path / "one").mkdir()
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "one" / "0.png")
    arguments = ["--dataset", tmp_path / "one", "--data_dir", tmp_path / "data", "--output_dir", tmp_path / "out"]
    done = run_script("viz_dataset.py", *arguments)
    assert done.returncode == 0, done.stderr
    assert "can't be trained on" in done.stderr
    assert (tmp_path / "out" / "dataset_samples.png").exists()
    assert "at least two" in refusal(run_script("viz_dataset.py", *arguments, "--split", "group"))
    assert "did you mean: python viz_dataset.py --dataset digits" in refusal(
        run_script("viz_dataset.py", "--dataset", "digit")
    )


def test_duplicates_and_conflicts():
    images = np.zeros((6, 1, 8, 8), np.uint8)
    images[1] = images[4] = 7
    images[2] = 9
    made = image_set(images, [0, 1, 2, 0, 1, 2])
    groups = duplicates(made)
    assert [group.tolist() for group in groups] == [[0, 3, 5], [1, 4]]
    assert [in_conflict(made, group) for group in groups] == [True, False]
    assert not in_conflict(image_set(images), groups[0])
    assert duplicates(image_set(images[:3])) == []
    assert [rows.tolist() for rows in members_of_classes(made)] == [[0, 3], [1, 4], [2, 5]]
    assert members_of_classes(image_set(images))[0].tolist() == list(range(6))


def test_the_mean_image_of_more_than_a_piece():
    images = np.arange(2500, dtype=np.int64).astype(np.uint8)[:, None, None, None] + np.zeros((1, 1, 8, 8), np.uint8)
    rows = np.arange(0, 2500, 2)
    np.testing.assert_allclose(mean_image(images, rows), images[rows].mean(axis=0) / 255, rtol=1e-6)


def test_original_sizes_are_those_of_the_files(hostile: Path, tmp_path: Path):
    loaded = load_images(str(hostile), tmp_path / "data", (16, 16))
    rows, sizes = original_sizes(str(hostile), tmp_path / "data", loaded)
    assert len(rows) == len(loaded)
    for row, size in zip(rows, sizes.tolist(), strict=True):
        with Image.open(hostile / loaded.sample_ids[row]) as image:
            assert size == [image.height, image.width]
    assert original_sizes("digits", tmp_path, load_images("digits", tmp_path)) == (None, None)


def test_an_image_lying_on_its_side_is_measured_upright(tmp_path: Path):
    (tmp_path / "lying").mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20), "red").save(tmp_path / "lying" / "0.jpg", exif=exif)
    loaded = load_images(str(tmp_path / "lying"), tmp_path / "data")
    assert original_sizes(str(tmp_path / "lying"), tmp_path / "data", loaded)[1].tolist() == [[40, 20]]
    assert loaded.images.shape[2:] == (40, 20)


def test_samples_are_of_as_many_groups_as_there_are():
    groups = np.repeat([0, 1, 2], 10)
    chosen = choose_samples(np.arange(30), groups, 4, np.random.default_rng(0))
    assert set(groups[chosen[:3]]) == {0, 1, 2}
    assert len(set(chosen.tolist())) == 4
    assert len(choose_samples(np.arange(2), groups, 9, np.random.default_rng(0))) == 2


@pytest.mark.parametrize("count", [1, 13, 60, 150])
def test_figures_of_any_number_of_classes(tmp_path: Path, count: int):
    names = ["$\\frac"] * count
    counts = np.arange(1, count + 1)
    sizes = np.array([[20, 10], [30, 30], [4000, 30]])
    figure = draw_counts(names, [("train", counts), ("val", counts), ("test", counts)], sizes, "title", "footer")
    assert save_figure(figure, tmp_path / "counts.png")[0].stat().st_size > 5000
    assert save_figure(draw_counts(names, [("images", counts)], sizes[:1], "title", "footer"), tmp_path / "same.png")
    mean, images = np.zeros((1, 9, 12), np.float32), np.zeros((2, 1, 9, 12), np.uint8)
    figure = draw_class_sheet([(name, mean, images) for name in names], 3, "title")
    assert save_figure(figure, tmp_path / "samples.png")[0].stat().st_size > 2000
