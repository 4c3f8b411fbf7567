"""Lists of a published split, and tables that say it, through the real scripts."""

import pytest

from run.artefacts import read_json
from tests.test_own_pictures import CLASSES, EACH, look, paint, paint_all, part


def _lines(number_of_line) -> dict[str, list[str]]:
    """Of each part of the split the lines that ``number_of_line(label, number)`` gives."""
    lines: dict[str, list[str]] = {"train": [], "test": []}
    for label in range(CLASSES):
        for number in range(EACH):
            lines[part(number)].append(number_of_line(label, number))
    return lines


@pytest.mark.parametrize(
    ("place", "names", "line", "within"),
    [
        ("set/meta", ("train.txt", "test.txt"), lambda label, n: f"c{label}/{n}", "set/images"),  # Food-101
        ("set", ("TrainImages.txt", "TestImages.txt"), lambda label, n: f"c{label}/{n}.png", "set"),  # MIT indoor
        ("set", ("trainlist01.txt", "testlist01.txt"), lambda label, n: f"c{label}/{n}.png {label + 1}", "set"),
        ("lists", ("train_list.csv", "val_list.csv"), lambda label, n: f"/home/them/c{label}/{n}.png,c{label}", "set"),
    ],
)
def test_lists_of_a_split(forked, tmp_path, place, names, line, within):
    paint(tmp_path / within, lambda label, n: f"c{label}/{n}.png")
    (tmp_path / place).mkdir(parents=True, exist_ok=True)
    for name, lines in zip(names, _lines(line).values(), strict=True):
        (tmp_path / place / name).write_text("\n".join(lines) + "\n")
    found, said = look(forked, tmp_path)
    assert f"the split is that of {names[0]}, {names[1]} (72 train, 18 test)" in said
    assert found["split"] == "published"


def test_lists_by_number(forked, tmp_path):
    """Caltech's birds: images.txt, image_class_labels.txt, train_test_split.txt."""
    paint(tmp_path / "set/images", lambda label, n: f"{label:03}.Bird/{n}.png")
    files = [(label, number) for label in range(CLASSES) for number in range(EACH)]
    for name, line in {
        "images.txt": lambda label, n: f"{label:03}.Bird/{n}.png",
        "train_test_split.txt": lambda label, n: int(part(n) == "train"),
        "image_class_labels.txt": lambda label, n: label + 1,
    }.items():
        text = "".join(f"{row} {line(*file)}\n" for row, file in enumerate(files, 1))
        (tmp_path / "set" / name).write_text(text)
    found, said = look(forked, tmp_path)
    assert "the split is that of train_test_split.txt (72 train, 18 test)" in said
    assert found["split"] == "published"


def test_lists_of_other_files_tell_nothing(forked, tmp_path):
    paint(tmp_path / "set", lambda label, n: f"c{label}/{n}.png")
    (tmp_path / "set/train.txt").write_text("c0/1.png\nother/7.png\n")
    (tmp_path / "set/test.txt").write_text("other/8.png\n")
    found, said = look(forked, tmp_path)
    assert "the split is that of" not in said
    assert found["split"] == "random"


def test_a_change_of_the_lists_is_seen(forked, tmp_path):
    paint(tmp_path / "set", lambda label, n: f"c{label}/{n}.png")
    lines = _lines(lambda label, n: f"c{label}/{n}.png")
    for name in lines:
        (tmp_path / f"set/{name}.txt").write_text("\n".join(lines[name]))
    assert "(72 train, 18 test)" in look(forked, tmp_path)[1]
    (tmp_path / "set/test.txt").write_text("\n".join(lines["test"][1:]))
    found, said = look(forked, tmp_path)
    assert "(72 train, 17 test)" in said
    assert found["unreadable"] == 1


