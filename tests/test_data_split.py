"""The split: no leak for any data, sizes and seed; a pure function of images, names and seed."""

import dataclasses

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from data.image_set import ImageSet, content_digests, joined_groups
from data.split import Split, counts_per_class, split_images
from run.console import table
from run.errors import BadInput


def make(
    values: list[int],
    labels: list[int] | None = None,
    groups: list[int] | None = None,
    published: list[bool] | None = None,
    shape: tuple[int, int, int] = (1, 8, 8),
) -> ImageSet:
    """A set whose image i is filled with values[i]: equal values are equal images."""
    images = np.empty((len(values), *shape), np.uint8)
    images[:] = np.array(values, np.uint8).reshape(-1, 1, 1, 1)
    return ImageSet(
        name="made",
        images=images,
        labels=None if labels is None else np.array(labels, np.int64),
        class_names=() if labels is None else tuple(f"class {number}" for number in range(max(labels) + 1)),
        sample_ids=tuple(f"{number:04}.png" for number in range(len(values))),
        groups=joined_groups(range(len(values)) if groups is None else groups, content_digests(images)),
        published_test=None if published is None else np.array(published, bool),
        left_out=(),
    )


def reordered(images: ImageSet, order: list[int]) -> ImageSet:
    return dataclasses.replace(
        images,
        images=images.images[order],
        labels=None if images.labels is None else images.labels[order],
        sample_ids=tuple(images.sample_ids[position] for position in order),
        groups=images.groups[order] * 7 + 3,
        published_test=None if images.published_test is None else images.published_test[order],
    )


def sides(split: Split) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return split.train, split.val, split.test


def names(images: ImageSet, split: Split) -> list[set[str]]:
    return [{images.sample_ids[position] for position in side} for side in sides(split)]


@st.composite
def image_sets(draw) -> ImageSet:
    count = draw(st.integers(2, 60))

    def column(low: int, high: int) -> list[int]:
        return draw(st.lists(st.integers(low, high), min_size=count, max_size=count))

    values = draw(st.sampled_from([list(range(count)), column(0, 200), column(0, 5)]))
    labels = draw(st.sampled_from([None, column(0, 0), column(0, 4)]))
    groups = draw(st.sampled_from([None, column(0, 9), column(0, 40)]))
    published = draw(st.sampled_from([None, None, [bool(value) for value in column(0, 1)]]))
    return make(values, labels, groups, published)


arguments = st.fixed_dictionaries(
    {
        "kind": st.sampled_from([None, "random", "group", "published"]),
        "test_fraction": st.floats(0.05, 0.6),
        "val_fraction": st.sampled_from([0.0, 0.05, 0.3]),
        "max_train": st.sampled_from([None, 2, 7, 30]),
        "max_test": st.sampled_from([None, 1, 5]),
        "seed": st.integers(0, 2**31 - 1),
    }
)


