"""Which images train, which validate and which test.

The split is a pure function of the images, their names and the seed. Wherever chance decides, it is the BLAKE2 digest
of the seed and an image's name that does, so that neither the order of files on a disk nor the version of a random
generator changes the outcome, and a file that is added leaves the order of the others as it was.
"""

import hashlib
from dataclasses import dataclass, field

import numpy as np

from data import VAL_FRACTION
from data.cautions import cautions
from data.draw import draw, draw_one
from data.image_set import ImageSet, content_digests, joined_groups
from data.leaks import are_alike, describe_leaks
from data.near_duplicates import linked
from run.console import table
from run.errors import BadInput, printable
from run.hints import own_command

_ROWS = 102  # of a table of classes; of more it says how many
_LONGEST_CHAIN, _CHAINED = 20, 0.02  # images that near-duplicates may link, and the part of all that they may be


@dataclass(frozen=True)
class Split:
    """Sorted positions (int64) of the images on each side; no position, and no pixel content, is on two sides."""

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray
    kind: str  # "published", "group" or "random"
    fingerprint: str  # SHA-256 of the names and contents on each side, and of the image shape
    dropped: int  # training images left out because a published test image has the same pixels, or nearly the same
    chained: tuple[int, ...] = ()  # lengths of the chains of near-duplicates that are too long to be kept together
    unlabelled: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))  # trained on beside ``train``

    @property
    def trained_on(self) -> np.ndarray:
        """Sorted positions (int64) of all images that a network learns from, with a label and without."""
        return np.sort(np.concatenate([self.train, self.unlabelled])) if len(self.unlabelled) else self.train


