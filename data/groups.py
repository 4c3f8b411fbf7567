"""Which images belong together, as their file names tell: frames of one object, of one sequence, of one class."""

import random
import re
from collections import Counter
from collections.abc import Sequence

from data.layout import part_of, whose
from run.errors import printable

# GTSRB's names say which frames show one physical sign: <track>_<frame>, five digits each, and in its other common
# spelling <class>_<track>_<frame>; whatever the files were converted to.
_TRACK = re.compile(r"(?:(\d{5})_)?(\d{5})_(\d{5})\.[A-Za-z0-9]+", re.ASCII)
_USUAL = 0.9  # of the files have such names: then they are no accident

_CHANGES = "[hv]?flip(?:ped)?|mirror(?:ed)?|rot(?:ated?)?|aug(?:mented)?|crop(?:ped)?|blur(?:red)?|nois[ey]"
_ALTERED = rf"(?:{_CHANGES})[_-]?[0-9]*"
_AXES = "(?:tp?|z|ch?|w|s|fk?|fl|p|sk|v)"  # time, depth, channel, site, field, visit
_SIDES = "left|right|o[dsu]|[lr]"  # of a person; of eyes: oculus dexter, sinister, uterque
_VIEW = rf"(?:{_AXES}|visit[_-]?|ses(?:sion)?[_-]?|run[_-]?)[0-9]+|{_SIDES}"
_PERSON = "(?:sub|subject|subj|patient|pat|pt|person|case)[_-]?[0-9]+"
_MOMENT = r"(?:[0-9]+h)?[ _-]?(?:[0-9]+m(?:in)?)?[ _-]?[0-9]+(?:[.,][0-9]+)?(?:s|sec|ms)"  # 00h01m15s, 75.5s
# Names that look like parts of one series: what is matched before the last number is the series.
_SERIES = (
    (re.compile(r"^(.*?)[ _-]*frames?[ _-]*\d+$", re.IGNORECASE), r"(.*?)[ _-]*[Ff]rame"),
    (re.compile(r"^(.*?) ?\(\d+\)$"), r"([^/]*?)(?: ?\([0-9]+\))?\.[a-zA-Z]+$"),
    (re.compile(r"^(.*?)[ _-]+copy(?:[ _-]*\d+)?$", re.IGNORECASE), r"([^/]*?)(?:[ _-]+[Cc]opy.*)?\.[a-zA-Z]+$"),
    (re.compile(r"^(.*\d.*?)[_-]\d+$"), r"([^/]*)[_-][0-9]+\."),
    # sub-01_ses-02_T1w, patient7-ct: whatever was taken of one
    (re.compile(rf"^({_PERSON})[ _.-].+$", re.IGNORECASE), rf"(?i)({_PERSON})[ _.-][^/]*$"),
    # time, depth, channel, site, visit, side: position01_t0001, A01_s1_w1, r01c01f01p01-ch1sk1, 104_V1_OD
    (re.compile(rf"^(.*?)(?:[_-](?:{_VIEW})+)+$", re.IGNORECASE), rf"(?i)([^/]*?)(?:[_-](?:{_VIEW})+)+\."),
    (re.compile(rf"^(.*?)[ _-]{_MOMENT}$", re.IGNORECASE), rf"(?i)([^/]*)[ _-]{_MOMENT}\."),
    (re.compile(r"^(.*?)[_-]burst[_-]?\d+.*$", re.IGNORECASE), r"(.*?)[_-][Bb][Uu][Rr][Ss][Tt]"),
    (re.compile(r"^(.*?)_[a-z]+\.rf\..*$", re.IGNORECASE), r"([^/]*?)_[a-zA-Z]+\.rf\."),  # Roboflow's altered copies
    (re.compile(rf"^(.*?)[_-]{_ALTERED}$", re.IGNORECASE), rf"(?i)([^/]*?)(?:[_-]{_ALTERED})?\.[a-z]+$"),
)  # fmt: skip

_SAMPLE = 1000  # names that tell whether a pattern fits enough of them to be tried on all
_SERIES_SHARE = 4  # one in so many names is part of a series, or nothing is said of series

