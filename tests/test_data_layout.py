"""Layouts of folders of images, recognised from paths alone."""

import pytest

from data.groups import suggested_groups, suggested_labels
from data.layout import natural_order, part_of, recognise
from data.patterns import match_pattern
from run.errors import BadInput


def files(*folders: str, each: int = 3) -> list[str]:
    return [f"{folder}/{number}.png" if folder else f"{number}.png" for folder in folders for number in range(each)]


@pytest.mark.parametrize(
    ("train", "test"),
    [("train", "test"), ("Train", "Test"), ("TRAINING", "testing"), ("training_set", "test_set"),
     ("seg_train/seg_train", "seg_test/seg_test"), ("train", "valid"), ("Final_Training/Images", "Final_Test/Images"),
     ("train_images", "val_images"), ("traindata", "testdata"), ("trainval", "test"), ("train", "eval"),
     ("Trainingsdaten", "Testdaten"), ("bounding_box_train", "bounding_box_test"), ("Training", "PrivateTest")],
)  # fmt: skip
def test_a_published_split_in_any_usual_spelling(train: str, test: str):
    paths = files(f"{train}/cat", f"{train}/dog", f"{test}/cat", f"{test}/dog")
    found = recognise(paths, "pics")
    assert found.labels == ["cat"] * 3 + ["dog"] * 3 + ["cat"] * 3 + ["dog"] * 3
    assert found.parts == ["train"] * 6 + ["test"] * 6
    assert "6 train, 6 test" in found.words
    assert "2 folders in them are the classes" in found.words
    assert not found.left_out


def test_three_parts_and_an_unlabelled_one():
    paths = files("seg_train/a", "seg_train/b", "val/a", "val/b", "seg_test/a", "seg_test/b", "seg_pred")
    found = recognise(paths, "pics")
    assert found.parts == ["train"] * 6 + ["val"] * 6 + ["test"] * 6 + ["unlabelled"] * 3
    assert found.labels[18:] == [None] * 3
    assert "6 train, 6 val, 6 test, 3 unlabelled" in found.words
    assert not found.left_out


def test_a_test_part_without_classes_is_no_test_part():
    found = recognise(files("train/a", "train/b", "test"), "pics")
    assert found.parts == ["train"] * 6 + ["test"] * 3
    assert found.labels[:6] == ["a"] * 3 + ["b"] * 3
    assert sorted(found.without_class) == [6, 7, 8]
    assert "test images are drawn" in found.words


@pytest.mark.parametrize(
    "names", [("cars_train", "cars_test"), ("ILSVRC2012_img_train", "ILSVRC2012_img_val"), ("train_mini", "val")]
)
def test_parts_with_the_name_of_the_set(names: tuple[str, str]):
    found = recognise(files(*(f"{name}/{label}" for name in names for label in "ab")), "pics")
    assert set(found.labels) == {"a", "b"}
    assert found.parts == ["train"] * 6 + ["test"] * 6


def test_words_that_all_folders_share_make_no_parts():
    found = recognise(files("valley_north", "valley_south", "valley_train"), "pics")
    assert found.parts is None
    assert len(set(found.labels)) == 3


def test_a_split_without_classes():
    found = recognise(files("train", "test"), "pics")
    assert set(found.labels) == {None}
    assert found.parts == ["train"] * 3 + ["test"] * 3
    assert "no classes" in found.words


@pytest.mark.parametrize("around", ["dataset", "dataset/images", "train", "data/Training_set"])
def test_folders_around_the_classes_are_descended(around: str):
    found = recognise(files(f"{around}/cat", f"{around}/dog"), "pics")
    assert found.labels == ["cat"] * 3 + ["dog"] * 3
    assert found.parts is None
    assert found.words.startswith(f"{around}/: 2 folders are the classes")


def test_a_split_in_every_class():
    found = recognise(files("cat/train", "cat/test", "dog/train", "dog/test"), "pics")
    assert found.labels == ["cat"] * 6 + ["dog"] * 6
    assert found.parts == (["train"] * 3 + ["test"] * 3) * 2


def test_deeper_folders_count_to_their_class():
    found = recognise(files("cat/black", "cat/white", "dog"), "pics")
    assert found.labels == ["cat"] * 6 + ["dog"] * 3
    assert "6 images in folders below them" in found.words


