"""The three questions of the exercise, answered in words from the numbers, with a no where the numbers say no.

Every sentence names the number it rests on and what that number is beside pixels, PCA and chance. Two numbers count
as different where they lie farther apart than their spread over runs and the sampling error of the test set explain.
"""

from collections.abc import Mapping

Number = Mapping[str, float | None]
Numbers = Mapping[str, Mapping[str, Number]]  # space -> measure -> mean and spread

QUESTIONS = (
    "Are there meaningful cluster structures?",
    "Do the classes cluster well?",
    "How do the two representations compare?",
)
PIXELS = "raw pixels"

# What the measures that are compared are called in a sentence, and whether more is better.
COMPARED = {
    "mse": ("reconstruction error", False),
    "accuracy_hungarian": ("k-means accuracy", True),
    "nmi": ("NMI above chance", True),
    "ari": ("ARI above chance", True),
    "ami": ("AMI above chance", True),
    "knn_accuracy": ("nearest neighbours", True),
    "linear_accuracy": ("linear probe", True),
    "linear_macro_f1": ("macro-F1", True),
}
# From these on clusters are called so: a convention of this suite, no theorem. Both are on a scale on which chance is 0
# and full agreement 1.
_PLAIN, _SOME = 0.5, 0.15
_WELL, _PARTLY = 0.8, 0.5  # share of images in the cluster of their class
_GROUPS_SHOW = 0.05  # an AMI by chance above this comes of groups: of single images it is 0


def compare(first: Number, second: Number, measure: str, independent: int) -> int:
    """1 if the first is better, -1 if it is worse, 0 if they can't be told apart.

    Args:
        independent: how many images, or groups of images, the numbers were scored on.
    """
    difference = first["mean"] - second["mean"]
    spread = 2 * ((first["spread"] or 0) ** 2 + (second["spread"] or 0) ** 2) ** 0.5
    # a share of n images is uncertain by up to 0.5 / sqrt(n), and two of those apart is no accident
    floor = 0.02 * max(abs(first["mean"]), abs(second["mean"])) if measure == "mse" else independent**-0.5
    if abs(difference) <= max(spread, floor):
        return 0
    return 1 if (difference > 0) == COMPARED[measure][1] else -1


def above_chance(measures: Mapping[str, Number], measure: str) -> Number:
    """A score on the scale on which its own chance is 0 and full agreement 1; other measures as they are.

    Where images come in groups, clusters that follow groups agree with the classes by chance, more in some spaces than
    in others: only above that do scores of two spaces compare.
    """
    value = measures[measure]
    if measure not in ("nmi", "ari", "ami") or f"{measure}_chance" not in measures:
        return value
    chance = measures[f"{measure}_chance"]["mean"]
    room = max(1 - chance, 1e-9)
    return {"mean": (value["mean"] - chance) / room, "spread": value["spread"] and value["spread"] / room}


def comparison(numbers: Numbers, first: str, second: str, independent: int) -> str:
    """``better in NMI; level in linear probe; worse in reconstruction error``: the first space beside the second."""
    verdicts: dict[int, list[str]] = {1: [], 0: [], -1: []}
    for measure, (name, _) in COMPARED.items():
        if measure in numbers.get(first, {}) and measure in numbers.get(second, {}):
            both = [above_chance(numbers[space], measure) for space in (first, second)]
            verdicts[compare(*both, measure, independent)].append(name)
    said = [
        f"{word} in {', '.join(verdicts[verdict])}"
        for verdict, word in [(1, "better"), (0, "level"), (-1, "worse")]
        if verdicts[verdict]
    ]
    return "; ".join(said) or "nothing to compare"


def answers(
    numbers: Numbers, sizes: tuple[int, ...], independent: int, name: str = "bottleneck {}"
) -> list[dict[str, str]]:
    """A question, a short answer and the sentences behind it, three times.

    Args:
        numbers: of spaces called ``bottleneck N``, ``PCA of N`` and ``raw pixels``.
        sizes: the bottlenecks, the one that the questions are about first.
        independent: how many images, or groups of images, the numbers were scored on.
        name: what the space of a size is called.
    """
    found = [
        _are_there_clusters(numbers, sizes, name, independent),
        _do_classes_cluster(numbers, sizes, name, independent),
        _how_do_they_compare(numbers, sizes, name, independent),
    ]
    return [
        {"question": question, "answer": short, "because": because}
        for question, (short, because) in zip(QUESTIONS, found, strict=True)
    ]