def split_images(
    image_set: ImageSet,
    *,
    kind: str | None = None,
    test_fraction: float = 0.1,
    val_fraction: float = VAL_FRACTION,
    max_train: int | None = None,
    max_test: int | None = None,
    seed: int = 0,
    near_duplicates: str = "keep",
) -> Split:
    """Split into training, validation and test images, by class.

    Args:
        kind: ``published`` takes the set's own test part; ``group`` keeps all images of a group on one side; ``random``
            heeds no groups. None takes the first of these that the set has. Images of equal pixels stay on one side
            with any kind.
        test_fraction: part of each class that is tested on, as near as whole groups allow; not for ``published``.
        val_fraction: part of each class of the remaining images that validates; 0 for none.
        max_train: at most so many images for training and validation together, in the proportions of the classes.
        max_test: at most so many test images, in the proportions of the classes.
        near_duplicates: ``keep`` has images that are nearly the same on one side with any kind, as equal ones are; with
            others they are not heeded here.

    A class keeps at least one group in training; a class of one group has no test image. With ``published`` the test
    images are as published, and a training image with the pixels of a test image is dropped. Images without a label
    among others are trained on alone, but for those that belong to what is held out; they never test or validate.

    Raises:
        BadInput: the set can't be split so: no such kind, or nothing left to train or to test on.
    """
    name = printable(image_set.name)
    if len(image_set) < 2:
        raise BadInput(f"{name} holds one readable image, and at least two are needed to train and to test; add images")
    order = sorted(range(len(image_set)), key=image_set.sample_ids.__getitem__)
    ids = [image_set.sample_ids[position].encode("utf-8", "surrogatepass") for position in order]
    found = content_digests(image_set.images)
    digests = [found[position] for position in order]
    labels = np.zeros(len(order), np.int64) if image_set.labels is None else image_set.labels[order]
    twins, chained = _twins(image_set, order) if near_duplicates == "keep" else (digests, ())
    same_pixels = joined_groups(digests, twins)
    together = joined_groups(image_set.groups[order].tolist(), digests, twins)
    kind = _kind(image_set, kind, has_groups=together.max() < same_pixels.max())
    groups = same_pixels if kind == "random" else together

    dropped, known = 0, np.flatnonzero(labels >= 0)
    if kind == "published":
        test = known[image_set.published_test[order][known]]
        rest = known[~np.isin(same_pixels[known], same_pixels[test])]
        dropped = len(known) - len(test) - len(rest)
    else:
        drawn = draw(groups[known], labels[known], test_fraction, _ranks(ids, seed, "test")[known], True)
        test, rest = known[drawn], known[~drawn]
    if not len(test) or not len(rest):
        side = "training" if len(test) else "test"
        if kind == "published" and dropped:
            raise BadInput(
                f"every training image of {name} has the same pixels as one that tests, so none is left to train on; "
                f"draw the test images from all: {own_command({'--split': ['random']})}"
            )
        if not same_pixels.any():
            raise BadInput(
                f"all {len(order):,} images of {name} are the same picture, or nearly, so none can test; give a "
                f"folder of different ones, or try a set that is here: {own_command({'--dataset': ['digits']})}"
            )
        if len(known) > 2 and len(np.unique(labels[known])) == len(known):
            raise BadInput(
                f"each of the {len(known):,} classes of {name} has one image, which trains, so none can test; give "
                "labels that several images share (--label_column, --label_from), or try a set that is here: "
                f"{own_command({'--dataset': ['digits']})}"
            )
        if kind == "group" and not groups.any():
            raise BadInput(
                f"all {len(order):,} images of {name} are of one group (frames of one file, one track), so none can "
                "test; add images of other groups, or test on what belongs to the training: "
                f"{own_command({'--split': ['random']})}"
            )
        raise BadInput(
            f"no {side} image is left of the {len(order):,} of {name}, which are {groups.max() + 1:,} when those of "
            f"one group count as one; add images, or take another part of them for testing than {test_fraction:g}: "
            f"{own_command({'--test_fraction': [0.5]})}"
        )
    if max_test is not None and max_test < len(test):
        test = _share(test, max_test, labels, _ranks(ids, seed, "max_test"))
    if max_train is not None and max_train < len(rest):
        rest = _share(rest, max_train, labels, _ranks(ids, seed, "max_train"))
    if kind == "published" and image_set.published_val is not None:
        validates = image_set.published_val[order][rest]
    else:
        remaining, wanted = (groups[rest], labels[rest]), val_fraction * len(rest)
        validates = draw(*remaining, val_fraction, turns := _ranks(ids, seed, "val")[rest], in_every_class=False)
        if wanted >= 1 and not validates.any():  # groups are few and large: without validation nothing can be learnt
            validates = draw_one(*remaining, wanted, turns)
    train, val = rest[~validates], rest[validates]
    unlabelled = np.flatnonzero(labels < 0)
    apart = unlabelled[~np.isin(groups[unlabelled], groups[np.concatenate([val, test])])]
    dropped += len(unlabelled) - len(apart)
    unlabelled = apart[: None if max_train is None else max(0, max_train - len(rest))]

    fingerprint = hashlib.sha256(f"{image_set.images.shape[1:]}".encode())
    named = [("train", train), ("val", val), ("test", test)] + [("unlabelled", unlabelled)] * (len(unlabelled) > 0)
    for side, positions in named:
        fingerprint.update(f"{side} {len(positions)} ".encode())
        fingerprint.update(b"".join(len(ids[p]).to_bytes(8, "big") + ids[p] + digests[p] for p in positions))
    place = np.array(order, np.int64)
    sides = (np.sort(place[positions]) for positions in (train, val, test))
    return Split(*sides, kind, fingerprint.hexdigest(), dropped, chained, np.sort(place[unlabelled]))


