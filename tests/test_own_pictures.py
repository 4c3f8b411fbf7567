"""Folders as people have them, through the real scripts: what is said, and which images are trained on."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.listing import list_images
from data.test_data import load_test_data
from run.artefacts import read_json
from tests.conftest import ROOT, refusal

BRIEF = ["--only_named", "--latent_size", 3, "--num_epochs", 1, "--data_dir", "data", "--output_dir", "output"]
CLASSES, EACH = 3, 30


def picture(number: int) -> Image.Image:
    """One of a kind, 16 x 16 in colour."""
    small = np.random.default_rng(number).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((16, 16), Image.BICUBIC)


def paint(folder: Path, name_of, save: dict | None = None) -> None:
    """A picture of each class and number at the path that ``name_of(label, number)`` gives."""
    for label in range(CLASSES):
        for number in range(EACH):
            path = folder / name_of(label, number)
            path.parent.mkdir(parents=True, exist_ok=True)
            picture(label * EACH + number).save(path, **(save or {}))


def paint_all(folder: Path, names: list[str], first: int = 0) -> None:
    """A picture, like no other, at each relative path; the next to be painted is numbered ``first``."""
    for number, name in enumerate(names, first):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        picture(number).save(folder / name)


def look(forked, folder: Path, output: str = "look") -> tuple[dict, str]:
    """What viz_dataset.py finds in ``folder/set``, and what it says."""
    done = forked.run("viz_dataset.py", "--dataset", "set", "--data_dir", "data", "--output_dir", output, cwd=folder)
    assert done.returncode == 0, done.stderr
    return read_json(folder / output / "dataset.json"), done.stdout + done.stderr


def part(number: int) -> str:
    return "test" if number % 5 == 0 else "train"


@pytest.mark.parametrize(
    ("name_of", "said", "held_out"),
    [
        (lambda label, n: f"{part(n)}/c{label}/{n}.png", "split (train/, test/: 72 train, 18 test)", "test/"),
        (lambda label, n: f"seg_{part(n)}/seg_{part(n)}/c{label}/{n}.png", "split (seg_train/, seg_test/", "seg_test/"),
        (lambda label, n: f"c{label}/{part(n)}/{n}.png", "each with a published split in it", "/test/"),
        (lambda label, n: f"dataset/c{label}/{n}.png", "dataset/: 3 folders are the classes", "dataset/"),
    ],
    ids=["train and test", "seg_train", "a split in each class", "a folder around"],
)  # fmt: skip
def test_layouts(forked, tmp_path, name_of, said, held_out):
    paint(tmp_path / "set", name_of)
    for _ in range(2):  # decoded, then from the cache
        done = forked.run("train.py", "--dataset", "set", *BRIEF, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert said in done.stderr
    test_data = load_test_data(tmp_path / "output" / "test_data.pth")
    assert test_data.class_names == ("c0", "c1", "c2")
    assert all(held_out in name for name in test_data.sample_ids)


def test_labels_and_groups_of_a_table(forked, tmp_path):
    paint(tmp_path / "set", lambda label, n: f"{label}_{n}.png")
    rows = [[f"{label}_{n}.png", f"kind {label}", f"p{label}{n // 5}"] for label in range(CLASSES) for n in range(EACH)]
    with open(tmp_path / "table.csv", "w", newline="") as file:
        csv.writer(file).writerows([["filename", "label", "patient"], *rows[:-2], ["gone.png", "kind 0", "p"]])
    done = forked.run("train.py", "--dataset", "set", "--labels", "table.csv", *BRIEF, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1 row of table.csv without an image that is there: gone.png" in done.stderr
    assert "2 images without a label are trained on" in done.stdout
    test_data = load_test_data(tmp_path / "output" / "test_data.pth")
    assert test_data.class_names == ("kind 0", "kind 1", "kind 2")
    patient = {name: who for name, _, who in rows}
    tested = {patient[name] for name in test_data.sample_ids}
    together = [name for name, _, who in rows[:-2] if who in tested]
    assert sorted(together) == sorted(test_data.sample_ids)
    for again in ("evaluate.py", "train.py"):
        words = ["--resume", "--num_epochs", 2] if again == "train.py" else ["--latent_size", 3, "--seeds", 1]
        done = forked.run(again, *words, "--data_dir", "data", "--output_dir", "output", cwd=tmp_path)
        assert done.returncode == 0, (again, done.stderr)


def test_labels_from_file_names(forked, tmp_path):
    paint(tmp_path / "set", lambda label, n: f"{'abc'[label] * 3}_{n:04}.jpg")
    words = ["--dataset", "set", "--label_from", "([a-z]+)_[0-9]+"]
    done = forked.run("train.py", *words, *BRIEF, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "(aaa_0000.jpg -> aaa, bbb_0000.jpg -> bbb, ccc_0000.jpg -> ccc)" in done.stderr
    assert load_test_data(tmp_path / "output" / "test_data.pth").class_names == ("aaa", "bbb", "ccc")
    assert "--label_from" in refusal(forked.run("train.py", "--dataset", "digits", *words[2:], *BRIEF, cwd=tmp_path))


def test_frames_are_pointed_out_and_kept_together(forked, tmp_path):
    paint(tmp_path / "set", lambda label, n: f"c{label}/clip{n // 5}_frame{n % 5:04}.png")
    done = forked.run("train.py", "--dataset", "set", *BRIEF, cwd=tmp_path)
    pattern = done.stderr.partition("--group_from '")[2].partition("'")[0]
    assert pattern
    done = forked.run("train.py", "--dataset", "set", "--group_from", pattern, *BRIEF, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "group split" in done.stdout
    clips = [name.partition("_frame")[0] for name in load_test_data(tmp_path / "output" / "test_data.pth").sample_ids]
    assert all(clips.count(clip) == 5 for clip in clips)


@pytest.mark.parametrize("spelling", ["{label:05}/{track:05}_{frame:05}.png", "{label:05}_{track:05}_{frame:05}.png"])
def test_tracks_in_other_spellings(forked, tmp_path, spelling):
    paint(tmp_path / "set", lambda label, n: spelling.format(label=label, track=n // 6, frame=n % 6))
    done = forked.run("train.py", "--dataset", "set", *BRIEF, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "group split" in done.stdout
    tracks = [name.rpartition("_")[0] for name in load_test_data(tmp_path / "output" / "test_data.pth").sample_ids]
    assert all(tracks.count(track) == 6 for track in tracks)


def test_copies_stay_on_one_side_or_are_told(forked, tmp_path):
    paint(tmp_path / "set", lambda label, n: f"c{label}/{n}.png")
    for label in range(CLASSES):
        for number in range(0, EACH, 3):
            copy = tmp_path / "set" / f"c{label}" / f"{number}_small.jpg"
            picture(label * EACH + number).save(copy, quality=92, subsampling=0)
    done = forked.run("train.py", "--dataset", "set", *BRIEF, cwd=tmp_path)
    assert "30 pairs of images are the same or nearly so; each is on one side of the split" in done.stdout
    tested = set(load_test_data(tmp_path / "output" / "test_data.pth").sample_ids)
    for name in tested:
        if "_small" in name:
            assert name.replace("_small.jpg", ".png") in tested
    done = forked.run("train.py", "--dataset", "set", "--near_duplicates", "report", *BRIEF, cwd=tmp_path)
    assert "data leakage: " in done.stdout
    done = forked.run("viz_dataset.py", "--dataset", "set", "--data_dir", "data", "--output_dir", "look", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with open(tmp_path / "look" / "dataset_near_duplicates.csv", newline="") as file:
        assert len(list(csv.DictReader(file))) == 30
    with Image.open(tmp_path / "look" / "dataset_near_duplicates.png") as drawn:
        assert min(drawn.size) > 400
    command = done.stdout.strip().splitlines()[-1].removeprefix("train on them with: python ").split()
    done = forked.run(command[0], *command[1:-1], 1, "--output_dir", "trained", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_validation_part_validates(forked, tmp_path):
    paint(tmp_path / "set", lambda label, n: f"{('train', 'val', 'test', 'train', 'train')[n % 5]}/c{label}/{n}.png")
    done = forked.run("train.py", "--dataset", "set", *BRIEF, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "54 train, 18 val, 18 test" in done.stderr
    assert [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("all ")] == [["54", "18", "18"]]
    log = (tmp_path / "output" / "training_log.jsonl").read_text()
    assert json.loads(log)["val_mse"] > 0


@pytest.mark.parametrize(
    ("names", "meant"),
    [(["cats/1.png", "cats/2.png"], "--dataset set/cats"), (["images/1.png", "masks/1.png"], "--dataset set/images")],
)
def test_what_would_be_trained_as_something_else_is_refused(forked, tmp_path, names, meant):
    for number, name in enumerate(names):
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        picture(number).save(tmp_path / "set" / name)
    for script, words in [("train.py", BRIEF), ("viz_dataset.py", ["--data_dir", "data"])]:
        assert meant in refusal(forked.run(script, "--dataset", "set", *words, cwd=tmp_path))


def test_images_without_a_label_are_trained_on_and_measure_nothing(forked, tmp_path):
    paint(tmp_path / "set", lambda label, n: f"{label}_{n}.png")
    rows = [[f"{label}_{n}.png", f"kind {label}" if n < 20 else ""] for label in range(CLASSES) for n in range(EACH)]
    with open(tmp_path / "table.csv", "w", newline="") as file:
        csv.writer(file).writerows([["filename", "label"], *rows])
    labelled = {name for name, label in rows if label}
    words = ["--dataset", "set", "--labels", "table.csv", "--test_fraction", 0.3]
    done = forked.run("train.py", *words, *BRIEF, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "30 images without a label are trained on; they neither test nor count for a class" in done.stdout
    assert [line.split()[-3:] for line in done.stdout.splitlines() if line.startswith("all ")] == [["70", "2", "18"]]
    tested = load_test_data(tmp_path / "output" / "test_data.pth")
    assert set(tested.sample_ids) <= labelled
    assert tested.labels.min() == 0
    where = ["--latent_size", 3, "--data_dir", "data", "--output_dir", "output"]
    for script, more in [("evaluate.py", ["--seeds", 1]), ("train_classifier.py", ["--num_epochs", 1])]:
        done = forked.run(script, *where, *more, cwd=tmp_path)
        assert done.returncode == 0, (script, done.stderr)
    for more in (["--model", "cvae"], ["--balance", "weights"]):
        assert "--unlabelled leave_out" in refusal(forked.run("train.py", *words, *more, *BRIEF, cwd=tmp_path))
    done = forked.run("train.py", *words, "--unlabelled", "leave_out", *BRIEF, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "30 of set left out" in done.stderr
    done = forked.run("viz_dataset.py", *words, "--data_dir", "data", "--output_dir", "look", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "30 images without a label" in done.stdout


def test_an_unlabelled_part_of_a_published_split_is_trained_on(forked, tmp_path):
    parts = ("train", "train", "test", "unlabeled")
    paint(
        tmp_path / "set",
        lambda label, n: f"{parts[n % 4]}/" + (f"c{label}/" if n % 4 < 3 else f"{label}_") + f"{n}.png",
    )
    done = forked.run("train.py", "--dataset", "set", *BRIEF, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "(train/, test/, unlabeled/: 48 train, 21 test, 21 unlabelled)" in done.stderr
    assert "21 images without a label are trained on" in done.stdout
    tested = load_test_data(tmp_path / "output" / "test_data.pth")
    assert tested.class_names == ("c0", "c1", "c2")
    assert all(name.startswith("test/") for name in tested.sample_ids)


def test_small_and_uneven_sets_are_told_what_they_can_tell(forked, tmp_path):
    for label, count in (("common", 190), ("rare", 9), ("lonely", 1)):
        for number in range(count):
            path = tmp_path / "set" / label / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            picture(1000 * len(label) + number).save(path)
    for script in ("train.py", "viz_dataset.py"):
        words = BRIEF if script == "train.py" else ["--data_dir", "data", "--output_dir", "look"]
        done = forked.run(script, "--dataset", "set", *words, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "small set: with 20 test images an accuracy is known to about 22 points either way" in done.stdout
        assert "1 class has one image (lonely): trained on and never tested" in done.stdout
        assert "uneven classes: always answering common is right for 95% of test images" in done.stdout
        assert "1 of 3 classes has fewer than 5 test images" in done.stdout


def test_thousands_of_classes(forked, tmp_path):
    for number in range(2400):
        path = tmp_path / "set" / f"person {number // 2}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(number).integers(0, 256, (8, 8), dtype=np.uint8)).save(path)
    for script in ("train.py", "viz_dataset.py"):
        words = BRIEF if script == "train.py" else ["--data_dir", "data", "--output_dir", "look", "--num_images", 2]
        done = forked.run(script, "--dataset", "set", *words, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "1,200 of 1,200 classes have fewer than 5 test images" in done.stdout
        assert "more" in done.stdout
        assert len(done.stdout.splitlines()) < 150


def test_near_duplicates_that_are_ignored_are_not_looked_for(forked, tmp_path):
    """Neither by train.py nor by what reads its images again; viz_dataset.py says that it did not look."""
    random = np.random.default_rng(0)
    for number in range(40):
        path = tmp_path / "set" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(random.integers(0, 255, (4, 4, 3), np.uint8))
        coarse.resize((16, 16), Image.Resampling.BICUBIC).save(path)
        if not number % 4:
            Image.open(path).save(path.with_name(f"{number} copy.jpg"), quality=95)
    words = ["--dataset", "set", "--near_duplicates", "ignore"]
    done = forked.run("viz_dataset.py", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "nearly the same were not looked for (--near_duplicates keep or report)" in done.stdout
    assert "--near_duplicates ignore" in done.stdout.splitlines()[-1]  # the command that trains on them
    index = next((tmp_path / "data" / "cache").glob("*/index.json"))
    assert read_json(index)["near_duplicates"] is None
    done = forked.run("train.py", *words, "--latent_size", 2, "--num_epochs", 1, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert read_json(index)["near_duplicates"] is None
    done = forked.run("viz_dataset.py", "--dataset", "set", cwd=tmp_path)
    assert "10 pairs of images are nearly the same" in done.stdout, done.stdout


def test_metadata_in_the_parts_of_a_split(forked, tmp_path):
    """As Hugging Face lays out a set: train/metadata.csv, test/metadata.csv, and the same names in both."""
    for part, count in (("train", 12), ("test", 4)):
        names = [f"{number:04}.png" for number in range(count)]
        paint_all(tmp_path / "set", [f"{part}/{name}" for name in names], first=100 * len(names))
        rows = [f"{name},{'ab'[number % 2]}" for number, name in enumerate(names)]
        (tmp_path / "set" / part / "metadata.csv").write_text("\n".join(["file_name,label", *rows]) + "\n")
    facts, said = look(forked, tmp_path)
    assert "labels from label" in said
    assert facts["classes"] == 2
    assert "12 train, 4 test" in said


def test_captions_are_passed_over_with_a_word(forked, tmp_path):
    names = [f"{number:02}.png" for number in range(20)]
    paint_all(tmp_path / "set", names)
    rows = [json.dumps({"file_name": name, "text": f"a picture called {name}"}) for name in names]
    (tmp_path / "set" / "metadata.jsonl").write_text("\n".join(rows) + "\n")
    facts, said = look(forked, tmp_path)
    assert re.search(r"metadata\.jsonl has no column of labels .*, and is not used", said)
    assert "classes" not in facts


def test_a_typing_error_beside_metadata_is_not_passed_over(forked, tmp_path):
    paint_all(tmp_path / "set", [f"{number}.png" for number in range(12)])
    rows = [f"{number}.png,{'ab'[number % 2]}" for number in range(12)]
    (tmp_path / "set" / "metadata.csv").write_text("\n".join(["file_name,label", *rows]) + "\n")
    done = forked.run("viz_dataset.py", "--dataset", "set", "--label_column", "lable", cwd=tmp_path)
    assert "did you mean" in refusal(done)


def test_results_within_the_pictures_are_no_pictures(forked, tmp_path):
    paint_all(tmp_path / "set", [f"{name}/{number}.png" for name in "ab" for number in range(8)])
    first, _ = look(forked, tmp_path, "set/output")
    second, _ = look(forked, tmp_path, "set/output")
    assert first["images"] == second["images"] == 16
    assert "passed over what scripts of this suite wrote here (output)" in list_images(str(tmp_path / "set")).words()


def test_classes_that_only_one_side_has_are_pointed_out(forked, tmp_path):
    folders = ["train/Cat", "train/dog", "test/cat", "test/dog"]
    paint_all(tmp_path / "set", [f"{folder}/{number}.png" for folder in folders for number in range(6)])
    _, said = look(forked, tmp_path)
    assert "1 class is tested and never trained on (cat)" in said
    assert "classes that differ in capital letters alone: Cat and cat" in said


def test_columns_of_0_and_1_are_classes(forked, tmp_path):
    paint(tmp_path / "set", lambda label, n: f"{label}_{n}.png")
    rows = [("image", "MEL", "NV", "BCC")]
    rows += [
        (f"{label}_{number}", *(float(each == label) for each in range(CLASSES)))
        for label in range(CLASSES)
        for number in range(EACH)
    ]
    with open(tmp_path / "labels.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows)
    done = forked.run(
        "viz_dataset.py", "--dataset", "set", "--labels", "labels.csv", "--output_dir", "look", cwd=tmp_path
    )
    assert "labels from the column with the 1 (3 of them) in labels.csv (90 images)" in done.stdout + done.stderr
    found = read_json(tmp_path / "look/dataset.json")
    assert found["images_of_class"] == {"BCC": 30, "MEL": 30, "NV": 30}
    rows[1] = ("0_0", 1, 1, 0)  # two classes at once are none
    with open(tmp_path / "labels.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows)
    words = refusal(forked.run("viz_dataset.py", "--dataset", "set", "--labels", "labels.csv", cwd=tmp_path))
    assert "no column of labels" in words
    assert "--label_column" in words


@pytest.mark.parametrize(
    ("name_of", "said"),
    [
        (lambda label, n: f"color/c{label}/{n}.png", "color, grayscale: kinds of files rather than classes"),
        (lambda label, n: f"c{label}/benign ({n}).png", "90 files are left out, no picture of the set (the mask of "),
        (lambda label, n: f"part{label}/train/images/{n}.png", "part0, part1, part2: pieces of a data set"),
        (lambda label, n: f"train/patient{label:05}/{n}.png", "they look like those of one patient each"),
        (lambda label, n: f"clip{label}_t{n:04}.png", "series"),
    ],
)
def test_layouts_of_published_sets(forked, tmp_path, name_of, said):
    """PlantVillage, breast ultrasound, folds with a split in each, CheXpert, microscopes."""
    paint(tmp_path / "set", name_of)
    for number, path in enumerate(sorted((tmp_path / "set").rglob("*.png")), 1000):
        name = path.relative_to(tmp_path / "set").as_posix()
        if "color/" in name:
            paint_all(tmp_path / "set", [name.replace("color", "grayscale")])
        elif "benign" in name:
            Image.new("L", (16, 16), 255).save(path.with_name(path.name.replace(").png", ")_mask.png")))
        elif "train/" in name:
            paint_all(tmp_path / "set", [name.replace("train", "test")], number)
    done = forked.run("viz_dataset.py", "--dataset", "set", "--output_dir", "look", cwd=tmp_path)
    assert said in done.stdout + done.stderr


def test_what_lies_beside_the_parts_of_a_split_stays_out_with_labels_from_elsewhere(forked, tmp_path):
    """As people are found again: test pictures of the same people lie in query/, and are no training images."""
    names = [
        f"{folder}/{person}_c{n}.png" for folder in ("train", "test", "query") for person in range(4) for n in range(8)
    ]
    paint_all(tmp_path / "set", names)
    done = forked.run(
        "viz_dataset.py", "--dataset", "set", "--label_from", "([0-9]+)_c", "--output_dir", "look", cwd=tmp_path
    )
    found, said = read_json(tmp_path / "look/dataset.json"), done.stdout + done.stderr
    assert "the split is that of the folders (32 train, 32 test)" in said
    assert found["images"] == 64
    assert found["unreadable"] == 32


def test_a_table_of_one_part_leaves_the_classes_of_the_others_to_folders(forked, tmp_path):
    """As Tiny ImageNet: train/<class>/, and val/images/ with a table."""
    paint(tmp_path / "set", lambda label, n: f"train/c{label}/{label}_{n}.png")
    paint_all(tmp_path / "set", [f"val/images/val_{n}.png" for n in range(12)], 500)
    (tmp_path / "set/val/annotations.txt").write_text("".join(f"val_{n}.png\tc{n % 3}\t0\t0\n" for n in range(12)))
    done = forked.run(
        "viz_dataset.py",
        "--dataset",
        "set",
        "--labels",
        "set/val/annotations.txt",
        "--output_dir",
        "look",
        cwd=tmp_path,
    )
    said = done.stdout + done.stderr
    assert "labels from folders (90 images); the split is that of the folders (90 train, 12 test)" in said
    assert read_json(tmp_path / "look/dataset.json")["images_of_class"] == {"c0": 34, "c1": 34, "c2": 34}


def test_patients_beside_a_table_are_pointed_out(forked, tmp_path):
    paint(tmp_path / "set", lambda label, n: f"patient{n % 10}/{label}_{n}.png")
    rows = [f"patient{n % 10}/{label}_{n}.png,c{label}" for label in range(CLASSES) for n in range(EACH)]
    (tmp_path / "labels.csv").write_text("\n".join(["path,label", *rows]))
    table = ["--labels", "labels.csv"]
    done = forked.run("viz_dataset.py", "--dataset", "set", *table, "--output_dir", "look", cwd=tmp_path)
    assert "--group_from '^([^/]+)/'" in done.stdout + done.stderr
    done = forked.run(
        "viz_dataset.py", "--dataset", "set", *table, "--group_from", "^([^/]+)/", "--output_dir", "look", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    found = read_json(tmp_path / "look/dataset.json")
    assert (found["groups"], found["split"]) == (10, "group")


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("labels/train/0_1.txt", "YOLO"),
        ("annotations/instances_val2017.json", "COCO"),
        ("train/_annotations.coco.json", "COCO"),
        ("Annotations/0_1.xml", "Pascal VOC"),
    ],
)
def test_boxes_of_objects_are_said_to_be_no_classes(forked, tmp_path, file, kind):
    paint(tmp_path / "set", lambda label, n: f"images/{part(n)}/{label}_{n}.png")
    (tmp_path / "set" / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "set" / file).write_text("0 0.5 0.5 0.9 0.9\n")
    assert f"boxes of objects, as {kind} has them, are not read" in look(forked, tmp_path)[1]


def test_a_table_is_found_where_the_pictures_lie(forked, tmp_path):
    paint(tmp_path / "set", lambda label, n: f"{label}_{n}.png")
    rows = [f"{label}_{n}.png,c{label}" for label in range(CLASSES) for n in range(EACH)]
    (tmp_path / "set/mine.csv").write_text("\n".join(["file,label", *rows]))
    done = forked.run("viz_dataset.py", "--dataset", "set", "--labels", "mine.csv", cwd=tmp_path)
    assert refusal(done).endswith("is not there; did you mean: python " + str(ROOT / "viz_dataset.py")
                                  + " --dataset set --labels set/mine.csv")  # fmt: skip


def test_few_large_groups_leave_one_to_validate_on(forked, tmp_path):
    paint(tmp_path / "set", lambda label, n: f"c{label}/p{n % 7}_{n}.png")
    done = forked.run("train.py", "--dataset", "set", "--group_from", r"(p\d)_", *BRIEF, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    arguments, split = read_json(tmp_path / "output/metrics_training.json"), done.stdout
    assert arguments["split"] == "group"
    counted = re.search(r"^all +(\d+) +(\d+) +(\d+)$", split, re.MULTILINE)
    assert min(map(int, counted.groups())) >= 12  # whole people on each side: one has 12 or 15 of the 90 pictures
    assert "no images to validate on" not in done.stdout + done.stderr


def test_pictures_of_people_with_masks_are_pictures(forked, tmp_path):
    paint(tmp_path / "set", lambda label, n: f"p{label}/{n // 2}{'_mask' * (n % 2)}.png")
    found, said = look(forked, tmp_path)
    assert found["images"] == 90
    assert "no picture of the set" not in said


def test_digits_of_other_scripts_are_names(forked, tmp_path):
    for name in ("\u2460", "1\u00b2"):
        paint_all(tmp_path / "set", [f"{name}/{n}.png" for n in range(12)], ord(name[-1]))
    assert set(look(forked, tmp_path)[0]["images_of_class"]) == {"\u2460", "1\u00b2"}
