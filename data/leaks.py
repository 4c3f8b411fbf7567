"""What of the test images a network has met in training, and when that is no more than how alike a set is."""

from typing import TYPE_CHECKING

import numpy as np

from data.image_set import ImageSet
from data.near_duplicates import are_near, linked
from run.console import count, verb

if TYPE_CHECKING:
    from data.split import Split

_LOOKED_AT, _MATES = 2000, 3  # images, each beside so many of its chain
_MOST = 0.5  # of the images: where so many are linked loosely, that is how the set is
_IN_A_ROW, _FEWEST = 3, 10  # times as often as others are neighbours by name near-duplicates, and how many, in series


def describe_leaks(image_set: ImageSet, split: "Split") -> list[str]:
    """What of the test images stands in training too, a sentence each: groups, and images that are nearly the same."""
    sentences = []
    if split.dropped:
        why = "they are copies of test images" + ", or belong to what is held out" * (image_set.labels is not None)
        sentences.append(f"{split.dropped:,} training images were left out: {why}")
    seen = np.concatenate([split.trained_on, split.val])
    leaking = int(np.isin(image_set.groups[split.test], image_set.groups[seen]).sum())
    if leaking:
        sentences.append(
            f"data leakage: {leaking:,} of {len(split.test):,} test images belong to a group that is trained on as well"
        )
    pairs = image_set.near_duplicates
    if pairs is None or not len(pairs):
        return sentences
    tested, trained = np.isin(pairs, split.test), np.isin(pairs, seen)
    crossing = np.unique(np.concatenate([pairs[:, side][tested[:, side] & trained[:, 1 - side]] for side in (0, 1)]))
    if len(crossing):
        found = f"{len(crossing):,} of {len(split.test):,} test images are nearly the same as one trained on"
        among = len(np.unique(pairs[trained.all(axis=1)])) / len(seen)
        sentences.append(
            f"{found}, and {among:.0%} of those trained on as another of them: images of this set are so much alike "
            "that this proves no copies; test errors are those of images much like the ones trained on; where some "
            "belong together all the same, as the frames of a film do, name these, with --group_from or a column of "
            "groups"
            if are_alike(image_set)
            else f"data leakage: {found}"
        )
    else:
        sentences.append(
            f"{count(len(pairs), 'pair')} of images {verb(len(pairs), 'are')} the same or nearly so; each is on one "
            "side of the split"
        )
    return [*sentences, *_of_chains(split)]


def are_alike(image_set: ImageSet) -> bool:
    """Whether near-duplicates are how a set is, as of simple pictures, and no sign of copies or of series.

    Copies of one picture are near each other, all of them. Of pictures that merely differ little, one is near several
    that are not near each other; a film links its frames so as well, which then follow each other by name.
    """
    pairs, size = image_set.near_duplicates, len(image_set)
    number_of = linked(pairs, size)
    members = np.bincount(number_of)
    random = np.random.default_rng(0)
    rows = np.sort(random.permutation(size)[:_LOOKED_AT])
    # Not the links are counted: where they are very many not all are known.
    order, starts = np.argsort(number_of, kind="stable"), np.cumsum(members) - members
    chains = np.repeat(number_of[rows], _MATES)
    mates = order[starts[chains] + random.integers(0, members[chains])]
    apart = ~are_near(image_set.images, np.stack([np.repeat(rows, _MATES), mates], axis=1))
    loose = np.isin(number_of[rows], chains[apart])
    return loose.mean() >= _MOST and not _follow_each_other(pairs, image_set.sample_ids)


def _follow_each_other(pairs: np.ndarray, sample_ids: tuple[str, ...]) -> bool:
    """Whether neighbours by name are near-duplicates far oftener than any two images of a folder are."""
    order = sorted(range(len(sample_ids)), key=sample_ids.__getitem__)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    folders: dict[str, int] = {}
    of_folder = np.array([folders.setdefault(name.rpartition("/")[0], len(folders)) for name in sample_ids])
    held = np.bincount(of_folder)
    within = pairs[of_folder[pairs[:, 0]] == of_folder[pairs[:, 1]]]
    next_to = int((np.abs(np.diff(place[within], axis=1)) == 1).sum())
    expected = len(within) * (held - 1).sum() / max(1, (held * (held - 1) // 2).sum())
    return next_to >= max(_FEWEST, _IN_A_ROW * expected)


def _of_chains(split: "Split") -> list[str]:
    """What became of images that near-duplicates link into chains too long to be kept on one side."""
    if not split.chained:
        return []
    many = len(split.chained)
    link = f"near-duplicates link {sum(split.chained):,} images into {'one chain' if many == 1 else f'{many:,} chains'}"
    if split.kind == "group":
        return [f"{link}, across groups; of these only images of a group are kept on one side, all other copies are"]
    return [
        f"{link}, as the frames of a film are; these are not kept on one side, all other copies are: name what belongs "
        "together, with --group_from or a column of groups"
    ]