def _twins(image_set: ImageSet, order: list[int]) -> tuple[np.ndarray, tuple[int, ...]]:
    """A number for each image that those nearly equal to it share, int64 (N,) in ``order``; and of how long chains.

    Pairs link images that are not alike themselves, one after the other: the frames of a turning object are one chain.
    A chain that takes more than a fiftieth of all images is taken apart, since it would leave no split; others are not.
    Where images are near each other because they are simple, none is kept with another: chains would be much of a set.
    """
    count, pairs = len(image_set), image_set.near_duplicates
    if pairs is None or not len(pairs) or are_alike(image_set):
        return np.arange(count), ()
    number_of = linked(pairs, count)[order]
    members = np.bincount(number_of)
    too_long = members > max(_LONGEST_CHAIN, count * _CHAINED)
    alone = len(members) + np.arange(count)  # numbers that no chain has
    return np.where(too_long[number_of], alone, number_of), tuple(sorted(members[too_long].tolist(), reverse=True))


def describe_split(image_set: ImageSet, split: Split) -> str:
    """How many images of each class are in train, val and test, as a table with a title."""
    title = f"{printable(image_set.name)}: {split.kind} split, fingerprint {split.fingerprint[:12]}\n"
    header, rows = counts_per_class(image_set, split)
    return "\n".join([title + table(header, shortened(rows)), *notes(image_set, split)])


def notes(image_set: ImageSet, split: Split) -> list[str]:
    """What should be known of a split before its numbers are trusted, a sentence each."""
    return [*describe_leaks(image_set, split), *cautions(image_set, split)]


def shortened(rows: list[list[object]]) -> list[list[object]]:
    """The rows of a table of classes, of which nobody reads thousands: the first hundred, how many more, the last."""
    if len(rows) <= _ROWS:
        return rows
    left = [f"and {len(rows) - _ROWS + 1:,} more", *[""] * (len(rows[0]) - 1)]
    return [*rows[: _ROWS - 2], left, rows[-1]]


def counts_per_class(image_set: ImageSet, split: Split) -> tuple[list[str], list[list[object]]]:
    """A header and rows of class name and numbers of training, validation and test images; the total last."""
    sides = (split.train, split.val, split.test)
    rows: list[list[object]] = []
    if image_set.labels is not None:
        counts = [np.bincount(image_set.labels[side], minlength=len(image_set.class_names)) for side in sides]
        rows = [[name, *(int(count[number]) for count in counts)] for number, name in enumerate(image_set.class_names)]
    if len(split.unlabelled):
        rows.append(["(no label)", len(split.unlabelled), 0, 0])
        sides = (split.trained_on, split.val, split.test)
    return ["class", "train", "val", "test"], [*rows, ["all", *(len(side) for side in sides)]]


def _kind(image_set: ImageSet, asked: str | None, has_groups: bool) -> str:
    name = printable(image_set.name)
    has_published = image_set.published_test is not None
    if asked is None:
        return "published" if has_published else "group" if has_groups else "random"
    if asked == "group" and not has_groups:
        raise BadInput(f"--split group: nothing is known of groups in {name}; {own_command({'--split': ['random']})}")
    if asked == "published" and not has_published:
        raise BadInput(f"--split published: {name} has no published test part; {own_command({'--split': ['random']})}")
    return asked


def _ranks(ids: list[bytes], seed: int, purpose: str) -> np.ndarray:
    """A pseudo-random number for each image (uint64), from the seed, the purpose and the image's name alone."""
    key = f"{seed} {purpose}".encode()
    return np.array(
        [int.from_bytes(hashlib.blake2b(i, digest_size=8, key=key).digest(), "big") for i in ids], np.uint64
    )


def _share(positions: np.ndarray, limit: int, labels: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """``limit`` of ``positions``, each class in its proportion (largest remainders)."""
    kept = []
    present, counts = np.unique(labels[positions], return_counts=True)
    exact = counts * (limit / len(positions))
    quota = np.floor(exact).astype(np.int64)
    short = limit - int(quota.sum())
    quota[np.argsort(-(exact - quota), kind="stable")[:short]] += 1
    for label, number in zip(present, quota, strict=True):
        mine = positions[labels[positions] == label]
        kept.append(mine[np.argsort(ranks[mine], kind="stable")[:number]])
    return np.sort(np.concatenate(kept))
