"""Which value of a file is black and which is white, and what is seen where a picture is transparent.

Files of 8 bits a channel say so themselves. Of wider ones nobody knows: a camera of 12 bits writes 0 to 4,095 into 16,
a scientist 0 to 255 into floating point. So the values are taken that are there, over the whole set, and kept.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from run.errors import BadInput
from run.hints import training_at_hand

Range = tuple[float, float]
BYTES: Range = (0, 255)
GROUNDS = {"white": 255, "black": 0, "grey": 128}
_TOPS = (1.0, *(float(2**bits - 1) for bits in range(8, 33)))
_LEAST_USED = 0.25  # of a usual range: 64 of the 256 values that are kept


@dataclass(frozen=True)
class Tones:
    """What is black and what is white in each kind of file, and the ground that shows through; None while unknown.

    Attributes:
        small, integers, floats: (black, white) of files with 8 bits a channel, with wider integers, with floats.
        ground: 0 to 255.
        unseen: how many pictures could not be seen on white, where the ground is another.
    """

    small: Range = BYTES
    integers: Range | None = None
    floats: Range | None = None
    ground: int | None = None
    unseen: int = 0

    @classmethod
    def asked(cls, value_range: Range | None, ground: str | None) -> "Tones":
        """Those that flags give."""
        shown = None if ground is None else GROUNDS[ground]
        if value_range is None:
            return cls(ground=shown)
        both = (float(value_range[0]), float(value_range[1]))
        return cls(both, both, both, shown)

    @classmethod
    def kept(cls, content: Mapping[str, Any]) -> "Tones":
        """Those that :attr:`plain` gave, out of a file.

        Raises:
            BadInput: they are none.
        """
        try:
            ranges = [None if content[name] is None else tuple(map(float, content[name])) for name in _RANGES]
            sound = all(each is None or (len(each) == 2 and each[0] < each[1] < float("inf")) for each in ranges)
            ground = content["ground"]
            if not sound or ranges[0] is None or not (ground is None or (type(ground) is int and 0 <= ground <= 255)):
                raise ValueError
        except (KeyError, TypeError, ValueError):
            raise BadInput(
                "the checkpoint does not say which values of a picture are black and white; train again: "
                f"{training_at_hand()}"
            ) from None
        return cls(*ranges, ground)

    @property
    def plain(self) -> dict[str, Any]:
        """In plain types."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


_RANGES = ("small", "integers", "floats")


def usual_range(low: float, high: float, is_float: bool) -> Range:
    """What black and white most likely are where values from ``low`` to ``high`` occur.

    From 0 to the next end of a usual range (1 for floating point, 255, 1,023, 4,095 ... for both), as pictures that
    come later may be brighter. Where less than a quarter of that is in use, or values are negative, black and white
    are the extremes themselves (-1 to 1 for floats that lie between).
    """
    if low < 0:
        symmetric = is_float and -1 <= low < -0.5 and high <= 1
        return (-1.0, 1.0) if symmetric else (low, high if high > low else low + 1)
    tops = _TOPS if is_float else _TOPS[1:]
    top = next((top for top in tops if top >= high), high)
    return (0.0, top) if high == low or high - low >= _LEAST_USED * top else (low, high)


def bits(white: float) -> str:
    """`` (12 bits)`` of 4,095, nothing of what is no such end."""
    power = int(white + 1).bit_length() - 1
    return f" ({power} bits)" if white > BYTES[1] and white == 2**power - 1 else ""


def number(value: float) -> str:
    """``4,095`` and ``0.02``."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.6g}"
