"""The three questions of the exercise, answered in words from the numbers, with a no where the numbers say no.

Every sentence names the number it rests on and what that number is beside pixels, PCA and chance. Two numbers count
as different where they lie farther apart than their spread over runs and the sampling error of the test set explain.
"""

from collections.abc import Mapping, Sequence

from latent.measures import declared
from latent.pixels import PIXELS

Number = Mapping[str, float | None]
Numbers = Mapping[str, Mapping[str, Number]]  # space -> measure -> mean and spread

QUESTIONS = (
    "Are there meaningful cluster structures?",
    "Do the classes cluster well?",
    "How do the two representations compare?",
)
# From these on clusters are called so: a convention of this suite, no theorem. Both are on a scale on which chance is 0
# and full agreement 1.
_PLAIN, _SOME = 0.5, 0.15
_WELL, _PARTLY = 0.8, 0.5  # share of images in the cluster of their class
_GROUPS_SHOW = 0.05  # an AMI by chance above this comes of groups: of single images it is 0
_FOUND_AGAIN = 0.05  # of stability above that of no structure: less is no more than the draw of images
_APART = 0.15  # nearest neighbours know so many more images than clusters do
_LEVEL = 0.02  # of the larger: errors that differ by less are level
# What is set beside each other where two bottlenecks are compared, what it is called, and how it is written.
_IN_FIGURES = (
    ("mse", "reconstruction error", ".5f"),
    ("accuracy_hungarian", "k-means accuracy", ".0%"),
    ("knn_accuracy", "nearest neighbours", ".0%"),
    ("effective_rank", "effective rank", ".1f"),
    ("pixel_trustworthiness", "trustworthiness of the map as one of the images", ".3f"),
)


def compare(first: Number, second: Number, measure: str, independent: int) -> int:
    """1 if the first is better, -1 if it is worse, 0 if they can't be told apart.

    Args:
        independent: how many images, or groups of images, the numbers were scored on.
    """
    known = declared()[measure]
    difference = first["mean"] - second["mean"]
    spread = 2 * ((first["spread"] or 0) ** 2 + (second["spread"] or 0) ** 2) ** 0.5
    # a share of n images is uncertain by up to 0.5 / sqrt(n), and two of those apart is no accident
    floor = _LEVEL * max(abs(first["mean"]), abs(second["mean"])) if known.relative else independent**-0.5
    if abs(difference) <= max(spread, floor):
        return 0
    return 1 if (difference > 0) == (known.better == "more") else -1


def above_chance(measures: Mapping[str, Number], measure: str) -> Number:
    """A score on the scale on which its own chance is 0 and full agreement 1; other measures as they are.

    Where images come in groups, clusters that follow groups agree with the classes by chance, more in some spaces than
    in others: only above that do scores of two spaces compare.
    """
    value, known = measures[measure], declared()[measure]
    if not known.above_chance or known.chance not in measures:
        return value
    chance = measures[known.chance]["mean"]
    room = max(1 - chance, 1e-9)
    return {"mean": (value["mean"] - chance) / room, "spread": value["spread"] and value["spread"] / room}


def comparison(numbers: Numbers, first: str, second: str, independent: int) -> str:
    """``better in NMI; level in linear probe; worse in reconstruction error``: the first space beside the second."""
    verdicts: dict[int, list[str]] = {1: [], 0: [], -1: []}
    for measure, known in declared().items():
        if known.compared_as and measure in numbers.get(first, {}) and measure in numbers.get(second, {}):
            both = [above_chance(numbers[space], measure) for space in (first, second)]
            name = f"{known.compared_as} above chance" if known.above_chance else known.compared_as
            verdicts[compare(*both, measure, independent)].append(name)
    said = [
        f"{word} in {', '.join(verdicts[verdict])}"
        for verdict, word in [(1, "better"), (0, "level"), (-1, "worse")]
        if verdicts[verdict]
    ]
    return "; ".join(said) or "nothing to compare"


def answer_exercise(numbers: Numbers, sizes: Sequence[int], independent: int) -> list[dict[str, str]]:
    """A question, a short answer and the sentences behind it, three times.

    Args:
        numbers: of spaces called ``bottleneck N``, ``PCA of N`` and ``raw pixels``.
        sizes: the bottlenecks, the one that the questions are about first.
        independent: how many images, or groups of images, the numbers were scored on.
    """
    found = [
        _of_each(sizes, [_are_there_clusters(numbers, size, independent) for size in sizes]),
        _of_each(sizes, [_do_classes_cluster(numbers, size, independent) for size in sizes]),
        _how_do_they_compare(numbers, sizes, independent),
    ]
    if not any("accuracy_hungarian" in numbers.get(f"bottleneck {size}", {}) for size in sizes):
        found[1] = "can't be said", "That takes images of two classes or more, and as many different ones as clusters."
    return [
        {"question": question, "answer": short, "because": because}
        for question, (short, because) in zip(QUESTIONS, found, strict=True)
    ]


