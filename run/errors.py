"""Bad input, which ends a command with a sentence, and text from outside, which must be harmless in it."""

import os


class BadInput(Exception):
    """Something the person can mend. Its text says what is wrong, what would work and what to run next."""


TOO_LITTLE_TO_LOAD = (
    "there is too little memory to load the program itself; close other programs, or raise the limit (of the shell: "
    "ulimit -v unlimited), and run the same again"
)


def printable(text: object) -> str:
    """Hostile text (a file or class name) as one line that cannot move the cursor or break an encoding."""
    decoded = os.fsdecode(text) if isinstance(text, bytes | os.PathLike) else str(text)
    characters = decoded.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in characters)
