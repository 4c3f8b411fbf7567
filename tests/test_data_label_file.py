"""Tables of labels and patterns in paths."""

import json
import re

import pytest

from data.label_file import read_table, read_tables, tables_of_labels
from data.patterns import examples, match_pattern
from data.table import Columns
from run.errors import BadInput

PATHS = ["a/cat_1.jpg", "a/cat_2.jpg", "b/dog_1.jpg", "b/same.jpg", "c/same.jpg"]


def table(tmp_path, text: str, name: str = "labels.csv", encoding: str = "utf-8"):
    (tmp_path / name).write_bytes(text.encode(encoding))
    return tmp_path / name


@pytest.mark.parametrize(
    "text",
    [
        "filename,label\na/cat_1.jpg,cat\na/cat_2.jpg,cat\nb/dog_1.jpg,dog\n",
        "\ufeffImage Path;Class\ncat_1.jpg;cat\ncat_2.jpg;cat\ndog_1.jpg;dog\n",
        "label\tid\ncat\tcat_1\ncat\tcat_2\ndog\tdog_1\n",
        "cat_1.jpg,cat\ncat_2.jpg,cat\ndog_1.jpg,dog\n",
        "cat_1.jpg,cat,cat\ncat_2.jpg,cat,dog\ndog_1.jpg,dog,cat\n",
        "cat  a/cat_1\ncat  a/cat_2\ndog  b/dog_1\n",
        "image,emotion\ncat_1.jpg,cat\ncat_2.jpg,cat\ndog_1.jpg,dog\n",
        "file,species\n/home/me/pics/a/cat_1.jpg,cat\nC:\\pics\\a\\cat_2.jpg,cat\n./b/dog_1.jpg,dog\n",
    ],
)
def test_usual_columns_delimiters_and_names(tmp_path, text: str):
    known = read_tables([table(tmp_path, text)], PATHS, Columns())
    assert known.labels == ["cat", "cat", "dog", None, None]
    assert known.parts is None
    assert any("2 images have no row" in each for each in known.remarks)


def test_a_table_of_one_part_means_the_images_of_that_part(tmp_path):
    """As of Kaggle: train.csv, train/0.png, test/0.png."""
    paths = ["train/0.png", "train/1.png", "test/0.png", "test/1.png"]
    known = read_table(table(tmp_path, "id,label\n0,cat\n1,dog\n", "train_labels.csv"), paths, Columns())
    assert known.labels == ["cat", "dog", None, None]


def test_groups_and_splits_by_named_columns(tmp_path):
    text = "f,l,who,where\ncat_1.jpg,cat,p1,training\ndog_1.jpg,dog,p2,TEST\ncat_2.jpg,cat,p1,valid\n"
    known = read_table(table(tmp_path, text), PATHS, Columns("f", "l", "who", "where"))
    assert known.groups == ["p1", "p1", "p2", None, None]
    assert known.parts == ["train", "val", "test", None, None]


def test_json_lines(tmp_path):
    rows = [{"file_name": "cat_1.jpg", "label": 3}, {"file_name": "dog_1.jpg", "label": 10}]
    known = read_table(table(tmp_path, "\n".join(map(json.dumps, rows)), "metadata.jsonl"), PATHS, Columns())
    assert known.labels == ["3", None, "10", None, None]


def test_rows_that_do_not_fit_are_listed(tmp_path):
    text = "file,label\ncat_1.jpg,cat\ncat_1.jpg,cat\ngone.jpg,cat\nsame.jpg,dog\n"
    known = read_table(table(tmp_path, text), PATHS, Columns())
    assert known.labels == ["cat", None, None, None, None]  # two files are called same.jpg
    assert any(re.search(r"1 row of \S+ without an image that is there: gone.jpg", each) for each in known.remarks)
    assert any("could mean more than one image, and is not used: same.jpg" in each for each in known.remarks)
    assert any("1 row of" in each and "is there twice" in each for each in known.remarks)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "--file_column"),
        ("file,who,when\ncat_1.jpg,x,y\n", "--label_column"),
        ("file,label\nnothing.jpg,x\n", "no row of .* names one"),
        ("file,label\ncat_1.jpg,cat\ncat_1.jpg,dog\n", "different things of 1 image "),
        ("file,split\ncat_1.jpg,fold7\n", "train, val and test are known"),
        ("file,label\nx7.jpg,x\n", r"no row .*\(file: x7.jpg; images: .*as the files have them"),
        (
            "emotion_of_it,Usage,file\n0,Training,cat_1.jpg\n0,Training,cat_2.jpg\n1,Test,dog_1.jpg\n1,Test,9\n",
            "--label_column emotion_of_it",
        ),
        ("PK\x03\x04", "is a spreadsheet; save it as CSV"),
        ("file,label\n", "has no rows"),
        ("\0\0", "no table of text"),
    ],
)
def test_bad_tables_get_a_sentence(tmp_path, text: str, said: str):
    with pytest.raises(BadInput, match=said):
        read_table(table(tmp_path, text), PATHS, Columns())


