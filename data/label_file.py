"""What a table says of image files: label, group, part of the split."""

import contextlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from data.layout import part_of
from data.named_files import FilesByName, likeliest_column, matched
from data.table import USUAL, Columns, column_called, listed, numbered, rows_of, text_of, without_table
from run.console import count, verb
from run.errors import BadInput, printable
from run.hints import own_command

METADATA = ("metadata.csv", "metadata.jsonl")
_FEW_ROWS = 10  # of so few each may be a class of its own
_OF_SPLIT = re.compile("partition|split", re.IGNORECASE)  # in the name of a table whose column is no label
_TABLES = (".csv", ".tsv", ".txt", ".jsonl")  # that are looked into unasked
_TABLES_AT_MOST, _TABLE_BYTES = 10, 16 << 20  # of them


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
    name, index = printable(table), FilesByName(paths, table.stem)
    header, rows = rows_of(table, index.find)
    found = {kind: column_called(kind, getattr(columns, kind), header, name) for kind in USUAL}
    if header == numbered(header):
        found["file"] = found["file"] or likeliest_column(rows, header, index)
        others = [column for column in header if column != found["file"]]
        found["label"] = found["label"] or (others[0] if others else None)
    elif found["file"] and len(header) == 2 and not any(found[kind] for kind in ("label", "group", "split")):
        found["label"] = next(column for column in header if column != found["file"])  # whatever it is called
        if 2 * len({text_of(row.get(found["label"])) for row in rows}) > len(rows) > _FEW_ROWS:  # captions, or numbers
            found["label"] = None
    if found["file"] and found["label"] is None and (classes := _one_hot(rows, header)):
        found["label"] = f"the column with the 1 ({len(classes)} of them)"
        for row in rows:
            row[found["label"]] = next(column for column in classes if _number(row[column]) == 1)
    if found["file"] is None:
        raise BadInput(
            f"{name} has no column that names the files (it has {listed(header)}); say which it is, as here: "
            f"{own_command({'--file_column': [likeliest_column(rows, header, index)]})}"
        )
    if found["label"] is None and found["group"] is None and found["split"] is None:
        others = [column for column in header if column != found["file"]]
        better = own_command({"--label_column": [_likeliest_label(rows, others)]}) if others else without_table()
        raise BadInput(
            f"{name} has no column of labels (it has {listed(header)}); "
            f"{'say which it is, as here' if others else 'give a table that has one, or none'}: {better}"
        )
    values: dict[int, tuple[str | None, ...]] = {}
    unknown, ambiguous, twice, disagree = [], [], 0, []
    for row, named, positions in matched(rows, found["file"], index):
        position, *others = positions or [None]
        said = tuple(text_of(row.get(found[kind])) if found[kind] else None for kind in ("label", "group", "split"))
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
        likeliest = likeliest_column(rows, header, index)
        better = f"say which column names them, as here: {own_command({'--file_column': [likeliest]})}"
        if likeliest == found["file"]:
            better = f"write their names as the files have them, or give no table: {without_table()}"
        raise BadInput(
            f"no row of {name} names one of the {len(paths):,} images ({printable(found['file'])}: "
            f"{listed(unknown or ambiguous)}; images: {listed(paths)}); {better}"
        )
    if disagree:
        raise BadInput(
            f"{name} says different things of {count(len(disagree), 'image')} ({listed(disagree)}); leave one row for "
            "each"
        )
    labels, groups, splits = (
        [values[position][place] if position in values else None for position in range(len(paths))]
        for place in range(3)
    )
    remarks = []
    if unknown:
        remarks.append(f"{count(len(unknown), 'row')} of {name} without an image that is there: {listed(unknown)}")
    if ambiguous:
        several = f"{count(len(ambiguous), 'row')} of {name} could mean more than one image"
        remarks.append(f"{several}, and {verb(len(ambiguous), 'are')} not used: {listed(ambiguous)}")
    if twice:
        remarks.append(f"{count(twice, 'row')} of {name} {verb(twice, 'are')} there twice")
    absent = [path for position, path in enumerate(paths) if position not in values]
    if absent:
        remarks.append(f"{count(len(absent), 'image')} {verb(len(absent), 'have')} no row in {name}: {listed(absent)}")
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


def _one_hot(rows: Sequence[dict[str, object]], header: Sequence[str]) -> list[str]:
    """The columns of 0 and 1 of which each row has one 1: a class each; none where rows have no or several 1."""
    found = [column for column in header if {_number(row.get(column)) for row in rows} == {0, 1}]
    return found if len(found) > 1 and all(sum(_number(row[each]) for each in found) == 1 for row in rows) else []


def _number(value: object) -> float | None:
    try:
        return float(text_of(value) or "")
    except ValueError:
        return None


def _likeliest_label(rows: Sequence[dict[str, object]], columns: Sequence[str]) -> str:
    """The last column whose texts several rows share, and that are no parts of a split; else the last."""
    for column in reversed(columns):
        texts = {text for row in rows if (text := text_of(row.get(column)))}
        if 1 < len(texts) <= len(rows) / 2 and not all(map(part_of, texts)):
            return column
    return columns[-1]


def _as_parts(splits: Sequence[str | None], name: str, is_asked: bool) -> list[str | None]:
    parts = [None if each is None else part_of(each) for each in splits]
    strange = Counter(each for each, part in zip(splits, parts, strict=True) if each is not None and part is None)
    if strange:
        without = f"leave the column out: {own_command({'--split_column': None})}"
        if not is_asked:
            without = f"call the column something else, or give no table: {without_table()}"
        raise BadInput(
            f"the column of the split in {name} says {listed(list(strange))}, and train, val and test are known; use "
            f"these words, or {without}"
        )
    return parts
