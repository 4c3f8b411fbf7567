"""What regular expressions find in the relative paths of images: labels, groups."""

import re
import unicodedata
from collections.abc import Sequence

from data.table import listed
from run.errors import BadInput, printable


def match_pattern(pattern: str, paths: Sequence[str], flag: str) -> list[str | None]:
    """What a regular expression finds in each relative path: its first group, or all of it; None where it is not found.

    Args:
        pattern: as a person typed it.
        paths: M relative paths.
        flag: that it was given with.

    Raises:
        BadInput: it is no regular expression, or is found in no path.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise BadInput(f"{flag} {printable(pattern)} is no regular expression: {error}") from None
    found = [compiled.search(path) for path in paths]
    texts = [None if each is None else each.group(1 if compiled.groups else 0) for each in found]
    if not any(texts):
        raise BadInput(
            f"{flag} {printable(pattern)} is found in none of the {len(paths):,} paths ({listed(paths)}); what "
            f"stands in brackets is taken, as in {flag} '([a-z]+)_[0-9]+'"
        )
    return [unicodedata.normalize("NFC", text) if text else None for text in texts]


def examples(paths: Sequence[str], texts: Sequence[str | None], count: int = 3) -> str:
    """``cat_1.jpg -> cat, dog_7.jpg -> dog``: what was found, of as many different texts as there are."""
    firsts = {text: path for path, text in reversed(list(zip(paths, texts, strict=True))) if text is not None}
    return ", ".join(f"{printable(path)} -> {printable(text)}" for text, path in list(firsts.items())[-count:][::-1])
