"""Which columns of a table are labels: none is dropped in silence, and what is measured is no class."""

import pytest

from data.label_columns import are_measured, may_be_measured, possible_labels
from data.label_file import read_tables
from data.table import Columns
from run.errors import BadInput

PATHS = [f"pictures/{number}.jpg" for number in range(1, 61)]


def known(tmp_path, header: str, cells, columns: Columns = Columns(), first: int = 1):  # noqa: B008  (frozen)
    """What a table says in which row ``n`` names ``n.jpg``; ``cells(n)`` follows the name."""
    rows = "".join(f"{number}.jpg;{cells(number)}\n" for number in range(first, first + 60))
    (tmp_path / "table.csv").write_text(f"{header}\n{rows}", "utf-8-sig")
    return read_tables([tmp_path / "table.csv"], PATHS, columns)


def test_a_column_that_could_be_labels_is_named_where_groups_are_known(tmp_path):
    header, cells = "Dateiname;Befund;Größe;Patient", lambda n: f"{'ab'[n % 2]};{n},5;p{n // 6}"
    found = known(tmp_path, header, cells)
    assert not any(found.labels)
    assert found.groups[0] == "p0"
    (remark,) = [each for each in found.remarks if "--label_column" in each]
    assert remark.endswith("--label_column Befund")
    assert set(known(tmp_path, header, cells, Columns(label="Befund")).labels) == {"a", "b"}


@pytest.mark.parametrize("value", ["{},5", "{}.25", "{}"])
def test_numbers_that_nearly_every_image_has_its_own_of_are_no_classes(tmp_path, value):
    header, cells = "file;size;sex", lambda n: f"{value.format(n)};{'mf'[n % 2]}"
    with pytest.raises(BadInput, match=r"60 numbers for 60 images.*--label_column sex"):
        known(tmp_path, header, cells, Columns(label="size"))
    with pytest.raises(BadInput, match="are no classes; give a table that has one, or none"):
        known(tmp_path, "file;size", lambda n: value.format(n))
    with pytest.raises(BadInput, match="are measured, and no classes"):  # whatever it is called
        known(tmp_path, "file;label", lambda n: value.format(n))


def test_ages_are_not_taken_unasked(tmp_path):
    with pytest.raises(BadInput, match=r"no column of labels.*--label_column age"):
        known(tmp_path, "file;age", lambda n: n % 25)
    assert len(set(known(tmp_path, "file;age", lambda n: n % 25, Columns(label="age")).labels)) == 25
    assert possible_labels([{"age": n % 25, "sex": n % 2} for n in range(60)], ["age", "sex"]) == ["sex"]


def test_what_is_measured():
    assert are_measured([f"{n},1" for n in range(20)])
    assert not are_measured([f"{n},1" for n in range(10)])
    assert not are_measured([f"name {n}" for n in range(20)])
    assert not are_measured([str(n % 10) for n in range(20)])
    assert may_be_measured([str(n % 11) for n in range(50)])
    assert not may_be_measured([str(n % 43) for n in range(43 * 5)])


def test_a_column_without_a_label_is_not_said_to_give_labels(tmp_path):
    with pytest.raises(BadInput, match=r"the column label of .* holds no label; give a table with labels, or none"):
        known(tmp_path, "file;label", lambda n: "")
    found = known(tmp_path, "file;label;patient", lambda n: f";p{n // 6}")
    assert found.words.startswith("groups from patient in")
    assert any("holds no label" in each for each in found.remarks)


@pytest.mark.parametrize("first", [0, 2])
def test_rows_numbered_from_elsewhere_are_refused(tmp_path, first):
    with pytest.raises(BadInput, match="look shifted"):
        known(tmp_path, "file;label", lambda n: "ab"[n % 2], first=first)
    assert all(known(tmp_path, "file;label", lambda n: "ab"[n % 2]).labels)
