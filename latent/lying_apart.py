"""Whether clusters or classes lie apart, how surely, and how that is said."""

from scipy import stats

from latent.comparison import CANT_TELL, ERROR_RATE, FEWEST, NO, YES, how_many
from latent.separation import APART, MOST, PARTS, Separation

_FEWEST_FOR_NO = 60  # units
FEWEST_OF_EACH = 8  # units of a piece


def lie_apart(found: Separation) -> str:
    """Whether pieces lie apart: their borders cut half the ties that a continuum's do or less, beyond sampling error.

    Pieces that were given, as classes are, lie apart if what they cut is nearer to nothing than to a continuum's, and
    surely less than that. Where pieces were looked for, the best of several numbers was taken, and the best borders:
    these must surely cut half or less, for each number that was tried (Bonferroni).
    """
    if found.units < FEWEST:
        return CANT_TELL
    low, high = sure_range(found)
    if found.ratio <= APART and high <= (APART if found.tried else 1):
        return YES
    # so few points lie too far apart for a gap to show
    return NO if low > APART and found.units >= _FEWEST_FOR_NO and enough_for_no(found) else CANT_TELL


def sure_range(found: Separation) -> tuple[float, float]:
    """What the ties cut surely are at least and at most, at :data:`ERROR_RATE` each; at most, for each number tried."""
    # the error is itself estimated, from so many parts
    reach = stats.t.ppf(1 - ERROR_RATE / max(found.tried, 1), max(min(found.units, PARTS) - 1, 1))
    low = found.ratio - stats.norm.ppf(1 - ERROR_RATE) * found.error
    return max(float(low), 0.0), found.ratio + float(reach) * found.error


def range_in_words(found: Separation) -> str:
    """``surely 0.05 to 0.61; clusters surely have 0.5 or less``: what decides, with what it is held against."""
    low, high = sure_range(found)
    between = f"surely {low:.2f} to {high:.2f}"
    if not found.tried:
        return f"{between}; classes with gaps have {APART} or less, and surely less than 1"
    of_tried = f", allowing for the best of {found.tried}" if found.tried > 1 else ""
    return f"{between}{of_tried}; clusters surely have {APART} or less"


def number_in_words(found: Separation) -> str:
    """``7 clusters``, without pieces too small to be judged; ``40 clusters or more`` where so many are hardly found."""
    # of a number near the largest that can be tried clusters are so small that k-means and the eye for gaps miss some
    return f"{found.judged} clusters" + " or more" * (found.tried > 0 and 2 * found.pieces > found.most)


def enough_for_no(found: Separation) -> bool:
    """Whether pieces have so many units that one may say no: of fewer none learns a class, and no gap shows."""
    return found.units >= FEWEST_OF_EACH * found.pieces


def counted(units: int, images: int) -> str:
    """``180 images``, ``912 images of 91 groups``."""
    return f"{images:,} images" + (f" of {units:,} groups" if units < images else "")


def two_decimals(value: float) -> str:
    """``0.12``, ``-0.12``; what is nearly nothing is ``0.00``, without a sign."""
    return f"{round(value, 2) + 0:.2f}"  # -0.0 + 0 is 0.0


def ties_in_words(found: Separation, what: str) -> str:
    """What the borders between pieces cut, with what it is held against."""
    small = found.pieces - found.judged
    return (
        f"{what}: their borders cut {found.ratio:.2f} of the ties between neighbours that borders through a continuum "
        f"cut (0 gaps, 1 continuum, more where they mix; {range_in_words(found)}; of {found.dimension:.1f} dimensions; "
        f"{len(found.apart)} of {found.judged} lie apart" + f", {small} too small to be judged" * (small > 0) + ")"
    )


def what_would_tell(found: Separation) -> str:
    """How many images would, of pieces that can't be told apart surely."""
    count = how_many(found.units, found.ratio, found.error, APART, 2 * max(found.tried, 1))
    if count > 50 * found.units or found.units >= MOST:  # of more, so many are looked at
        return "it lies on the border between the two: more images alone are not likely to tell"
    return f"about {count:,} {'groups' if found.units < found.images else 'images'} would tell"
