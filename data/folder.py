"""Any folder of images: one folder a class, or flat."""

import contextlib
import hashlib
import os
import shlex
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from data.annotations import Annotations
from data.decode import quiet_pillow
from data.fitting import Shape
from data.groups import suggested_folders, suggested_groups, suggested_labels, suggested_versions, tracks
from data.label_file import METADATA, Known, combined, read_tables, tables_of_labels
from data.layout import TEST, TRAIN, VAL, Layout, natural_order, part_of, recognise
from data.listing import NAMED_AT_MOST, list_images
from data.masks import masks
from data.patterns import examples, match_pattern
from data.pictures import Pictures
from data.shape import Wanted, count_frames_of, guess_shape
from data.source import Source
from data.split_lists import listed_parts, split_lists
from data.survey import survey
from data.table import Columns
from data.tones import Tones
from data.workers import Frames, decode_files
from run import console
from run.arguments import nearest
from run.errors import BadInput, printable
from run.hints import own_command, own_command_for

# A file changed within the file system's clock tick keeps its times; ticks are 4 ms on Linux, 15 ms on Windows.
_CLOCK_TICK = 0.02


class Folder(Source):
    """All image files below a folder.

    The folders directly below it are the classes; whatever lies deeper counts to its class. Where more images lie
    beside those folders than in them, the set is flat and has no classes. Hidden files and folders, and files whose
    extension is not an image's, are passed over. Links are followed, but not to a folder above, nor on from
    what a link out of the folder leads to; a folder is entered once, by its own path if it has one here, so that a loop
    ends.
    """

    seeks_near_duplicates = True

    def __init__(
        self,
        root: Path,
        name: str,
        named: str | None = None,
        annotations: Annotations = Annotations(),  # noqa: B008  (frozen)
        is_new: bool = False,
    ) -> None:
        self.name = name
        self._named, self._annotations, self._is_new = named or str(root), annotations, is_new
        self.place = os.path.abspath(root)
        self._beside = os.path.join(self.place, "")
        self._listing = list_images(self.place)
        newest = max((max(mtime, ctime) for _, _, mtime, ctime in self._listing.files), default=0) / 1e9
        if 0 <= time.time() - newest < _CLOCK_TICK:
            time.sleep(_CLOCK_TICK)  # whatever changes from here on gets another time than it was listed with
        who = os.geteuid() if hasattr(os, "geteuid") else 0  # what may be read depends on who reads
        self._split_lists = [] if is_new else split_lists(Path(self.place))
        tables = [*annotations.labels] or self._metadata()
        tables += self._split_lists
        told = [table.is_file() and (os.path.relpath(table, self.place), table.read_bytes()) for table in tables]
        known = (self._listing.files, self._listing.unreadable, who, annotations, is_new, told)
        self.key = hashlib.sha256(repr(known).encode()).hexdigest()

    def open(self, image_size: tuple[int, int] | None, grayscale: bool, num_workers: int | None) -> Pictures:
        """The images below the folder; how many other files there are stands in their layout.

        Raises:
            BadInput: there are none.
        """
        pictures = self.pictures(image_size, grayscale, num_workers)
        return replace(pictures, layout="\n".join([pictures.layout, *self._listing.words()]))

    def pictures(self, image_size: tuple[int, int] | None, grayscale: bool, num_workers: int | None) -> Pictures:
        """The images below the folder, with what their paths say of them; see :meth:`open`."""
        files, left_out = self._listing.files, [*self._listing.unreadable, *self._listing.unsupported]
        left_out += [(relative, "empty file") for relative, size, *_ in files if size == 0]
        ids = [relative for relative, size, *_ in files if size]
        of_masks = masks(ids)
        left_out += [(ids[position], why) for position, why in of_masks.items()]
        ids = [relative for position, relative in enumerate(ids) if position not in of_masks]
        if not ids:
            raise BadInput(self._nothing_here(left_out))
        known = self._known(ids)
        left_out += [(ids[position], why) for position, why in known.left_out.items()]
        kept = [position for position in range(len(ids)) if position not in known.left_out]
        ids = [ids[position] for position in kept]
        if not ids:
            raise BadInput(self._nothing_here(left_out))
        said = self._annotations
        files = [Frames(self.file_of(relative)) for relative in ids]
        wanted = Wanted(image_size, grayscale, said.fit, said.known_tones, said.max_pixels)
        if said.frames == "all":
            counts = count_frames_of([file.path for file in files], num_workers)
            files = [
                file if count == 1 else Frames(file.path, range(count))
                for file, count in zip(files, counts, strict=True)
            ]
        row = [place for place, file in enumerate(files) for _ in range(file.count)]  # of each image, its file
        names, groups = ([values[kept[place]] for place in row] for values in (known.labels, known.groups))
        numbers = {name: number for number, name in enumerate(self._class_order(set(names) - {None}))}
        parts = None if known.parts is None else np.array([known.parts[kept[place]] for place in row])
        console.note(f"decoding {len(row):,} images of {printable(self.name)}")
        return Pictures(
            shape=guess_shape([file.path for file in files], wanted),
            batches=lambda shape: decode_files(files, shape, num_workers),
            batches_from=lambda shape, first: decode_files(files, shape, num_workers, first),
            ids=[
                ids[place] if file.frames is None else f"{ids[place]}#{frame + 1}"
                for place, file in enumerate(files)
                for frame in file.frames or range(1)
            ],
            labels=np.array([-1 if name is None else numbers[name] for name in names], np.int64) if numbers else None,
            class_names=tuple(numbers),
            groups=[
                group if group is not None or files[place].frames is None else f"frames of {ids[place]}"
                for place, group in zip(row, groups, strict=True)
            ],
            published_test=None if parts is None else parts == TEST,
            published_val=None if parts is None or VAL not in parts else parts == VAL,
            layout="\n".join(
                [f"{printable(self.name)}: {known.words}", *known.remarks, *_masks_in_words(list(of_masks.values()))]
            ),
            left_out=left_out,
            survey=lambda shape: _survey(files, shape, num_workers),
        )

    def _class_order(self, names: set[str]) -> list[str]:
        """The classes: those that were named in their order, then all others in natural order.

        Raises:
            BadInput: one is named that there is not, or twice.
        """
        first = list(self._annotations.class_order)
        for name in first:
            if name not in names or first.count(name) > 1:
                near = nearest(name, list(names)) if name not in names else None
                known = ", ".join(map(printable, sorted(names, key=natural_order)[:NAMED_AT_MOST]))
                wrong = f"is no class (did you mean {printable(near)}?)" if near else "is no class"
                wrong = "is named twice" if name in names else wrong
                known += ", ..." * (len(names) > NAMED_AT_MOST)
                meant = near if name not in names else name
                better = [each for each in dict.fromkeys(meant if each == name else each for each in first) if each]
                raise BadInput(
                    f"--class_order {printable(name)} {wrong}; the classes are {known}: "
                    f"{own_command({'--class_order': better or None})}"
                )
        return first + sorted(names - set(first), key=natural_order)

    def _known(self, ids: list[str]) -> "_Known":
        """What is known of the images (M,): from their folders, and from what a person says of them, which counts more.

        Raises:
            BadInput: their folders mean nothing, a table or a pattern does not fit them, or none has a label.
        """
        said, unfit = self._annotations, []
        if said.labels:
            listed = read_tables(said.labels, ids, self._columns())
        else:
            listed, unfit = self._read_metadata(ids)
        has_labels = said.label_from is not None or (listed is not None and any(listed.labels))
        layout = self._layout(ids, has_labels)
        known = _Known(layout.labels, layout.parts, tracks(ids), layout.words, unfit, dict(layout.left_out))
        if listed is not None:
            known.remarks += listed.remarks
            known.words = listed.words
            if any(listed.groups):
                known.groups = [group if group is None else f"group {group}" for group in listed.groups]
        if said.label_from is not None:
            known.labels = match_pattern(said.label_from, ids, "--label_from")
            known.words = f"labels from file names ({examples(ids, known.labels)})"
        elif has_labels:
            known.labels = listed.labels
        else:
            known.left_out |= layout.without_class
        if listed is not None:
            known.heed(listed)
        if has_labels or listed is not None:
            known.words += known.leave_to_folders(layout, has_labels, listed)
        if known.parts is None and (told := listed_parts([*said.labels, *self._split_lists], ids)):
            known.parts, words = told
            known.words += f"; {words}"
            known.left_out |= {place: "in no list of the split" for place, part in enumerate(known.parts) if not part}
        if listed is None and not any(known.labels) and (unused := self._unused_tables(ids)):
            tables, words = unused
            flag = printable(shlex.join(["--labels", *map(str, tables)]))
            known.remarks.append(f"there are {words}: to use these, {flag}")
        if any(known.labels):
            known.left_out = self._without_label(known) | known.left_out
        used = {part for place, part in enumerate(known.parts or ()) if place not in known.left_out}
        if known.parts is not None and not {TRAIN, TEST} <= used:
            known.parts = None
            if has_labels:
                side = "trains" if TEST in used else "tests"
                known.words += f"; nothing that {side} has a label, so test images are drawn from the others"
        if said.group_from is not None:
            known.groups = match_pattern(said.group_from, ids, "--group_from")
            known.remarks.append(f"groups from file names ({examples(ids, known.groups)})")
        elif not any(known.groups):
            used = [position for position in range(len(ids)) if position not in known.left_out]
            mine = [ids[position] for position in used]
            labels = [known.labels[position] for position in used]
            by_folder = suggested_folders(mine, labels) if has_labels else None
            together = by_folder or (known.parts is None and suggested_versions(mine)) or suggested_groups(mine, labels)
            known.remarks += filter(None, [together, suggested_labels(mine, labels)])
        return known

    def _layout(self, ids: list[str], has_labels: bool) -> Layout:
        """What the folders mean, which need mean nothing where labels come from elsewhere or none is needed.

        Raises:
            BadInput: they have to, and do not.
        """
        try:
            return recognise(ids, self._named)
        except BadInput as error:
            if has_labels or self._is_new:
                return Layout([None] * len(ids), None, "folders that are no classes")
            if unused := self._unused_tables(ids):
                tables, words = unused
                raise BadInput(f"{error}; or, with {words}: {own_command({'--labels': tables})}") from None
            raise

    def _without_label(self, known: "_Known") -> dict[int, str]:
        """Position -> why, of images without a label that can't be used: they can train, where others have one."""
        leave = self._annotations.unlabelled == "leave_out"
        held = {VAL: "no label, among those that validate", TEST: "no label, among those that test"}
        parts = known.parts or [None] * len(known.labels)
        return {
            position: held.get(part, "no label")
            for position, (label, part) in enumerate(zip(known.labels, parts, strict=True))
            if label is None and (leave or part in held)
        }

    def _metadata(self) -> list[Path]:
        """Hugging Face's table beside the images, or those in the folders at the top, one for each part of a split."""
        tops = []
        with contextlib.suppress(OSError), os.scandir(self.place) as entries:
            tops = sorted(entry.name for entry in entries if entry.is_dir() and part_of(entry.name))
        for places in ([""], tops):
            found = [path for place in places for name in METADATA if (path := Path(self.place, place, name)).is_file()]
            if found:
                return found
        return []

    def _read_metadata(self, ids: list[str]) -> tuple[Known | None, list[str]]:
        """What these tables say of images (M,), whose names in them are relative to them; and which are of no use."""
        found, unfit = [], []
        for table in self._metadata():
            place = "" if table.parent == Path(self.place) else f"{table.parent.name}/"
            mine = [position for position, sample_id in enumerate(ids) if sample_id.startswith(place)]
            try:
                known = read_tables([table], [ids[position].removeprefix(place) for position in mine], self._columns())
                found.append((mine, known))
            except BadInput as error:  # captions, say: nobody has asked for them
                if self._columns() != Columns():
                    raise
                unfit.append(f"{str(error).partition('; ')[0]}, and is not used")
        return (combined(found, len(ids)) if found else None), unfit

    def _unused_tables(self, ids: list[str]) -> tuple[list[Path], str] | None:
        """Tables of labels that lie in the folder, or beside it, and that nobody has named; and what is in them."""
        here = Path(self._named)
        found = None if self._is_new else tables_of_labels([here, here.parent], ids)
        if found is None:
            return None
        tables, known = found
        classes = sorted(set(known.labels) - {None}, key=natural_order)
        some = ", ".join(map(printable, classes[:NAMED_AT_MOST])) + ", ..." * (len(classes) > NAMED_AT_MOST)
        return tables, f"{known.words}: {some}"

    def _columns(self) -> Columns:
        said = self._annotations
        return Columns(said.file_column, said.label_column, said.group_column, said.split_column)

    def file_of(self, sample_id: str) -> str:
        """The path of an image, whose sample id is its path below the folder, and which of its frames it is."""
        path = self._beside + sample_id
        return path if self._annotations.frames == "first" or os.path.exists(path) else path.rpartition("#")[0]

    def _nothing_here(self, left_out: list[tuple[str, str]]) -> str:
        place = printable(self.place)
        instead = "give a folder with image files (one folder a class, or flat), or try a set that is here: "
        instead += own_command_for(self._named, "digits")
        if left_out:
            first, why = left_out[0]
            return f"{place} holds no readable image ({printable(first)}: {why}); {instead}"
        seen = "".join(f" ({line})" for line in self._listing.words())
        return f"{place} holds no images{seen}; {instead}"


