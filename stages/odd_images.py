"""find_odd_images.py: a network and the test images -> three rankings of what stands out, drawn and as a table."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from data.test_data import TestData, load_test_data
from figure.fonts import settle_names
from figure.reconstruction import draw_reconstructions
from figure.style import save_figure, shown
from latent.comparison import FEWEST, compare
from latent.neighbours import nearest
from model.checkpoint import load_checkpoint, require_split
from model.fidelity import squared_errors
from model.inference import decode, encode
from run.artefacts import file_sha256, write_csv, write_json
from run.console import say, table, warn
from run.device import choose_device, make_repeatable
from run.errors import printable
from run.provenance import command_line, versions
from run.training_folder import undisturbed

PROTOCOL = (
    "only the test images are looked through, and nothing is fitted on them; neighbours are the nearest by Euclidean "
    "distance in the latent space, among test images that are not of an image's own group, and vote by the inverse of "
    "their distance; they are sure of a label only where they tell its class from the other beyond chance"
)
_SURE = 0.5  # of the votes, that another class has more than an image's own
_CONFIRMED = 0.75  # of a class's labels that neighbours are sure of: of fewer they do not know the class
_SAID = 5  # images of each ranking on standard output


@dataclass(frozen=True)
class Settings:
    """The flags of find_odd_images.py."""

    model_path: Path
    latent_size: int | None
    test_data: Path
    num_images: int
    num_neighbours: int
    output_dir: Path
    device: str
    svg: bool
    show: bool


@dataclass(frozen=True, eq=False)  # arrays have no equality that is one truth
class Oddity:
    """How much each image stands out, each way larger is odder.

    Attributes:
        error: float (N,), mean squared error of the reconstruction, pixels in [0, 1].
        distance: float (N,), mean distance to the nearest others; infinite where there are none.
        doubt: float (N,) in -1..1: the vote of the neighbours for the class that has most of it beside the image's own,
            minus that for its own; None where there are not two classes, or the neighbours know nothing of them.
        likely: int (N,): that class; None likewise.
        sure: bool (N,): whether neighbours that know both classes have most of their votes for that one; None likewise.
        unknown: why no label can be doubted, where there are classes.
    """

    error: np.ndarray
    distance: np.ndarray
    doubt: np.ndarray | None
    likely: np.ndarray | None
    sure: np.ndarray | None = None
    unknown: str = ""

    def rankings(self) -> dict[str, np.ndarray]:
        """Of each way the rows from the oddest on, int64 (N,)."""
        ways = {"error": self.error, "distance": self.distance, "label": self.doubt}
        return {name: np.argsort(-values, kind="stable") for name, values in ways.items() if values is not None}


def run(settings: Settings) -> None:
    """Rank, draw and tabulate.

    Raises:
        BadInput: a file is missing or damaged, or the split is not that of the network.
    """
    make_repeatable(0)
    with undisturbed(settings.model_path.parent):
        test_data = load_test_data(settings.test_data)
        model, record = load_checkpoint(settings.model_path)
    require_split(record, settings.model_path, test_data.fingerprint, settings.test_data)
    model = model.to(choose_device(settings.device))
    latents = encode(model, test_data.images)
    made = decode(model, latents, test_data.labels)
    odd = find_odd(test_data, latents, made, settings.num_neighbours)
    stem = settings.output_dir / f"odd_images_latent_size_{model.latent_size}"
    header, rows = as_table(test_data, odd)
    write_csv(stem.with_suffix(".csv"), header, rows)
    made_of = {settings.model_path.name: record["sha256"], f"{stem.name}.csv": file_sha256(stem.with_suffix(".csv"))}
    facts = {
        "dataset": test_data.dataset,
        "made_of": made_of,
        "latent_size": model.latent_size,
        "images": len(test_data.images),
        "num_neighbours": settings.num_neighbours,
        "protocol": PROTOCOL,
        "labels": odd.unknown,
        "rankings": {name: ranked[: settings.num_images].tolist() for name, ranked in odd.rankings().items()},
    }
    write_json(stem.with_suffix(".json"), {**facts, "command": command_line(), "versions": versions()})
    for sentence in settle_names(test_data.class_names):
        warn(sentence)
    saved = [stem.with_suffix(".csv"), stem.with_suffix(".json")]
    if odd.doubt is None:
        stem.with_name(f"{stem.name}_label.png").unlink(missing_ok=True)  # of other labels, if there is one
    for name, ranked in odd.rankings().items():
        chosen = ranked[: settings.num_images]
        if name == "label":
            chosen = chosen[odd.doubt[chosen] > 0]
        if not len(chosen):
            say(f"\nno label is doubted by the neighbours in bottleneck {model.latent_size}")
            stem.with_name(f"{stem.name}_{name}.png").unlink(missing_ok=True)  # of other labels, if there is one
            continue
        say(f"\n{title(name, test_data, model.latent_size, odd, chosen)}")
        say(as_text(name, test_data, odd, chosen[:_SAID]))
        figure, path = draw(name, (test_data, made, odd, chosen), model.latent_size), f"{stem.name}_{name}.png"
        how = {"made_of": {settings.model_path.name: record["sha256"]}, "svg": settings.svg, "show": settings.show}
        saved += save_figure(figure, stem.with_name(path), **how)
    if odd.unknown:
        say(f"\nlabels: {odd.unknown}")
    say(f"\nonly the {len(test_data.images):,} test images were looked through, none that was trained on")
    for path in saved:
        say(f"saved {printable(path)}")


def find_odd(test_data: TestData, latents: np.ndarray, made: np.ndarray, num_neighbours: int) -> Oddity:
    """How much each test image stands out.

    Args:
        latents: float32 (N, D), theirs.
        made: float32 (N, C, H, W) in [0, 1], what is made of them.
        num_neighbours: K.
    """
    near, away = nearest(latents, count=num_neighbours, groups=test_data.groups)
    there = near >= 0
    count = there.sum(axis=1)
    distance = np.where(count > 0, np.where(there, away, 0).sum(axis=1) / np.maximum(count, 1), np.inf)
    error, labels = squared_errors(test_data.images, made), test_data.labels
    if labels is None or len(np.unique(labels)) < 2:
        return Oddity(error, distance, None, None)
    votes = np.zeros((len(labels), len(test_data.class_names)))
    weights = np.where(there, 1 / np.maximum(away, 1e-9), 0)
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-300)
    np.add.at(votes, (np.arange(len(labels))[:, None], labels[near]), weights)
    if unknown := why_unknown(votes, labels, test_data.groups):
        return Oddity(error, distance, None, None, unknown=unknown)
    rows = np.arange(len(labels))
    own, others = votes[rows, labels], votes.copy()
    others[rows, labels] = -1
    likely = others.argmax(axis=1)
    doubt = others[rows, likely] - own
    return Oddity(error, distance, doubt, likely, surely(votes, labels, test_data.groups, doubt, likely))


def why_unknown(votes: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> str:
    """Why neighbours can't doubt a label, or nothing: they vote for an image's own class no oftener than chance does.

    Args:
        votes: float (N, classes), shares of the neighbours' votes.
        labels, groups: int (N,).
    """
    if len(np.unique(groups)) < FEWEST:
        return f"{len(np.unique(groups))} images, or groups of them, are too few for neighbours to doubt one"
    rows, counts = np.arange(len(labels)), np.bincount(labels, minlength=votes.shape[1])
    by_chance = (counts[labels] - 1) / max(1, len(labels) - 1)
    if compare(votes[rows, labels], by_chance, groups).better > 0:
        return ""
    right = (votes.argmax(axis=1) == labels).mean()
    return (
        f"the neighbours do not know the classes beyond chance (they name {right:.0%} rightly, the largest class alone "
        f"is {counts.max() / len(labels):.0%}), so they can't doubt a label"
    )


def surely(
    votes: np.ndarray, labels: np.ndarray, groups: np.ndarray, doubt: np.ndarray, likely: np.ndarray
) -> np.ndarray:
    """Which labels are surely doubted, bool (N,): by neighbours that tell the two classes in question apart.

    Beyond their shares of the images, so that a rare class is not doubted for being rare; and only where of the labels
    of a class that neighbours are sure of, one way or the other, most are confirmed.

    Args:
        votes: float (N, classes), shares of the neighbours' votes.
        labels, groups, likely: int (N,).
        doubt: float (N,), as :class:`Oddity` has it.
    """
    sure = doubt > _SURE
    pairs = np.unique(np.stack([labels[sure], likely[sure]], axis=1), axis=0)
    for mine, other in pairs:
        of_two = np.flatnonzero(np.isin(labels, [mine, other]) & (votes[:, [mine, other]].sum(axis=1) > 0))
        counts = np.bincount(labels[of_two], minlength=votes.shape[1])
        for_own = votes[of_two, labels[of_two]] / votes[of_two][:, [mine, other]].sum(axis=1)
        by_chance = (counts[labels[of_two]] - 1) / max(1, len(of_two) - 1)
        told_apart = compare(for_own, by_chance, groups[of_two], comparisons=len(pairs)).better > 0
        here = labels == mine
        accused = here & (likely == other) & sure
        confirmed = int((doubt[here] < -_SURE).sum())
        if not told_apart or confirmed < _CONFIRMED * (confirmed + accused.sum()):
            sure = sure & ~accused
    return sure


def title(way: str, test_data: TestData, size: int, odd: Oddity, chosen: np.ndarray) -> str:
    """What a ranking found, in a line."""
    name, count = shown(test_data.dataset), len(chosen)
    if way == "error":
        if count == len(odd.error):
            return f"{name}: all {count} test images, from the one that bottleneck {size} keeps worst"
        least, most = (odd.error[chosen[place]] / max(np.median(odd.error), 1e-12) for place in (-1, 0))
        times = f"{least:.1f} to {most:.1f} times the median error"
        return f"{name}: the {count} test images that bottleneck {size} keeps worst, {times}"
    if way == "distance":
        usual = np.median(odd.distance)
        times = np.median(odd.distance[chosen]) / usual if 0 < usual < np.inf else 1.0
        return (
            f"{name}: the test images farthest from all others in bottleneck {size}, {times:.1f} times as far as most"
        )
    sure = int(odd.sure.sum()) or "none"
    return f"{name}: labels that the neighbours in bottleneck {size} doubt; of another class they are sure for {sure}"


def draw(way: str, what: tuple[TestData, np.ndarray, Oddity, np.ndarray], size: int) -> Figure:
    """The first images of a ranking above what the network makes of them."""
    test_data, made, odd, chosen = what
    names = [test_data.class_of(row) for row in chosen]
    if way == "label":
        names = [
            f"{name} or {test_data.class_names[odd.likely[row]]}?" for name, row in zip(names, chosen, strict=True)
        ]
    return draw_reconstructions(
        test_data.images[chosen],
        [(f"bottleneck {size}", made[chosen], odd.error[chosen])],
        names,
        title(way, test_data, size, odd, chosen),
    )


def as_table(test_data: TestData, odd: Oddity) -> tuple[list[str], list[list[Any]]]:
    """Header and a row a test image: how odd it is each way, and its place in that ranking, from 1."""
    places = {}
    for name, ranked in odd.rankings().items():
        places[name] = np.empty(len(ranked), np.int64)
        places[name][ranked] = np.arange(1, len(ranked) + 1)
    header = ["test_row", "sample_id", "class", "mse", "place by error", "mean distance", "place by distance"]
    header += ["doubt of label", "place by label", "likely class", "sure"] if odd.doubt is not None else []
    rows = []
    for row in range(len(test_data.images)):
        away = float(f"{odd.distance[row]:.7g}") if np.isfinite(odd.distance[row]) else ""
        cells = [row, test_data.sample_ids[row], test_data.class_of(row), float(f"{odd.error[row]:.7g}"),
                 int(places["error"][row]), away, int(places["distance"][row])]  # fmt: skip
        if odd.doubt is not None:
            cells += [
                round(float(odd.doubt[row]), 4),
                int(places["label"][row]),
                test_data.class_names[odd.likely[row]],
                "yes" if odd.sure[row] else "no",
            ]
        rows.append(cells)
    return header, rows


def as_text(way: str, test_data: TestData, odd: Oddity, chosen: np.ndarray) -> str:
    """The first of a ranking as a table."""
    values = {"error": odd.error, "distance": odd.distance, "label": odd.doubt}[way]
    header = ["image", "class", {"error": "MSE", "distance": "mean distance", "label": "doubt"}[way]]
    rows = [[test_data.sample_ids[row], test_data.class_of(row), f"{values[row]:.4g}"] for row in chosen]
    if way == "label":
        header += ["neighbours say", "sure"]
        said = [[test_data.class_names[odd.likely[row]], "yes" if odd.sure[row] else "no"] for row in chosen]
        rows = [[*cells, *more] for cells, more in zip(rows, said, strict=True)]
    return table(header, rows)
