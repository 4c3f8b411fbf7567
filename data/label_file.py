"""What a table or a pattern says of image files: label, group, part of the split.

Tables are CSV (or with tabs or semicolons), or JSON lines as Hugging Face's ``metadata.jsonl``; columns are found by
their usual names where they are not named. Patterns are regular expressions that are searched for in a relative path.
"""

import codecs
import contextlib
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from data.formats import EXTENSIONS
from data.layout import part_of
from run.arguments import nearest
from run.console import count, verb
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
              "sequence", "sequence_id", "video", "video_id", "scene", "lesion_id", "individual", "animal_id"),
    "split": ("split", "set", "subset", "part", "partition", "data_set", "dataset"),
}  # fmt: skip
METADATA = ("metadata.csv", "metadata.jsonl")
_LISTED = 5
_FEW_ROWS = 10  # of so few each may be a class of its own
_OF_SPLIT = re.compile("partition|split", re.IGNORECASE)  # in the name of a table whose column is no label
_SHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # what files of spreadsheets begin with
_TABLES = (".csv", ".tsv", ".txt", ".jsonl")  # that are looked into unasked
_TABLES_AT_MOST, _TABLE_BYTES = 10, 16 << 20  # of them


@dataclass(frozen=True)
class Columns:
    """Names of a table's columns, as a person gave them; None for what is looked for by its usual names."""

    file: str | None = None
    label: str | None = None
    group: str | None = None
    split: str | None = None


@dataclass(frozen=True)
class Known:
    """What is known of M image files, in their order; None where nothing is.

    Attributes:
        labels, groups: M texts.
        parts: M times ``train``, ``val``, ``test``; None for all where no split is told.
        words: where it is known from, in one line.
        remarks: what does not fit, a line each: rows without a file, files without a row, rows that disagree.
    """

    labels: list[str | None]
    groups: list[str | None]
    parts: list[str | None] | None
    words: str
    remarks: list[str] = field(default_factory=list)


def read_table(table: Path, paths: Sequence[str], columns: Columns) -> Known:
    """What a table says of image files.

    Args:
        table: of rows that name a file by its relative path or its bare name, with or without its ending.
        paths: M relative paths.
        columns: of the table.

    Raises:
        BadInput: the table is missing or can't be read, has no column of files or no other one, or names no file.
    """
    name, index = printable(table), _Index(paths, table.stem)
    header, rows = _rows_of(table, index)
    found = {kind: _column(kind, getattr(columns, kind), header, name) for kind in USUAL}
    if header == _numbered(header):
        found["file"] = found["file"] or _likeliest(rows, header, index)
        others = [column for column in header if column != found["file"]]
        found["label"] = found["label"] or (others[0] if others else None)
    elif found["file"] and len(header) == 2 and not any(found[kind] for kind in ("label", "group", "split")):
        found["label"] = next(column for column in header if column != found["file"])  # whatever it is called
        if 2 * len({_text(row.get(found["label"])) for row in rows}) > len(rows) > _FEW_ROWS:  # captions, or numbers
            found["label"] = None
    if found["file"] is None:
        raise BadInput(
            f"{name} has no column that names the files (it has {_listed(header)}); say which it is, as here: "
            f"{own_command({'--file_column': [_likeliest(rows, header, index)]})}"
        )
    if found["label"] is None and found["group"] is None and found["split"] is None:
        others = [column for column in header if column != found["file"]]
        better = own_command({"--label_column": [_likeliest_label(rows, others)]}) if others else _without()
        raise BadInput(
            f"{name} has no column of labels (it has {_listed(header)}); "
            f"{'say which it is, as here' if others else 'give a table that has one, or none'}: {better}"
        )
    values: dict[int, tuple[str | None, ...]] = {}
    unknown, ambiguous, twice, disagree = [], [], 0, []
    for row, named, positions in _matched(rows, found["file"], index):
        position, *others = positions or [None]
        said = tuple(_text(row.get(found[kind])) if found[kind] else None for kind in ("label", "group", "split"))
        if others:
            ambiguous.append(named)
        elif position is None:
            unknown.append(named)
        elif position in values:
            twice += 1
            if values[position] != said:
                disagree.append(named)
        else:
            values[position] = said
    if not values:
        likeliest = _likeliest(rows, header, index)
        better = f"say which column names them, as here: {own_command({'--file_column': [likeliest]})}"
        if likeliest == found["file"]:
            better = f"write their names as the files have them, or give no table: {_without()}"
        raise BadInput(
            f"no row of {name} names one of the {len(paths):,} images ({printable(found['file'])}: "
            f"{_listed(unknown or ambiguous)}; images: {_listed(paths)}); {better}"
        )
    if disagree:
        raise BadInput(
            f"{name} says different things of {count(len(disagree), 'image')} ({_listed(disagree)}); leave one row for "
            "each"
        )
    labels, groups, splits = (
        [values[position][place] if position in values else None for position in range(len(paths))]
        for place in range(3)
    )
    remarks = []
    if unknown:
        remarks.append(f"{count(len(unknown), 'row')} of {name} without an image that is there: {_listed(unknown)}")
    if ambiguous:
        rows_of = f"{count(len(ambiguous), 'row')} of {name} could mean more than one image"
        remarks.append(f"{rows_of}, and {verb(len(ambiguous), 'are')} not used: {_listed(ambiguous)}")
    if twice:
        remarks.append(f"{count(twice, 'row')} of {name} {verb(twice, 'are')} there twice")
    absent = [path for position, path in enumerate(paths) if position not in values]
    if absent:
        remarks.append(f"{count(len(absent), 'image')} {verb(len(absent), 'have')} no row in {name}: {_listed(absent)}")
    used = ", ".join(f"{kind}s from {column}" for kind, column in found.items() if column and kind != "file")
    words = f"{used.replace('splits from', 'split from')} in {name} ({count(len(values), 'image')})"
    parts = _as_parts(splits, name, columns.split is not None) if found["split"] else None
    return Known(labels, groups, parts, words, remarks)


