"""Tables of people's, as rows and named columns: CSV (or with tabs, semicolons or blanks), and JSON.

JSON is an object a line, as Hugging Face's ``metadata.jsonl``, a list of objects, or one object that gives the label of
each file. Columns are found by their usual names where they are not named.
"""

import codecs
import csv
import io
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from run.arguments import nearest
from run.errors import BadInput, printable
from run.hints import own_command

USUAL = {
    "file": ("file_name", "filename", "file", "path", "filepath", "file_path", "image_path", "image", "img",
             "image_name", "image_id", "image_index", "image_file", "img_path", "img_name", "img_id", "id_code",
             "file_id", "fname", "id", "name", "datei", "fichier"),
    "label": ("label", "labels", "class", "class_name", "classname", "category", "target", "species", "diagnosis", "dx",
              "y", "breed", "sign", "classid", "class_id", "class_label", "label_name", "finding_labels", "emotion",
              "klasse"),
    "group": ("group", "group_id", "groups", "subject", "subject_id", "patient", "patient_id", "track", "track_id",
              "sequence", "sequence_id", "video", "video_id", "scene", "lesion_id", "individual", "animal_id",
              "participant_id", "case_id", "slide_id", "study_instance_uid", "person_id", "user_id", "specimen_id",
              "mouse_id", "donor_id", "plate_id"),
    "split": ("split", "set", "subset", "part", "partition", "data_set", "dataset", "is_test", "is_train",
              "is_training", "is_training_image"),
}  # fmt: skip
_LISTED = 5
_LINES = 10  # of a table, that tell what stands between its columns
_NOTHING = {
    "",
    "?",
    "None",
    *("nan", "-nan", "na", "n/a", "<na>", "#n/a", "null", "nat"),
}  # in small letters or capitals
_SHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # what files of spreadsheets begin with


@dataclass(frozen=True)
class Columns:
    """Names of a table's columns, as a person gave them; None for what is looked for by its usual names."""

    file: str | None = None
    label: str | None = None
    group: str | None = None
    split: str | None = None


def without_table() -> str:
    """The present command without a table."""
    return own_command(dict.fromkeys(("--labels", *(f"--{kind}_column" for kind in USUAL))))


