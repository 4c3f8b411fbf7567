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
        inner = _inside(place, lambda name: name in _PLACES)
        inner += [path for each in inner for path in _inside(each, lambda name: name == "main")]  # of Pascal VOC
        for each in (place, *inner):
            found += filter(_may_tell, _inside(each, lambda name: name.endswith(_LISTS)))
    return found


def _only_folder(folder: Path) -> Path | None:
    """The folder that is all there is in another one; hidden files do not count."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        seen = list(islice((entry for entry in entries if not entry.name.startswith(".")), 2))
        return Path(seen[0].path) if len(seen) == 1 and seen[0].is_dir(follow_symlinks=False) else None
    return None


def _inside(folder: Path, wanted: Callable[[str], bool]) -> list[Path]:
    """What lies in a folder, which may hold a million pictures, and has a wanted name, in small letters."""
    with contextlib.suppress(OSError):
        names = [name for name in os.listdir(folder) if wanted(name.lower())]
        return [folder / name for name in sorted(names, key=natural_order)]
    return []


def listed_parts(lists: Sequence[Path], paths: Sequence[str], folder: Path) -> tuple[list[str | None], str] | None:
    """The part of the split of M image files by the lists of one folder, and how that is known; None where none tells.

    Args:
        lists: of :func:`split_lists`.
        paths: M relative paths of the images.
        folder: that they lie in.
    """
    for place in dict.fromkeys(path.parent for path in lists):
        mine = [path for path in lists if path.parent == place]
        numbered = {path.name.lower(): path for path in mine}
        if {_NUMBERED, _NUMBERS} <= set(numbered):
            sides, used = _by_number(numbered[_NUMBERED], numbered[_NUMBERS], paths), [numbered[_NUMBERED]]
        else:
            sides, used = _by_name([path for path in mine if part_told(path)], paths, folder)
        counts = Counter(side for side in sides if side)
        if TRAIN in counts and len(counts) > 1 and 2 * sum(counts.values()) >= len(paths):
            if TEST not in counts:  # what is held out is held out, whatever it is called
                sides = [TEST if side == VAL else side for side in sides]
                counts = Counter(filter(None, sides))
            held = ", ".join(f"{counts[part]:,} {part}" for part in (TRAIN, VAL, TEST) if counts[part])
            return sides, f"the split is that of {', '.join(printable(path.name) for path in used)} ({held})"
    return None


def part_told(path: Path) -> str | None:
    """``train`` of train_list.txt and of trainlist01.txt."""
    if re.search("train[^a-z]*val", path.stem.lower()):
        return TRAIN
    words = [word.removesuffix("list") for word in re.split("[^a-z]+", path.stem.lower()) if word not in _BESIDE]
    return part_of(" ".join(words))


def _may_tell(path: Path) -> bool:
    with contextlib.suppress(OSError):
        named = path.name.lower() in (_NUMBERED, _NUMBERS) or part_told(path) in (TRAIN, VAL, TEST)
        return named and os.access(path, os.R_OK) and path.is_file() and path.stat().st_size <= _BYTES
    return False


def _names_a_file(text: str | None) -> bool:
    """Whether a cell may do so: 17 is the number of a row, 0034309 is a name."""
    return text is not None and not (text.isdecimal() and (len(text) < 4 or text[0] != "0"))


def _is_of_others(place: Path, name: str, folder: Path) -> bool:
    """Whether a listed file lies elsewhere: dogs/1.jpg, in a list beside dogs/ and cats/, where cats/ is the folder."""
    found = [there for above in (place, place.parent) if (there := above / name.replace("\\", "/")).is_file()]
    return bool(found) and not any(folder.resolve() in there.resolve().parents for there in found)


def _by_name(lists: Sequence[Path], paths: Sequence[str], folder: Path) -> tuple[list[str | None], list[Path]]:
    """Parts by lists that name files: the first list of each part, which others (train2.txt) repeat otherwise."""
    sides: list[str | None] = [None] * len(paths)
    first = {part: path for path in reversed(lists) if (part := part_told(path))}
    used = []
    for part in (TRAIN, VAL, TEST):
        if part not in first:
            continue
        index = FilesByName(paths, first[part].stem)
        with contextlib.suppress(BadInput, OSError):
            header, rows = rows_of(first[part], index.find)
            column = likeliest_column(rows, header, index)
            rows = [row for row in rows if _names_a_file(text_of(row.get(column)))]
            if any(_is_of_others(first[part].parent, text_of(row[column]), folder) for row in rows[:_LOOKED_AT]):
                continue
            named = [positions[0] for *_, positions in matched(rows, column, index) if len(positions) == 1]
            if named:
                used.append(first[part])
            for position in named:
                sides[position] = part  # trainval.txt holds what val.txt does
    return sides, used


def _by_number(split: Path, names: Path, paths: Sequence[str]) -> list[str | None]:
    """Parts by two tables without headers: number and 1 for training, number and path."""
    index = FilesByName(paths, split.stem)
    sides: list[str | None] = [None] * len(paths)
    with contextlib.suppress(BadInput, OSError, ValueError):
        trains = dict(line.split()[:2] for line in split.read_text().splitlines() if line.strip())
        for line in names.read_text().splitlines():
            number, _, name = line.partition(" ")
            found = index.find(name)
            if len(found) == 1 and trains.get(number) in ("0", "1"):
                sides[found[0]] = TRAIN if trains[number] == "1" else TEST
    return sides