@settings(max_examples=200, deadline=None)
@given(image_sets(), arguments, st.randoms(use_true_random=False))
def test_no_leak_for_any_data_sizes_and_seed(images, asked, chance):
    try:
        split = split_images(images, **asked)
    except BadInput:
        assume(False)
    train, val, test = sides(split)
    together = np.concatenate([train, val, test])
    assert len(set(together.tolist())) == len(together)  # disjoint by position
    assert all((np.diff(side) > 0).all() for side in sides(split))
    assert len(train)
    assert len(test)
    contents = [{images.images[position].tobytes() for position in side} for side in sides(split)]
    assert not contents[2] & (contents[0] | contents[1])  # disjoint by content
    assert not contents[0] & contents[1]
    if split.kind == "group":
        groups = [set(images.groups[side].tolist()) for side in sides(split)]
        assert not groups[2] & (groups[0] | groups[1])
        assert not groups[0] & groups[1]
    if split.kind == "published":
        assert images.published_test[test].all()
        assert not images.published_test[np.concatenate([train, val])].any()
    if asked["max_train"]:
        assert len(train) + len(val) <= asked["max_train"]
    if asked["max_test"]:
        assert len(test) <= asked["max_test"]
    if asked["max_train"] is None and asked["max_test"] is None:
        assert len(together) + split.dropped == len(images)

    order = list(range(len(images)))
    chance.shuffle(order)
    shuffled = reordered(images, order)
    again = split_images(shuffled, **asked)
    assert names(shuffled, again) == names(images, split)  # the order of files is nothing to it
    assert again.fingerprint == split.fingerprint


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=8), st.integers(1, 20), st.floats(0.05, 0.5), st.integers(0, 99)
)
def test_each_class_gives_about_its_share(groups_of_class, size, fraction, seed):
    labels = [label for label, count in enumerate(groups_of_class) for _ in range(count * size)]
    groups = [position // size for position in range(len(labels))]
    count = len(labels)
    assume(count > 1)
    images = make([0] * count, labels)
    images.images[:, 0, 0, 0], images.images[:, 0, 0, 1] = np.arange(count) % 256, np.arange(count) // 256
    images = dataclasses.replace(images, groups=np.array(groups))
    try:
        split = split_images(images, test_fraction=fraction, val_fraction=0, seed=seed)
    except BadInput:
        return
    for label, groups in enumerate(groups_of_class):
        tested = int((images.labels[split.test] == label).sum())
        assert tested % size == 0 or split.kind == "random"
        assert (images.labels[split.train] == label).any()
        if groups == 1 and split.kind == "group":
            assert tested == 0
        elif groups > 1:
            assert abs(tested - fraction * groups * size) <= 1.5 * size
            if fraction * groups * size >= 1:
                assert tested


def plain(count: int = 100, classes: int = 4) -> ImageSet:
    return make(list(range(count)), [position % classes for position in range(count)])


def test_another_seed_another_split():
    images = plain()
    assert split_images(images, seed=0).fingerprint == split_images(images, seed=0).fingerprint
    assert split_images(images, seed=0).fingerprint != split_images(images, seed=1).fingerprint


def test_split_is_the_same_in_every_version():
    """Numbers that were written down once: a change here would orphan every checkpoint and test file."""
    split = split_images(plain(), seed=3)
    assert split.fingerprint == "ae7095c2fe3dd851120706ae8bdd922ff5ac49746914009f50442ed4f78f5832"
    assert split.test.tolist() == [6, 17, 36, 37, 40, 59, 66, 78, 80, 83]


def test_fingerprint_knows_content_shape_and_side():
    images = plain()
    prints = {split_images(images).fingerprint, split_images(images, val_fraction=0.2).fingerprint}
    prints.add(split_images(make(list(range(1, 101)), images.labels.tolist())).fingerprint)
    prints.add(split_images(make(list(range(100)), images.labels.tolist(), shape=(1, 8, 9))).fingerprint)
    prints.add(split_images(images, max_train=50).fingerprint)
    assert len(prints) == 5


def test_adding_an_image_moves_few_others():
    few, more = plain(100), plain(101)
    before, after = names(few, split_images(few)), names(more, split_images(more))
    assert len(before[2] - after[2]) <= 1


def test_test_images_stay_when_fewer_are_trained_on():
    images = plain()
    whole, part = split_images(images), split_images(images, max_train=20)
    assert np.array_equal(whole.test, part.test)
    assert len(part.train) + len(part.val) == 20
    smaller, larger = split_images(images, max_test=4), split_images(images, max_test=6)
    assert set(smaller.test.tolist()) < set(larger.test.tolist()) < set(whole.test.tolist())
    assert np.bincount(images.labels[smaller.test]).tolist() == [1, 1, 1, 1]


def test_rare_classes_together_give_their_share():
    images = make(list(range(200)), [position // 2 for position in range(200)])  # 100 classes of two images
    split = split_images(images, val_fraction=0)
    assert 15 <= len(split.test) <= 25
    assert set(images.labels[split.train].tolist()) == set(range(100))


def test_random_heeds_no_tracks():
    images = make(list(range(60)), None, [position // 10 for position in range(60)])
    split = split_images(images, kind="random")
    assert split.kind == "random"
    assert len(split.test) == 6
    assert split_images(images).kind == "group"


def test_equal_pixels_join_tracks():
    images = make([0, 1, 2, 3, 1, 5], None, [0, 0, 1, 1, 1, 2])  # image 4, of track 1, is image 1, of track 0
    assert images.groups.tolist() == [0, 0, 0, 0, 0, 1]
    split = split_images(dataclasses.replace(images, groups=np.array([0, 0, 1, 1, 1, 2])), test_fraction=0.3)
    assert split.test.tolist() == [5] or split.train.tolist() == [5]


def test_long_chain_of_links_is_one_group():
    count = 50_000
    chain = joined_groups(
        [position // 2 for position in range(count)], [(position + 1) // 2 for position in range(count)]
    )
    assert chain.max() == 0


@pytest.mark.parametrize(
    ("images", "asked", "sentence"),
    [
        (make([0]), {}, "one readable image"),
        (make([0, 0, 0]), {}, "all 3 images .* are the same picture"),
        (make([0, 1, 2]), {"test_fraction": 0.01}, "no test image is left"),
        (make([0, 1, 2, 3]), {"kind": "group"}, "nothing is known of groups"),
        (make([0, 0, 1, 2]), {"kind": "group"}, "nothing is known of groups"),
        (make([0, 1, 2, 3]), {"kind": "published"}, "no published test part"),
        (make([0, 0, 1], published=[False, True, True]), {}, "none is left to train on; .* --split random"),
    ],
)
def test_what_cannot_be_split_gets_a_sentence(images, asked, sentence):
    with pytest.raises(BadInput, match=sentence):
        split_images(images, **asked)


def test_large_test_fraction_still_trains_on_every_class():
    images = plain()
    split = split_images(images, test_fraction=0.99)
    assert np.bincount(images.labels[split.train]).tolist() == [1, 1, 1, 1]


def test_counts_per_class():
    images = plain(40, 2)
    header, rows = counts_per_class(images, split_images(images, test_fraction=0.2, val_fraction=0.1))
    assert header == ["class", "train", "val", "test"]
    assert rows == [["class 0", 14, 2, 4], ["class 1", 15, 1, 4], ["all", 29, 3, 8]]
    assert "class 1" in table(header, rows)
    unlabelled = make(list(range(10)))
    assert counts_per_class(unlabelled, split_images(unlabelled))[1] == [["all", 9, 0, 1]]


def test_groups_of_several_classes_are_drawn_about_as_asked():
    """Patients with all findings: a group is of no class of its own, and no class asks for one more."""
    for count, groups in [(2000, 20), (3000, 60), (1200, 12)]:
        random = np.random.default_rng(groups)
        labels = random.integers(0, 12, count)
        images = dataclasses.replace(
            make(list(range(12)) * (count // 12 + 1)),
            images=random.integers(0, 256, (count, 1, 8, 8), np.uint8),
            labels=labels,
            class_names=tuple("abcdefghijkl"),
            sample_ids=tuple(f"{number}.png" for number in range(count)),
            groups=random.integers(0, groups, count),
        )
        shares = []
        for seed in range(5):
            split = split_images(images, test_fraction=0.1, seed=seed)
            assert split.kind == "group"
            assert not set(images.groups[split.test]) & set(images.groups[np.concatenate([split.train, split.val])])
            shares.append(len(split.test) / count)
        assert 0.07 <= min(shares) <= max(shares) <= 0.14, shares
