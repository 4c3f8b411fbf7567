"""Every sentence that can be an answer about a space, with numbers that give it; the one rule of better and worse."""

from dataclasses import replace

import numpy as np
import pytest

from latent.comparison import CANT_TELL, NO, YES, compare, how_many, judge
from latent.lying_apart import lie_apart, two_decimals
from latent.separation import Separation
from latent.verdicts import SENTENCES, Facts, Known, classes_verdict, clusters_verdict, known_classes

GAPS = Separation(3, 3, cut=0.01, continuum=0.2, dimension=2.0, error=0.05, images=900, units=900, apart=(0, 1, 2))
NONE = replace(GAPS, cut=0.2, apart=())
EIGHT = replace(GAPS, pieces=8, judged=8, apart=tuple(range(8)), tried=10, most=60)
UNSURE = replace(GAPS, cut=0.1, error=0.3)
KNOWN = Known("nearest neighbours", 0.97, 0.33, above_chance=0.95, error=0.02, units=300)
HALF_KNOWN = replace(KNOWN, right=0.66, above_chance=0.4)
UNKNOWN = replace(KNOWN, right=0.33, above_chance=0.01)
BARELY_TRIED = replace(KNOWN, above_chance=0.7, error=0.2, units=12)
FACTS = Facts("bottleneck 4", GAPS, GAPS, (KNOWN,), agreement=0.9, one_each=(0.95, 0.02), class_names=("a", "b", "c"))

OF_CLUSTERS = {
    "clusters_are_classes": FACTS,
    "clusters_follow_in_part": replace(FACTS, agreement=0.3),
    "clusters_within_classes": replace(FACTS, clusters=EIGHT, agreement=0.4, within=0.99),
    "clusters_are_not_classes": replace(FACTS, agreement=0.02, followed={"brightness": 0.8}),
    "clusters_without_classes": replace(FACTS, agreement=None, known=(), classes=None, one_each=None),
    "classes_are_the_clusters": replace(FACTS, clusters=NONE),
    "continuum": replace(FACTS, clusters=NONE, classes=NONE),
    "clusters_some": replace(FACTS, clusters=NONE, classes=replace(NONE, apart=(1,))),
    "one_cloud": replace(FACTS, clusters=NONE, classes=NONE, known=(UNKNOWN,)),
    "clusters_unsure": replace(FACTS, clusters=UNSURE, classes=UNSURE),
    "clusters_too_few": replace(FACTS, clusters=None, classes=UNSURE),
}
OF_CLASSES = {
    "classes_one_each": FACTS,
    "classes_in_pieces": replace(FACTS, one_each=(0.3, 0.02)),
    "classes_some": replace(FACTS, classes=replace(NONE, apart=(1,))),
    "classes_stretches": replace(FACTS, clusters=NONE, classes=NONE),
    "classes_not_apart": replace(FACTS, classes=NONE, known=(BARELY_TRIED,)),
    "classes_overlap": replace(FACTS, known=(HALF_KNOWN,)),
    "classes_nothing": replace(FACTS, known=(UNKNOWN,)),
    "classes_gaps_unsure": replace(FACTS, classes=UNSURE),
    "classes_unsure": replace(FACTS, classes=UNSURE, known=(BARELY_TRIED,)),
    "classes_too_few": replace(FACTS, known=(UNKNOWN,), classes=replace(NONE, pieces=100, units=150)),
    "classes_none": replace(FACTS, known=()),
}


def test_every_sentence_has_numbers_that_give_it():
    assert OF_CLUSTERS.keys() | OF_CLASSES.keys() == SENTENCES.keys()


@pytest.mark.parametrize("case", SENTENCES)
def test_these_numbers_give_this_sentence(case: str):
    verdict = clusters_verdict(OF_CLUSTERS[case]) if case in OF_CLUSTERS else classes_verdict(OF_CLASSES[case])
    assert verdict.case == case
    assert verdict.verdict == SENTENCES[case][0]
    assert verdict.would_change
    assert "{" not in verdict.sentence
    # a no begins with no, a yes with yes: whoever reads the first word alone is not misled
    assert verdict.sentence.startswith({YES: "yes", NO: ("no", "not all"), CANT_TELL: "can't tell"}[verdict.verdict])


@pytest.mark.parametrize("facts", [*OF_CLUSTERS.values(), *OF_CLASSES.values()])
def test_no_answer_contradicts_the_other(facts: Facts):
    clusters, classes = clusters_verdict(facts), classes_verdict(facts)
    if classes.verdict == YES:
        assert clusters.verdict == YES  # classes that lie apart are clusters
    if clusters.case == "continuum":
        assert classes.case in ("classes_stretches", "classes_gaps_unsure")
        assert classes.case != "classes_some"
    if classes.case == "classes_stretches":
        assert clusters.verdict != YES  # a continuum has no gaps
    if clusters.case == "clusters_some":
        assert classes.case == "classes_some"


def test_few_that_were_asked_are_no_reason_to_doubt_a_gap():
    asked = replace(FACTS, known=(BARELY_TRIED,))
    assert classes_verdict(asked).verdict == YES
    assert classes_verdict(replace(asked, known=(replace(BARELY_TRIED, above_chance=0.1),))).verdict == NO


def test_no_more_images_are_asked_for_than_are_looked_at():
    few = replace(UNSURE, cut=0.08, error=0.1, tried=5)
    many = replace(few, images=1000, units=1000)
    assert "images would tell" in clusters_verdict(replace(FACTS, clusters=few, classes=UNSURE)).would_change
    assert "lies on the border" in clusters_verdict(replace(FACTS, clusters=many, classes=UNSURE)).would_change