def combined(tables: Sequence[tuple[Sequence[int], Known]], count: int) -> Known:
    """What several tables say together of ``count`` files, each of those at some positions."""
    labels, groups, parts = ([None] * count for _ in range(3))
    for positions, known in tables:
        of_each = zip(positions, known.labels, known.groups, known.parts or [None] * len(positions), strict=True)
        for position, label, group, part in of_each:
            labels[position], groups[position], parts[position] = label, group, part
    words = "; ".join(known.words for _, known in tables)
    remarks = [each for _, known in tables for each in known.remarks]
    return Known(labels, groups, parts if any(parts) else None, words, remarks)


def table_of_labels(folders: Sequence[Path], paths: Sequence[str]) -> tuple[Path, Known] | None:
    """The table beside images that has labels for most of them, at least half, and what it says; None without one.

    Args:
        folders: that it may lie in.
        paths: M relative paths of the images.
    """
    best = None
    for folder in folders:
        for table in sorted(path for path in folder.glob("*") if path.suffix.lower() in _TABLES)[:_TABLES_AT_MOST]:
            with contextlib.suppress(BadInput, OSError):
                if table.stat().st_size > _TABLE_BYTES:
                    continue
                known = read_table(table, paths, Columns())
                labelled = sum(label is not None for label in known.labels)
                several = 1 < len(set(known.labels) - {None}) <= labelled / 2  # else captions, or prices
                several = several and not (_OF_SPLIT.search(table.stem) and "column " in known.words)
                if several and 2 * labelled >= len(paths) and (best is None or labelled > best[0]):
                    best = labelled, table, known
    return None if best is None else best[1:]


