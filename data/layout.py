"""What the folders around images mean: parts of a published split, classes, or nothing.

People keep images in a dozen layouts. Each is recognised from the folders' names alone and put in one line, so that a
wrong guess is seen at once; what would most likely be wrong (parts taken for classes) is refused.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from run.console import count, verb
from run.errors import BadInput, printable
from run.hints import own_command, own_command_for

TRAIN, VAL, TEST, UNLABELLED = "train", "val", "test", "unlabelled"
_WORDS = {
    "train": TRAIN, "training": TRAIN, "trainset": TRAIN, "trn": TRAIN, "trainval": TRAIN, "trainings": TRAIN,
    "entrainement": TRAIN, "entrenamiento": TRAIN, "treino": TRAIN,
    "val": VAL, "valid": VAL, "validation": VAL, "valset": VAL, "dev": VAL, "validate": VAL, "validating": VAL,
    "test": TEST, "testing": TEST, "testset": TEST, "tst": TEST, "holdout": TEST, "eval": TEST, "evaluation": TEST,
    "publictest": VAL, "privatetest": TEST, "prueba": TEST, "teste": TEST,
    "pred": UNLABELLED, "predict": UNLABELLED, "prediction": UNLABELLED, "unlabeled": UNLABELLED,
    "unlabelled": UNLABELLED, "unsup": UNLABELLED,
}  # fmt: skip
# Words that stand beside the name of a part and say nothing: seg_train, training_set, Final_Test, test_images.
_EMPTY_WORDS = {
    "set", "sets", "data", "dataset", "images", "image", "imgs", "img", "pictures", "photos", "files", "seg",
    "split", "folder", "final", "png", "jpg", "jpeg", "ppm", "cropped", "resized", "the", "samples", "bounding", "box",
    "boxes", "daten", "bilder",
}  # fmt: skip
_ADJECTIVES = {
    "mini", "tiny", "small", "large", "full", "subset", "x", "new", "simple", "official", "public", "private", "hr",
}  # fmt: skip
# Names of kinds of files rather than of classes have one of these, and besides only those below: JPEGImages, masks.
_KINDS = {"images", "image", "imgs", "img", "masks", "mask", "labels", "label", "annotations", "annotation", "depth",
          "segmentation", "segmentations", "bbox", "gt", "groundtruth", "original", "originals",
          "augmented", "augmentation", "grayscale", "segmented", "rgb", "color", "colour", "thumb",
          "thumbs", "thumbnails", "full"}  # fmt: skip
# Folders beside those of pictures, in small letters alone: ground_truth of MVTec, with masks as PNG.
_NO_PICTURES = {"annotations", "annotation", "segmentations", "segmentation", "groundtruth"}
_BESIDE_KINDS = {"jpeg", "jpg", "png", "class", "object", "instance", "boxes", "maps"}
# Names of a part and a class at once: trainA, testA, train_cats, test_dogs.
_PART_AND_CLASS = re.compile(r"(?P<part>train|trn|test|tst|val|valid)[ _-]?(?P<name>[a-z]+)", re.IGNORECASE)
_CLASS_AND_PART = re.compile(r"(?P<name>.+)[ _-](?P<part>train|trn|test|tst|val|valid)", re.IGNORECASE)  # cats_test

# Names of pieces that a set was cut into, for cross-validation or to be sent: part1, ham_images_part_2, images_003.
_PIECE = re.compile(
    r"(.*[ _-])?(fold|part|batch|split|chunk|shard|subset|volume|disc|disk)s?[ _-]*[0-9]+"
    r"|(images?|imgs?|pictures?|photos?|data)[ _-]*[0-9]+",
    re.IGNORECASE,
)
# Names of whom or when pictures were taken, which are classes where these are to be recognised, and else are not.
_WHOSE = re.compile(
    r"(patient|subject|case|participant|donor|animal|video|clip|scene|sequence|seq|subj|sub|pat|pid|p(?=[0-9]{5}))s?"
    r"[ _-]*[0-9]+",
    re.IGNORECASE,
)
_SHORT = {"subj": "subject", "sub": "subject", "pat": "patient", "pid": "patient", "p": "patient", "seq": "sequence"}
_WHEN = re.compile(r"(?i:photos? (?:from|of) )?(19|20)[0-9]{2}([ _.-]?[0-9]{2}){0,2}")
_INNERMOST = "([^/]+)/[^/]*$"  # --label_from: the folder that an image lies in
_NAMED = 5


@dataclass(frozen=True)
class Layout:
    """What is known of M image files from where they lie.

    Attributes:
        labels: M class names; None for a file that lies in no class folder. None for all where there are no classes.
        parts: M times ``train``, ``val``, ``test``, ``unlabelled`` or nothing; None for all where no split is laid out.
        words: the layout in one line, for a person.
        left_out: positions of files that do not fit it, and why.
        without_class: positions of files that lie in no class folder, and why they are left out for that, unless labels
            come from elsewhere.
    """

    labels: list[str | None]
    parts: list[str] | None
    words: str
    left_out: dict[int, str] = field(default_factory=dict)
    without_class: dict[int, str] = field(default_factory=dict)


def recognise(paths: Sequence[str], place: str) -> Layout:
    """The layout of image files.

    Args:
        paths: M relative paths with ``/``, at least one.
        place: the folder that they are relative to, as the person named it.

    Raises:
        BadInput: all images lie in one class folder, or the folders are parts of a data set rather than classes.
    """
    folders = [tuple(path.split("/")[:-1]) for path in paths]
    inner = _descended(folders)
    where = _inside(place, inner)
    # macOS writes accents as characters of their own, others do not: one class all the same
    composed = {folder: tuple(unicodedata.normalize("NFC", name) for name in folder) for folder in set(folders)}
    below = [composed[folder][len(inner) :] for folder in folders]
    shown = f"{'/'.join(inner)}/: " if inner else ""
    tops = Counter(folder[0] for folder in below if folder)
    if both := _parts_and_classes(tops):
        found = _published([(*both.get(folder[0], folder[:1]), *folder[1:]) if folder else folder for folder in below],
                           {part: part_of(part) for part, _ in both.values()}, shown)  # fmt: skip
        example, (part, class_name) = next(iter(both.items()))
        return replace(found, words=f"{found.words} ({printable(example)} is class {class_name} of {part})")
    if 2 * sum(tops.values()) < len(below):
        return _flat(below, shown)
    parts = _parts_of(tops)
    known = {name: part for name, part in parts.items() if part}
    held_out = {TEST, VAL} & set(known.values())
    # beside train/ and test/ other folders (Meta/, previews/) are no third class
    if len(set(known.values())) > 1 and (len(known) == len(parts) or (TRAIN in known.values() and held_out)):
        return _published(below, known, shown)
    if all(map(_is_kind, tops)) and len(tops) > 1:
        names = ", ".join(map(printable, sorted(tops)))
        meant = next((name for name in tops if re.match("im|orig|rgb|colou?r|full", name.lower())), next(iter(tops)))
        raise BadInput(
            f"the folders in {printable(where)} are {names}: kinds of files rather than classes (if they are, "
            f"--label_from '^{'[^/]+/' * len(inner)}([^/]+)/'); give the one that holds the pictures: "
            f"{own_command_for(place, f'{where}/{meant}')}"
        )
    asides = [name for name in tops if _has_no_pictures(name)]
    if asides and len(asides) < len(tops):
        return _without(asides, paths, place, below)
    if len(tops) > 1 and _second_level_is_parts(below) and not all(map(_PIECE.fullmatch, tops)):
        return _parts_in_classes(below, shown)
    return _classes(below, place, shown, inner)


def _without(asides: Sequence[str], paths: Sequence[str], place: str, below: Sequence[tuple[str, ...]]) -> Layout:
    """The layout of the other images: those of some folders are no pictures of the set."""
    left_out = {
        position: f"lies in {folder[0]}, a kind of files rather than a class"
        for position, folder in enumerate(below)
        if folder and folder[0] in asides
    }
    kept = [position for position in range(len(paths)) if position not in left_out]
    found = recognise([paths[position] for position in kept], place)
    labels, parts = [None] * len(paths), None if found.parts is None else [""] * len(paths)
    for place_there, position in enumerate(kept):
        labels[position] = found.labels[place_there]
        if parts is not None:
            parts[position] = found.parts[place_there]
    left_out |= {kept[place_there]: why for place_there, why in found.left_out.items()}
    without_class = {kept[place_there]: why for place_there, why in found.without_class.items()}
    return Layout(labels, parts, found.words, left_out, without_class)


def _words(name: str) -> list[str]:
    return [word for word in re.split("[^a-z]+", name.lower()) if word]


@lru_cache(maxsize=4096)
def part_of(name: str) -> str | None:
    """``train`` of ``Training_set``, ``test`` of ``seg_test``: the part of a split that a name means, if any."""
    words = [word for word in _words(name) if word not in _EMPTY_WORDS | _ADJECTIVES]
    if len(words) != 1:
        return None
    joined = (part for word, part in _WORDS.items() if words[0].removeprefix(word) in _EMPTY_WORDS)  # testdata
    return _WORDS.get(words[0]) or next(joined, None)


def _parts_of(names: Iterable[str]) -> dict[str, str | None]:
    """The part that each folder means: eval/ is the test part, but validates where there is a test/ beside it."""
    words = {name: _words(name) for name in names}
    shared = set.intersection(*map(set, words.values())) - set(_WORDS)  # cars of cars_train, cars_test
    parts = {name: part_of(" ".join(word for word in words[name] if word not in shared)) for name in words}
    evaluates = {name for name, part in parts.items() if part == TEST and "eval" in name.lower()}
    if TEST in {part for name, part in parts.items() if name not in evaluates}:
        parts |= dict.fromkeys(evaluates, VAL)
    return parts


def _has_no_pictures(name: str) -> bool:
    return re.sub("[^a-z]", "", name.lower()) in _NO_PICTURES


def _parts_and_classes(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """``trainA`` -> (train, A) of each folder, where all are named so, or cats_train -> (train, cats); else nothing."""
    names = list(names)
    matches = [_PART_AND_CLASS.fullmatch(name) or _CLASS_AND_PART.fullmatch(name) for name in names]
    if not matches or not all(match and not set(_words(match["name"])) <= _EMPTY_WORDS | {""} for match in matches):
        return {}
    both = {name: (match["part"], match["name"]) for name, match in zip(names, matches, strict=True)}
    classes: dict[str, set[str]] = {}
    for part, class_name in both.values():
        classes.setdefault(part, set()).add(class_name)
    first, *others = classes.values()
    return both if len(first) > 1 and others and all(other == first for other in others) else {}


def _is_kind(name: str) -> bool:
    words = {word.lower() for word in re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+", name)}
    return bool(words & _KINDS) and words <= _KINDS | _BESIDE_KINDS


def natural_order(name: str) -> tuple:
    """A key by which ``2`` comes before ``10`` and ``b`` after ``A``."""
    pieces = re.split(r"([0-9]+)", name)
    return (
        *((int(piece), piece) if piece.isascii() and piece.isdigit() else (-1, piece.casefold()) for piece in pieces),
        (-1, name),
    )


def _descended(folders: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The folders around all others: ``dataset`` of dataset/cat/1.png and dataset/dog/2.png."""
    depth = 0
    while all(len(folder) > depth + 1 for folder in folders) and len({folder[depth] for folder in folders}) == 1:
        depth += 1
    return folders[0][:depth]