def test_classes_that_are_called_like_parts_among_others_are_classes():
    assert recognise(files("train", "bus", "ship"), "pics").labels == ["train"] * 3 + ["bus"] * 3 + ["ship"] * 3
    assert recognise(files("test tube", "training shoe"), "pics").labels == ["test tube"] * 3 + ["training shoe"] * 3


@pytest.mark.parametrize("names", [("trainA", "trainB", "testA", "testB"), ("train_A", "test_A", "train_B", "test_B")])
def test_folders_that_name_part_and_class_at_once(names: tuple[str, ...]):
    layout = recognise(files(*names), "pics")
    assert set(zip(layout.labels, layout.parts, strict=True)) == {(c, p) for c in "AB" for p in ("train", "test")}
    assert "a published split" in layout.words
    assert f"({names[0]} is class A of train)" in layout.words
    assert recognise(files("trains", "tests", "valleys"), "pics").parts is None


def test_a_folder_of_pictures_in_every_part_is_no_class():
    """As detection sets have it: train/images beside train/labels."""
    layout = recognise(files("train/images", "valid/images"), "pics")
    assert set(layout.labels) == {None}
    assert set(layout.parts) == {"train", "test"}
    assert "no classes" in layout.words


def test_kinds_of_files_are_no_classes(monkeypatch):
    monkeypatch.setattr("sys.argv", ["train.py", "--dataset", "pics"])
    with pytest.raises(BadInput, match=r"kinds of files .* --dataset pics/JPEGImages$"):
        recognise(files("JPEGImages", "SegmentationClass", "SegmentationObject"), "pics")
    assert recognise(files("class 1", "class 2"), "pics").labels[0] == "class 1"


def test_names_that_begin_with_a_class_are_pointed_out():
    paths = [f"train/{name}.{number}.jpg" for name in ("cat", "dog") for number in range(5)] + ["test1/1.jpg"]
    remark = suggested_labels(paths, [None] * len(paths))
    assert "2 classes (cat, dog)" in remark
    pattern = remark.rpartition("--label_from ")[2].strip("'")
    assert match_pattern(pattern, paths, "--label_from") == ["cat"] * 5 + ["dog"] * 5 + [None]
    assert suggested_labels(paths, ["a"] * len(paths)) is None
    assert suggested_labels([f"IMG_{number}.jpg" for number in range(9)], [None] * 9) is None


def test_names_that_begin_with_a_class_of_several_words():
    """As the pets of Oxford are named."""
    paths = [f"images/{name}_{number}.jpg" for name in ("pug", "great_pyrenees", "shiba-inu") for number in range(5)]
    remark = suggested_labels(paths, [None] * len(paths))
    assert "3 classes" in remark
    pattern = remark.rpartition("--label_from ")[2].strip("'")
    assert match_pattern(pattern, paths, "--label_from")[::5] == ["pug", "great_pyrenees", "shiba-inu"]


def test_flat_folders():
    assert set(recognise(files(""), "pics").labels) == {None}
    mostly = recognise(files("", each=20) + files("few"), "pics")
    assert set(mostly.labels) == {None}
    assert "3 of 23 images lie in folders" in mostly.words


def test_files_beside_the_classes_are_left_out():
    found = recognise([*files("cat", "dog"), "stray.png"], "pics")
    assert found.without_class == {6: "lies beside the class folders"}


@pytest.mark.parametrize(
    ("paths", "meant"),
    [
        (files("cats"), "--dataset pics/cats"),
        (files("images", "masks"), "--dataset pics/images"),
        (files("train/a", "training/b"), "--dataset pics/train"),
    ],
)
def test_what_would_be_a_wrong_guess_is_refused(paths: list[str], meant: str):
    with pytest.raises(BadInput, match=meant):
        recognise(paths, "pics")


def test_the_same_folders_in_every_folder_are_pointed_out():
    """As of domains: amazon/images/mug, webcam/images/mug."""
    found = recognise(files("amazon/images/mug", "amazon/images/pen", "webcam/images/mug", "webcam/images/pen"), "pics")
    assert "2 folders are the classes; but each of them holds the same 2 folders (mug, pen)" in found.words
    assert "--label_from '([^/]+)/[^/]*$'" in found.words
    assert "but each" not in recognise(files("cat/wild", "cat/tame", "dog/wild"), "pics").words


