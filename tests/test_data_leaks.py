"""Near-duplicates on both sides of a split: copies and series are leakage, simple pictures are merely alike."""

import dataclasses

import numpy as np
import pytest

from data.image_set import ImageSet, content_digests, joined_groups
from data.leaks import describe_leaks
from data.near_duplicates import near_duplicates
from data.split import split_images

ROWS, COLUMNS = np.mgrid[0:16, 0:16]


def set_of(pictures: list[np.ndarray], names: list[str] | None = None, groups: list[int] | None = None) -> ImageSet:
    """Pictures (16, 16) in [0, 1], by names or in random order."""
    images = np.clip(np.rint(np.array(pictures)[:, None] * 255), 0, 255).astype(np.uint8)
    names = names or [f"{number:04}.png" for number in np.random.default_rng(9).permutation(len(images))]
    return ImageSet(
        name="made",
        images=images,
        labels=None,
        class_names=(),
        sample_ids=tuple(names),
        groups=joined_groups(range(len(images)) if groups is None else groups, content_digests(images)),
        published_test=None,
        left_out=(),
        near_duplicates=near_duplicates(images),
    )


def textures(count: int) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [np.kron(random.random((4, 4)), np.ones((4, 4))) for _ in range(count)]


def copied(pictures: list[np.ndarray]) -> list[np.ndarray]:
    random = np.random.default_rng(1)
    return pictures + [picture + 0.01 * random.normal(size=(16, 16)) for picture in pictures]


def blob(left: float, top: float) -> np.ndarray:
    return np.exp(-((COLUMNS - left) ** 2 + (ROWS - top) ** 2) / 12)


def film(frames: int) -> list[np.ndarray]:
    return [blob(3 + 0.12 * frame, 8) for frame in range(frames)]


def blobs(count: int) -> list[np.ndarray]:
    """Drawn one by one at random, so that none is a copy of another."""
    return [blob(*place) for place in np.random.default_rng(2).uniform(3, 13, (count, 2))]


def test_copies_stay_on_one_side_beside_a_chain_too_long_for_it():
    images = set_of(copied(textures(150)) + film(40))
    split = split_images(images)
    assert split.chained == (40,)
    tests = set(split.test.tolist())
    assert all((first in tests) == (first + 150 in tests) for first in range(150))
    frames = [row for row in tests if row >= 300]
    assert frames, "the film is not kept together"
    first, second = describe_leaks(images, split)
    assert first == f"data leakage: {len(frames)} of {len(tests)} test images are nearly the same as one trained on"
    assert second.startswith(
        "near-duplicates link 40 images into one chain, as the frames of a film are; these are not"
    )
    assert "all other copies are" in second


def test_a_chain_across_groups_keeps_the_groups():
    images = set_of(textures(60) + film(40), groups=[*range(60), *(60 + frame // 4 for frame in range(40))])
    split = split_images(images)
    assert split.chained == (40,)
    assert not set(images.groups[split.test]) & set(images.groups[np.concatenate([split.train, split.val])])
    assert (
        "into one chain, across groups; of these only images of a group are kept" in describe_leaks(images, split)[-1]
    )


def test_a_short_chain_is_kept_together():
    images = set_of(textures(60) + film(15))
    split = split_images(images)
    assert split.chained == ()
    assert (np.array(split.test) >= 60).sum() in (0, 15)
    assert not any("chain" in line for line in describe_leaks(images, split))


@pytest.mark.parametrize("kept", ["keep", "report"])
def test_simple_pictures_are_not_called_leakage(kept: str):
    images = set_of(blobs(600))
    split = split_images(images, near_duplicates=kept)
    said = describe_leaks(images, split)
    assert "images of this set are so much alike that this proves no copies" in said[0]
    assert not any("leakage" in line for line in said)
    assert split.chained == ()
    assert len(said) == 1


def test_simple_pictures_are_split_one_by_one():
    assert len(split_images(set_of(blobs(60))).test) == 6


@pytest.mark.parametrize(
    ("pictures", "names"),
    [
        (copied(textures(60)), None),
        ([picture for picture in textures(6) for _ in range(30)], None),
        (film(80), [f"{frame:04}.png" for frame in range(80)]),
        (copied(textures(60))[:90] + film(30), None),
    ],
    ids=["pairs", "many copies", "a film by its names", "copies and a film"],
)
def test_copies_and_series_on_both_sides_are_leakage(pictures, names):
    images = set_of(pictures, names)
    images = dataclasses.replace(images, groups=np.arange(len(images)))
    half = np.random.default_rng(3).permutation(len(images))
    split = dataclasses.replace(
        split_images(images, near_duplicates="report"), test=np.sort(half[:30]), train=np.sort(half[30:]), val=half[:0]
    )
    assert any(line.startswith("data leakage: ") for line in describe_leaks(images, split))
