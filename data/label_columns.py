"""Which columns of a table may hold labels: words or numbers that several rows share, and no measurements."""

import re
from collections.abc import Iterable, Sequence

from data.layout import part_of
from data.table import text_of

_FEW_ROWS = 10  # of so few each may be a class of its own
_FOLDS = re.compile("(cv|k|kfold|cross)?[ _-]?folds?", re.IGNORECASE)  # of a cross-validation
_EACH = 5  # rows that share a number, on average, where numbers are classes


def are_measured(texts: Sequence[str | None], rows_each: float = 2) -> bool:
    """Whether labels are numbers, with a decimal comma perhaps, that fewer than ``rows_each`` rows share on average."""
    there = [text for text in texts if text]
    values = set(there)
    few = len(values) <= _FEW_ROWS or len(values) * rows_each <= len(there)
    return not few and all(number(value.replace(",", ".")) is not None for value in values)


def may_be_measured(texts: Sequence[str | None]) -> bool:
    """Whether numbers that nobody called labels are rather measured, as ages and prices are."""
    return are_measured(texts, _EACH)


def possible_labels(rows: Sequence[dict[str, object]], columns: Iterable[str]) -> list[str]:
    """The columns of words or numbers that several rows share, that are no parts of a split and not measured."""
    found = []
    for column in columns:
        texts = [text for row in rows if (text := text_of(row.get(column)))]
        shared = 1 < len(set(texts)) <= len(rows) / 2
        if shared and not all(map(part_of, set(texts))) and not may_be_measured(texts) and not is_fold(column):
            found.append(column)
    return found


def likeliest_label(rows: Sequence[dict[str, object]], columns: Sequence[str]) -> str:
    """The last of the columns that may hold labels, of words if there are such; else the last of all."""
    found = possible_labels(rows, columns)
    return max(found, key=lambda column: (has_words(rows, column), found.index(column))) if found else columns[-1]


def is_fold(column: str) -> bool:
    """Whether a column tells the fold of a cross-validation."""
    return _FOLDS.fullmatch(column) is not None


def has_words(rows: Sequence[dict[str, object]], column: str) -> bool:
    """Whether a column holds anything but numbers."""
    return any(text_of(row.get(column)) and number(row[column]) is None for row in rows)


def one_hot(rows: Sequence[dict[str, object]], header: Sequence[str], used: dict[str, str | None]) -> list[str]:
    """The columns of 0 and 1 of which each row has one 1: a class each; none where rows have no or several 1.

    Those of a split are none, nor is one that is in the way, as is_male.
    """
    found = [
        column
        for column in header
        if column not in used.values()
        and part_of(re.sub("(?i)^is[ _-]?", "", column)) is None
        and {number(row.get(column)) for row in rows} == {0, 1}
    ]
    for classes in (found, *([each for each in found if each != other] for other in found)):
        if len(classes) > 1 and all(sum(number(row[each]) for each in classes) == 1 for row in rows):
            return classes
    return []


def number(value: object) -> float | None:
    """The number that a cell is; None if it is none."""
    try:
        return float(text_of(value) or "")
    except ValueError:
        return None
