"""What file names tell of images that belong together: what is pointed out, and what is not."""

import hashlib

import pytest

from data.groups import suggested_groups, suggested_people
from data.patterns import match_pattern

_MOODS = ("happy", "sad", "angry")
_PEOPLE = ("Anna", "Bob", "Chen", "Eva")
_BELONG = {  # path -> whose it is
    "patient, visit, eye": {
        f"{'healthy' if who % 2 else 'ill'}/{who}_V{visit}_{eye}.jpg": str(who)
        for who in range(101, 109)
        for visit in (1, 2)
        for eye in ("OD", "OS")
    },
    "patient, eye, visit": {
        f"ill/{who}-{eye}-visit{visit}.jpg": str(who) for who in range(8) for eye in "LR" for visit in (1, 2)
    },
    "subject, session, scan": {
        f"ill/sub-{who:02d}_ses-{visit}_{scan}.png": f"sub-{who:02d}"
        for who in range(8)
        for visit in (1, 2)
        for scan in ("T1w", "FLAIR")
    },
    "people and classes": {f"{mood}/{who}_{mood}{n}.png": who for mood in _MOODS for who in _PEOPLE for n in (0, 1)},
    "people and numbers": {f"{mood}/{who}-{n}.png": who for mood in _MOODS for who in _PEOPLE for n in (0, 1)},
    "people behind classes": {
        f"{mood}/{n}_{mood}_{who}.png": who for mood in _MOODS for who in _PEOPLE for n in (0, 1)
    },
    "video, moment": {
        f"cat/GOPR{video:04d}-00h01m{second:02d}s.png": f"GOPR{video:04d}"
        for video in range(5)
        for second in (0, 15, 30)
    },
    "video, seconds": {f"cat/clip{video}_{tick / 2}s.png": f"clip{video}" for video in range(5) for tick in range(4)},
}
_CLASSES = ("cat", "dog", "ship", "frog")
_ORDINARY = {
    "numbers": [f"{name}/{n:04d}.png" for name in _CLASSES for n in range(20)],
    "cameras": [
        f"{name}/{maker}_{n:04d}.JPG" for name in _CLASSES for maker in ("IMG", "DSC", "PXL", "DSCN") for n in (1, 2)
    ],
    "class and number": [f"{name}/{name}_{n}.png" for name in _CLASSES for n in range(20)],
    "class and number, flat": [f"{name}.{n}.jpg" for name in _CLASSES for n in range(20)],
    "number and class": [f"{name}/{n}_{name}.png" for name in _CLASSES for n in range(20)],
    "cifar": [f"train/{n}_{name}.png" for n in range(20) for name in _CLASSES],
    "mnist": [f"{name}/{10 * n + name}.png" for name in range(10) for n in range(8)],
    "hashes": [f"{name}/{hashlib.sha1(f'{name}{n}'.encode()).hexdigest()}.jpg" for name in _CLASSES for n in range(20)],
    "dates": [f"{name}/2023-05-{n + 1:02d} 10.{n:02d}.33.jpg" for name in _CLASSES for n in range(20)],
    "screenshots": [f"Screenshot 2024-01-{n + 10} at 10.{n:02d}.33 AM.png" for n in range(20)],
    "colours": [
        f"{name}/{hue}_{name}_{n}.png" for name in _CLASSES for hue in ("red", "blue", "green", "black") for n in (1, 2)
    ],
    "breeds": [f"{kind}/{kind}{breed}_{n}.jpg" for kind in _CLASSES for breed in "abcd" for n in (1, 2)],
    "species of one class each": [
        f"{name}/{name[0]}{end}us_{n}.jpg" for name in _CLASSES for end in ("al", "er", "ol") for n in (1, 2)
    ],
    "titles": [
        f"{name}/{word}-{name}-on-a-{place}.jpg"
        for name in _CLASSES
        for word in ("cute", "my", "the", "a")
        for place in ("sofa", "road")
    ],
}  # fmt: skip


def suggestion(paths: list[str]) -> str | None:
    labels = [path.rpartition("/")[0] or None for path in paths]
    return suggested_groups(paths, labels) or suggested_people(paths, labels)


@pytest.mark.parametrize("kind", _BELONG)
def test_images_of_one_person_or_video_are_pointed_out_with_the_pattern_that_keeps_them_together(kind: str):
    whose = _BELONG[kind]
    said = suggestion(list(whose))
    pattern = said.partition("--group_from '")[2].removesuffix("'")
    assert match_pattern(pattern, list(whose), "--group_from") == list(whose.values())


@pytest.mark.parametrize("kind", _ORDINARY)
def test_ordinary_names_are_not(kind: str):
    assert suggestion(_ORDINARY[kind]) is None