def test_a_misspelt_column_is_refused_with_the_nearest(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["train.py", "--labels", "table.csv", "--label_column=specie"])
    with pytest.raises(BadInput, match=r"did you mean: python \S*train\.py --labels \S+ --label_column species$"):
        read_table(table(tmp_path, "file,species\ncat_1.jpg,cat\n"), PATHS, Columns(label="specie"))


def test_patterns():
    found = match_pattern("([a-z]+)_[0-9]", PATHS, "--label_from")
    assert found == ["cat", "cat", "dog", None, None]
    assert examples(PATHS, found) == "a/cat_1.jpg -> cat, b/dog_1.jpg -> dog"
    with pytest.raises(BadInput, match="no regular expression"):
        match_pattern("(", PATHS, "--label_from")
    with pytest.raises(BadInput, match="found in none of the 5 paths"):
        match_pattern("bird", PATHS, "--label_from")


@pytest.mark.parametrize(
    ("text", "name", "encoding"),
    [
        ("sep=;\nfile;label\nCAT_1.JPG;cat\ncat_2.png;cat\ndog_1;dog\n", "labels.csv", "utf-8"),
        ("file\tlabel\ncat_1.jpg\tcat\ncat_2.jpg\tcat\ndog_1.jpg\tdog\n", "labels.txt", "utf-16"),
        ("file, label\ncat_1.jpg, cat\ncat_2.jpg, cat\ndog_1.jpg, dog\n", "labels.csv", "utf-8"),
        ('{"cat_1.jpg": "cat", "cat_2.jpg": "cat", "dog_1.jpg": "dog"}', "labels.json", "utf-8"),
        (json.dumps([{"file": "cat_1", "label": "cat"}, {"file": "cat_2", "label": "cat"},
                     {"file": "dog_1", "label": "dog"}], indent=1), "labels.json", "utf-8"),
    ],
    ids=["excel, other endings", "utf-16", "blanks", "one object", "printed list"],
)  # fmt: skip
def test_tables_as_programs_write_them(tmp_path, text: str, name: str, encoding: str):
    known = read_table(table(tmp_path, text, name, encoding), PATHS, Columns())
    assert known.labels == ["cat", "cat", "dog", None, None]


def test_numbers_without_their_zeros_name_files(tmp_path):
    rows = "\n".join(json.dumps({"image_id": number, "label": "ab"[number % 2]}) for number in range(4))
    known = read_table(table(tmp_path, rows, "l.jsonl"), [f"{number:05}.png" for number in range(4)], Columns())
    assert known.labels == ["a", "b", "a", "b"]


def test_boxes_are_no_labels(tmp_path):
    with pytest.raises(BadInput, match="as COCO does"):
        read_table(table(tmp_path, '{"images": [], "annotations": []}', "instances.json"), PATHS, Columns())


def test_captions_and_lists_are_no_labels(tmp_path):
    paths = [f"{number}.png" for number in range(20)]
    captions = "\n".join(json.dumps({"file_name": path, "text": f"picture {path}"}) for path in paths)
    with pytest.raises(BadInput, match="no column of labels"):
        read_table(table(tmp_path, captions, "metadata.jsonl"), paths, Columns())
    objects = "\n".join(json.dumps({"file_name": path, "label": {"bbox": [1, 2]}}) for path in paths)
    assert set(read_table(table(tmp_path, objects, "metadata.jsonl"), paths, Columns()).labels) == {None}


def test_a_table_of_the_split_is_not_offered_as_labels(tmp_path):
    paths = [f"{number:06}.jpg" for number in range(40)]
    text = "".join(f"{path} {number % 3}\n" for number, path in enumerate(paths))
    table(tmp_path, text, "list_eval_partition.txt")
    assert tables_of_labels([tmp_path], paths) is None
    table(tmp_path, text, "identity.txt")
    assert tables_of_labels([tmp_path], paths)[0] == [tmp_path / "identity.txt"]


