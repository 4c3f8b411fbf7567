"""Lists of files beside images, one for each part of a split, as many sets are published with.

``train.txt`` and ``test.txt`` (or ``TrainImages.txt``, ``testlist01.txt``, ``validation.csv``) name files by path or
bare name, with or without ending, in any column; ``train_test_split.txt`` says 1 for training of each number in
``images.txt``. They lie beside the images, in a folder such as ``meta/`` or ``splits/``, or in the folder above.
"""

import contextlib
import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

from data.layout import TEST, TRAIN, VAL, natural_order, part_of
from data.named_files import FilesByName, likeliest_column, matched
from data.table import rows_of, text_of
from run.errors import BadInput, printable

_PLACES = ("meta", "metadata", "split", "splits", "list", "lists", "labels", "annotations", "imagesets", "main")
_LISTS = (".txt", ".csv", ".tsv", ".lst")
_BESIDE = ("list", "lists", "label", "labels", "file", "filename", "filenames", "name", "names", "id", "ids", "index")
_BYTES = 64 << 20  # of a list
_LOOKED_AT = 100  # names of a list, whether they are of other folders
_NUMBERED, _NUMBERS = "train_test_split.txt", "images.txt"  # of Caltech's birds


def split_lists(folder: Path) -> list[Path]:
    """Files below or beside a folder of images that may tell its split, nearest first."""
    found, wrapped = [], folder
    while (only := _only_folder(wrapped)) is not None:  # an archive that was unpacked into a folder
        wrapped = only
    for place in dict.fromkeys((wrapped, folder, folder.parent)):
        inner = inside(place, lambda name: name in _PLACES)
        inner += [path for each in inner for path in inside(each, lambda name: name == "main")]  # of Pascal VOC
        for each in (place, *inner):
            lists = [path for path in inside(each, _may_tell) if _can_be_read(path)]
            parts = {part_told(path.stem) for path in lists}
            if {_NUMBERED, _NUMBERS} <= {path.name.lower() for path in lists} or (
                TRAIN in parts and parts & {VAL, TEST}
            ):
                found += lists
    return found


def _only_folder(folder: Path) -> Path | None:
    """The folder that is all there is in another one; hidden files do not count."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        seen = list(islice((entry for entry in entries if not entry.name.startswith(".")), 2))
        return Path(seen[0].path) if len(seen) == 1 and seen[0].is_dir(follow_symlinks=False) else None
    return None


def inside(folder: Path, wanted: Callable[[str], bool]) -> list[Path]:
    """What lies in a folder, which may hold a million pictures, and has a wanted name, in small letters."""
    with contextlib.suppress(OSError):
        names = [name for name in os.listdir(folder) if wanted(name.lower())]
        return [folder / name for name in sorted(names, key=natural_order)]
    return []


def listed_parts(
    lists: Sequence[Path], paths: Sequence[str], folder: Path, *, is_named: bool = False
) -> tuple[list[str | None], str] | None:
    """The part of the split of M image files by the lists of one folder, and how that is known; None where none tells.

    Args:
        lists: of :func:`split_lists`.
        paths: M relative paths of the images.
        folder: that they lie in.
        is_named: whether somebody named the lists: then all of a part count, else the first (of train1, train2 ...).
    """
    for place in dict.fromkeys(path.parent for path in lists):
        mine = [path for path in lists if path.parent == place]
        numbered = {path.name.lower(): path for path in mine}
        if {_NUMBERED, _NUMBERS} <= set(numbered):
            sides, used = _by_number(numbered[_NUMBERED], numbered[_NUMBERS], paths), [numbered[_NUMBERED]]
        else:
            sides, used = _by_name(mine, paths, folder, is_named)
        counts = Counter(side for side in sides if side)
        if TRAIN in counts and len(counts) > 1 and 2 * sum(counts.values()) >= len(paths):
            if TEST not in counts:  # what is held out is held out, whatever it is called
                sides = [TEST if side == VAL else side for side in sides]
                counts = Counter(filter(None, sides))
            held = ", ".join(f"{counts[part]:,} {part}" for part in (TRAIN, VAL, TEST) if counts[part])
            return sides, f"the split is that of {', '.join(printable(path.name) for path in used)} ({held})"
    return None


def part_told(stem: str) -> str | None:
    """``train`` of train_list and of trainlist01, a table's name without its ending."""
    if re.search("train[^a-z]*val", stem.lower()):
        return TRAIN
    words = [word.removesuffix("list") for word in re.split("[^a-z]+", stem.lower()) if word not in _BESIDE]
    return part_of(" ".join(words))