def test_tables_of_both_parts(forked, tmp_path):
    paint(tmp_path / "set/images", lambda label, n: f"{label}_{n}.png")
    rows = _lines(lambda label, n: f"{label}_{n}.png,c{label}")
    for name, lines in rows.items():
        (tmp_path / f"set/{name}.csv").write_text("\n".join(["file,label", *lines]))
    done = forked.run("viz_dataset.py", "--dataset", "set", cwd=tmp_path)
    assert "to use these, --labels set/train.csv set/test.csv" in done.stdout + done.stderr
    tables = ["--labels", "set/train.csv", "set/test.csv"]
    done = forked.run("viz_dataset.py", "--dataset", "set", *tables, "--output_dir", "look", cwd=tmp_path)
    assert "the split is that of train.csv, test.csv (72 train, 18 test)" in done.stdout + done.stderr
    assert read_json(tmp_path / "look/dataset.json")["images_of_class"] == {"c0": 30, "c1": 30, "c2": 30}


def test_lists_of_another_set_beside_the_folder_are_not_heeded(forked, tmp_path):
    """House prices whose rows are numbered, and a list of the folder next to it."""
    paint(tmp_path / "set", lambda label, n: f"c{label}/{label * EACH + n}.png")
    paint_all(tmp_path / "other", [f"{n}.png" for n in range(90)], 500)
    (tmp_path / "train.csv").write_text("Id,SalePrice\n" + "".join(f"{n},{1000 + n}\n" for n in range(40)))
    (tmp_path / "test.csv").write_text("Id,LotArea\n" + "".join(f"{n},{n}\n" for n in range(40, 90)))
    (tmp_path / "splits").mkdir()
    for name, numbers in (("train.txt", range(70)), ("test.txt", range(70, 90))):
        (tmp_path / "splits" / name).write_text("".join(f"{n}.png\n" for n in numbers))
        (tmp_path / name).write_text("".join(f"other/{n}.png\n" for n in numbers))
    (tmp_path / "splits/train.txt").unlink()
    assert look(forked, tmp_path)[0]["split"] == "random"


def test_all_tables_that_are_named_count(forked, tmp_path):
    """Two of training images, one of test images, and one of neither, whose images train."""
    paint(tmp_path / "set", lambda label, n: f"{label}_{n}.png")
    rows = [
        [f"{label}_{n}.png,c{label}" for label in range(CLASSES) for n in span]
        for span in map(range, (0, 10, 20, 25), (10, 20, 25, 30))
    ]
    names = ["train1.csv", "train2.csv", "test.csv", "extra.csv"]
    for name, mine in zip(names, rows, strict=True):
        (tmp_path / name).write_text("\n".join(["file,label", *mine]))
    done = forked.run("viz_dataset.py", "--dataset", "set", "--labels", *names, "--output_dir", "look", cwd=tmp_path)
    found, said = read_json(tmp_path / "look/dataset.json"), done.stdout + done.stderr
    assert "the split is that of train1.csv, train2.csv, test.csv (60 train, 15 test)" in said
    assert (found["images"], found["split"]) == (90, "published")


def test_lists_that_leave_no_labelled_test_image_leave_nothing_out(forked, tmp_path):
    paint(tmp_path / "set", lambda label, n: f"{label}_{n}.png")
    files = [f"{label}_{n}.png" for n in range(EACH) for label in range(CLASSES)]
    (tmp_path / "set/train.txt").write_text("\n".join(files[:30]))
    (tmp_path / "set/test.txt").write_text("\n".join(files[30:60]))
    (tmp_path / "lab.csv").write_text(
        "\n".join(["file,label", *(f"{file},c{file[0]}" for file in files[:30] + files[60:])])
    )
    done = forked.run("viz_dataset.py", "--dataset", "set", "--labels", "lab.csv", "--output_dir", "look", cwd=tmp_path)
    assert "nothing that tests has a label" in done.stdout + done.stderr
    assert read_json(tmp_path / "look/dataset.json")["images_of_class"] == {"c0": 20, "c1": 20, "c2": 20}