@pytest.mark.parametrize(
    ("paths", "text", "labels"),
    [
        (["t/IMG_1.jpg", "t/img_1.jpg"], "file,label\nIMG_1.jpg,a\nimg_1.jpg,b\n", ["a", "b"]),
        (["A/1.png", "a/1.png"], "file,label\nA/1,a\na/1,b\n", ["a", "b"]),
        (["1.jpg", "01.jpg"], "file,label\n1,a\n01,b\n", ["a", "b"]),
        (["a.png", "b.png"], "file,label\na.jpg,x\na.png,y\nb.jpg,z\n", ["y", "z"]),
        (["A/1.png", "B/1.png"], "file,label\na/1.png,x\nb/1.png,y\n", ["x", "y"]),
    ],
    ids=["letters", "folders", "zeros", "endings", "paths"],
)
def test_a_name_as_it_is_spelt_counts_before_one_that_is_like_it(tmp_path, paths, text, labels):
    assert read_table(table(tmp_path, text), paths, Columns()).labels == labels


def test_one_row_of_json_is_a_row(tmp_path):
    row = table(tmp_path, '{"file_name": "cat_1.jpg", "label": "cat"}', "metadata.jsonl")
    assert read_table(row, PATHS, Columns()).labels[0] == "cat"


def test_rows_that_count_are_no_names(tmp_path):
    """id numbers the rows from 1, photo names the files from 0: taken for names, each label would be the next one's."""
    paths = [f"{number:04}.png" for number in range(6)]
    text = "id,photo,label\n" + "".join(f"{row + 1},{path},c{row % 2}\n" for row, path in enumerate(paths))
    assert read_table(table(tmp_path, text), paths, Columns()).labels == ["c0", "c1"] * 3


@pytest.mark.parametrize(
    ("cells", "labels", "said"),
    [
        (["cat", "NaN", "?", "None", "none"], ["cat", None, None, None, "none"], "3 rows of .* without a label: "),
        (["1", "1.0", "0", "0.0", "2.0"], ["1", "1", "0", "0", "2"], ""),
        (["1.5", "1", "1.0", "x", "2"], ["1.5", "1", "1.0", "x", "2"], ""),
    ],
)
def test_what_stands_for_no_label_and_for_whole_numbers(tmp_path, cells, labels, said):
    text = "file,label\n" + "".join(f"{path},{cell}\n" for path, cell in zip(PATHS, cells, strict=True))
    known = read_table(table(tmp_path, text), PATHS, Columns())
    assert known.labels == labels
    assert bool(re.search(said, "\n".join(known.remarks))) or not said


@pytest.mark.parametrize(
    "text",
    [
        "# made by hand\n# of 2021\nfile,label\ncat_1.jpg,cat\ndog_1.jpg,dog\n",
        "file|label\ncat_1.jpg|cat\ndog_1.jpg|dog\n",
        "Datei;Klasse (1,2,3,4);label\ncat_1.jpg;1;cat\ndog_1.jpg;2;dog\n",
        "file,label,label\ncat_1.jpg,cat,1\ndog_1.jpg,dog,2\n",
    ],
)
def test_remarks_delimiters_and_columns_of_one_name(tmp_path, text: str):
    known = read_table(table(tmp_path, text), PATHS, Columns())
    assert known.labels == ["cat", None, "dog", None, None]


@pytest.mark.parametrize(
    ("column", "cells", "parts"),
    [
        ("is_test", ["0", "1", "0", "1", "0"], ["train", "test", "train", "test", "train"]),
        ("is_training_image", ["1", "0", "True", "no", "1.0"], ["train", "test", "train", "test", "train"]),
        ("split", ["training", "validate", "TEST", "val", "tst"], ["train", "val", "test", "val", "test"]),
    ],
)
def test_columns_of_a_split(tmp_path, column, cells, parts):
    text = f"file,label,{column}\n" + "".join(f"{path},x,{cell}\n" for path, cell in zip(PATHS, cells, strict=True))
    assert read_table(table(tmp_path, text), PATHS, Columns()).parts == parts


def test_a_column_that_says_no_parts_is_passed_over_with_a_word(tmp_path):
    text = "file,label,dataset\n" + "".join(f"{path},x,{'AB'[row % 2]}\n" for row, path in enumerate(PATHS))
    known = read_table(table(tmp_path, text), PATHS, Columns())
    assert known.parts is None
    assert "the column dataset of" in known.remarks[0]
    assert "split" not in known.words
    with pytest.raises(BadInput, match="train, val and test are known"):
        read_table(table(tmp_path, text), PATHS, Columns(split="dataset"))


@pytest.mark.parametrize("column", ["PatientID", "participant_id", "StudyInstanceUID", "Slide ID", "mouse_id"])
def test_usual_groups(tmp_path, column):
    text = f"file,label,{column}\n" + "".join(f"{path},x,{row % 2}\n" for row, path in enumerate(PATHS))
    assert read_table(table(tmp_path, text), PATHS, Columns()).groups == ["0", "1", "0", "1", "0"]


