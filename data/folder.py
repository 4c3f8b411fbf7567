"""Any folder of images: one folder a class, or flat."""

import hashlib
import os
import time
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from data.annotations import Annotations
from data.decode import quiet_pillow
from data.fitting import Shape
from data.layout import TEST, VAL, natural_order
from data.listing import NAMED_AT_MOST, list_images
from data.masks import masks
from data.meaning import Interpreter
from data.pictures import Pictures
from data.shape import Wanted, count_frames_of, guess_shape
from data.source import Source
from data.survey import survey
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
        self._named, self._annotations = named or str(root), annotations
        self.place = os.path.abspath(root)
        self._interpreter = Interpreter(self.place, self._named, annotations, is_new)
        self._beside = os.path.join(self.place, "")
        self._listing = list_images(self.place)
        newest = max((max(mtime, ctime) for _, _, mtime, ctime in self._listing.files), default=0) / 1e9
        if 0 <= time.time() - newest < _CLOCK_TICK:
            time.sleep(_CLOCK_TICK)  # whatever changes from here on gets another time than it was listed with
        who = os.geteuid() if hasattr(os, "geteuid") else 0  # what may be read depends on who reads
        tables = self._interpreter.tables
        told = [table.is_file() and (os.path.abspath(table), table.read_bytes()) for table in tables]
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
        of_masks = masks(ids, self.place)
        left_out += [(ids[position], why) for position, why in of_masks.items()]
        ids = [relative for position, relative in enumerate(ids) if position not in of_masks]
        if not ids:
            raise BadInput(self._nothing_here(left_out))
        known = self._interpreter.meaning(ids)
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
        first = [unicodedata.normalize("NFC", name) for name in self._annotations.class_order]
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


def _masks_in_words(reasons: Sequence[str]) -> list[str]:
    if not reasons:
        return []
    are = console.verb(len(reasons), "are")
    return [f"{console.count(len(reasons), 'file')} {are} left out, no picture of the set ({reasons[0]})"]


def _survey(files: list[Frames], shape: Shape, num_workers: int | None) -> Tones:
    with quiet_pillow():
        return survey(files, shape, num_workers)
