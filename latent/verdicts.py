"""Verdicts: yes, no, or can't tell from this many; each with its evidence, and with what would change it.

What is better, and how surely a number lies beyond a mark, is decided by :mod:`latent.comparison`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from latent.comparison import CANT_TELL, NO, YES, critical, how_many, judge
from latent.lying_apart import (
    FEWEST_OF_EACH,
    counted,
    enough_for_no,
    lie_apart,
    number_in_words,
    ties_in_words,
    two_decimals,
    what_would_tell,
)
from latent.separation import FEWEST as FEWEST_OF_PIECE
from latent.separation import Separation

KNOWN = 0.7  # of the way from chance to all right: from here on classes are known
WITHIN = 0.8  # of the way from chance to all images in a cluster of their class: from here on clusters lie within one
ONE_EACH = 0.7  # likewise of k-means with one cluster a class: from here on each class is one cluster
AGREE = 0.5  # AMI above chance, from which on clusters are called the classes
# AMI of clusters with brightness and the like that is worth a word, where it is more than with the classes
FOLLOWS = 0.1


@dataclass(frozen=True)
class Verdict:
    """An answer.

    Attributes:
        verdict: ``YES``, ``NO`` or ``CANT_TELL``.
        sentence: the answer as a person would say it.
        evidence: what it rests on, a short sentence each, the largest reason to be misled last.
        would_change: what would change it.
        case: which of :data:`SENTENCES` it is.
    """

    verdict: str
    sentence: str
    evidence: tuple[str, ...] = ()
    would_change: str = ""
    case: str = ""


@dataclass(frozen=True)
class Known:
    """How well a classifier that was told the classes gives them to images it has not seen.

    Attributes:
        by: what it is.
        right: share of images; ``largest`` that of the largest class given to all.
        above_chance: mean over classes of the share that is right, 0 at chance and 1 at best: no class counts more
            for being larger.
        error: its sampling error; ``units`` that it was taken of: fewer than there are where a class has few.
    """

    by: str
    right: float
    largest: float
    above_chance: float
    error: float
    units: int


def known_classes(hits: np.ndarray, labels: np.ndarray, groups: np.ndarray, by: str, largest: float) -> Known:
    """How well classes are known, from which rows a classifier is right on.

    Args:
        hits: bool or float (rows,).
        labels: int (rows,), of two classes or more.
        groups: int (rows,).
        by: the classifier.
        largest: share of rows of the largest class of what it learnt from.
    """
    hits = np.asarray(hits, np.float64)
    names, label = np.unique(labels, return_inverse=True)
    counts = np.bincount(label)
    recall = np.bincount(label, weights=hits) / counts
    influence = (hits - recall[label]) / counts[label] / len(names)
    units = np.unique(groups, return_inverse=True)[1]
    robust = math.sqrt(float(np.square(np.bincount(units, weights=influence)).sum()))
    # where all are right, or none, the scatter is nothing and the error is not: two of each are added (Agresti, 1998)
    independent = np.array([len(np.unique(units[label == each])) for each in range(len(names))])
    share = (recall * independent + 2) / (independent + 4)
    binomial = math.sqrt(float((share * (1 - share) / (independent + 4)).sum())) / len(names)
    chance = 1 / len(names)
    above, error = (float(recall.mean()) - chance) / (1 - chance), max(robust, binomial) / (1 - chance)
    # a class of two images says as little as two images do, however many there are of others
    effective = len(names) / float((1 / independent).mean())
    return Known(by, float(hits.mean()), largest, above, error, int(min(units.max() + 1, effective)))


@dataclass(frozen=True)
class Facts:
    """What is known of one space.

    Attributes:
        space: ``bottleneck 16``.
        clusters: how far clusters that no class was used for lie apart; None where there are too few images.
        classes: the same of the classes; None without any.
        known: how well classifiers know the classes, the best first; () without classes.
        agreement: AMI of these clusters and the classes above that of chance; None without classes.
        one_each: share of images in the cluster of their class, 0 at chance, and its error; None likewise.
        followed: what else these clusters were held against (brightness, ...) -> AMI above chance.
        class_names: in the order of the pieces of ``classes``.
        beside: evidence of other spaces, in words.
        beware: reasons to be misled, in words, the largest first.
        within: share of images whose class is the commonest of their cluster, 0 at chance; None without classes.
    """

    space: str
    clusters: Separation | None
    classes: Separation | None = None
    known: tuple[Known, ...] = ()
    agreement: float | None = None
    one_each: tuple[float, float] | None = None
    followed: Mapping[str, float] = field(default_factory=dict)
    class_names: Sequence[str] = ()
    beside: tuple[str, ...] = ()
    beware: tuple[str, ...] = ()
    within: float | None = None


# Every sentence that can be an answer about one space; ``tests/test_verdicts.py`` says which numbers give each.
SENTENCES: dict[str, tuple[str, str]] = {
    "clusters_are_classes": (
        YES,
        "yes: the images fall into {clusters} with gaps between, and these follow the classes",
    ),
    "clusters_follow_in_part": (
        YES,
        "yes: the images fall into {clusters} with gaps between, which follow the classes in part",
    ),
    "clusters_within_classes": (
        YES,
        "yes: the images fall into {clusters} with gaps between, each within one class; a class is several clusters",
    ),
    "clusters_are_not_classes": (
        YES,
        "yes: the images fall into {clusters} with gaps between, but these are not the classes{follow}",
    ),
    "clusters_without_classes": (YES, "yes: the images fall into {clusters} with gaps between"),
    "classes_are_the_clusters": (
        YES,
        "yes: gaps lie between the classes, though k-means, which does not know them, does not surely find them",
    ),
    "continuum": (NO, "no: the images form a continuum, on which the classes are stretches without gaps between"),
    "clusters_some": (NO, "not as a whole: gaps lie around {apart} of {judged} classes{names}, the rest runs together"),
    "one_cloud": (NO, "no: the images form one cloud, without gaps to divide it by"),
    "clusters_unsure": (CANT_TELL, "can't tell from {images}: what divides them may be gaps or the draw of images"),
    "clusters_too_few": (CANT_TELL, "can't tell: there are too few different images to look for clusters among"),
    "classes_one_each": (YES, "yes: the classes lie apart, nearly each as one cluster of its own"),
    "classes_in_pieces": (YES, "yes, in pieces: the classes lie apart, but not each as one round cluster"),
    "classes_some": (NO, "not all: {apart} of {judged} classes lie apart{names}, the others touch"),
    "classes_stretches": (
        NO,
        "no: the classes can be told apart, but as stretches of a continuum, without gaps between them",
    ),
    "classes_not_apart": (NO, "no: no gaps lie between the classes, whether or not classifiers can tell them apart"),
    "classes_overlap": (
        NO,
        "no: the classes overlap: even classifiers that were told the classes of other images get many wrong",
    ),
    "classes_nothing": (NO, "no: nothing of the classes is to be found"),
    "classes_gaps_unsure": (
        CANT_TELL,
        "can't tell from {images}: the classes are known, but gaps between them are unsure",
    ),
    "classes_unsure": (CANT_TELL, "can't tell from {images}: how well the classes can be known is unsure"),
    "classes_too_few": (
        CANT_TELL,
        "can't tell: there are too few training images of each class to learn the classes from",
    ),
    "classes_none": (CANT_TELL, "can't tell: that takes images of two classes or more"),
}


def clusters_verdict(facts: Facts) -> Verdict:
    """Are there meaningful cluster structures?"""
    found = facts.clusters
    of_classes = classes_verdict(facts)
    if found is None:
        if of_classes.verdict == YES:
            return _say("classes_are_the_clusters", facts, of_classes.evidence, of_classes.would_change)
        return _say("clusters_too_few", facts, (), "more different images: some twenty of each class at least")
    state = lie_apart(found)
    evidence = (
        ties_in_words(found, f"{found.pieces} k-means clusters"),
        *_agreement(facts),
        *facts.beside,
        *facts.beware,
    )
    if state == YES:
        if facts.agreement is None:
            case = "clusters_without_classes"
        else:
            part = facts.agreement > 0.15 and facts.agreement >= max(facts.followed.values(), default=0) / 2
            case = "clusters_follow_in_part" if part else "clusters_are_not_classes"
            case = "clusters_are_classes" if facts.agreement >= AGREE else case
            case = "clusters_within_classes" if classes_are_several(facts) else case
        return _say(case, facts, evidence, "images that lie between them")
    if of_classes.verdict == YES:
        return _say("classes_are_the_clusters", facts, (*evidence, *of_classes.evidence[:1]), of_classes.would_change)
    if state == NO and facts.classes is not None and not enough_for_no(facts.classes):
        # as many clusters as there are classes would be too small to be looked for
        return _say("clusters_unsure", facts, evidence, f"{FEWEST_OF_EACH} training images or tracks of each class")
    if state == CANT_TELL:
        return _say("clusters_unsure", facts, evidence, what_would_tell(found))
    if of_classes.case == "classes_some":
        return _say("clusters_some", facts, evidence, of_classes.would_change)
    known = of_classes.case in ("classes_stretches", "classes_gaps_unsure")
    case = "continuum" if known else "one_cloud"
    return _say(
        case,
        facts,
        evidence,
        "other features, or another bottleneck, in which they come apart; more such images alone won't",
    )


def classes_verdict(facts: Facts) -> Verdict:
    """Do the classes cluster well?"""
    if not facts.known:
        return _say("classes_none", facts, (), "images with two classes or more: one folder a class, or --labels")
    best, tried = facts.known[0], len(facts.known)
    evidence = [
        f"told the classes of other images, {each.by} name {each.right:.0%} of these rightly (the largest class alone "
        f"{each.largest:.0%}; {two_decimals(each.above_chance)} ± {each.error:.2f} where 0 is chance, 1 all right)"
        for each in facts.known
    ]
    if facts.classes is not None:
        evidence.append(ties_in_words(facts.classes, "the classes"))
    if facts.one_each is not None:
        evidence.append(f"one k-means cluster a class holds {facts.one_each[0]:.2f} (0 chance, 1 all images)")
    evidence += [*facts.beside, *facts.beware]
    state = judge(best.above_chance, best.error, KNOWN, best.units, tried)
    apart = CANT_TELL if facts.classes is None else lie_apart(facts.classes)
    several = classes_are_several(facts)
    if several:  # ties that reach a fifth of a class reach beyond each of its clusters, across the gaps
        clusters = ties_in_words(facts.clusters, number_in_words(facts.clusters))
        evidence.insert(len(facts.known), f"each class is several clusters: {clusters}")
        apart = YES if state == YES else apart
    few = facts.classes is None or not enough_for_no(facts.classes)
    if state == NO and few and apart != YES:
        enough = f"{FEWEST_OF_EACH} training images or tracks of each class would tell"
        return _say("classes_too_few", facts, evidence, enough)
    if state == NO and not few:
        above = best.above_chance > critical(best.units, tried) * best.error
        case = "classes_overlap" if above else "classes_nothing"
        return _say(
            case,
            facts,
            evidence,
            f"a bottleneck, or features, by which classifiers are {KNOWN:.0%} of the way from chance to all right",
        )
    # across a gap neighbours know the classes, however few were asked; without gaps they are not apart, known or not
    if state == CANT_TELL and apart == CANT_TELL:
        count = how_many(best.units, best.above_chance, best.error, KNOWN, tried)
        return _say("classes_unsure", facts, evidence, f"about {count:,} test images, or tracks of them, would tell")
    if facts.classes is None:
        return _say(
            "classes_gaps_unsure",
            facts,
            evidence,
            f"at least {FEWEST_OF_PIECE} images or tracks of each class would tell",
        )
    if apart == CANT_TELL:
        return _say("classes_gaps_unsure", facts, evidence, what_would_tell(facts.classes))
    if apart == YES:
        one_each = not several and facts.one_each is not None and facts.one_each[0] >= ONE_EACH
        case = "classes_one_each" if one_each else "classes_in_pieces"
        return _say(case, facts, evidence, "images that lie between them")
    some = 0 < len(facts.classes.apart) < facts.classes.judged and facts.classes.judged > 2
    # where clusters lie apart there is no one continuum, though the borders between classes run through its clusters
    one = state == YES and (facts.clusters is None or lie_apart(facts.clusters) != YES)
    case = "classes_some" if some else "classes_stretches" if one else "classes_not_apart"
    return _say(
        case,
        facts,
        evidence,
        "other features, or another bottleneck, in which they come apart; more such images alone won't",
    )


def classes_are_several(facts: Facts) -> bool:
    """Whether clusters lie apart, each within one class, and are twice as many as the classes or more."""
    if facts.clusters is None or facts.classes is None or (facts.within or 0) < WITHIN:
        return False
    return lie_apart(facts.clusters) == YES and facts.clusters.judged >= 2 * facts.classes.pieces


def _say(case: str, facts: Facts, evidence: Sequence[str], would_change: str) -> Verdict:
    verdict, sentence = SENTENCES[case]
    found = facts.classes if case.startswith("classes") or case == "clusters_some" else facts.clusters
    words = {"images": "so few images", "clusters": "clusters", "follow": "", "apart": 0, "judged": 0, "names": ""}
    if found is not None:
        words["images"] = counted(found.units, found.images)
        words["clusters"] = number_in_words(found)
        words |= {"apart": len(found.apart), "judged": found.judged}
        if case in ("classes_some", "clusters_some") and facts.class_names and len(found.apart) <= 6:
            words["names"] = f" ({', '.join(facts.class_names[each] for each in found.apart)})"
    if case == "classes_unsure":
        words["images"] = f"{facts.known[0].units:,} test images or groups of them"
    if facts.followed:
        most = max(facts.followed, key=facts.followed.get)
        if facts.followed[most] >= FOLLOWS:
            words["follow"] = f": they follow {most}"
    return Verdict(verdict, sentence.format(**words), tuple(evidence), would_change, case)


def _agreement(facts: Facts) -> tuple[str, ...]:
    if facts.agreement is None:
        return ()
    others = "".join(f", with {name} {two_decimals(value)}" for name, value in facts.followed.items())
    return (
        f"these clusters agree with the classes {two_decimals(facts.agreement)}{others} (AMI above chance: 0 not at "
        "all, 1 wholly)"
        + (
            ""
            if facts.within is None
            else f"; one class holds {two_decimals(facts.within)} of a cluster's images (0 chance, 1 all)"
        ),
    )
