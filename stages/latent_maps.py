"""Both latent spaces side by side: the bottleneck of 2 as it is, that of N by UMAP, t-SNE or PCA, with numbers."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from figure.fonts import settle_names
from figure.scatter import Panel, draw_maps
from figure.style import save_figure, shown
from latent.archive import LatentSpace, load_with_bottleneck_2
from latent.measures import Values
from latent.metrics import latent_dimensions, trustworthiness
from latent.neighbours import others_of_own_class
from latent.options import FEWEST_ROWS, METHODS
from latent.placing import fitted_rows
from latent.probes import knn_accuracy_apart
from latent.projection import AS_IT_IS, draw_flat, lowered_settings, map_settings, too_few
from run.artefacts import test_data_path, write_csv, write_json
from run.console import count, note, say, table, warn
from run.errors import BadInput, printable
from run.hints import own_command
from run.provenance import command_line, versions

PROTOCOL = "transductive: each map is fitted on, and each number taken from, the same images that are drawn"
_ALONE = "have no other of their class (in another group) here"
OTHER_GROUPS = "; an image's own group (images that belong together) is left out of its neighbours"


@dataclass(frozen=True)
class Settings:
    """The flags of viz_latent_space.py."""

    latent_space: Path
    latent_size: int | None  # as it was typed, to find latent_space by
    vis_type: str  # one of latent.options.METHODS
    n_neighbors: int  # of UMAP
    perplexity: float  # of t-SNE
    thumbnails: bool  # draw some of the images at their points
    output_dir: Path
    seed: int
    svg: bool
    show: bool


@dataclass(frozen=True, eq=False)  # arrays have no equality that is one truth
class DrawnSpace:
    """A latent space, where its rows are drawn, and its numbers.

    Attributes:
        path: of its latents.
        space: the vectors and what is known of them.
        points: float (rows, 2).
        drawn: one of ``METHODS``, or ``AS_IT_IS``.
        settings: of the map.
        measures: see :func:`measure`; of the rows that :func:`latent.placing.fitted_rows` takes.
        pictures: uint8 (rows, C, H, W) that are drawn at their points, or None.
    """

    path: Path
    space: LatentSpace
    points: np.ndarray
    drawn: str
    settings: dict[str, float]
    measures: dict[str, float]
    pictures: np.ndarray | None

    @property
    def numbers(self) -> dict[str, object]:
        """Everything that is known of the map but its points."""
        drawn = {"latents": self.path.name, "drawn": self.drawn, "points": len(self.points)}
        return {**drawn, **self.settings, **self.measures}

    @property
    def axis_names(self) -> tuple[str, str] | None:
        """None for maps whose axes have no meaning."""
        if self.drawn == AS_IT_IS:
            return "latent 1", "latent 2" if self.space.vectors.shape[1] == 2 else "(at random)"
        return ("component 1", "component 2") if self.drawn == "pca" else None

    def panel(self) -> Panel:
        """What is drawn of it."""
        title = f"{self.space.name}, {METHODS.get(self.drawn, 'as it is')}: {self.space.contents}"
        text = remark(self.measures)
        if self.measures["rows"] < len(self.points):
            how = "measured on" if self.drawn == AS_IT_IS else "fitted and measured on"
            others = "" if self.drawn in (AS_IT_IS, "pca") else "; the others lie among their nearest of these"
            text += f"\n{how} {self.measures['rows']:,} of them, drawn at random{others}"
        return Panel(self.points, self.space.labels, title, text, self.axis_names, self.pictures)


def run(settings: Settings) -> None:
    """Draw both spaces, and save the maps with where each row lies and what was measured.

    Raises:
        BadInput: latents can't be read, do not belong together, or are too few for a map.
    """
    spaces, warnings = load_with_bottleneck_2(settings.latent_space)
    for sentence in warnings:
        warn(sentence)
    pictures = load_pictures(settings.latent_space, spaces[settings.latent_space]) if settings.thumbnails else None
    maps = [draw_space(path, space, settings, pictures) for path, space in spaces.items()]
    grouped = any(each.measures["groups"] < each.measures["rows"] for each in maps)
    protocol = PROTOCOL + (OTHER_GROUPS if grouped else "")
    stem = f"{settings.latent_space.stem}_{maps[-1].drawn}"
    saved = [settings.output_dir / f"{stem}.csv", settings.output_dir / f"metrics_{stem}.json"]
    write_csv(saved[0], *as_table(maps))
    numbers = [each.numbers for each in maps]
    made_of = {name: digest for space in spaces.values() for name, digest in space.made_of.items()}
    write_json(
        saved[1],
        {
            "protocol": protocol,
            "maps": numbers,
            "made_of": made_of,
            "seed": settings.seed,
            "command": command_line(),
            "versions": versions(),
        },
    )
    say(as_text(numbers))
    class_names = spaces[settings.latent_space].class_names
    for sentence in settle_names(class_names):
        warn(sentence)
    footer = protocol if len(maps) > 1 else ""
    figure = draw_maps([[each.panel() for each in maps]], class_names, footer, subject=what_was_found(maps))
    # last, since a window that is shown keeps everything waiting
    path = settings.output_dir / f"{stem}.png"
    saved += save_figure(figure, path, made_of=made_of, svg=settings.svg, show=settings.show)
    for path in saved:
        say(f"saved {printable(path)}")


def load_pictures(path: Path, space: LatentSpace) -> np.ndarray:
    """The images that the rows of a latent space are of, uint8 (rows, C, H, W).

    Raises:
        BadInput: nobody says which images they are, or the test split beside them can't be read or is another.
    """
    if space.rows is None:
        raise BadInput(
            f"--thumbnails needs the test images that the rows are of, and {printable(path)} does not say which they "
            "are; leave the flag out"
        )
    from data.test_data import load_encoded_images  # and torch: a second that only a map with pictures waits for

    return load_encoded_images(test_data_path(path.parent), space.rows, space.origin.get("split_fingerprint"))


def draw_space(path: Path, space: LatentSpace, settings: Settings, pictures: np.ndarray | None) -> DrawnSpace:
    """Where the rows of one space are drawn, and its numbers; what should be known before these are trusted is said."""
    rows, size = space.vectors.shape
    if size > 2 and rows < FEWEST_ROWS and settings.vis_type != "pca":
        raise too_few(settings.vis_type, rows, f"draw by PCA: {own_command({'--vis_type': ['pca']})}")
    if size > 2:
        note(f"drawing the {METHODS[settings.vis_type]} of {count(rows, 'vector')} of {count(size, 'dimension')}")
    wanted = {"n_neighbors": settings.n_neighbors, "perplexity": settings.perplexity}
    fitted = fitted_rows(rows, settings.seed)
    if len(fitted) < rows:
        note(f"{space.name}: fitted and measured on {len(fitted):,} of {space.contents}, drawn at random")
    points, drawn = draw_flat(space.vectors, settings.vis_type, settings.seed, **wanted)
    for sentence in lowered_settings(drawn, rows, **wanted):
        warn(sentence)
    measures = measure(space.taken(fitted), None if drawn == AS_IT_IS else points[fitted])
    still = measures["dimensions"] - measures["dimensions_that_vary"]
    if still and rows > 1:
        warn(f"{space.name} has collapsed: {still} of {size} latent dimensions do not vary")
    used = {} if drawn == AS_IT_IS else map_settings(drawn, rows, **wanted)
    return DrawnSpace(path, space, points, drawn, used, measures, pictures)


def measure(space: LatentSpace, points: np.ndarray | None) -> dict[str, float]:
    """Every number about one space and, unless its points (rows, 2) were drawn as they are, about its map."""
    groups = len(set(space.groups.tolist()))
    measures = {"rows": len(space.vectors), "groups": groups, **latent_dimensions(space.vectors)}
    if space.labels is not None:
        known = _on_average(knn_accuracy_apart(space.vectors, space.labels, space.groups))
        known["alone_in_class"] = int((others_of_own_class(space.labels, space.groups) == 0).sum())
        if known["alone_in_class"] == len(space.labels):  # no neighbour could be right
            del known["knn_accuracy"], known["knn_neighbours"]
        elif points is not None:
            on_map = _on_average(knn_accuracy_apart(points, space.labels, space.groups))
            known["knn_accuracy_on_map"] = on_map["knn_accuracy"]
        measures |= known
    if points is not None:
        measures |= trustworthiness(space.vectors, points)
    return measures


def _on_average(values: Values) -> dict[str, float]:
    """Numbers that are given for each row, as one."""
    return {name: float(np.mean(each)) for name, each in values.items()}


def remark(measures: dict[str, float]) -> str:
    """What a person should know when looking at a map, in a line or two."""
    lines = []
    if "knn_accuracy" in measures:
        apart = " of other groups" if measures["groups"] < measures["rows"] else ""
        asked = int(measures["knn_neighbours"])
        nearest = f"{asked} nearest images{apart} tell" if asked > 1 else f"nearest image{apart} tells"
        lines.append(
            f"{nearest} the class of {measures['knn_accuracy']:.0%} "
            f"(largest class alone: {measures['knn_accuracy_chance']:.0%})"
        )
        if measures["alone_in_class"]:
            lines[-1] += f"; {measures['alone_in_class']:,} of {measures['rows']:,} {_ALONE}"
    elif "alone_in_class" in measures:
        lines.append(f"whether neighbours tell the class can't be said: all images {_ALONE}")
    use = f"{measures['dimensions_that_vary']} of {measures['dimensions']} dimensions vary"
    use += f", as evenly as {measures['effective_rank']:.1f} equal ones (effective rank)"
    lines.append(use)
    if "trustworthiness" in measures:
        lines.append(f"neighbours on the map are neighbours in the space: {measures['trustworthiness']:.3f} of 1")
    return "\n".join(lines)


def what_was_found(maps: list[DrawnSpace]) -> str:
    """The title: the data set, and how well neighbours tell the class in each space."""
    name = maps[-1].space.origin.get("dataset")
    known = [each for each in maps if "knn_accuracy" in each.measures]
    parts = [shown(name)] if isinstance(name, str) else []
    if known:
        told = " and ".join(f"{each.measures['knn_accuracy']:.0%} in {each.space.name}" for each in known)
        parts.append(f"nearest neighbours tell the class of {told}")
    return ": ".join(parts)


def as_table(maps: list[DrawnSpace]) -> tuple[list[str], Iterator[list[object]]]:
    """Header and rows of the CSV: what each point is and where it was drawn on each map."""
    known, rows = maps[-1].space.describe_rows()
    coordinates = {}
    for each in maps:
        size = each.space.vectors.shape[1]
        coordinates |= {f"x{size}": each.points[:, 0], f"y{size}": each.points[:, 1]}
    drawn = ([float(f"{value:.7g}") for value in point] for point in zip(*coordinates.values(), strict=True))
    return [*known, *coordinates], ([*row, *point] for row, point in zip(rows, drawn, strict=True))


def as_text(numbers: list[dict[str, object]]) -> str:
    """The numbers of every map, one map a row."""

    def cell(name: str, form: str, each: dict[str, object]) -> str:
        return format(each[name], form) if name in each else "-"

    asked = next((f"{each['knn_neighbours']:.0f}" for each in numbers if "knn_neighbours" in each), "k")
    return table(
        ["latents", "drawn", f"{asked}-NN accuracy", "on the map", "largest class", "trustworthiness", "vary",
         "eff. rank"],
        [
            (
                each["latents"],
                each["drawn"].replace("_", " "),
                cell("knn_accuracy", ".1%", each),
                cell("knn_accuracy_on_map", ".1%", each),
                cell("knn_accuracy_chance", ".1%", each),
                cell("trustworthiness", ".3f", each),
                f"{each['dimensions_that_vary']}/{each['dimensions']}",
                cell("effective_rank", ".1f", each),
            )
            for each in numbers
        ],
    )  # fmt: skip