def _inside(place: str, inner: tuple[str, ...]) -> str:
    return "/".join([place.rstrip("/") or "/", *inner])


def _flat(below: Sequence[tuple[str, ...]], shown: str) -> Layout:
    nested = sum(1 for folder in below if folder)
    words = f"{shown}a flat folder, no classes"
    if nested:
        words += (
            f" ({nested:,} of {count(len(below), 'image')} {verb(nested, 'lie')} in folders, too few to be classes)"
        )
    return Layout([None] * len(below), None, words)


def _published(below: Sequence[tuple[str, ...]], parts: dict[str, str], shown: str) -> Layout:
    """train/ and test/ (and val/), with classes in them or without."""
    insides = {name: _descended([folder[1:] for folder in below if folder and folder[0] == name]) for name in parts}
    labels, sides, left_out, without_class = [], [], {}, {}
    for position, folder in enumerate(below):
        if not folder or folder[0] not in parts:
            labels.append(None)
            sides.append("")
            left_out[position] = "lies beside the parts of the split"
            continue
        inside = folder[1 + len(insides[folder[0]]) :]
        side = parts[folder[0]]
        labels.append(inside[0] if inside and side != UNLABELLED else None)
        sides.append(side)
    labels = _without_boxes(labels, [folder[0] if folder else "" for folder in below])
    with_classes = {
        side: sum(1 for label, its_side in zip(labels, sides, strict=True) if its_side == side and label is not None)
        for side in set(sides) - {""}
    }
    if any(with_classes.values()):
        for position, (label, side) in enumerate(zip(labels, sides, strict=True)):
            if label is None and side not in ("", UNLABELLED):
                without_class[position] = f"no class folder in {side}"
    unused = {*left_out, *without_class}
    counts = Counter(side for position, side in enumerate(sides) if position not in unused)
    if not counts[TEST]:  # what is held out is held out, whatever it is called
        sides = [TEST if side == VAL else side for side in sides]
        counts[TEST] = counts.pop(VAL, 0)
    kept = {label for position, label in enumerate(labels) if position not in unused and label is not None}
    if len(kept) == 1:  # train/images, test/images
        labels, kept = [None] * len(labels), set()
    classes = f"the {len(kept):,} folders in them are the classes" if kept else "no classes"
    classes += _though_of_one(kept, "^[^/]+/([^/]+)/")
    listed = ", ".join(
        f"{name}/" for name in sorted(parts, key=lambda each: [TRAIN, VAL, TEST, UNLABELLED].index(parts[each]))
    )
    held = ", ".join(f"{counts[side]:,} {side}" for side in (TRAIN, VAL, TEST, UNLABELLED) if counts.get(side))
    words = f"{shown}a published split ({listed}: {held}), {classes}"
    if not (counts[TRAIN] and counts[TEST]):
        words += "; one part only can be used, so test images are drawn from it"
    return Layout(labels, sides, words, left_out, without_class)