def match_pattern(pattern: str, paths: Sequence[str], flag: str) -> list[str | None]:
    """What a regular expression finds in each relative path: its first group, or all of it; None where it is not found.

    Args:
        pattern: as a person typed it.
        paths: M relative paths.
        flag: that it was given with.

    Raises:
        BadInput: it is no regular expression, or is found in no path.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise BadInput(f"{flag} {printable(pattern)} is no regular expression: {error}") from None
    found = [compiled.search(path) for path in paths]
    texts = [None if each is None else each.group(1 if compiled.groups else 0) for each in found]
    if not any(texts):
        raise BadInput(
            f"{flag} {printable(pattern)} is found in none of the {len(paths):,} paths ({_listed(paths)}); what "
            f"stands in brackets is taken, as in {flag} '([a-z]+)_[0-9]+'"
        )
    return [text or None for text in texts]


def examples(paths: Sequence[str], texts: Sequence[str | None], count: int = 3) -> str:
    """``cat_1.jpg -> cat, dog_7.jpg -> dog``: what was found, of as many different texts as there are."""
    firsts = {text: path for path, text in reversed(list(zip(paths, texts, strict=True))) if text is not None}
    return ", ".join(f"{printable(path)} -> {printable(text)}" for text, path in list(firsts.items())[-count:][::-1])


class _Index:
    """Files by what a table may call them; of files that share a name, train.csv means those in train/."""

    def __init__(self, paths: Sequence[str], table: str) -> None:
        self._exact = {path: [position] for position, path in enumerate(paths)}
        self._other: dict[str, list[int]] = {}
        self._loosely: dict[str, list[int]] = {}
        for position, path in enumerate(paths):
            stem, bare = path.rpartition(".")[0] or path, path.rpartition("/")[2]
            names = {stem, bare, bare.rpartition(".")[0] or bare}
            for name in names:
                self._other.setdefault(name, []).append(position)
            for name in set(map(_plain, {path, *names})):
                self._loosely.setdefault(name, []).append(position)
        meant = {part_of(word) for word in re.split(r"[^A-Za-z]+", table)} - {None}
        parts = {position: {part_of(folder) for folder in path.split("/")[:-1]} for position, path in enumerate(paths)}
        self._meant = {position for position, mine in parts.items() if mine & meant} if len(meant) == 1 else set()

    def find(self, name: str) -> list[int]:
        """The files that a name means as it is spelt: none, one, or several that it does not tell apart."""
        return self._first(name, lambda spelt: self._exact.get(spelt) or self._other.get(spelt))

    def find_loosely(self, name: str) -> list[int]:
        """The same, but for capital letters, zeros before a number, and the ending of a picture."""
        stem, dot, ending = name.rpartition(".")
        found = self._first(name, lambda spelt: self._loosely.get(_plain(spelt)))
        if not found and dot and f".{ending.lower()}" in EXTENSIONS:  # the files were converted
            found = self._first(stem, lambda spelt: self._loosely.get(_plain(spelt)))
        return found

    def _first(self, name: str, look_up: Callable[[str], list[int] | None]) -> list[int]:
        """What is found of a name, or else of what it ends with, which may be ours of a path from somewhere else."""
        name = name.strip().replace("\\", "/").removeprefix("./")
        found = look_up(name)
        while not found and "/" in name:
            name = name.partition("/")[2]
            found = look_up(name)
        found = found or []
        return [position for position in found if position in self._meant] or found if len(found) > 1 else found


def _plain(name: str) -> str:
    """A name in small letters; a number without the zeros before it, which spreadsheets drop."""
    return name.lstrip("0") or "0" if name.isdecimal() else name.casefold()


def _matched(
    rows: Sequence[dict[str, object]], column: str, index: "_Index"
) -> list[tuple[dict[str, object], str, list[int]]]:
    """Each row with the name in it and the files that it means: first those that name one as it is spelt, then those
    that do so loosely, of files that no other row has named."""
    matched, others = [], []
    for row in rows:
        named = _text(row.get(column)) or ""
        found = index.find(named)
        (matched if len(found) == 1 else others).append((row, named, found))
    taken = {position for *_, positions in matched for position in positions}
    for row, named, several in others:
        loosely = index.find_loosely(named)
        if not several or len(loosely) == 1:
            several = [position for position in loosely if position not in taken]
        matched.append((row, named, several))
    return matched


def _likeliest_label(rows: Sequence[dict[str, object]], columns: Sequence[str]) -> str:
    """The last column whose texts several rows share, and that are no parts of a split; else the last."""
    for column in reversed(columns):
        texts = {text for row in rows if (text := _text(row.get(column)))}
        if 1 < len(texts) <= len(rows) / 2 and not all(map(part_of, texts)):
            return column
    return columns[-1]


def _likeliest(rows: Sequence[dict[str, object]], header: Sequence[str], index: "_Index") -> str:
    """The column of which most values name an image."""

    def names_one(value: object) -> bool:
        return bool(index.find(text := _text(value) or "") or index.find_loosely(text))

    return max(header, key=lambda column: sum(names_one(row.get(column)) for row in rows[:100]))


def _without() -> str:
    """The present command without a table."""
    return own_command(dict.fromkeys(("--labels", *(f"--{kind}_column" for kind in USUAL))))


def _rows_of(table: Path, index: _Index) -> tuple[list[str], list[dict[str, object]]]:
    name = printable(table)
    if not table.is_file():
        raise BadInput(
            f"{name} is not there, or no file; give a table with columns for file and label, or none: {_without()}"
        )
    raw = table.read_bytes()
    try:
        text = raw.decode("utf-16" if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    if "\0" in text or raw.startswith(_SHEETS):
        what = "is a spreadsheet; save it as CSV" if raw.startswith(_SHEETS) else "is no table of text; give a CSV file"
        raise BadInput(f"{name} {what} with columns for file and label, or give none: {_without()}")
    if table.suffix.lower() in (".jsonl", ".ndjson", ".json"):
        rows = _json_rows(text, name)
        return list(dict.fromkeys(key for row in rows for key in row)), rows
    first, _, rest = text.partition("\n")
    delimiter = max(",;\t", key=first.count)
    if told := re.fullmatch(r"sep=(.)\r?", first):  # as Excel writes it
        delimiter, text = told[1], rest
        first = text.partition("\n")[0]
    if delimiter not in first and len(first.split()) > 1:  # columns between blanks, of any number
        delimiter, text = " ", "\n".join(" ".join(line.split()) for line in text.splitlines())
    try:
        lines = [line for line in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if line]
    except csv.Error as error:
        raise BadInput(f"{name} can't be read as CSV ({error}); write it anew, or give none: {_without()}") from None
    header, lines = ([column.strip() for column in lines[0]], lines[1:]) if lines else ([], [])
    if any(map(index.find, header)) and _column("file", None, header, name) is None:  # it names an image already
        header, lines = _numbered(header), [header, *lines]
    if not lines or not any(header):
        raise BadInput(
            f"{name} has no rows; give a table with a header and a row for each image, or none: {_without()}"
        )
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
                f"for file and label, or none: {_without()}"
            )
        is_map = isinstance(rows, dict) and len(rows) > 1 and _column("file", None, list(rows), name) is None
        if is_map and all(isinstance(label, str | float | int | None) for label in rows.values()):
            rows = [{"file": file, "label": label} for file, label in rows.items()]
        rows = [rows] if isinstance(rows, dict) else rows
        if not rows or not all(isinstance(row, dict) and row for row in rows):
            raise ValueError
    except (ValueError, TypeError, RecursionError):
        raise BadInput(
            f"{name} is not one JSON object a line; give such a file, a CSV, or none: {_without()}"
        ) from None
    return rows


def _numbered(header: Sequence[str]) -> list[str]:
    """What columns without a header are called."""
    return [f"column {place}" for place in range(1, len(header) + 1)]


def _column(kind: str, asked: str | None, header: Sequence[str], name: str) -> str | None:
    if asked is not None:
        if asked not in header:
            near = nearest(asked, list(header))
            better = own_command({f"--{kind}_column": [near or header[0]]})
            raise BadInput(
                f"{name} has no column {printable(asked)} (it has {_listed(header)}); "
                f"{'did you mean' if near else 'give one of these, as here'}: {better}"
            )
        return asked
    by_name = {column.strip().lower().replace(" ", "_").replace("-", "_"): column for column in reversed(header)}
    return next((by_name[usual] for usual in USUAL[kind] if usual in by_name), None)


def _as_parts(splits: Sequence[str | None], name: str, is_asked: bool) -> list[str | None]:
    parts = [None if each is None else part_of(each) for each in splits]
    strange = Counter(each for each, part in zip(splits, parts, strict=True) if each is not None and part is None)
    if strange:
        raise BadInput(
            f"the column of the split in {name} says {_listed(list(strange))}, and train, val and test are known; use "
            f"these words, or {'leave the column out' if is_asked else 'call the column something else'}: "
            f"{own_command({'--split_column': None})}"
        )
    return parts


def _text(value: object) -> str | None:
    """What a cell says; None for nothing, and for a list or an object, which is no label."""
    text = "" if value is None or isinstance(value, list | dict) else str(value).strip()
    return text or None


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(printable, names[:_LISTED])) + (", ..." if len(names) > _LISTED else "")