def rows_of(table: Path, names_file: Callable[[str], object]) -> tuple[list[str], list[dict[str, object]]]:
    """The names of a table's columns, and its rows, each a value by name.

    Args:
        table: of text.
        names_file: whether a cell names an image: a first row that does is no header.

    Raises:
        BadInput: the table is missing, can't be read, or has no rows.
    """
    name = printable(table)
    if not table.is_file():
        what = "is a folder" if table.is_dir() else "is no file" if table.exists() else "is not there"
        raise BadInput(f"{name} {what}; give a table with columns for file and label, or none: {without_table()}")
    raw = table.read_bytes()
    try:
        text = raw.decode("utf-16" if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    if "\0" in text or raw.startswith(_SHEETS):
        what = "is a spreadsheet; save it as CSV" if raw.startswith(_SHEETS) else "is no table of text; give a CSV file"
        raise BadInput(f"{name} {what} with columns for file and label, or give none: {without_table()}")
    if table.suffix.lower() in (".jsonl", ".ndjson", ".json"):
        rows = _json_rows(text, name)
        return list(dict.fromkeys(key for row in rows for key in row)), rows
    text = re.sub(r"\A(?:#[ #].*\n)+", "", text)  # remarks
    first, _, rest = text.partition("\n")
    some = [line for line in text.splitlines() if line][:_LINES] or [""]
    delimiter = max(",;\t|", key=lambda each: (min(line.count(each) for line in some), first.count(each)))
    if told := re.fullmatch(r"sep=(.)\r?", first):  # as Excel writes it
        delimiter, text = told[1], rest
        first = text.partition("\n")[0]
    if delimiter not in first and len(first.split()) > 1:  # columns between blanks, of any number
        delimiter, text = " ", "\n".join(" ".join(line.split()) for line in text.splitlines())
    try:
        lines = [line for line in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if line]
    except csv.Error as error:
        raise BadInput(
            f"{name} can't be read as CSV ({error}); write it anew, or give none: {without_table()}"
        ) from None
    header, lines = ([column.strip() for column in lines[0]], lines[1:]) if lines else ([], [])
    if any(map(names_file, header)) and column_called("file", None, header, name) is None:  # it names an image already
        header, lines = numbered(header), [header, *lines]
    if not lines or not any(header):
        raise BadInput(
            f"{name} has no rows; give a table with a header and a row for each image, or none: {without_table()}"
        )
    seen = Counter()
    for place, column in enumerate(header):
        seen[column] += 1
        header[place] = column if seen[column] == 1 else f"{column} ({seen[column]})"
    rows = [dict(zip(header, line, strict=False)) for line in lines]  # people's rows may be shorter or longer
    return [column for column in header if column], rows


def _json_rows(text: str, name: str) -> list[dict[str, object]]:
    """An object a line, a list of objects, or one object: the label of each file.

    Raises:
        BadInput: it is none of these.
    """
    try:
        try:
            rows = json.loads(text)
        except ValueError:
            rows = [json.loads(line) for line in text.splitlines() if line.strip()]
        if isinstance(rows, dict) and {"images", "annotations"} <= set(rows):
            raise BadInput(
                f"{name} lists boxes of objects, as COCO does, and no label of each image; give a table with columns "
                f"for file and label, or none: {without_table()}"
            )
        is_map = isinstance(rows, dict) and len(rows) > 1 and column_called("file", None, list(rows), name) is None
        if is_map and all(isinstance(label, str | float | int | None) for label in rows.values()):
            rows = [{"file": file, "label": label} for file, label in rows.items()]
        rows = [rows] if isinstance(rows, dict) else rows
        if not rows or not all(isinstance(row, dict) and row for row in rows):
            raise ValueError
    except (ValueError, TypeError, RecursionError):
        raise BadInput(
            f"{name} is not one JSON object a line; give such a file, a CSV, or none: {without_table()}"
        ) from None
    return rows


def numbered(header: Sequence[str]) -> list[str]:
    """What columns without a header are called."""
    return [f"column {place}" for place in range(1, len(header) + 1)]


def column_called(kind: str, asked: str | None, header: Sequence[str], name: str) -> str | None:
    """The column of a kind of :data:`USUAL`: the one that was asked for, or one by a usual name; None without one.

    Raises:
        BadInput: the table, called ``name``, has none that was asked for.
    """
    if asked is not None:
        if asked not in header:
            near = nearest(asked, list(header))
            usual = column_called(kind, None, header, name) or header[0 if kind == "file" else -1]
            better = own_command({f"--{kind}_column": [near or usual]})
            raise BadInput(
                f"{name} has no column {printable(asked)} (it has {listed(header)}); "
                f"{'did you mean' if near else 'give one of these, as here'}: {better}"
            )
        return asked
    by_name = {re.sub("[ _-]", "", column.lower()): column for column in reversed(header)}
    usual = [name.replace("_", "") for name in USUAL[kind]]
    return next((by_name[name] for name in usual if name in by_name), None)


def text_of(value: object) -> str | None:
    """What a cell says, its accents composed; None for nothing, for NaN and its like, for a list and for an object.

    ``none`` in small letters is a class, as of wafers without a defect; ``None`` is what Python writes for nothing.
    """
    text = "" if value is None or isinstance(value, list | dict) else str(value).strip()
    return None if text in _NOTHING or text.lower() in _NOTHING else unicodedata.normalize("NFC", text)


def listed(names: Sequence[str]) -> str:
    """The first few names, for a sentence."""
    return ", ".join(map(printable, names[:_LISTED])) + (", ..." if len(names) > _LISTED else "")