def _without_boxes(labels: Sequence[str | None], part_names: Sequence[str]) -> list[str | None]:
    """Labels but for those of a part whose pictures lie in one folder that is no class of another part: test/images."""
    found: dict[str, set[str]] = {}
    for name, label in zip(part_names, labels, strict=True):
        if label is not None:
            found.setdefault(name, set()).add(label)
    elsewhere = Counter(label for inside in found.values() for label in inside)
    several = any(len(inside) > 1 for inside in found.values())
    if len(found) > 1 and not several and len(elsewhere) == len(found):  # cars_train/cars_train/, cars_test/cars_test/
        return [None] * len(labels)
    boxes = {
        name for name, inside in found.items() if several and len(inside) == 1 and elsewhere[next(iter(inside))] == 1
    }  # fmt: skip
    boxes |= {name for name, inside in found.items() if several and len(inside) == 1 and _is_kind(next(iter(inside)))}
    return [None if name in boxes else label for name, label in zip(part_names, labels, strict=True)]


def _second_level_is_parts(below: Sequence[tuple[str, ...]]) -> bool:
    seconds = {folder[1] if len(folder) > 1 else "" for folder in below if folder}
    seconds = {name for name in seconds if not _has_no_pictures(name)}
    return len({part_of(name) for name in seconds}) > 1 and all(part_of(name) for name in seconds)