def test_accents_are_the_same_however_they_are_written(tmp_path):
    paths = ["Bild_\u00c4pfel.jpg", "Bild_U\u0308ber.jpg"]
    text = "Datei;Klasse\nBild_A\u0308pfel.jpg;\u00e4\nBild_\u00dcber.jpg;a\u0308\n"
    assert read_table(table(tmp_path, text), paths, Columns()).labels == ["\u00e4", "\u00e4"]


def test_tables_of_the_parts_are_offered_together(tmp_path):
    paths = [f"{number}.png" for number in range(20)]
    for name, mine in (("train.csv", paths[:15]), ("test.csv", paths[15:])):
        table(tmp_path, "file,label\n" + "".join(f"{path},c{int(path[:-4]) % 2}\n" for path in mine), name)
    tables, columns, known = tables_of_labels([tmp_path], paths)
    assert columns == Columns()
    assert [each.name for each in tables] == ["train.csv", "test.csv"]
    assert known.labels == ["c0", "c1"] * 10
    assert read_tables(tables, paths, Columns()).remarks[-1:] == []


def test_a_table_with_columns_of_other_names_is_offered_with_the_column_of_words(tmp_path):
    paths = [f"IMG_{number:04}.jpg" for number in range(30)]
    rows = [f"{path[:-4]};{'Vögel' if n % 3 else 'Auto'};{n % 7}" for n, path in enumerate(paths)]
    found = table(tmp_path, "\ufeff" + "\n".join(["Aufnahme;Was drauf ist;Nutzer Nr", *rows]))
    tables, columns, known = tables_of_labels([tmp_path], paths)
    assert (tables, columns) == ([found], Columns(label="Was drauf ist"))
    assert known.labels[:3] == ["Auto", "Vögel", "Vögel"]
    with pytest.raises(BadInput, match="--label_column 'Was drauf ist'"):
        read_table(found, paths, Columns())
    ages = [f"{path[:-4]};{n % 7};{n}" for n, path in enumerate(paths)]
    table(tmp_path, "\n".join(["Aufnahme;Alter;Gewicht", *ages]))
    assert tables_of_labels([tmp_path], paths) is None  # of numbers nobody has said that they are classes


@pytest.mark.parametrize("more", ["is_train", "is_male", "validation"])
def test_classes_beside_other_columns_of_0_and_1(tmp_path, more):
    rows = [f"{path},{row % 2},{(row + 1) % 2},{int(row in (1, 2))}" for row, path in enumerate(PATHS)]
    text = "\n".join([f"file,cat,dog,{more}", *rows])
    assert read_table(table(tmp_path, text), PATHS, Columns()).labels == ["dog", "cat"] * 2 + ["dog"]


def test_a_column_with_a_usual_name_is_believed(tmp_path):
    paths = [f"{number:04}.png" for number in range(6)]
    text = "file,before,label\n" + "".join(
        f"{path[:4]}.PNG,{paths[row - 1]},c{row}\n" for row, path in enumerate(paths)
    )
    assert read_table(table(tmp_path, text), paths, Columns()).labels == [f"c{row}" for row in range(6)]


def test_tables_that_disagree(tmp_path):
    tables = [
        table(tmp_path, "file,label\ncat_1.jpg,cat\n", "a.csv"),
        table(tmp_path, "file,label\ncat_1.jpg,dog\ndog_1.jpg,dog\n", "b.csv"),
    ]
    known = read_tables(tables, PATHS, Columns())
    assert known.labels == ["cat", None, "dog", None, None]
    assert "1 image has other labels in a later table; the first one counts: a/cat_1.jpg" in known.remarks


def test_columns_of_0_and_1_of_a_table_that_nobody_named_are_no_classes(tmp_path):
    """metadata.csv beside class folders: what is male and female there does not replace the classes."""
    rows = [f"{path},{row % 2},{(row + 1) % 2}" for row, path in enumerate(PATHS)]
    metadata = table(tmp_path, "\n".join(["file_name,male,female", *rows]), "metadata.csv")
    assert read_table(metadata, PATHS, Columns()).labels == ["female", "male"] * 2 + ["female"]
    with pytest.raises(BadInput, match="no column of labels"):
        read_table(metadata, PATHS, Columns(), is_asked=False)


def test_folds_are_said_to_be_of_no_use(tmp_path):
    text = "file,label,fold\n" + "".join(f"{path},x,{row}\n" for row, path in enumerate(PATHS))
    assert any("the column fold of" in each for each in read_table(table(tmp_path, text), PATHS, Columns()).remarks)


def test_a_column_that_is_not_there_gets_one_that_is_meant(tmp_path):
    known = table(tmp_path, "file,label,who\ncat_1.jpg,cat,me\ndog_1.jpg,dog,you\n")
    with pytest.raises(BadInput, match="--label_column label"):
        read_table(known, PATHS, Columns(label="kind"))