@dataclass
class _Known:
    """What is known of M images before any is decoded; None where nothing is."""

    labels: list[str | None]
    parts: list[str | None] | None  # train, val or test; None for all without a published split
    groups: list[str | None]
    words: str  # how they lie, in a line
    remarks: list[str]  # further lines
    left_out: dict[int, str]  # position -> why

    def heed(self, listed: Known) -> None:
        """Take the split of a table, and the images that it names, wherever they lie."""
        named = (listed.labels, listed.parts or listed.labels)
        self.left_out = {place: why for place, why in self.left_out.items() if not any(each[place] for each in named)}
        if listed.parts is not None:
            held_out = TEST in listed.parts  # else what validates is held out, whatever it is called
            self.parts = listed.parts if held_out else [TEST if part == VAL else part for part in listed.parts]
            self.left_out |= {place: "no part of the split" for place, part in enumerate(listed.parts) if not part}

    def leave_to_folders(self, layout: Layout, has_labels: bool, listed: Known | None) -> str:
        """What folders still mean where a table or a pattern was given, in words: the split, and classes of the same
        names for images that have no label yet."""
        if not has_labels:
            return f"; {layout.words}"
        if layout.parts is None or (listed is not None and listed.parts is not None):
            return "" if listed is None else "; folders are not looked at"
        words = ""
        if listed is not None and self.labels is listed.labels and set(listed.labels) <= {None, *layout.labels}:
            without = [place for place, label in enumerate(self.labels) if label is None and layout.labels[place]]
            self.labels = [label or its_folder for label, its_folder in zip(self.labels, layout.labels, strict=True)]
            words = f"; labels from folders ({console.count(len(without), 'image')})" if without else ""
        held = Counter(part for place, part in enumerate(layout.parts) if place not in self.left_out)
        counts = ", ".join(f"{held[part]:,} {part}" for part in (TRAIN, VAL, TEST) if held[part])
        return f"{words}; the split is that of the folders ({counts})"


def _masks_in_words(reasons: Sequence[str]) -> list[str]:
    if not reasons:
        return []
    are = console.verb(len(reasons), "are")
    return [f"{console.count(len(reasons), 'file')} {are} left out, no picture of the set ({reasons[0]})"]


def _survey(files: list[Frames], shape: Shape, num_workers: int | None) -> Tones:
    with quiet_pillow():
        return survey(files, shape, num_workers)
