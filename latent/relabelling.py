"""What becomes of images that are decoded under another label than their own."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from run.console import table_of
from run.errors import BadInput

EVERY = "all of these"  # labels put together
ORIGINALS = "original test images"


def relabelling(
    label: int, own: np.ndarray, read: np.ndarray, read_before: np.ndarray, made: np.ndarray, before: np.ndarray
) -> dict[str, float]:
    """The numbers of one label, over N images of other classes.

    Args:
        label: what they were decoded under.
        own: int (N,), the classes that they have.
        read, read_before: int (N,), what a classifier reads in them, decoded under the label and under their own.
        made, before: float (N, C, H, W) in [0, 1], likewise.

    Returns:
        ``images``: N. ``read_as_it``: share read as the label; ``so_before``: share that was read so under their own
        label, which is what a label without effect would give. ``still_read_as_own``. ``mse_moved``: how far the images
        moved, on average.
    """
    return {
        "images": len(own),
        "read_as_it": float((read == label).mean()),
        "so_before": float((read_before == label).mean()),
        "still_read_as_own": float((read == own).mean()),
        "mse_moved": float(((made - before) ** 2).mean(dtype=np.float64)),
    }


def over_all(numbers: Sequence[dict[str, float]]) -> dict[str, float]:
    """Several labels' :func:`relabelling` put together, each image counting alike."""
    counts = [each["images"] for each in numbers]
    means = {name: np.average([each[name] for each in numbers], weights=counts) for name in list(numbers[0])[1:]}
    return {"images": sum(counts), **{name: float(mean) for name, mean in means.items()}}


def measure_labels(
    labels: np.ndarray,
    class_names: Sequence[str],
    own: np.ndarray,
    before: np.ndarray,
    read_before: np.ndarray,
    decoded_as: Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]],
) -> list[dict[str, object]]:
    """:func:`relabelling` under each label that some of N images do not have, and last :func:`over_all` of these.

    Args:
        labels: int (K,).
        class_names: of all labels.
        own: int (N,), the classes that the images have.
        before: float (N, C, H, W) in [0, 1], the images decoded under these.
        read_before: int (N,), what a classifier reads in them.
        decoded_as: (rows of images, label) -> these decoded under the label, and what is read in them.

    Raises:
        BadInput: no label is another one than an image has.
    """
    measured = {}
    for label in labels.tolist():
        others = np.flatnonzero(own != label)
        if len(others):
            made, seen = decoded_as(others, label)
            measured[label] = relabelling(label, own[others], seen, read_before[others], made, before[others])
    if not measured:
        raise BadInput("every test image has the one label asked for; ask for others: --labels LABEL LABEL")
    numbers = [{"label": class_names[label], **each} for label, each in measured.items()]
    return [*numbers, {"label": EVERY, **over_all(list(measured.values()))}]


def relabelling_table(
    numbers: Sequence[Mapping], right: Mapping[str, float], between: float | None, num_classes: int
) -> str:
    """What :func:`measure_labels` gave as a table, and below it what to hold it against.

    Args:
        numbers: of each label.
        right: of :func:`read_correctly`.
        between: of :func:`mse_between_classes`.
        num_classes: how many classes it may read.
    """
    columns = {"label": ("decoded under", ""), "images": ("images", ",d"), "read_as_it": ("read as it", ".1%")}
    columns |= {"so_before": ("so before", ".1%"), "still_read_as_own": ("still as own", ".1%")}
    lines = [table_of(numbers, columns | {"mse_moved": ("MSE moved", ".5f")})]
    lines += [f"the classifier reads {share:.1%} of {what} correctly" for what, share in right.items()]
    if between is not None:
        lines.append(f"two of the images before, of different classes, differ by an MSE of {between:.5f} on average")
    lines.append(
        "(of images of other classes; before: the same images decoded under their own label, from which MSE is, pixels "
        f"in [0, 1]; a guess is right for {1 / num_classes:.1%})"
    )
    return "\n".join(lines)


def read_correctly(own: np.ndarray, read: np.ndarray, read_before: np.ndarray) -> dict[str, float]:
    """The shares of images that a classifier reads correctly.

    Args:
        own: int (N,), the classes that they have.
        read, read_before: int (N,), what it reads in the originals, and in these decoded under their own label.
    """
    right = {ORIGINALS: read == own, "test images decoded under their own label": read_before == own}
    return {what: float(each.mean()) for what, each in right.items()}


def reading_in_words(every: Mapping[str, float], right: Mapping[str, float], count: int) -> str:
    """What a classifier reads, in a sentence.

    Args:
        every: of :func:`over_all`.
        right: of :func:`read_correctly`.
        count: images.
    """
    return (
        f"over {count:,} test images it reads the new label in {every['read_as_it']:.1%}; of original test images it "
        f"reads {right[ORIGINALS]:.1%} correctly"
    )


def mse_between_classes(images: np.ndarray, labels: np.ndarray, seed: int) -> float | None:
    """What to hold against how far images moved: the mean MSE between random images of different classes.

    Args:
        images: float (N, C, H, W) in [0, 1].
        labels: int (N,).
        seed: of the pairs, one for each image.

    Returns:
        None where no pair was of different classes.
    """
    other = np.random.default_rng(seed).permutation(len(images))
    differ = labels != labels[other]
    if not differ.any():
        return None
    return float(((images[differ] - images[other[differ]]) ** 2).mean(dtype=np.float64))
