"""The three questions of the exercise, answered in words from the numbers, with a no where the numbers say no.

What is judged, and by which rules, stands in :mod:`latent.verdicts`; here are the questions, and the spaces beside one
another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from latent.comparison import CANT_TELL, NO, RULE, YES, Comparison, compare, compare_numbers
from latent.measures import declared
from latent.pixels import PIXELS
from latent.verdicts import Facts, Verdict, classes_verdict, clusters_verdict

QUESTIONS = (
    "Are there meaningful cluster structures?",
    "Do the classes cluster well?",
    "How do the two representations compare?",
)
_WORDS = {1: "better", 0: "level", -1: "worse"}

Answer = dict[str, Any]  # question, about (a space), verdict, sentence, evidence, would_change


@dataclass(frozen=True)
class Scores:
    """What two spaces are compared by.

    Attributes:
        of_each_image: space -> measure -> float (rows,), as far as it is taken by image.
        numbers: space -> measure -> mean and spread.
        groups: int (rows,), of the images; those of ``held_out`` measures, which are of the test images, apart.
        held_out: groups of the test images, that reconstruction errors are of.
    """

    of_each_image: Mapping[str, Mapping[str, np.ndarray]]
    numbers: Mapping[str, Mapping[str, Mapping[str, float | None]]]
    groups: np.ndarray
    held_out: np.ndarray


def answer_exercise(facts: Sequence[Facts], scores: Scores) -> list[Answer]:
    """Answers about each bottleneck, and about both beside each other.

    Args:
        facts: of each bottleneck, the one that the questions are about first.
        scores: of all spaces.
    """
    found = []
    for question, verdict_of in zip(QUESTIONS[:2], (clusters_verdict, classes_verdict), strict=True):
        found += [_answer(question, each.space, verdict_of(each)) for each in facts]
    return [*found, _answer(QUESTIONS[2], *_compare_spaces([each.space for each in facts], scores))]


def compare_spaces(first: str, second: str, scores: Scores) -> dict[str, Comparison]:
    """What the measures that compare spaces are called -> which of the two is better, all by one rule."""
    names = [
        name for name, each in declared().items()
        if each.compared_as and all(name in scores.numbers.get(space, {}) for space in (first, second))
    ]  # fmt: skip
    return {declared()[name].compared_as: _compare(name, first, second, scores, len(names)) for name in names}


def comparison(found: Mapping[str, Comparison]) -> str:
    """``better in NMI; level in linear probe; worse in reconstruction error``."""
    said = []
    for sign, word in _WORDS.items():
        names = [name for name, each in found.items() if each.better == sign]
        if names:
            said.append(f"{word} in {', '.join(names)}")
    return "; ".join(said) or "nothing to compare"


def in_words(answers: Sequence[Answer]) -> str:
    """Each answer: the question, the sentence, its evidence as a list, what would change it."""
    lines, asked = [], None
    for each in answers:
        if each["question"] != asked:
            asked = each["question"]
            lines.append(f"\n{asked}")
        lines.append(f"  {each['sentence']}.")
        lines += [f"    - {evidence}" for evidence in each["evidence"]]
        if each["would_change"]:
            lines.append(f"    what would change it: {each['would_change']}")
    return "\n".join(lines)


def _answer(question: str, space: str, verdict: Verdict) -> Answer:
    return {
        "question": question,
        "about": space,
        "verdict": verdict.verdict,
        "sentence": f"{space}: {verdict.sentence}",
        "evidence": list(verdict.evidence),
        "would_change": verdict.would_change,
    }


def _compare(name: str, first: str, second: str, scores: Scores, comparisons: int) -> Comparison:
    known = declared()[name]
    sign = -1 if known.better == "less" else 1
    reconstructed = name in declared("reconstruction")
    mine, its = (scores.of_each_image.get(space, {}) for space in (first, second))
    if reconstructed:  # PCA: with latents that are refined as the network's are
        its = scores.of_each_image.get(f"{second}, refined", its)
    both = [mine.get(name), its.get(name)]
    chances = [_chance(scores.numbers[space], known) for space in (first, second)]
    groups = scores.held_out if reconstructed else scores.groups
    if any(each is None or len(each) != len(groups) for each in both):
        means = [scores.numbers[space][name] for space in (first, second)]
        scaled = [(mean["mean"] - chance) / max(1 - chance, 1e-9) for mean, chance in zip(means, chances, strict=True)]
        spread = sum((mean["spread"] or 0) ** 2 for mean in means) ** 0.5
        return compare_numbers(sign * (scaled[0] - scaled[1]), spread, len(np.unique(groups)), comparisons)
    scaled = [sign * (each - chance) / max(1 - chance, 1e-9) for each, chance in zip(both, chances, strict=True)]
    over_seeds = [
        ((scores.numbers[space][name]["spread"] or 0) / max(1 - chance, 1e-9), scores.numbers[space][name]["runs"])
        for space, chance in zip((first, second), chances, strict=True)
    ]
    return compare(*scaled, groups, comparisons, over_seeds)


def _chance(mine: Mapping[str, Mapping[str, float | None]], known: Any) -> float:
    """Of the scale on which chance is 0; 0 where a measure is compared as it is."""
    return mine[known.chance]["mean"] if known.above_chance and known.chance in mine else 0.0


def _compare_spaces(spaces: Sequence[str], scores: Scores) -> tuple[str, Verdict]:
    large, small = spaces[0], spaces[-1]
    evidence = []
    if len(spaces) > 1:
        evidence += _figures(large, small, scores)
    for space in spaces:
        for other in (f"PCA of {space.removeprefix('bottleneck ')}", PIXELS):
            if other in scores.numbers:
                evidence.append(f"{space} beside {other}: {comparison(compare_spaces(space, other, scores))}")
    evidence.append(f"{RULE}; of measures that depend on seeds, the spread over these counts too")
    if len(spaces) < 2:
        return large, Verdict(CANT_TELL, "there is only one", tuple(evidence), "a second bottleneck: --latent_size 2 N")
    found = compare_spaces(large, small, scores)
    signs = {each.better for each in found.values()}
    verdict = YES if 1 in signs and -1 not in signs else NO if -1 in signs else CANT_TELL
    sentence = f"beside {small} it is {comparison(found)}"
    units = len(np.unique(scores.held_out))
    would = "more test images, which tell smaller differences apart" if 0 in signs else ""
    return large, Verdict(verdict, sentence, tuple(evidence), would or f"nothing that {units:,} test images left open")


def _figures(large: str, small: str, scores: Scores) -> list[str]:
    texts = []
    for name, each in {**declared(), **{n: declared()[n] for n in ("effective_rank",)}}.items():
        if not (each.compared_as or name in ("effective_rank", "pixel_trustworthiness")):
            continue
        pair = [scores.numbers.get(space, {}).get(name) for space in (large, small)]
        if None not in pair:
            form = f".{each.places}f" if each.places is not None else ".0%" if each.percent else ".3f"
            what = each.compared_as or each.heading
            texts.append(f"{what} {pair[0]['mean']:{form}} beside {pair[1]['mean']:{form}}")
    return [", ".join(texts)] if texts else []
