"""What a table says of image files: label, group, part of the split."""

import contextlib
import re
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from data.label_columns import (
    are_measured,
    has_words,
    is_fold,
    likeliest_label,
    may_be_measured,
    number,
    one_hot,
    possible_labels,
)
from data.layout import TEST, TRAIN, VAL, part_of
from data.named_files import FilesByName, column_of_names, likeliest_column, matched
from data.split_lists import inside, part_told
from data.table import USUAL, Columns, column_called, listed, numbered, rows_of, text_of, without_table
from run.console import count, verb
from run.errors import BadInput, printable
from run.hints import own_command

METADATA = ("metadata.csv", "metadata.jsonl")
_FEW_ROWS = 10  # of so few each may be a class of its own
_OF_SPLIT = re.compile("partition|split", re.IGNORECASE)  # in the name of a table whose column is no label
_ANSWERS = ((("1", "true", "yes", "1.0"), 0), (("0", "false", "no", "0.0"), 1))
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
        named: positions of the files that rows name.
    """

    labels: list[str | None]
    groups: list[str | None]
    parts: list[str | None] | None
    words: str
    remarks: list[str] = field(default_factory=list)
    named: tuple[int, ...] = ()


def read_table(table: Path, paths: Sequence[str], columns: Columns, *, is_asked: bool = True) -> Known:
    """What a table says of image files.

    Args:
        table: of rows that name a file by its relative path or its bare name, with or without its ending.
        paths: M relative paths.
        columns: of the table.
        is_asked: whether somebody named the table: then columns of 0 and 1 may be its classes.

    Raises:
        BadInput: the table is missing or can't be read, has no column of files or no other one, or names no file.
    """
    name, index = printable(table), FilesByName.of(paths, table.stem)
    header, rows = rows_of(table, index.find)
    found = _columns_used(header, rows, columns, index, name)
    if found["label"] is None and is_asked and (classes := one_hot(rows, header, found)):
        found["label"] = f"the column with the 1 ({len(classes)} of them)"
        for row in rows:
            row[found["label"]] = next(column for column in classes if number(row[column]) == 1)
    if not any(found[kind] for kind in ("label", "group", "split")):
        others = [column for column in header if column != found["file"]]
        raise BadInput(f"{name} has no column of labels (it has {listed(header)}){_which_it_is(rows, others)}")
    said = _Said.of(rows, found, index)
    if not said.values:
        likeliest = likeliest_column(rows, header, index)
        better = f"say which column names them, as here: {own_command({'--file_column': [likeliest]})}"
        if likeliest == found["file"]:
            better = f"write their names as the files have them, or give no table: {without_table()}"
        raise BadInput(
            f"no row of {name} names one of the {len(paths):,} images ({printable(found['file'])}: "
            f"{listed(said.unknown or said.ambiguous)}; images: {listed(paths)}); {better}"
        )
    if said.disagree:
        images = sorted(set(said.disagree))
        raise BadInput(
            f"{name} says different things of {count(len(images), 'image')} ({listed(images)}); leave one row for each"
        )
    labels, groups, splits = (
        [said.values[position][place] if position in said.values else None for position in range(len(paths))]
        for place in range(3)
    )
    if columns.label and not any(labels):
        raise BadInput(
            f"the column {printable(found['label'])} of {name} holds no label; give another, or no table: "
            f"{without_table()}"
        )
    if shift := _shift(said, paths):
        raise BadInput(
            f"the numbers of {name} look shifted against those of the images: {shift}; write the names of the files "
            f"into it, take rows without an image out if the others are right, or give no table: {without_table()}"
        )
    remarks, parts = said.remarks(name), None
    if found["label"] and not any(labels):
        remarks.append(f"the column {printable(found['label'])} of {name} holds no label")
        found["label"] = None
    if are_measured(labels):
        what = f"the column {printable(found['label'])} of {name} holds {len(set(labels) - {None}):,} numbers for "
        what += f"{count(len(said.values), 'image')}: they are measured, and no classes"
        if columns.label or not (found["group"] or found["split"]):
            raise BadInput(f"{what}{_which_it_is(rows, [each for each in header if each not in found.values()])}")
        remarks.append(what)
        labels, found["label"] = [None] * len(paths), None
    others = possible_labels(rows, [each for each in header if each not in found.values()])
    if found["label"] is None and others:
        flag = shlex.join(["--label_column", likeliest_label(rows, others)])
        remarks.append(
            f"no column of {name} is taken for labels; it has {listed(others)}: to use one, {printable(flag)}"
        )
    if folds := [column for column in header if is_fold(column) and column not in found.values()]:
        remarks.append(
            f"the column {printable(folds[0])} of {name} is not used: one network is trained, and none a fold"
        )
    if found["split"]:
        parts, strange = _as_parts(splits, found["split"])
        if strange and (columns.split is not None or not (found["label"] or found["group"])):
            without = own_command({"--split_column": None}) if columns.split else without_table()
            raise BadInput(
                f"the column of the split in {name} says {listed(strange)}, and train, val and test are known; use "
                f"these words, or leave the column out: {without}"
            )
        if strange:
            remarks.append(
                f"the column {printable(found['split'])} of {name} says {listed(strange)}: no parts of a split"
            )
            found["split"] = parts = None
    used = ", ".join(f"{kind}s from {column}" for kind, column in found.items() if column and kind != "file")
    words = f"{used.replace('splits from', 'split from') or 'nothing'} in {name} ({count(len(said.values), 'image')})"
    return Known(_as_whole_numbers(labels), groups, parts, words, remarks, tuple(sorted(said.values)))


def _which_it_is(rows: Sequence[dict[str, object]], others: Sequence[str]) -> str:
    """What follows where a table has no labels: the column that may be meant, or that there is none."""
    columns = [each for each in others if not are_measured([text_of(row.get(each)) for row in rows])]
    if not columns:
        why = f"; numbers that nearly every image has its own of ({listed(others)}) are no classes" if others else ""
        return f"{why}; give a table that has one, or none: {without_table()}"
    return f"; say which it is, as here: {own_command({'--label_column': [likeliest_label(rows, columns)]})}"


def _shift(said: "_Said", paths: Sequence[str]) -> str | None:
    """What is over at one end of the rows and at the other end of the images, both numbered: as from 0 and from 1."""
    stems, unknown = ([name.rpartition("/")[2].partition(".")[0] for name in names] for names in (paths, said.unknown))
    absent = [position for position in range(len(paths)) if position not in said.values]
    if not (said.unknown and absent and all(each.isdecimal() for each in [*unknown, *stems])):
        return None
    rows, images = sorted(map(int, unknown)), sorted(int(stems[position]) for position in absent)
    known = [int(stems[position]) for position in said.values]
    outside = (rows[-1] < min(known) and images[0] > max(known)) or (rows[0] > max(known) and images[-1] < min(known))
    if len(rows) != len(images) or not outside:
        return None
    return f"{listed(said.unknown)} has no image, and {listed([paths[position] for position in absent])} has no row"


def read_tables(tables: Sequence[Path], paths: Sequence[str], columns: Columns, *, is_asked: bool = True) -> Known:
    """What several tables say of image files, and which files none of them names; see :func:`read_table`."""
    each = [read_table(table, paths, _columns_in(table, columns, tables), is_asked=is_asked) for table in tables]
    known = combined([(range(len(paths)), one) for one in each], len(paths))
    if not any(known.labels) and not any(known.groups) and known.parts is None:
        what = "; ".join(known.remarks) or f"{', '.join(map(printable, tables))} says nothing of the images"
        raise BadInput(f"{what}; give a table with labels, or none: {without_table()}")
    disputed = [
        path
        for position, path in enumerate(paths)
        if len({one.labels[position] for one in each if one.labels[position]}) > 1
    ]
    if disputed:
        told = f"{count(len(disputed), 'image')} {verb(len(disputed), 'have')} other labels in a later table"
        known.remarks.append(f"{told}; the first one counts: {listed(disputed)}")
    named = set(known.named)
    absent = [path for position, path in enumerate(paths) if position not in named]
    if absent:
        where = ", ".join(map(printable, tables))
        have = f"{count(len(absent), 'image')} {verb(len(absent), 'have')} no row in {where}: {listed(absent)}"
        known.remarks.append(have)
    return known


def _columns_in(table: Path, columns: Columns, tables: Sequence[Path]) -> Columns:
    """The columns that somebody named, as far as a table has them, where another of several has them too."""
    if len(tables) == 1 or columns == Columns():
        return columns
    headers = {each: rows_of(each, lambda name: False)[0] for each in tables}
    known = set().union(*headers.values())
    asked = {kind: name for kind, name in vars(columns).items() if name in headers[table] or name not in known}
    return Columns(**asked)


def _columns_used(
    header: Sequence[str], rows: Sequence[dict[str, object]], columns: Columns, index: FilesByName, name: str
) -> dict[str, str | None]:
    """The column of each kind of :data:`data.table.USUAL`; None where there is none.

    Raises:
        BadInput: there is none of files.
    """
    found = {kind: column_called(kind, getattr(columns, kind), header, name) for kind in USUAL}
    if columns.file is None and found["file"] and _counts_rows(rows, found["file"]):
        found["file"] = column_of_names(rows, header, index) or found["file"]  # id counts, and photo names the files
    if header == numbered(header):
        names = column_of_names(rows, header, index) or likeliest_column(rows, header, index)
        found["file"] = found["file"] or names
        others = [column for column in header if column != found["file"]]
        found["label"] = found["label"] or (others[0] if others else None)
    elif found["file"] and len(header) == 2 and not any(found[kind] for kind in ("label", "group", "split")):
        found["label"] = next(column for column in header if column != found["file"])  # whatever it is called
        texts = [text_of(row.get(found["label"])) for row in rows]
        if 2 * len(set(texts)) > len(rows) > _FEW_ROWS or may_be_measured(texts):  # captions, or numbers
            found["label"] = None
    found["file"] = found["file"] or column_of_names(rows, header, index)
    if found["file"] is None:
        raise BadInput(
            f"{name} has no column that names the files (it has {listed(header)}); say which it is, as here: "
            f"{own_command({'--file_column': [likeliest_column(rows, header, index)]})}"
        )
    return found


@dataclass
class _Said:
    """What the rows of a table say of images."""

    values: dict[int, tuple[str | None, ...]] = field(default_factory=dict)  # position -> label, group, split
    unknown: list[str] = field(default_factory=list)  # names of no image
    ambiguous: list[str] = field(default_factory=list)  # names of several
    disagree: list[str] = field(default_factory=list)  # names of those that other rows say something else of
    twice: int = 0
    nothing: list[str] = field(default_factory=list)  # words for no label, such as NaN

    @classmethod
    def of(cls, rows: Sequence[dict[str, object]], found: dict[str, str | None], index: FilesByName) -> "_Said":
        """Read rows by their columns."""
        said = cls()
        for row, named, positions in matched(rows, found["file"], index):
            position, *others = positions or [None]
            cells = [row.get(found[kind]) if found[kind] else None for kind in ("label", "group", "split")]
            if str(cells[0] or "").strip() and text_of(cells[0]) is None:
                said.nothing.append(str(cells[0]))
            values = tuple(map(text_of, cells))
            if others:
                said.ambiguous.append(named)
            elif position is None:
                said.unknown.append(named)
            elif position in said.values:
                said.twice += 1
                if said.values[position] != values:
                    said.disagree.append(named)
            else:
                said.values[position] = values
        return said

    def remarks(self, name: str) -> list[str]:
        """What does not fit, a line each."""
        lines = []
        if self.nothing:
            words = listed(sorted(set(self.nothing)))
            lines.append(f"{count(len(self.nothing), 'row')} of {name} without a label: {words}")
        if self.unknown:
            rows = count(len(self.unknown), "row")
            lines.append(f"{rows} of {name} without an image that is there: {listed(self.unknown)}")
        if self.ambiguous:
            several = f"{count(len(self.ambiguous), 'row')} of {name} could mean more than one image"
            lines.append(f"{several}, and {verb(len(self.ambiguous), 'are')} not used: {listed(self.ambiguous)}")
        if self.twice:
            lines.append(f"{count(self.twice, 'row')} of {name} {verb(self.twice, 'are')} there twice")
        return lines


def combined(tables: Sequence[tuple[Sequence[int], Known]], count: int) -> Known:
    """What several tables say together of ``count`` files, each of those at some positions; the first counts more."""
    labels, groups, parts = ([None] * count for _ in range(3))
    for positions, known in tables:
        of_each = zip(positions, known.labels, known.groups, known.parts or [None] * len(positions), strict=True)
        for position, label, group, part in of_each:
            labels[position] = labels[position] or label
            groups[position] = groups[position] or group
            parts[position] = parts[position] or part
    words = "; ".join(known.words for _, known in tables)
    remarks = [each for _, known in tables for each in known.remarks]
    named = {positions[place] for positions, known in tables for place in known.named}
    return Known(labels, groups, parts if any(parts) else None, words, remarks, tuple(sorted(named)))


def tables_of_labels(folders: Sequence[Path], paths: Sequence[str]) -> tuple[list[Path], Columns, Known] | None:
    """The tables beside images that have labels for most of them, at least half; None without any.

    It is one table, or those of the parts of a split that lie together: train.csv and test.csv. With them the columns
    that have to be named for it, and what is said then.

    Args:
        folders: that they may lie in.
        paths: M relative paths of the images.
    """
    best: tuple[int, list[Path], Columns, Known] | None = None
    for folder in folders:
        of_parts: list[tuple[Path, Known]] = []
        for table in inside(folder, lambda name: name.endswith(_TABLES))[:_TABLES_AT_MOST]:
            with contextlib.suppress(BadInput, OSError):
                if table.stat().st_size > _TABLE_BYTES:
                    continue
                columns, known = _read_unasked(table, paths)
                labelled = sum(label is not None for label in known.labels)
                several = 1 < len(set(known.labels) - {None}) <= labelled / 2  # else captions, or prices
                several = several and not may_be_measured(known.labels)
                if not several or (_OF_SPLIT.search(table.stem) and "column " in known.words):
                    continue
                if columns == Columns() and part_told(table.stem) in (TRAIN, VAL, TEST):
                    of_parts.append((table, known))
                if best is None or labelled > best[0]:
                    best = labelled, [table], columns, known
        of_parts.sort(key=lambda each: [TRAIN, VAL, TEST].index(part_told(each[0].stem)))
        if len(of_parts) > 1:
            known = combined([(range(len(paths)), each) for _, each in of_parts], len(paths))
            labelled = sum(label is not None for label in known.labels)
            if labelled > best[0]:
                best = labelled, [table for table, _ in of_parts], Columns(), known
    return best[1:] if best is not None and 2 * best[0] >= len(paths) else None


def _read_unasked(table: Path, paths: Sequence[str]) -> tuple[Columns, Known]:
    """What a table says by its usual columns, or else with a column of words as labels, and which that is."""
    usual = Columns()
    with contextlib.suppress(BadInput):
        known = read_table(table, paths, usual)
        if any(known.labels):
            return usual, known
    index = FilesByName.of(paths, table.stem)
    header, rows = rows_of(table, index.find)
    used = _columns_used(header, rows, usual, index, printable(table)).values()
    worded = [column for column in header if column not in used and has_words(rows, column)]
    columns = Columns(label=likeliest_label(rows, worded)) if worded else usual
    return columns, read_table(table, paths, columns)


def _counts_rows(rows: Sequence[dict[str, object]], column: str) -> bool:
    return all((text_of(row.get(column)) or "").isdecimal() for row in rows)


def _as_parts(splits: Sequence[str | None], column: str) -> tuple[list[str | None], list[str]]:
    """The part of each row, and what is none; 1 and 0 are yes and no where the column asks ``is_test``."""
    asked = part_of(re.sub("(?i)^is[ _-]?", "", column)) if re.match("(?i)is", column) else None
    yes_and_no = {TRAIN: (TRAIN, TEST), TEST: (TEST, TRAIN), VAL: (VAL, TRAIN)}.get(asked)
    answers = {} if yes_and_no is None else {word: yes_and_no[no] for words, no in _ANSWERS for word in words}
    parts = [each and (answers.get(each.lower()) or part_of(each)) for each in splits]
    strange = Counter(each for each, part in zip(splits, parts, strict=True) if each is not None and part is None)
    return parts, list(strange)


def _as_whole_numbers(labels: Sequence[str | None]) -> list[str | None]:
    """``1`` for 1.0 where all labels are numbers."""
    numbers = {label: number(label) for label in set(labels) - {None}}
    if None in numbers.values():
        return list(labels)
    whole = {
        label: f"{number:.0f}" if "." in label and number.is_integer() else label for label, number in numbers.items()
    }
    return [whole.get(label) for label in labels]