_COUNTED = re.compile(r"(?:img|image|im|frame|pic|picture|photo)?[ _-]*[0-9]+\.[a-z0-9]+", re.IGNORECASE)
# Words beside a class and a number that are nobody's name: Anna_happy1 is of Anna, IMG_happy1 of nobody
_NOBODY = re.compile(
    "(?:img|image|im|frame|pic|picture|photo|dsc[nf]?|pxl|mvimg|vid|video|clip|gopr|cam|camera|screenshot|scan|file|"
    "sample|download|copy|crop|aug|mask|train|test|val|valid|part|set|batch|class|new|old|good|bad|left|right|front|"
    "back|top|bottom|side|upper|lower|small|medium|large|big|dark|light|day|night|red|green|blue|yellow|orange|purple|"
    "violet|pink|brown|black|white|gr[ae]y|cyan|magenta)s?[0-9]*",
    re.IGNORECASE,
)
_PEOPLE = 4  # different names, or they are no people
_FIRST_WORD, _LAST_WORD = "([^/ _.-]+)[ _.-][^/]*$", "[ _.-]([^/ _.-]+)[.][a-zA-Z]+$"
_WORDS = "[a-zA-Z]+(?:[ _-][a-zA-Z]+)*"
_WORDS_AND_NUMBER = re.compile(rf"({_WORDS})[ ._-]*[0-9]+")
_CLASSES = 100  # more words than this are no classes


def tracks(paths: Sequence[str]) -> list[str | None]:
    """The group of each image that is named as GTSRB's are; in another spelling only where nearly all files have it."""
    matches = [(path.rpartition("/")[0], _TRACK.fullmatch(path.rpartition("/")[2])) for path in paths]
    usual = sum(match is not None for _, match in matches) >= _USUAL * len(paths)
    return [
        None
        if match is None or not (usual or _is_gtsrb(match))
        else f"{match[1]}/{match[2]}"
        if match[1]
        else f"{folder}/{match[2]}"
        for folder, match in matches
    ]


def _is_gtsrb(match: re.Match) -> bool:
    """Whether a name is spelt as in the benchmark itself, and as nothing else is."""
    return match[1] is None and match[0].endswith(".ppm")


def suggested_groups(paths: Sequence[str], labels: Sequence[str | None]) -> str | None:
    """A remark where file names look like frames of sequences or repeated shots; None where they do not.

    Series that are the classes themselves (cat_1, cat_2, ...) are none.
    """
    places = [(folder, name.rpartition(".")[0]) for folder, _, name in (path.rpartition("/") for path in paths)]
    some = random.Random(0).sample(places, min(_SAMPLE, len(places)))
    classes = len(set(labels) - {None})
    for looks, pattern in _SERIES:
        if 2 * _SERIES_SHARE * sum(looks.match(stem) is not None for _, stem in some) < len(some):
            continue
        found = [
            f"{folder}/{match[1]}" if (match := looks.match(stem)) and match[1] else None for folder, stem in places
        ]
        series = {each for each in found if each}
        if not series:
            continue
        # a copy's original is called as the series itself
        found = [
            name or (own if (own := f"{folder}/{stem}") in series else None)
            for name, (folder, stem) in zip(found, places, strict=True)
        ]
        several = {each: count for each, count in Counter(found).items() if each and count > 1}
        if len(several) > max(1, classes) and _SERIES_SHARE * sum(several.values()) >= len(paths):
            largest = max(several, key=several.get)
            example = paths[found.index(largest)]
            if 2 * len({each.rpartition("/")[2] for each in several}) < len(
                several
            ):  # other folders have the same names
                pattern = pattern.replace("[^/]", ".")
            return (
                f"file names look like {len(several):,} series ({printable(example)} is one of {several[largest]:,}); "
                f"if their images belong together, keep each on one side of the split: --group_from '{pattern}'"
            )
    return None