def _are_there_clusters(numbers: Numbers, sizes: tuple[int, ...], name: str, independent: int) -> tuple[str, str]:
    shorts, sentences = [], []
    for size in sizes:
        space = name.format(size)
        mine = numbers.get(space, {})
        said, verdicts = [], []
        if "stability" in mine:
            stable, empty = mine["stability"]["mean"], mine["stability_structureless"]["mean"]
            spreads = [mine[measure]["spread"] or 0 for measure in ("stability", "stability_structureless")]
            spread = 2 * (spreads[0] ** 2 + spreads[1] ** 2) ** 0.5
            above = stable - empty > max(0.05, spread)
            verdicts.append(2 if above and stable >= _PLAIN else 1 if above else 0)
            found = "are found again in another more than" if above else "are not found again in another any more than"
            unsure = ""
            if stable - empty > 0.05 and not above:
                found, unsure = "seem to be found again in another more than", ": seeds differ by as much"
            said.append(
                f"clusters found in one part of the images {found} where there is no structure "
                f"({_decimal(stable)} beside {_decimal(empty)}{unsure})"
            )
        if "ami" in mine:
            above = above_chance(mine, "ami")["mean"]
            verdicts.append(2 if above >= _PLAIN else 1 if above >= _SOME else 0)
            how = ("have next to nothing to do", "have something to do", "agree to a good part")[verdicts[-1]]
            text = f"they {how} with the classes (AMI {_decimal(mine['ami']['mean'])}, chance "
            text += f"{_decimal(mine['ami_chance']['mean'])}{_beside(numbers, size, 'ami')})"
            if mine["ami_chance"]["mean"] > _GROUPS_SHOW:
                text += ", and chance is that high because images of one group fall into one cluster"
            said.append(text)
        if not verdicts:
            shorts.append(f"{space}: can't be said")
            sentences.append(
                f"In {space} there are too few images to look for so many clusters in two parts of them, or too few "
                "different ones to find so many at all."
            )
            continue
        # no structure that is found again is no structure, however well it happens to suit the classes
        shorts.append(f"{space}: {('no', 'some', 'yes')[min(verdicts)]}")
        sentences.append(f"In {space} {', and '.join(said)}{_against_pixels(numbers, space, 'ami', independent)}.")
    return "; ".join(shorts), " ".join(sentences)


def _do_classes_cluster(numbers: Numbers, sizes: tuple[int, ...], name: str, independent: int) -> tuple[str, str]:
    if not any("accuracy_hungarian" in numbers.get(name.format(size), {}) for size in sizes):
        return "can't be said", "That takes images of two classes or more, and as many different ones as clusters."
    shorts, sentences = [], []
    for size in sizes:
        space = name.format(size)
        mine = numbers.get(space, {})
        if "accuracy_hungarian" not in mine:
            shorts.append(f"{space}: can't be said")
            sentences.append(f"In {space} there are too few different images for so many clusters.")
            continue
        share, chance = mine["accuracy_hungarian"], mine["accuracy_hungarian_chance"]
        if compare(share, chance, "accuracy_hungarian", independent) <= 0:
            short, how = "no", f"{share['mean']:.0%} of the images, too near to chance to tell"
        else:
            short = "yes" if share["mean"] >= _WELL else "partly" if share["mean"] >= _PARTLY else "no"
            how = f"{share['mean']:.0%} of the images"
        shorts.append(f"{space}: {short}")
        text = (
            f"In {space} one cluster a class holds {how} (chance {chance['mean']:.0%}"
            f"{_beside(numbers, size, 'accuracy_hungarian', '.0%')})"
        )
        known = [
            f"{said} {mine[measure]['mean']:.0%}"
            for measure, said in [("knn_accuracy", "nearest neighbours"), ("linear_accuracy", "a linear probe")]
            if measure in mine
        ]
        if known:
            largest = mine["knn_accuracy_chance"]["mean"]
            text += f"; when the classes are known, {' and '.join(known)} (the largest class alone {largest:.0%})"
            apart = mine["knn_accuracy"]["mean"] - max(share["mean"], largest)
            if short != "yes" and apart > 0.15:
                text += ": the classes lie apart, but not as one round cluster each"
        sentences.append(text + ".")
    return "; ".join(shorts), " ".join(sentences)


def _how_do_they_compare(numbers: Numbers, sizes: tuple[int, ...], name: str, independent: int) -> tuple[str, str]:
    large, small = name.format(sizes[0]), name.format(sizes[-1])
    sentences = []
    short = "there is only one"
    if len(sizes) > 1:
        said = comparison(numbers, large, small, independent)
        short = f"{large} beside {small}: {said}"
        figures = [
            f"{what} {numbers[large][measure]['mean']:{form}} beside {numbers[small][measure]['mean']:{form}}"
            for measure, what, form in [
                ("mse", "reconstruction error", ".5f"),
                ("accuracy_hungarian", "k-means accuracy", ".0%"),
                ("knn_accuracy", "nearest neighbours", ".0%"),
                ("effective_rank", "effective rank", ".1f"),
                ("pixel_trustworthiness", "trustworthiness of the map as one of the images", ".3f"),
            ]
            if measure in numbers.get(large, {}) and measure in numbers.get(small, {})
        ]
        sentences.append(f"{large[0].upper()}{large[1:]} beside {small}: {', '.join(figures)}.")
    for size in sizes:
        for other in (f"PCA of {size}", PIXELS):
            if other in numbers:
                said = comparison(numbers, name.format(size), other, independent)
                sentences.append(f"{name.format(size)[0].upper()}{name.format(size)[1:]} beside {other}: {said}.")
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
