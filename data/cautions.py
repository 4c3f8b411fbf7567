"""What a set of this size and make-up can and cannot tell, in sentences."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from data.image_set import ImageSet
from run.console import count, verb
from run.errors import printable

if TYPE_CHECKING:
    from data.split import Split

_FEW = 100  # test images: with as many an accuracy is known to 10 points
_FEW_A_CLASS = 5
_NEXT_TO_NOTHING = 40  # points either way
_MANY_TEST = 0.3  # of all images: with as many there are few to train on
_UNEVEN = 0.8  # of the test images in one class
_DRAWN = 0.1  # by which a class's part of the test images may be above its part of all
_NAMED = 5


def cautions(image_set: ImageSet, split: "Split") -> list[str]:
    """What to keep in mind of the numbers that come, a sentence each; nothing where there is enough of everything."""
    tested = split.test
    independent = len(np.unique(image_set.groups[tested])) if split.kind == "group" else len(tested)
    sentences = []
    if independent < _FEW:
        what = count(len(tested), "test image")
        what += f" of {count(independent, 'group')}" if independent < len(tested) else ""
        points = round(100 * 0.98 / np.sqrt(independent))  # 1.96 standard errors of a half
        known = f"with {what} " + (
            "single ones weigh much"
            if image_set.labels is None
            else "next to nothing is known of an accuracy"
            if points > _NEXT_TO_NOTHING
            else f"an accuracy is known to about {points} points either way"
        )
        sentences.append(
            f"small set: {known}; reconstructions can be looked at, and large differences of their errors believed, "
            f"but not rankings of {'' if image_set.labels is None else 'classes, '}clusters or sizes that lie near; "
            f"{_more_to_test_on(split)}"
        )
    if unlabelled := len(split.unlabelled):
        sentences.append(
            f"{count(unlabelled, 'image')} without a label {verb(unlabelled, 'are')} trained on; they neither test nor "
            "count for a class (--unlabelled leave_out)"
        )
    return sentences if image_set.labels is None else sentences + _of_classes(image_set, split)


def _more_to_test_on(split: "Split") -> str:
    """What makes more test images, where there may be more."""
    tested = len(split.test) / (len(split.test) + len(split.trained_on) + len(split.val))
    if tested > 0.9 * _MANY_TEST:
        return "add images"
    anew = "--split random " if split.kind == "published" else ""
    return f"test on more ({anew}--test_fraction {_MANY_TEST:g}) or add images"


def _of_classes(image_set: ImageSet, split: "Split") -> list[str]:
    names, labels = image_set.class_names, image_set.labels
    everything = np.bincount(labels[labels >= 0], minlength=len(names))
    tested, trained = (np.bincount(labels[side], minlength=len(names)) for side in (split.test, split.train))
    sentences = []
    single = [name for name, images in zip(names, everything, strict=True) if images == 1]
    if single:
        sentences.append(
            f"{count(len(single), 'class')} {verb(len(single), 'have')} one image ({_listed(single)}): trained "
            "on and never tested"
        )
    untrained = [name for name, trains, tests in zip(names, trained, tested, strict=True) if tests and not trains]
    if untrained:
        sentences.append(
            f"{count(len(untrained), 'class')} {verb(len(untrained), 'are')} tested and never trained on "
            f"({_listed(untrained)})"
        )
    spelt: dict[str, list[str]] = {}
    for name in names:
        spelt.setdefault(name.casefold(), []).append(name)
    alike = [" and ".join(each) for each in spelt.values() if len(each) > 1]
    if alike:
        sentences.append(f"classes that differ in capital letters alone: {_listed(alike)}; are they the same?")
    few = int(((tested < _FEW_A_CLASS) & (everything > 1)).sum())
    if few:
        sentences.append(
            f"{few:,} of {count(len(names), 'class')} {verb(few, 'have')} fewer than {_FEW_A_CLASS} test images: "
            "scores of single classes say next to nothing there"
        )
    largest = int(tested.argmax())
    share = tested[largest] / max(1, tested.sum())
    if len(names) > 1 and share >= _UNEVEN and tested.sum() >= _FEW_A_CLASS:  # of fewer some class always has most
        are_uneven = everything[largest] / everything.sum() >= _UNEVEN - _DRAWN
        sentences.append(
            f"uneven {'classes' if are_uneven else 'test images'}: always answering {printable(names[largest])} is "
            f"right for {share:.0%} of test images, so look at macro-F1 and balanced scores rather than accuracy"
            f"{', and try --balance sampler' if are_uneven else ''}"
        )
    return sentences


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(printable, names[:_NAMED])) + ", ..." * (len(names) > _NAMED)