def suggested_people(paths: Sequence[str], labels: Sequence[str | None]) -> str | None:
    """A remark where files of several classes begin, or end, with the same names: happy/Anna_happy0, sad/Anna_sad1.

    Beside the name nothing stands but the class and numbers.
    """
    for pattern in (_FIRST_WORD, _LAST_WORD):
        people = [_person(pattern, *each) for each in zip(paths, labels, strict=True)]
        counts = Counter(filter(None, people))
        if sum(counts.values()) < _USUAL * len(paths) or len(counts) < _PEOPLE:
            continue
        classes = Counter(who for who, _ in set(zip(people, labels, strict=True)) if who)
        if min(counts.values()) > 1 and sum(count > 1 for count in classes.values()) >= _USUAL * len(counts):
            some = sorted(counts, key=lambda who: (-classes[who], who))[:3]
            return (
                f"file names look like those of {len(counts):,} people or things, each in several classes "
                f"({', '.join(map(printable, some))}, ...); if their images belong together, keep each on one side of "
                f"the split: --group_from '{pattern}'"
            )
    return None


def _person(pattern: str, path: str, label: str | None) -> str | None:
    """Whom a file name names, beside its class and numbers."""
    found = re.search(pattern, path)
    if found is None or label is None:
        return None
    name, stem = found[1], path.rpartition("/")[2].rpartition(".")[0]
    rest = stem[len(name) :] if pattern == _FIRST_WORD else stem[: -len(name)]
    words = "".join(re.findall(r"[^\W\d_]+", rest)).lower()
    of_class = "".join(re.findall(r"[^\W\d_]+", label)).lower()
    if words not in ("", of_class) or not re.search(r"[^\W\d_]", name) or _NOBODY.fullmatch(name):
        return None
    return None if of_class in name.lower() else name


def suggested_folders(paths: Sequence[str], labels: Sequence[str | None]) -> str | None:
    """A remark where images lie in folders of one patient, video and the like each, which are not the classes."""
    folders = [path.split("/")[:-1] for path in paths]
    found = [next(((depth, name) for depth, name in enumerate(each) if whose(name)), (0, None)) for each in folders]
    depth = Counter(depth for depth, name in found if name).most_common(1)
    several = len({name for _, name in found}) > 1
    if not depth or depth[0][1] < _USUAL * len(paths) or not several or [name for _, name in found] == list(labels):
        return None
    depth, example = depth[0][0], next(name for _, name in found if name)
    return (
        f"folders look like those of one {whose(example)} each ({printable(example)}); if they are, keep each on one "
        f"side of the split: --group_from '^{'[^/]+/' * depth}([^/]+)/'"
    )


def suggested_versions(paths: Sequence[str]) -> str | None:
    """A remark where nearly all pictures lie by the same path in several folders: in colour, in grey, cut out."""
    inside = [path.partition("/")[2] for path in paths]
    inside = [
        "" if _COUNTED.fullmatch(path.rpartition("/")[2]) else path for path in inside
    ]  # 1.png is in many folders
    folders_of = Counter(inside)
    shared = sum(count for name, count in folders_of.items() if "/" in name and count > 1)
    if shared < _USUAL * len(paths):
        return None
    several = [path for path, name in zip(paths, inside, strict=True) if name == folders_of.most_common(1)[0][0]]
    return (
        f"the same paths are in several folders ({', '.join(map(printable, several[:2]))}); if these are versions of "
        "one picture, keep them together: --group_from '^[^/]+/(.*)$'"
    )


def suggested_labels(paths: Sequence[str], labels: Sequence[str | None]) -> str | None:
    """A remark where no image has a label and file names look as if they began with one: ``cat.1``, ``dog.2``."""
    if any(labels):
        return None
    words = Counter(
        match[1] for path in paths if (match := _WORDS_AND_NUMBER.fullmatch(path.rpartition("/")[2].rpartition(".")[0]))
    )
    named = [word for word, count in words.most_common() if count > 1]
    if all(map(part_of, named)):  # train_1, test_1
        return None
    if not 1 < len(named) <= _CLASSES or 2 * sum(words[word] for word in named) < len(paths):
        return None
    listed = ", ".join(map(printable, named[:3])) + ", ..." * (len(named) > 3)
    return (
        f"file names look like {len(named):,} classes ({listed}); if they are, label images by them: "
        f"--label_from '({_WORDS})[ ._-]*[0-9]+[.]'"
    )