def _may_tell(name: str) -> bool:
    listed = name.endswith(_LISTS) and part_told(name.rpartition(".")[0]) in (TRAIN, VAL, TEST)
    return listed or name in (_NUMBERED, _NUMBERS)


def _can_be_read(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return os.access(path, os.R_OK) and path.is_file() and path.stat().st_size <= _BYTES
    return False


def _names_a_file(text: str | None) -> bool:
    """Whether a cell may do so: 17 is the number of a row, 0034309 is a name."""
    return text is not None and not (text.isdecimal() and (len(text) < 4 or text[0] != "0"))


def _is_of_others(place: Path, name: str, folder: Path) -> bool:
    """Whether a listed file lies elsewhere: dogs/1.jpg, in a list beside dogs/ and cats/, where cats/ is the folder."""
    above = (os.path.join(each, name.replace("\\", "/")) for each in (place, place.parent))
    found = [Path(there) for there in above if os.path.isfile(there)]
    return bool(found) and not any(folder.resolve() in there.resolve().parents for there in found)


def _by_name(
    lists: Sequence[Path], paths: Sequence[str], folder: Path, is_named: bool
) -> tuple[list[str | None], list[Path]]:
    """Parts by lists that name files; of those that were found, the first of each part: train2.txt is another split."""
    sides: list[str | None] = [None] * len(paths)
    of_parts: dict[str | None, list[Path]] = {}
    for path in lists:
        of_parts.setdefault(part_told(path.stem), []).append(path)
    used = []
    for part in (TRAIN, VAL, TEST):  # trainval.txt holds what val.txt does
        for path in of_parts.get(part, [])[: None if is_named else 1]:
            named = _positions(path, paths, folder)
            used += [path] if named else []
            for position in named:
                sides[position] = part
    return sides, used


def _positions(table: Path, paths: Sequence[str], folder: Path) -> list[int]:
    """The images that a list names; none where it names files elsewhere, or can't be read."""
    index = FilesByName.of(paths, table.stem)
    with contextlib.suppress(BadInput, OSError):
        header, rows = rows_of(table, index.find)
        column = likeliest_column(rows, header, index)
        rows = [row for row in rows if _names_a_file(text_of(row.get(column)))]
        if any(_is_of_others(table.parent, text_of(row[column]), folder) for row in rows[:_LOOKED_AT]):
            return []
        return [positions[0] for *_, positions in matched(rows, column, index) if len(positions) == 1]
    return []


def _by_number(split: Path, names: Path, paths: Sequence[str]) -> list[str | None]:
    """Parts by two tables without headers: number and 1 for training, number and path."""
    index = FilesByName.of(paths, split.stem)
    sides: list[str | None] = [None] * len(paths)
    with contextlib.suppress(BadInput, OSError, ValueError):
        trains = dict(line.split()[:2] for line in split.read_text("utf-8", "replace").splitlines() if line.strip())
        for line in names.read_text("utf-8", "replace").splitlines():
            number, _, name = line.partition(" ")
            found = index.find(name)
            if len(found) == 1 and trains.get(number) in ("0", "1"):
                sides[found[0]] = TRAIN if trains[number] == "1" else TEST
    return sides
