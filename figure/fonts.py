"""Which fonts draw names in any script, and what stands in a figure for a name that none of them can draw.

Fonts are asked for their character maps. The first is matplotlib's own; then come those that hold scripts which it
lacks, and last whatever else is installed and has a character that is wanted. No shapes are joined or reordered as
Arabic or Devanagari have it: matplotlib draws one character after the other.
"""

import functools
import unicodedata
from collections.abc import Sequence

import matplotlib
from matplotlib import font_manager

from run.console import count
from run.errors import printable

_FIRST = "DejaVu Sans"
# Fonts that hold scripts which the first one lacks, those that look well beside it first.
_KNOWN = (
    "Noto Sans", "Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans JP", "Noto Sans SC", "Noto Sans Arabic",
    "Noto Sans Hebrew", "Noto Sans Devanagari", "Noto Sans Thai", "Noto Emoji", "Arial Unicode MS", "Hiragino Sans",
    "Microsoft YaHei", "Malgun Gothic", "WenQuanYi Zen Hei", "Droid Sans Fallback", "Symbola",
)  # fmt: skip
_CJK = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC", "FULLWIDTH", "HALFWIDTH")
_SCRIPTS = {"CJK": "Chinese", "HIRAGANA": "Japanese", "KATAKANA": "Japanese", "HANGUL": "Korean",
            "DEVANAGARI": "Hindi (Devanagari)"}  # fmt: skip
_LISTED = 5  # characters in a sentence

_added: list[str] = []  # fonts that were found to have a character that the others lack
_missing: set[str] = set()  # characters that no font here has
_stand_ins: dict[str, str] = {}  # a name that can't be drawn -> what stands for it


def families() -> list[str]:
    """The fonts of every text, in the order in which they are asked for a character."""
    return [*_usual(), *_added]


def settle_names(names: Sequence[str]) -> list[str]:
    """Find fonts for the names of classes; a name that can't be drawn is ``class 3`` in every figure from now on.

    Args:
        names: of class 0, 1, ...; hostile text.

    Returns:
        A sentence, if there is such a name: which characters are lacking, and what to install. [] otherwise.
    """
    undrawn = [number for number, name in enumerate(names) if not can_draw(printable(name))]
    _stand_ins.update({printable(names[number]): f"class {number}" for number in undrawn})
    if not undrawn:
        return []
    lacking = sorted({each for number in undrawn for each in printable(names[number]) if not can_draw(each)})
    some = " ".join(lacking[:_LISTED]) + (f" and {len(lacking) - _LISTED} more" if len(lacking) > _LISTED else "")
    scripts = list(dict.fromkeys(map(_script, lacking)))
    one = len(undrawn) == 1
    return [
        f"no font here has {' and '.join(scripts)} characters ({some}), so {count(len(undrawn), 'class')} "
        f"{'is' if one else 'are'} shown by {'its number' if one else 'their numbers'} (class {undrawn[0]} is "
        f"{printable(names[undrawn[0]])}); install a font that has them, on Debian and Ubuntu by: "
        f"apt-get install {' '.join(dict.fromkeys(map(_package, lacking)))}"
    ]


def can_draw(text: str) -> bool:
    """Whether the fonts have every character of a text; others that are installed are looked for."""
    lacking = {each for each in text if ord(each) not in _usual_codes()} - _drawn_by_added()
    if wanted := lacking - _missing:
        _find_fonts_for(wanted)
        lacking -= _drawn_by_added()
    return not lacking


def drawable(text: str) -> str:
    """A text as the fonts can draw it: names that they can't by their stand-ins, other such characters as U+FFFD."""
    if can_draw(text):
        return text
    for name in sorted(_stand_ins, key=len, reverse=True):
        text = text.replace(name, _stand_ins[name])
    return "".join(each if can_draw(each) else "\N{REPLACEMENT CHARACTER}" for each in text)


def _find_fonts_for(wanted: set[str]) -> None:
    """Add fonts, of all that are installed, until they have the characters; what none has is missing from now on."""
    known = {font.fname for font in font_manager.fontManager.ttflist}
    for path in sorted(set(font_manager.findSystemFonts()) - known):  # installed since matplotlib looked for fonts
        try:
            font_manager.fontManager.addfont(path)
        except (OSError, RuntimeError):  # damaged, or of a kind that is not drawn
            continue
    _usual.cache_clear()
    _usual_codes.cache_clear()
    left = {each for each in wanted if ord(each) not in _usual_codes()}
    for family in sorted({font.name for font in font_manager.fontManager.ttflist} - set(families())):
        if not left:
            break
        if found := {each for each in left if ord(each) in _codes_of(family)}:
            _added.append(family)
            left -= found
    _missing.update(left)
    matplotlib.rcParams["font.family"] = families()  # of texts that are yet to be made


def _drawn_by_added() -> set[str]:
    return {chr(code) for family in _added for code in _codes_of(family)}


@functools.cache
def _usual() -> tuple[str, ...]:
    installed = set(font_manager.fontManager.get_font_names())
    return (_FIRST, *(name for name in _KNOWN if name in installed))


@functools.cache
def _usual_codes() -> frozenset[int]:
    return frozenset(code for family in _usual() for code in _codes_of(family))


@functools.cache
def _codes_of(family: str) -> frozenset[int]:
    """The code points that a font can draw; none of a font that can't be opened."""
    try:
        return frozenset(font_manager.get_font(font_manager.findfont(family)).get_charmap())
    except (OSError, RuntimeError, ValueError):
        return frozenset()


def _script(character: str) -> str:
    """What a person calls the script of a character."""
    first = unicodedata.name(character, "UNKNOWN").split()[0]
    if _package(character) == "fonts-symbola":
        return "pictographic"
    return _SCRIPTS.get(first, "Chinese or Japanese" if first in _CJK else first.capitalize())


def _package(character: str) -> str:
    first = unicodedata.name(character, "UNKNOWN").split()[0]
    if first in _CJK:
        return "fonts-noto-cjk"
    return "fonts-symbola" if unicodedata.category(character) in ("So", "Sk", "Cn") else "fonts-noto-core"