def _parts_in_classes(below: Sequence[tuple[str, ...]], shown: str) -> Layout:
    """cat/train, cat/test, dog/train, dog/test."""
    labels = [folder[0] if folder else None for folder in below]
    parts = _parts_of({folder[1] for folder in below if folder})
    sides = [parts[folder[1]] or "" if folder else "" for folder in below]
    left_out = {
        position: f"lies in {folder[1]}, which is no part of the split"
        for position, folder in enumerate(below)
        if folder and not parts[folder[1]]
    }
    if TEST not in sides:
        sides = [TEST if side == VAL else side for side in sides]
    counts = Counter(side for side in sides if side)
    held = ", ".join(f"{counts[side]:,} {side}" for side in (TRAIN, VAL, TEST) if counts.get(side))
    words = f"{shown}{len(set(labels) - {None}):,} folders are the classes, each with a published split in it ({held})"
    return Layout(labels, sides, words, left_out, _beside_classes(below))


def _beside_classes(below: Sequence[tuple[str, ...]]) -> dict[int, str]:
    return {position: "lies beside the class folders" for position, folder in enumerate(below) if not folder}


def _classes(below: Sequence[tuple[str, ...]], place: str, shown: str, inner: tuple[str, ...]) -> Layout:
    """cat/1.png, dog/2.png; what lies deeper counts to its class."""
    where = _inside(place, inner)
    labels = [folder[0] if folder else None for folder in below]
    names = sorted(set(labels) - {None}, key=natural_order)
    if len(names) == 1 and _EMPTY_WORDS.issuperset(_words(names[0]) or names):
        return _flat([folder[1:] for folder in below], f"{shown}{printable(names[0])}/: ")
    if len(names) == 1:
        raise BadInput(
            f"all images of {printable(where)} lie in one folder, {printable(names[0])}, which would be the only "
            f"class; to take them without classes: {own_command_for(place, f'{where}/{names[0]}')}"
        )
    if all(part_of(name) for name in names):
        raise BadInput(
            f"the folders in {printable(where)} are {', '.join(map(printable, names))}: parts of a data set, not "
            f"classes; give one of them: {own_command_for(place, f'{where}/{names[0]}')}"
        )
    around = "[^/]+/" * len(inner)
    outer = f"^{around}([^/]+)/"
    if all(_PIECE.fullmatch(name) for name in names):
        raise BadInput(
            f"the folders in {printable(where)} are {', '.join(map(printable, names[:_NAMED]))}: pieces of a data set, "
            f"not classes (if they are, --label_from '{outer}'; labels of a table, --labels); "
            f"{_instead_of_pieces(below, place, where, names)}"
        )
    deeper = sum(1 for folder in below if len(folder) > 1)
    words = f"{shown}{len(names):,} folders are the classes"
    inside = [{folder[-1] for folder in below if folder and folder[0] == name and len(folder) > 1} for name in names]
    if deeper and len(inside[0]) > 1 and all(each == inside[0] for each in inside):
        words += (
            f"; but each of them holds the same {len(inside[0]):,} folders ({_listed(inside[0])}): if these are the "
            f"classes, --label_from '{_INNERMOST}', and if each outer one is of one patient or place, --group_from "
            f"'{outer}' too"
        )
    elif deeper:
        words += (
            f"; {count(deeper, 'image')} in folders below them counted to these (--label_from '{_INNERMOST}' takes "
            f"the innermost folders instead; --group_from '^{around}([^/]+/.+)/' keeps such a folder, as of a video or "
            "a patient, on one side of the split)"
        )
    words += _though_of_one(names, outer)
    if all(_WHEN.fullmatch(name) for name in names):
        words += ", though they look like dates; labels may come from elsewhere (--labels, --label_from)"
    part = part_of(inner[-1]) if inner else None
    if part:
        words += f"; {inner[-1]}/ is all there is of a split"
    return Layout(labels, None, words, without_class=_beside_classes(below))