def test_more_classes_than_could_be_clusters_are_no_reason_to_say_no():
    many = replace(NONE, pieces=100, units=350, tried=8)
    unsure = replace(FACTS, clusters=replace(NONE, units=350, tried=8), classes=many, known=(UNKNOWN,))
    assert clusters_verdict(unsure).verdict == CANT_TELL
    assert clusters_verdict(replace(unsure, classes=replace(many, pieces=10))).verdict == NO


def test_a_gap_is_believed_where_classifiers_had_too_few_to_learn_from():
    few = replace(GAPS, pieces=100, judged=60, units=350)
    assert classes_verdict(replace(FACTS, known=(UNKNOWN,), classes=few)).verdict == YES
    assert classes_verdict(replace(FACTS, known=(UNKNOWN,), classes=replace(few, pieces=10))).verdict == NO


def test_what_was_looked_for_has_to_show_more_than_what_was_given():
    given = replace(
        GAPS, cut=0.08, error=0.2
    )  # of 0.2: 0.4, nearer to gaps than to a continuum, and surely less than it
    assert lie_apart(given) == YES
    assert lie_apart(replace(given, tried=5)) == CANT_TELL
    assert lie_apart(replace(GAPS, error=0.15, tried=2)) == YES
    assert lie_apart(replace(GAPS, error=0.2, tried=16)) == CANT_TELL


def test_what_clusters_follow_is_named():
    assert clusters_verdict(OF_CLUSTERS["clusters_are_not_classes"]).sentence.endswith("they follow brightness")
    assert "1 of 3 classes lie apart (b)" in classes_verdict(OF_CLASSES["classes_some"]).sentence


def test_classes_in_many_islands_are_in_pieces_whatever_their_own_borders_cut():
    mixed = replace(NONE, cut=2.0)  # ties that reach a fifth of a class reach beyond its islands
    facts = replace(FACTS, clusters=EIGHT, classes=mixed, agreement=0.4, within=0.99, one_each=(0.1, 0.02))
    assert (clusters_verdict(facts).case, classes_verdict(facts).case) == (
        "clusters_within_classes",
        "classes_in_pieces",
    )
    # not where clusters hold several classes, nor where nobody knows them
    assert classes_verdict(replace(facts, within=0.3)).verdict == NO
    assert classes_verdict(replace(facts, known=(UNKNOWN,))).verdict == NO


def test_one_of_two_is_better_only_beyond_what_chance_does():
    random = np.random.default_rng(0)
    groups = np.arange(400)
    level = [compare(*(random.random((2, 400)) < 0.7), groups).better for _ in range(400)]
    assert np.mean(np.array(level) != 0) < 0.08
    many = [compare(*(random.random((2, 400)) < 0.7), groups, comparisons=10).better for _ in range(400)]
    assert np.mean(np.array(many) != 0) < 0.02
    better = random.random(400) < 0.9
    assert compare(better, better & (random.random(400) < 0.9), groups).better == 1
    assert compare(better, better, groups).better == 0


def test_what_depends_on_seeds_is_better_only_beyond_what_other_seeds_do():
    random, groups, found = np.random.default_rng(0), np.arange(400), {"plain": [], "seeds": []}
    for _ in range(300):  # two measures that are level over all seeds, each the mean over five
        of_seeds = random.normal(0.6, 0.1, (2, 5))
        images = (random.random((2, 5, 400)) < of_seeds[:, :, None]).mean(axis=1)
        over = [(float(values.std(ddof=1)), 5) for values in of_seeds]
        found["plain"].append(compare(*images, groups).better)
        found["seeds"].append(compare(*images, groups, over_seeds=over).better)
    assert np.mean(np.array(found["plain"]) != 0) > 0.3
    assert np.mean(np.array(found["seeds"]) != 0) < 0.08
    better = np.full(400, 0.9), np.full(400, 0.5)
    assert compare(*better, groups, over_seeds=[(0.02, 5), (0.02, 5)]).better == 1


def test_images_of_one_group_are_one_observation():
    first = np.repeat(np.arange(12) % 2, 50).astype(float)  # right on every second track, and wrong on the others
    second = np.repeat([1, 0, 0] * 4, 50).astype(float)
    assert compare(first, second, np.arange(600)).better == 1
    assert compare(first, second, np.arange(600) // 50).better == 0


def test_how_sure_and_how_many():
    assert [judge(value, 0.05, 0.7, 100) for value in (0.9, 0.5, 0.72)] == [YES, NO, CANT_TELL]
    assert judge(0.9, 0.001, 0.7, 5) == CANT_TELL
    needed = how_many(100, 0.75, 0.05, 0.7)
    assert judge(0.75, 0.05 * (100 / needed) ** 0.5, 0.7, needed) == YES
    assert needed > 100


def test_classes_that_are_rare_count_alike():
    labels = np.repeat([0, 1], [95, 5])
    largest = known_classes(labels == 0, labels, np.arange(100), "the largest class", 0.95)
    assert largest.right == 0.95
    assert largest.above_chance == pytest.approx(0)
    all_right = known_classes(np.ones(100), labels, np.arange(100), "an oracle", 0.95)
    assert all_right.above_chance == 1
    assert all_right.error > 0.05  # of five images nobody is sure
    assert all_right.units == 19


def test_two_decimals_have_no_sign_of_nothing():
    assert [two_decimals(value) for value in (-0.001, -0.0, 0.004, -0.006, 0.999)] == [
        "0.00", "0.00", "0.00", "-0.01", "1.00"
    ]  # fmt: skip
