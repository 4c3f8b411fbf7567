"""Copies that are not equal bytes."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy.special import chdtrc

from data import near_duplicates as module
from data.near_duplicates import linked, near_duplicates


def photographs(count: int, seed: int = 0) -> np.ndarray:
    """uint8 (count, 3, 32, 32): random blobs of colour, each like no other."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (count, 5, 5, 3), dtype=np.uint8)
    return np.stack([np.asarray(Image.fromarray(each).resize((32, 32), Image.BICUBIC)) for each in small]).transpose(
        0, 3, 1, 2
    )


def encoded(image: np.ndarray, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(image.transpose(1, 2, 0)).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer)).transpose(2, 0, 1)


def resized(image: np.ndarray, side: int) -> np.ndarray:
    picture = Image.fromarray(image.transpose(1, 2, 0)).resize((side, side), Image.BILINEAR)
    return np.asarray(picture.resize((32, 32), Image.BILINEAR)).transpose(2, 0, 1)


@pytest.mark.parametrize(
    "copied",
    [lambda each: encoded(each, 75), lambda each: encoded(each, 90), lambda each: resized(each, 64),
     lambda each: np.clip(each.astype(int) + 5, 0, 255).astype(np.uint8), lambda each: each],
    ids=["jpeg 75", "jpeg 90", "64 and back", "brighter", "equal"],
)  # fmt: skip
def test_copies_are_found_and_nothing_else(copied):
    images = photographs(300)
    copies = np.stack([copied(each) for each in images[:40]])
    found = near_duplicates(np.concatenate([images, copies]))
    assert found.tolist() == [[number, 300 + number] for number in range(40)]


def test_even_pictures_of_different_brightness_are_different():
    images = np.repeat(np.array([10, 60, 60, 200], np.uint8), 3 * 64).reshape(4, 3, 8, 8)
    assert near_duplicates(images).tolist() == [[1, 2]]


def test_nothing_to_compare():
    assert near_duplicates(photographs(1)).shape == (0, 2)
    assert near_duplicates(photographs(2)).shape == (0, 2)


def partition(pairs: np.ndarray, count: int) -> set[frozenset[int]]:
    number_of = linked(pairs, count)
    return {frozenset(np.flatnonzero(number_of == number).tolist()) for number in set(number_of.tolist())}


def test_frames_of_a_still_camera_are_linked_without_comparing_all():
    noise = np.random.default_rng(0).normal(0, 2, (2000, 3, 32, 32))
    scenes = photographs(4)
    frames = np.clip(scenes[np.arange(2000) % 4] + noise, 0, 255).astype(np.uint8)
    found = near_duplicates(np.concatenate([frames, photographs(50, seed=1)]))
    assert len(found) <= 30 * 2000  # of half a million
    alone = {frozenset([number]) for number in range(2000, 2050)}
    assert partition(found, 2050) == alone | {frozenset(range(scene, 2000, 4)) for scene in range(4)}


def test_chains_are_linked_as_all_pairs_would_link_them(monkeypatch: pytest.MonkeyPatch):
    first, second = photographs(2).astype(float)
    steps = np.linspace(0, 1, 40)[:, None, None, None]
    fading = ((1 - steps) * first + steps * second).astype(np.uint8)
    images = np.concatenate([fading, photographs(100, seed=1), fading[:5]])
    every = near_duplicates(images)
    monkeypatch.setattr(module, "_COMPARED", 1)
    monkeypatch.setattr(module, "_PIECE", 16)
    few = near_duplicates(images)
    assert len(few) < len(every)
    assert partition(few, len(images)) == partition(every, len(images))


def test_exactly_the_pairs_that_the_definition_names_are_found(monkeypatch: pytest.MonkeyPatch):
    # at the edge of the threshold, dark, faint and even ones among them; tiles that are smaller than the set
    monkeypatch.setattr(module, "_ROWS", 32)
    monkeypatch.setattr(module, "_COLUMNS", 16)
    monkeypatch.setattr(module, "_STRIP", 48)
    random = np.random.default_rng(0)
    several = np.repeat(photographs(40), 5, axis=0).astype(float)
    noise = random.normal(0, 1, several.shape) * random.uniform(0, 20, (200, 1, 1, 1))
    paler = random.choice([1, 0.5, 0.1], (200, 1, 1, 1))
    even = np.full((20, *several.shape[1:]), 100) + random.integers(0, 10, (20, 1, 1, 1))
    images = np.concatenate([(several + noise) * paler, even]).clip(0, 255).astype(np.uint8)
    pixels = images.reshape(len(images), -1) / 255
    standardised = pixels - pixels.mean(axis=1, keepdims=True)
    standardised /= np.maximum(pixels.std(axis=1, keepdims=True), module.FAINT)
    near = [
        [first, second]
        for first in range(len(images))
        for second in range(first + 1, len(images))
        if np.square(standardised[first] - standardised[second]).mean() <= module.NEAR
        and abs(pixels[first].mean() - pixels[second].mean()) <= module.MEAN
    ]
    assert len(near) > 50
    assert near_duplicates(images).tolist() == near


def test_the_radius_along_random_directions_keeps_all_but_one_in_a_thousand_million():
    assert 0.99e-9 < chdtrc(module._DIRECTIONS, module._FURTHEST) <= 1e-9


def test_copies_among_pictures_of_nothing_but_noise():
    # no component tells noise apart: all pairs would be compared
    noise = np.random.default_rng(0).integers(0, 256, (4000, 3, 32, 32), dtype=np.uint8)
    brighter = np.clip(noise[:3].astype(int) + 5, 0, 255).astype(np.uint8)
    assert near_duplicates(np.concatenate([noise, brighter])).tolist() == [[0, 4000], [1, 4001], [2, 4002]]