def whose(name: str) -> str | None:
    """``patient`` of patient012, ``subject`` of sub-01: whom or what a folder is of, by its name."""
    match = _WHOSE.fullmatch(name)
    return match and _SHORT.get(match[1].lower(), match[1].lower())


def _though_of_one(names: Iterable[str], pattern: str) -> str:
    """A remark where classes look like patients, videos and the like; ``pattern`` finds their folders."""
    kinds = {whose(name) for name in names}
    if None in kinds or not kinds:
        return ""
    return (
        f", though they look like those of one {min(kinds)} each; then labels come from elsewhere (--labels, "
        f"--label_from), and --group_from '{pattern}' keeps each on one side of the split"
    )


def _listed(names: Iterable[str]) -> str:
    inside = sorted(names, key=natural_order)
    return ", ".join(map(printable, inside[:_NAMED])) + ", ..." * (len(inside) > _NAMED)


def _instead_of_pieces(below: Sequence[tuple[str, ...]], place: str, where: str, names: Sequence[str]) -> str:
    inside = {folder[1] for folder in below if len(folder) > 1}
    if len(inside) > 1 and not all(map(part_of, inside)):
        better = own_command({"--label_from": [_INNERMOST]})
        return f"to take the folders in them ({_listed(inside)}) for classes: {better}"
    return f"give one of them: {own_command_for(place, f'{where}/{names[0]}')}"
