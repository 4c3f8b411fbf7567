"""What is worth a word about the files that were decoded: counts, extremes, and an example of each."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from data.tones import GROUNDS, Range, Tones, bits, number, usual_range
from run.errors import printable

_DARK, _HALF = 64, 128  # of 255
DEFECTIVE = 2  # percent of the pixels of a picture with more than 8 bits: of its sensor some are always white
_NAMED = 5
_STRETCHED = 1.05  # proportions changed by less are no matter


class Seen(NamedTuple):
    """One picture."""

    size: tuple[int, int]  # height and width that it came in
    frames: int = 1  # of its file
    is_transparent: bool = False
    kind: str = "small"  # "integers", "floats": wider than 8 bits
    low: float = 0
    high: float = 0
    no_data: tuple[str, ...] = ()  # values of its pixels that stand for none
    lost_colour: bool = False  # it has colours, and becomes grey


@dataclass
class Noted:
    """Many pictures; see :class:`Seen`."""

    with_frames: int = 0  # files with further frames
    further_frames: int = 0
    transparent: int = 0
    lost_colour: int = 0
    wide: dict[str, tuple[int, float, float]] = field(default_factory=dict)  # kind -> (pictures, lowest, highest)
    uneven: tuple[float, int, tuple[int, int]] | None = None  # (how much too wide or high, position, size), the worst
    no_data: Counter[str] = field(default_factory=Counter)  # value that stands for none -> pictures
    brightest: list[int] = field(default_factory=list)  # pixel of each picture, 0..255; but for DEFECTIVE of a wide one

    def see(self, seen: Seen, position: int, wanted: tuple[int, int]) -> None:
        """Count a picture that becomes ``wanted`` (height, width)."""
        if seen.frames > 1:
            self.with_frames += 1
            self.further_frames += seen.frames - 1
        self.transparent += seen.is_transparent
        self.lost_colour += seen.lost_colour
        self.no_data.update(seen.no_data)
        if seen.kind != "small":
            self._widen(seen.kind, (1, seen.low, seen.high))
        if seen.size != wanted:
            ratio = seen.size[1] * wanted[0] / (seen.size[0] * wanted[1])
            self._worst((max(ratio, 1 / ratio), position, seen.size))

    def add(self, other: "Noted") -> None:
        """Count what another one counted, of later pictures."""
        self.with_frames += other.with_frames
        self.further_frames += other.further_frames
        self.transparent += other.transparent
        self.lost_colour += other.lost_colour
        self.brightest += other.brightest
        self.no_data.update(other.no_data)
        for kind, span in other.wide.items():
            self._widen(kind, span)
        if other.uneven is not None:
            self._worst(other.uneven)

    @property
    def wide_count(self) -> int:
        """Pictures with more than 8 bits a channel."""
        return sum(count for count, *_ in self.wide.values())

    def _widen(self, kind: str, span: tuple[int, float, float]) -> None:
        count, low, high = self.wide.get(kind, (0, span[1], span[2]))
        self.wide[kind] = (count + span[0], min(low, span[1]), max(high, span[2]))

    def _worst(self, uneven: tuple[float, int, tuple[int, int]]) -> None:
        if self.uneven is None or uneven[0] > self.uneven[0]:
            self.uneven = uneven


def remarks(noted: Noted, tones: Tones, fit: str, wanted: tuple[int, int], ids: Sequence[str]) -> list[str]:
    """What was done with the pixels, a line each; nothing of what goes without saying.

    Args:
        noted: of all pictures.
        tones: by which they were decoded.
        fit: how those of other proportions were fitted.
        wanted: (height, width) that all have now.
        ids: their names, by position.
    """
    lines = []
    if tones.small != (0, 255):
        lines.append(f"black is {number(tones.small[0])} and white {number(tones.small[1])}, as --value_range says")
    else:
        lines += [_wide_in_words(kind, span, getattr(tones, kind)) for kind, span in sorted(noted.wide.items())]
    if noted.no_data:
        lines.append(_no_data_in_words(noted.no_data))
    if noted.further_frames:
        several = noted.with_frames != 1
        lines.append(
            f"{noted.further_frames:,} further frame{'s' * (noted.further_frames != 1)} of {noted.with_frames:,} "
            f"file{'s' * several} {'are' if noted.further_frames != 1 else 'is'} not used, only the first: --frames all"
        )
    if noted.transparent:
        name = next((name for name, value in GROUNDS.items() if value == tones.ground), str(tones.ground))
        hidden = f"{tones.unseen:,} of all can't be seen on white"
        why = f", on which more of them can be seen: {hidden}" if tones.unseen else ""
        few = "is" if noted.transparent == 1 else "are"
        lines.append(f"{noted.transparent:,} of the pictures {few} transparent in part and laid on {name}{why} "
                     f"(--ground {' or '.join(sorted(set(GROUNDS) - {name}))})")  # fmt: skip
    if noted.lost_colour:
        lines.append(f"{noted.lost_colour:,} of the pictures have colours, which become brightness")
    if noted.uneven is not None and noted.uneven[0] > _STRETCHED:
        lines.append(_uneven_in_words(noted.uneven, fit, wanted, ids))
    return lines


def doubts(noted: Noted, tones: Tones) -> list[str]:
    """What a person should look at: pictures that are far darker than they could be, values that are cut off."""
    cut = []
    for kind, (_, low, high) in sorted(noted.wide.items()):
        black, white = getattr(tones, kind)
        if low < black or high > white:
            cut.append(
                f"values from {number(low)} to {number(high)} are there, and what lies below {number(black)} or above "
                f"{number(white)} is cut off"
            )
    return [*cut, *_dark(noted, tones)]


def _dark(noted: Noted, tones: Tones) -> list[str]:
    if not noted.brightest:
        return []
    brightest = np.array(noted.brightest)
    if brightest.max() >= _HALF and np.median(brightest) >= _DARK:
        return []
    kind = max(noted.wide, key=lambda each: noted.wide[each][0], default="small")
    kind = kind if kind != "small" and 2 * noted.wide[kind][0] >= len(brightest) else "small"
    black, white = getattr(tones, kind) or tones.small
    most = black + (white - black) * float(np.percentile(brightest, 95)) / 255
    low, high = usual_range(black, most, kind == "floats") if kind != "small" else (black, most)
    if brightest.max() < _HALF:
        few = f", but for {DEFECTIVE}% of the pixels of each" if kind != "small" else ""
        what = f"the brightest pixel of all pictures is {brightest.max() / 255:.0%} of white ({number(white)}){few}"
    else:
        few = f", but for {DEFECTIVE}% of their pixels" if kind != "small" else ""
        part = f"{np.median(brightest) / 255:.0%} of white ({number(white)})"
        what = f"half of the pictures are nowhere brighter than {part}{few}"
    return [f"{what}, so few of the 256 levels that are kept are in use; if they ought to be brighter: "
            f"--value_range {low:g} {max(high, low + 1e-6):.6g}"]  # fmt: skip


def _wide_in_words(kind: str, span: tuple[int, float, float], used: Range | None) -> str:
    count, low, high = span
    black, white = used
    files = f"picture{'s' * (count != 1)} " + ("of more than 8 bits" if kind == "integers" else "in floating point")
    return (
        f"{count:,} {files} hold{'s' * (count == 1)} values from {number(low)} to {number(high)}: black is "
        f"{number(black)} and white {number(white)}{bits(white)} (--value_range LO HI for others)"
    )


def _no_data_in_words(pictures: Counter[str]) -> str:
    marks = pictures.most_common(_NAMED)
    holders = ", ".join(f"{mark} in {count:,}" for mark, count in marks) + ", ..." * (len(pictures) > _NAMED)
    return (
        f"{holders} of the pictures stand{'s' * (len(pictures) == 1)} for no data: such pixels become black, and do "
        "not count where black and white are looked for"
    )


def _two_figures(value: float) -> str:
    """``1.2`` and ``330``: two significant figures without an exponent."""
    return np.format_float_positional(value, precision=2, fractional=False, trim="-")


def _uneven_in_words(uneven: tuple[float, int, tuple[int, int]], fit: str, wanted: tuple[int, int], ids: Sequence[str]):
    factor, position, (height, width) = uneven
    kept, side = 1 / factor, "height" if width > height * wanted[1] / wanted[0] else "width"
    done = {
        "stretch": f"stretched by {_two_figures(factor)} in its {side}",
        "pad": f"padded in the colour of its edge, {1 - kept:.0%} of the picture",
        "crop": f"cropped to its middle, {1 - kept:.0%} of it cut off",
    }[fit]
    others = " or ".join(each for each in ("stretch", "pad", "crop") if each != fit)
    return (f"proportions differ: every picture becomes {wanted[0]} x {wanted[1]} (height x width), and "
            f"{printable(ids[position])}, {height} x {width}, is {done} (--fit {others})")  # fmt: skip
