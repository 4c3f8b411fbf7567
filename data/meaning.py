"""What is known of a folder's images before any is decoded: labels, groups and parts of a split.

They come from the folders that images lie in, from their names, from tables, and from lists of a published split. What
a person says counts more than what was found.
"""

import contextlib
import os
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data.annotations import Annotations
from data.boxes import boxes_beside
from data.groups import (
    suggested_folders,
    suggested_groups,
    suggested_labels,
    suggested_people,
    suggested_versions,
    tracks,
)
from data.label_file import METADATA, Known, combined, read_tables, tables_of_labels
from data.layout import TEST, TRAIN, VAL, Layout, natural_order, part_of, recognise
from data.listing import NAMED_AT_MOST
from data.masks import mask_folders
from data.named_files import forget_names
from data.patterns import examples, match_pattern
from data.split_lists import listed_parts, split_lists
from data.table import Columns
from run import console
from run.command_words import edited
from run.errors import BadInput, printable
from run.hints import own_command


@dataclass
class Meaning:
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


class Interpreter:
    """Says what the images of a folder are.

    Args:
        place: the folder, by its absolute path.
        named: as the person named it.
        annotations: what is said of its images.
        is_new: whether they are shown to a network after its training: then their folders need mean nothing.
    """

    def __init__(self, place: str, named: str, annotations: Annotations, is_new: bool) -> None:
        self.place, self._named, self._annotations, self._is_new = place, named, annotations, is_new
        self._split_lists = [] if is_new else split_lists(Path(place))

    @property
    def tables(self) -> list[Path]:
        """The files that tell something, beside the images themselves."""
        return [*(self._annotations.labels or self._metadata()), *self._split_lists]

    def meaning(self, ids: list[str]) -> Meaning:
        """What is known of the images (M,): from their folders, and from what a person says of them, which counts more.

        Raises:
            BadInput: their folders mean nothing, a table or a pattern does not fit them, or none has a label.
        """
        listed, unfit = self._listed(ids)
        has_labels = self._annotations.label_from is not None or (listed is not None and any(listed.labels))
        layout = self._layout(ids, has_labels)
        found = Meaning(layout.labels, layout.parts, tracks(ids), layout.words, unfit, dict(layout.left_out))
        self._label(found, ids, listed, layout)
        if has_labels or listed is not None:
            found.words += found.leave_to_folders(layout, has_labels, listed)
        self._tell_split(found, ids, has_labels)
        if listed is None and not any(found.labels) and (unused := self._unused_tables(ids)):
            flags, words = unused
            found.remarks.append(f"there are {words}: to use these, {printable(shlex.join(edited([], flags)))}")
        elif listed is None and not any(found.labels) and not self._is_new:
            found.remarks += boxes_beside(Path(self.place))
        self._group(found, ids, has_labels)
        forget_names()
        if self._is_new:  # all are wanted, wherever they lie
            found.parts, found.left_out = None, {}
        return found

    def _listed(self, ids: list[str]) -> tuple[Known | None, list[str]]:
        """What tables say of the images, and which tables are of no use; see :meth:`_read_metadata`."""
        if self._annotations.labels:
            self._refuse_absent(self._annotations.labels)
            return read_tables(self._annotations.labels, ids, self._columns()), []
        return self._read_metadata(ids)

    def _refuse_absent(self, tables: Sequence[Path]) -> None:
        """Find out that tables are named as they lie in the folder, and not as they lie from here.

        Raises:
            BadInput: they are.
        """
        here = Path(self._named).expanduser()
        meant = [table if table.exists() else here / table for table in tables]
        if meant != list(tables) and all(table.is_file() for table in meant):
            absent = next(table for table in tables if not table.exists())
            raise BadInput(f"{printable(absent)} is not there; did you mean: {own_command({'--labels': meant})}")

    def _label(self, found: Meaning, ids: list[str], listed: Known | None, layout: Layout) -> None:
        """Labels of a pattern, of a table or else of folders."""
        if listed is not None:
            found.remarks += listed.remarks
            found.words = listed.words
            if any(listed.groups):
                found.groups = [group if group is None else f"group {group}" for group in listed.groups]
        if self._annotations.label_from is not None:
            found.labels = match_pattern(self._annotations.label_from, ids, "--label_from")
            found.words = f"labels from file names ({examples(ids, found.labels)})"
        elif listed is not None and any(listed.labels):
            found.labels = listed.labels
        else:
            found.left_out |= layout.without_class
        if listed is not None:
            found.heed(listed)

    def _tell_split(self, found: Meaning, ids: list[str], has_labels: bool) -> None:
        """Parts by lists, where neither folders nor tables tell any; none where one could not be used."""
        told, unlisted = None, {}
        if found.parts is None:
            named, folder = self._annotations.labels, Path(self.place)
            told = listed_parts(named, ids, folder, is_named=True) or listed_parts(self._split_lists, ids, folder)
        if told is not None:
            found.parts, words = told
            labelled = found.labels if self._annotations.labels else [None] * len(ids)  # by a table of no part
            unlisted = {
                place: "in no list of the split"
                for place, (part, label) in enumerate(zip(found.parts, labelled, strict=True))
                if not part and label is None
            }
        if any(found.labels):
            found.left_out = self._without_label(found) | found.left_out
        used = {part for place, part in enumerate(found.parts or ()) if place not in found.left_out}
        if found.parts is not None and {TRAIN, TEST} <= used:
            found.left_out |= unlisted
            found.words += f"; {words}" if told is not None else ""
        elif found.parts is not None:
            found.parts = None
            if has_labels:
                side = "trains" if TEST in used else "tests"
                found.words += f"; nothing that {side} has a label, so test images are drawn from the others"

    def _group(self, found: Meaning, ids: list[str], has_labels: bool) -> None:
        """Groups of a pattern, or a remark of what may belong together."""
        if self._annotations.group_from is not None:
            found.groups = match_pattern(self._annotations.group_from, ids, "--group_from")
            found.remarks.append(f"groups from file names ({examples(ids, found.groups)})")
        elif not any(found.groups) and not self._is_new:  # new images are not split
            used = [position for position in range(len(ids)) if position not in found.left_out]
            mine = [ids[position] for position in used]
            labels = [found.labels[position] for position in used]
            by_folder = suggested_folders(mine, labels) if has_labels else None
            together = by_folder or suggested_groups(mine, labels) or suggested_people(mine, labels)
            together = together or (found.parts is None and suggested_versions(mine))
            found.remarks += filter(None, [together, suggested_labels(mine, labels)])

    def _layout(self, ids: list[str], has_labels: bool) -> Layout:
        """What the folders mean, which need mean nothing where labels come from elsewhere or none is needed.

        Raises:
            BadInput: they have to, and do not.
        """
        try:
            return recognise(ids, self._named)
        except BadInput as error:
            if has_labels or self._is_new:
                aside = mask_folders(ids, 1)
                return Layout([None] * len(ids), None, "folders that are no classes", left_out=aside)
            if unused := self._unused_tables(ids):
                flags, words = unused
                raise BadInput(f"{error}; or, with {words}: {own_command(flags)}") from None
            raise

    def _without_label(self, known: Meaning) -> dict[int, str]:
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
        with contextlib.suppress(OSError):
            tops = sorted(name for name in os.listdir(self.place) if part_of(name))
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
                names = [ids[position].removeprefix(place) for position in mine]
                known = read_tables([table], names, self._columns(), is_asked=False)
                found.append((mine, known))
            except BadInput as error:  # captions, say: nobody has asked for them
                if self._columns() != Columns():
                    raise
                unfit.append(f"{str(error).partition('; ')[0]}, and is not used")
        return (combined(found, len(ids)) if found else None), unfit

    def _unused_tables(self, ids: list[str]) -> tuple[dict[str, list[object]], str] | None:
        """The flags that name tables of labels that lie in the folder, or beside it, and what is in them."""
        here = Path(self._named)
        above = here.parent if here.parent != here else Path(os.path.relpath(os.path.dirname(self.place)))
        found = None if self._is_new else tables_of_labels([here, above], ids)
        if found is None:
            return None
        tables, columns, known = found
        classes = sorted(set(known.labels) - {None}, key=natural_order)
        some = ", ".join(map(printable, classes[:NAMED_AT_MOST])) + ", ..." * (len(classes) > NAMED_AT_MOST)
        flags: dict[str, list[object]] = {"--labels": tables}
        if columns.label is not None:
            flags["--label_column"] = [columns.label]
        return flags, f"{known.words}: {some}"

    def _columns(self) -> Columns:
        said = self._annotations
        return Columns(said.file_column, said.label_column, said.group_column, said.split_column)
