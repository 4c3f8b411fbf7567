"""Image files by what a table may call them: paths, bare names, with or without their endings."""

import re
import unicodedata
from collections.abc import Callable, Container, Sequence
from copy import copy
from functools import cached_property, lru_cache

from data.formats import EXTENSIONS
from data.layout import part_of
from data.table import text_of


class FilesByName:
    """Files by what a table may call them."""

    def __init__(self, paths: Sequence[str]) -> None:
        # macOS writes accents as characters of their own
        self._paths = [unicodedata.normalize("NFC", path) for path in paths]
        self._exact: dict[str, list[int]] = {}
        self._other: dict[str, list[int]] = {}
        self._meant: Container[int] = ()
        for position, path in enumerate(self._paths):
            self._exact.setdefault(path, []).append(position)
            for name in _names(path) - {path}:
                self._other.setdefault(name, []).append(position)

    @classmethod
    def of(cls, paths: Sequence[str], table: str) -> "FilesByName":
        """The files for a table of that name: of those that share one, train.csv means those in train/."""
        found = copy(_of_paths(tuple(paths)))
        meant = {part_of(word) for word in re.split(r"[^A-Za-z]+", table)} - {None}
        if len(meant) == 1:
            folders = (map(part_of, path.split("/")[:-1]) for path in found._paths)
            found._meant = {position for position, parts in enumerate(folders) if not meant.isdisjoint(parts)}
        return found

    @cached_property
    def _loosely(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for position, path in enumerate(self._paths):
            for name in set(map(_plain, _names(path))):
                found.setdefault(name, []).append(position)
        return found

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
        name = unicodedata.normalize("NFC", name).strip().replace("\\", "/").removeprefix("./")
        found = look_up(name)
        while not found and "/" in name:
            name = name.partition("/")[2]
            found = look_up(name)
        found = found or []
        return [position for position in found if position in self._meant] or found if len(found) > 1 else found


@lru_cache(maxsize=1)
def _of_paths(paths: tuple[str, ...]) -> FilesByName:
    """Made once for all tables that may name the files."""
    return FilesByName(paths)


def forget_names() -> None:
    """Let go of what was made for tables: of a million files it is large."""
    _of_paths.cache_clear()


def _names(path: str) -> set[str]:
    """images/cat/1.png, cat/1.png, 1.png; and without the ending."""
    names = {path.split("/", depth)[-1] for depth in range(path.count("/") + 1)}
    return names | {name.rpartition(".")[0] or name for name in names}


def _plain(name: str) -> str:
    """A name in small letters; a number without the zeros before it, which spreadsheets drop."""
    return name.lstrip("0") or "0" if name.isdecimal() else name.casefold()


def matched(
    rows: Sequence[dict[str, object]], column: str, index: FilesByName
) -> list[tuple[dict[str, object], str, list[int]]]:
    """Each row with the name in it and the files that it means: first those that name one as it is spelt, then those
    that do so loosely, of files that no other row has named."""
    matched, others = [], []
    for row in rows:
        named = text_of(row.get(column)) or ""
        found = index.find(named)
        (matched if len(found) == 1 else others).append((row, named, found))
    taken = {position for *_, positions in matched for position in positions}
    for row, named, several in others:
        loosely = index.find_loosely(named)
        if not several or len(loosely) == 1:
            several = [position for position in loosely if position not in taken]
        matched.append((row, named, several))
    return matched


def likeliest_column(rows: Sequence[dict[str, object]], header: Sequence[str], index: FilesByName) -> str:
    """The column of which most values name an image."""

    def names_one(value: object) -> bool:
        return bool(index.find(text := text_of(value) or "") or index.find_loosely(text))

    return max(header, key=lambda column: sum(names_one(row.get(column)) for row in rows[:100]))


def column_of_names(rows: Sequence[dict[str, object]], header: Sequence[str], index: FilesByName) -> str | None:
    """The one column of which all values that say something name an image with its ending, or else without; or None.

    Numbers without an ending name none: they may count anything.
    """

    def names(column: str, *, whole: bool) -> bool:
        texts = [text for row in rows[:100] if (text := text_of(row.get(column)))]
        return bool(texts) and all(
            ("." in text if whole else not text.isdecimal()) and len(index.find(text)) == 1 for text in texts
        )

    for whole in (True, False):
        found = [column for column in header if names(column, whole=whole)]
        if found:
            return found[0] if len(found) == 1 else None
    return None