def test_annotations_beside_folders_of_pictures_are_left_out():
    """As of Caltech 101."""
    paths = files("101_ObjectCategories/ant", "101_ObjectCategories/bass", "Annotations/ant")
    found = recognise(paths, "pics")
    assert found.words == "101_ObjectCategories/: 2 folders are the classes"
    assert {found.labels[position] for position in range(len(paths)) if position not in found.left_out} == {
        "ant",
        "bass",
    }
    assert {paths[position].split("/")[0] for position in found.left_out} == {"Annotations"}
    assert set(found.left_out.values()) == {"lies in Annotations, a kind of files rather than a class"}


def test_natural_order():
    assert sorted(["10", "2", "b10", "B2", "a"], key=natural_order) == ["2", "10", "a", "B2", "b10"]


def test_names_of_parts():
    assert [part_of(name) for name in ("train2017", "Valid", "TEST-images", "contest", "tests", "cat")] == [
        "train", "val", "test", None, None, None,
    ]  # fmt: skip


@pytest.mark.parametrize("other", ["Meta", "previews", "__pycache__"])
def test_what_lies_beside_the_parts_is_no_class(other: str):
    """As GTSRB lies elsewhere: Train/<class>, Test without classes, Meta with a drawing of each sign."""
    found = recognise(files("Train/0", "Train/1", "Test", other), "pics")
    assert sorted({label for label in found.labels if label}) == ["0", "1"]
    assert sorted(found.without_class) == [6, 7, 8]
    assert sorted(found.left_out) == [9, 10, 11]
    found = recognise(files("train/a", "train/b", "test/a", "test/b", other), "pics")
    assert found.parts[:12] == ["train"] * 6 + ["test"] * 6
    assert sorted(found.left_out) == [12, 13, 14]


@pytest.mark.parametrize("box", ["val/images", "val/val", "val/unsorted/deep"])
def test_one_folder_around_all_pictures_of_a_part_is_no_class(box: str):
    """As Tiny ImageNet lies: train/<class>/images, val/images."""
    found = recognise(files("train/a/images", "train/b/images", "test/a", "test/b", box), "pics")
    assert {label for label in found.labels if label} == {"a", "b"}
    assert sorted(found.without_class) == [12, 13, 14]


def test_pieces_of_a_set_are_no_classes(monkeypatch):
    monkeypatch.setattr("sys.argv", ["train.py", "--dataset", "pics", "--latent_size", "8"])
    own = r"python \S*train\.py"
    with pytest.raises(
        BadInput,
        match=rf"fold1, fold2: pieces .* \(a, b\) for classes: {own} --dataset pics --latent_size 8 --label_from '",
    ):
        recognise(files("fold1/a", "fold1/b", "fold2/a", "fold2/b"), "pics")
    with pytest.raises(BadInput, match=rf"give one of them: {own} --dataset pics/part_1 --latent_size 8$"):
        recognise(files("part_1", "part_2"), "pics")


def test_evaluation_tests_and_beside_a_test_part_it_validates():
    three = files("training/a", "training/b", "validation/a", "validation/b", "evaluation/a", "evaluation/b")
    assert recognise(three, "pics").parts == ["train"] * 6 + ["val"] * 6 + ["test"] * 6
    beside = files("train/a", "train/b", "eval/a", "eval/b", "test/a", "test/b")
    assert recognise(beside, "pics").parts == ["train"] * 6 + ["val"] * 6 + ["test"] * 6


@pytest.mark.parametrize(
    "names",
    [("HAM10000_images_part_1", "HAM10000_images_part_2"), ("images_001", "images_002", "images_003")],
    ids=["ham10000", "nih"],
)
def test_pieces_of_an_archive_are_no_classes(names: tuple[str, ...]):
    with pytest.raises(BadInput, match="pieces of a data set"):
        recognise(files(*names), "pics")


def test_masks_within_classes_are_left_out():
    """As of MVTec: bottle/train/good, bottle/test/broken, bottle/ground_truth/broken."""
    paths = files("bottle/train/good", "bottle/test/broken", "bottle/ground_truth/broken", "cable/train/good",
                  "cable/test/good")  # fmt: skip
    found = recognise(paths, "pics")
    assert found.labels == ["bottle"] * 9 + ["cable"] * 6
    assert [part for place, part in enumerate(found.parts) if place not in found.left_out] == [
        *["train"] * 3, *["test"] * 3, *["train"] * 3, *["test"] * 3,
    ]  # fmt: skip
    assert list(found.left_out) == [6, 7, 8]