def _of_each(sizes: Sequence[int], found: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """A word and a sentence about each bottleneck, put together."""
    words = [f"bottleneck {size}: {word}" for size, (word, _) in zip(sizes, found, strict=True)]
    return "; ".join(words), " ".join(sentence for _, sentence in found)


def _are_there_clusters(numbers: Numbers, size: int, independent: int) -> tuple[str, str]:
    space = f"bottleneck {size}"
    mine = numbers.get(space, {})
    said, verdicts = [], []  # 0, 1, 2: no, some, yes
    if "stability" in mine:
        verdict, sentence = _are_found_again(mine)
        verdicts.append(verdict)
        said.append(sentence)
    if "ami" in mine:
        above, chance = above_chance(mine, "ami")["mean"], mine["ami_chance"]["mean"]
        verdicts.append(2 if above >= _PLAIN else 1 if above >= _SOME else 0)
        how = ("have next to nothing to do", "have something to do", "agree to a good part")[verdicts[-1]]
        text = f"they {how} with the classes (AMI {_decimal(mine['ami']['mean'])}, chance {_decimal(chance)}"
        text += f"{_beside(numbers, size, 'ami')})"
        if chance > _GROUPS_SHOW:
            text += ", and chance is that high because images of one group fall into one cluster"
        said.append(text)
    if not verdicts:
        return "can't be said", (
            f"In {space} there are too few images to look for so many clusters in two parts of them, or too few "
            "different ones to find so many at all."
        )
    # no structure that is found again is no structure, however well it happens to suit the classes
    word = ("no", "some", "yes")[min(verdicts)]
    return word, f"In {space} {', and '.join(said)}{_against_pixels(numbers, space, 'ami', independent)}."


def _are_found_again(mine: Mapping[str, Number]) -> tuple[int, str]:
    """Whether clusters are found again more than where there are none: 0, 1 or 2, and a sentence."""
    stable, empty = mine["stability"]["mean"], mine["stability_structureless"]["mean"]
    spreads = [mine[measure]["spread"] or 0 for measure in ("stability", "stability_structureless")]
    above = stable - empty > max(_FOUND_AGAIN, 2 * (spreads[0] ** 2 + spreads[1] ** 2) ** 0.5)
    verdict = 2 if above and stable >= _PLAIN else 1 if above else 0
    found, unsure = (
        "are found again in another more than" if above else "are not found again in another any more than",
        "",
    )
    if stable - empty > _FOUND_AGAIN and not above:
        found, unsure = "seem to be found again in another more than", ": seeds differ by as much"
    return verdict, (
        f"clusters found in one part of the images {found} where there is no structure "
        f"({_decimal(stable)} beside {_decimal(empty)}{unsure})"
    )


def _do_classes_cluster(numbers: Numbers, size: int, independent: int) -> tuple[str, str]:
    space = f"bottleneck {size}"
    mine = numbers.get(space, {})
    if "accuracy_hungarian" not in mine:
        return "can't be said", f"In {space} there are too few different images for so many clusters."
    share, chance = mine["accuracy_hungarian"], mine["accuracy_hungarian_chance"]
    how = f"{share['mean']:.0%} of the images"
    word = "yes" if share["mean"] >= _WELL else "partly" if share["mean"] >= _PARTLY else "no"
    if compare(share, chance, "accuracy_hungarian", independent) <= 0:
        word, how = "no", f"{how}, too near to chance to tell"
    beside = _beside(numbers, size, "accuracy_hungarian", ".0%")
    text = f"In {space} one cluster a class holds {how} (chance {chance['mean']:.0%}{beside})"
    known = [
        f"{said} {mine[measure]['mean']:.0%}"
        for measure, said in [("knn_accuracy", "nearest neighbours"), ("linear_accuracy", "a linear probe")]
        if measure in mine
    ]
    if known:
        largest = mine["knn_accuracy_chance"]["mean"]
        text += f"; when the classes are known, {' and '.join(known)} (the largest class alone {largest:.0%})"
        apart = mine["knn_accuracy"]["mean"] - max(share["mean"], largest)
        if word != "yes" and apart > _APART:
            text += ": the classes lie apart, but not as one round cluster each"
    return word, text + "."


def _how_do_they_compare(numbers: Numbers, sizes: Sequence[int], independent: int) -> tuple[str, str]:
    large, small = f"bottleneck {sizes[0]}", f"bottleneck {sizes[-1]}"
    short, sentences = "there is only one", []
    if len(sizes) > 1:
        short = f"{large} beside {small}: {comparison(numbers, large, small, independent)}"
        figures = [
            f"{what} {numbers[large][measure]['mean']:{form}} beside {numbers[small][measure]['mean']:{form}}"
            for measure, what, form in _IN_FIGURES
            if measure in numbers.get(large, {}) and measure in numbers.get(small, {})
        ]
        sentences.append(f"Bottleneck {sizes[0]} beside {small}: {', '.join(figures)}.")
    for size in sizes:
        for other in (f"PCA of {size}", PIXELS):
            if other in numbers:
                said = comparison(numbers, f"bottleneck {size}", other, independent)
                sentences.append(f"Bottleneck {size} beside {other}: {said}.")
    return short, " ".join(sentences)


def _beside(numbers: Numbers, size: int, measure: str, form: str = ".2f") -> str:
    """``; pixels 0.49, PCA of 16 0.50``, as far as they were measured, with their own chance where it is not small."""
    texts = []
    for space, said in [(PIXELS, "pixels"), (f"PCA of {size}", f"PCA of {size}")]:
        if measure in numbers.get(space, {}):
            text = f"{said} {numbers[space][measure]['mean']:{form}}"
            chance = numbers[space].get(f"{measure}_chance", {}).get("mean", 0)
            texts.append(f"{text} of chance {chance:{form}}" if measure == "ami" and chance > _GROUPS_SHOW else text)
    return f"; {', '.join(texts)}" if texts else ""


def _against_pixels(numbers: Numbers, space: str, measure: str, independent: int) -> str:
    if measure not in numbers.get(space, {}) or measure not in numbers.get(PIXELS, {}):
        return ""
    both = [above_chance(numbers[each], measure) for each in (space, PIXELS)]
    verdict = compare(*both, measure, independent)
    return (
        "; the pixels had as much before any training",
        "; more than the pixels had before any training",
        "; less than the pixels had before any training",
    )[verdict]


def _decimal(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}"
