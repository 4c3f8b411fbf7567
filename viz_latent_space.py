"""Draw both latent spaces side by side: the bottleneck of 2 as it is, the one of N by UMAP, t-SNE or PCA."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from run import arguments as flags
from run.artefacts import write_csv, write_json
from run.console import note, say, table, warn
from run.errors import execute, printable

if TYPE_CHECKING:
    import numpy as np

    from latent.archive import LatentSpace

PROTOCOL = (
    "transductive: each map is fitted on, and each number taken from, the same images that are drawn; an image's own "
    "group is left out of its neighbours"
)


def parse_arguments() -> argparse.Namespace:
    parser = flags.parser(
        "python viz_latent_space.py --latent_space output/latent_space_size_256.npy --vis_type umap",
        "Draw the latent spaces of both bottlenecks side by side, coloured by class. The bottleneck of 2 is drawn as\n"
        "it is, never projected; its latents are looked for in the same folder. Any .npy of (rows, dimensions) can be\n"
        "drawn: alone, and without classes, if it is not from encode_latent_space.py.",
    )
    group = parser.add_argument_group("what is drawn")
    flags.add_latent_space(group)
    group = parser.add_argument_group("map")
    flags.add_choice(group, "--vis_type", ["umap", "tsne", "pca"], "umap", "how N becomes 2")
    flags.add_shared(group, "n_neighbors")
    flags.add_value(
        group, "--perplexity", flags.real_number(0, 1e6), 30.0, "P", "tsne: about how many neighbours count"
    )
    flags.add_shared(parser.add_argument_group("run"), "output_dir", "seed", "svg", "show")
    return flags.with_latent_space_path(parser.parse_args())


def main() -> None:
    args = parse_arguments()

    from figure.scatter import Panel, draw_maps
    from figure.style import save_figure
    from latent.archive import load_with_bottleneck_2
    from latent.projection import AS_IT_IS, METHODS, draw_flat, map_settings
    from run.provenance import command_line, versions

    spaces = load_with_bottleneck_2(args.latent_space)
    wanted = {"n_neighbors": args.n_neighbors, "perplexity": args.perplexity}
    panels, numbers, coordinates = [], [], {}
    for path, space in spaces.items():
        rows, size = space.vectors.shape
        if size > 2:
            note(f"drawing the {METHODS[args.vis_type]} of {rows:,} vectors of {size} dimensions")
        points, drawn = draw_flat(space.vectors, args.vis_type, args.seed, **wanted)
        settings = {} if drawn == AS_IT_IS else map_settings(drawn, rows, **wanted)
        measures = measure(space, points if drawn != AS_IT_IS else None)
        warn_of_collapse(space, measures)
        panels.append(
            Panel(
                points=points,
                groups=space.labels,
                title=f"{space.name}, {METHODS.get(drawn, 'as it is')}: {space.contents}",
                remark=remark(measures),
                axis_names=axis_names(drawn, size),
            )
        )
        numbers.append({"latents": path.name, "drawn": drawn, **settings, **measures})
        coordinates |= {f"x{size}": points[:, 0], f"y{size}": points[:, 1]}

    space = spaces[args.latent_space]
    stem = f"{args.latent_space.stem}_{numbers[-1]['drawn']}"
    figure = draw_maps([panels], space.class_names, footer=PROTOCOL if len(panels) > 1 else "")
    saved = [args.output_dir / f"{stem}.csv", args.output_dir / f"metrics_{stem}.json"]
    write_csv(saved[0], *as_table(space, coordinates))
    write_json(
        saved[1],
        {"protocol": PROTOCOL, "maps": numbers, "seed": args.seed, "command": command_line(), "versions": versions()},
    )
    say(as_text(numbers))
    # last, since a window that is shown keeps everything waiting
    saved += save_figure(figure, args.output_dir / f"{stem}.png", svg=args.svg, show=args.show)
    for path in saved:
        say(f"saved {printable(path)}")


def measure(space: LatentSpace, points: np.ndarray | None) -> dict[str, float]:
    """Every number about one space and, unless its points were drawn as they are, about its map."""
    from latent.metrics import latent_dimensions, trustworthiness
    from latent.probes import neighbour_accuracy

    measures = {"rows": len(space.vectors), "groups": len(set(space.groups.tolist()))}
    measures |= latent_dimensions(space.vectors)
    if space.labels is not None:
        measures |= neighbour_accuracy(space.vectors, space.labels, space.groups)
        if points is not None:
            on_map = neighbour_accuracy(points, space.labels, space.groups)
            measures |= {f"{name}_on_map": value for name, value in on_map.items() if name == "neighbour_accuracy"}
    if points is not None:
        measures |= trustworthiness(space.vectors, points)
    return measures


def warn_of_collapse(space: LatentSpace, measures: dict[str, float]) -> None:
    still = measures["dimensions"] - measures["dimensions_that_vary"]
    if still and len(space.vectors) > 1:
        warn(f"{space.name} has collapsed: {still} of {measures['dimensions']} latent dimensions do not vary")


def remark(measures: dict[str, float]) -> str:
    """What a person should know when looking at a map, in a line or two."""
    lines = []
    if "neighbour_accuracy" in measures:
        apart = " of other groups" if measures["groups"] < measures["rows"] else ""
        lines.append(
            f"10 nearest images{apart} tell the class of {measures['neighbour_accuracy']:.0%} "
            f"(largest class alone: {measures['chance_largest_class']:.0%})"
        )
    use = f"{measures['dimensions_that_vary']} of {measures['dimensions']} dimensions vary"
    use += f", effective rank {measures['effective_rank']:.1f}"
    if "trustworthiness" in measures:
        use += f"; trustworthiness of the map {measures['trustworthiness']:.3f}"
    return "\n".join([*lines, use])


def axis_names(drawn: str, size: int) -> tuple[str, str] | None:
    """None for maps whose axes have no meaning."""
    if drawn == "as_it_is":
        return "latent 1", "latent 2" if size == 2 else "(at random)"
    return ("component 1", "component 2") if drawn == "pca" else None


def as_table(space: LatentSpace, coordinates: dict[str, np.ndarray]) -> tuple[list[str], list[list[object]]]:
    """Header and rows of the CSV: what each point is and where it was drawn."""
    known, rows = space.describe_rows()
    drawn = zip(*([float(f"{value:.7g}") for value in values] for values in coordinates.values()), strict=True)
    return [*known, *coordinates], [[*row, *point] for row, point in zip(rows, drawn, strict=True)]


def as_text(numbers: list[dict[str, float]]) -> str:
    """The numbers of every map, one map a row."""

    def cell(name: str, form: str, each: dict[str, float]) -> str:
        return format(each[name], form) if name in each else "-"

    return table(
        ["latents", "drawn", "10-NN accuracy", "on the map", "largest class", "trustworthiness", "vary", "eff. rank"],
        [
            (
                each["latents"],
                each["drawn"].replace("_", " "),
                cell("neighbour_accuracy", ".1%", each),
                cell("neighbour_accuracy_on_map", ".1%", each),
                cell("chance_largest_class", ".1%", each),
                cell("trustworthiness", ".3f", each),
                f"{each['dimensions_that_vary']}/{each['dimensions']}",
                cell("effective_rank", ".1f", each),
            )
            for each in numbers
        ],
    )


if __name__ == "__main__":
    execute(main)