def test_folders_that_are_patients_or_dates_are_pointed_out():
    patients = recognise(files("patient001", "patient002"), "pics").words
    assert "those of one patient each" in patients
    assert "--group_from '^([^/]+)/'" in patients
    both = recognise(files("pics/patient_1/left", "pics/patient_1/right", "pics/patient_2/left"), "set").words
    assert "--group_from '^[^/]+/([^/]+)/'" in both
    assert "look like dates" in recognise(files("2021/01", "2021/02", "2022/01"), "pics").words
    assert "look like" not in recognise(files("1", "2", "3"), "pics").words


def test_videos_below_classes_can_be_kept_together():
    words = recognise(files("walk/clip1", "walk/clip2", "run/clip3", "run/clip4"), "pics").words
    pattern = "^([^/]+/.+)/"
    assert f"--group_from '{pattern}'" in words
    assert match_pattern(pattern, ["walk/clip1/0.png", "walk/1.png"], "--group_from") == ["walk/clip1", None]


def test_patients_around_classes_are_pointed_out():
    """As of IDC: 10253/0/1.png, 10253/1/2.png."""
    words = recognise(files("10253/0", "10253/1", "10254/0", "10254/1"), "pics").words
    assert "--label_from '([^/]+)/[^/]*$'" in words
    pattern = "^([^/]+)/"
    assert f"--group_from '{pattern}'" in words
    assert match_pattern(pattern, ["10253/0/1.png"], "--group_from") == ["10253"]


@pytest.mark.parametrize(
    ("names", "series"),
    [
        (["cat0_jpg.rf.1a2b.jpg", "cat0_jpg.rf.3c4d.jpg", "dog1_jpg.rf.5e6f.jpg", "dog1_jpg.rf.7a8b.jpg"],
         ["cat0", "cat0", "dog1", "dog1"]),
        (["cat1.jpg", "cat1_hflip.jpg", "cat1_rot90.jpg", "dog2.jpg", "dog2_flip.jpg", "dog2_rot90.jpg"],
         ["cat1"] * 3 + ["dog2"] * 3),
        (["cat1.jpg", "cat1_Flip.jpg", "dog2.jpg", "dog2_Flip.jpg"], ["cat1"] * 2 + ["dog2"] * 2),
        (["10_left.jpeg", "10_right.jpeg", "11_left.jpeg", "11_right.jpeg"], ["10", "10", "11", "11"]),
    ],
    ids=["roboflow", "augmented", "augmented once", "eyes"],
)  # fmt: skip
def test_altered_copies_and_pairs_are_series(names: list[str], series: list[str]):
    said = suggested_groups(names, [None] * len(names))
    pattern = said.partition("--group_from '")[2].removesuffix("'")
    assert match_pattern(pattern, names, "--group_from") == series


def test_parts_of_a_split_in_file_names_are_no_classes():
    names = [f"{part}_{number}.jpg" for part in ("train", "test") for number in range(5)]
    assert suggested_labels(names, [None] * 10) is None


def test_words_that_begin_as_a_change_of_a_picture_are_none():
    names = [
        f"{stem}_{word}_{place}.jpg" for stem in "pq" for word in ("augusta", "rotor", "cropland") for place in "ab"
    ]
    assert suggested_groups(names, [None] * len(names)) is None


@pytest.mark.parametrize("name", ["images", "JPEG images", "Bilder"])
def test_a_folder_whose_name_says_nothing_is_no_class(name: str):
    found = recognise(files(name), "pics")
    assert set(found.labels) == {None}
    assert found.words == f"{name}/: a flat folder, no classes"


def test_a_set_of_nothing_but_masks_is_refused():
    with pytest.raises(BadInput, match="the only class"):
        recognise(files("ground_truth"), "pics")


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (("new_train", "new_test", "old_train", "old_test"), {"new", "old"}),
        (("cats_train", "dogs_train", "cats_test", "dogs_test"), {"cats", "dogs"}),
        (("train_images", "test_images"), {None}),
        (("cars_train/cars_train", "cars_test/cars_test"), {None}),
    ],
)
def test_classes_in_the_names_of_parts(names: tuple[str, ...], labels: set[str | None]):
    found = recognise(files(*names), "pics")
    assert set(found.labels) == labels
    assert set(found.parts) == {"train", "test"}


def test_pieces_with_a_split_in_each_are_refused():
    with pytest.raises(BadInput, match=r"pieces of a data set, not classes .* give one of them: .*pics/fold1$"):
        recognise(files("fold1/train/a", "fold1/test/a", "fold2/train/a", "fold2/test/a"), "pics")
