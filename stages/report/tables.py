"""Numbers of the page as tables: whatever files hold is shown as text, and numbers only where there are numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from latent.measures import Measure, declared

_FIDELITY = (("mse", "MSE", 5), ("psnr_db", "PSNR dB", 2), ("ssim", "SSIM", 3))
_SCORES = (
    ("accuracy_majority", "accuracy (majority)", True), ("accuracy_hungarian", "accuracy (one to one)", True),
    ("nmi", "NMI", False), ("ami", "AMI", False), ("ari", "ARI", False),
)  # fmt: skip
_SWEPT = (
    ("latent_size", "size", "d"), ("mse", "MSE", ".5f"), ("pca_mse", "PCA's MSE", ".5f"), ("kept", "kept", ".1%"),
    ("linear_accuracy", "probe", ".1%"), ("pca_linear_accuracy", "probe on PCA", ".1%"),
    ("knn_accuracy", "neighbours", ".1%"), ("pca_knn_accuracy", "neighbours on PCA", ".1%"),
)  # fmt: skip


@dataclass(frozen=True)
class Table:
    """A table: its first column is a heading of its rows, the others are numbers or text."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


def held_out_table(training: Mapping[str, Any]) -> Table | None:
    """Held-out errors as train.py measured them, beside PCA and the mean image."""
    rows = [
        [name, *(number(values.get(key), f".{places}f") for key, _, places in _FIDELITY)]
        for name, values in _mapping(training.get("held_out")).items()
        if isinstance(values, dict)
    ]
    caption = f"Held-out error, pixels in [0, 1] ({training.get('protocol')})"
    return Table(caption, ["", *(heading for _, heading, _ in _FIDELITY)], rows) if rows else None


def score_table(numbers: Mapping[str, Any], found_by: str) -> Table | None:
    """How clusters agree with the classes, beside pixels and chance."""
    rows = [
        [name, *(number(values.get(key), ".1%" if share else ".3f") for key, _, share in _SCORES)]
        for name, values in _mapping(numbers.get("scores")).items()
        if isinstance(values, dict)
    ]
    caption = f"{numbers.get('num_clusters')} clusters against classes ({found_by})"
    return Table(caption, ["", *(heading for _, heading, _ in _SCORES)], rows) if rows else None


def sweep_table(swept: Mapping[str, Any]) -> Table | None:
    """A row for each size."""
    sizes = swept.get("sizes")
    rows = [
        [number(each.get(key), how) for key, _, how in _SWEPT]
        for each in (sizes if isinstance(sizes, list) else [])
        if isinstance(each, dict)
    ]
    return Table("Sizes", [heading for _, heading, _ in _SWEPT], rows) if rows else None


def measure_tables(evaluated: Mapping[str, Any]) -> list[Table]:
    """The tables of evaluate.py: a row a space, a column a measure, chance below a number that has one."""
    tables = [_fidelity_table(_mapping(evaluated.get("reconstruction")))]
    for key, titles in [
        ("latent_space", {"clusters": "Clusters against classes", "classes": "Classes that are known",
                          "description": "Dimensions in use"}),
        ("maps", {"maps": "Maps by UMAP"}),
    ]:  # fmt: skip
        for table, title in titles.items():
            tables.append(_measured(_mapping(evaluated.get(key)), declared(table), title))
    return [table for table in tables if table is not None]


def _fidelity_table(spaces: Mapping[str, Any]) -> Table | None:
    columns = {key: Measure(key, heading=heading, places=places) for key, heading, places in _FIDELITY}
    return _measured(spaces, columns, "Reconstruction, pixels in [0, 1]")


def _measured(spaces: Mapping[str, Any], measures: Mapping[str, Measure], title: str) -> Table | None:
    spaces = {name: values for name, values in spaces.items() if isinstance(values, dict)}
    chances = {each.chance for each in measures.values()}  # these stand below what they are the chance of
    shown = [
        each
        for name, each in measures.items()
        if each.heading and name not in chances and any(name in mine for mine in spaces.values())
    ]
    protocols = {
        str(mine[each.name].get("protocol"))
        for mine in spaces.values()
        for each in shown
        if isinstance(mine.get(each.name), dict) and "protocol" in mine[each.name]
    }
    rows = [
        [name, *(_cell(mine, each) for each in shown)]
        for name, mine in spaces.items()
        if any(each.name in mine for each in shown)
    ]
    caption = f"{title} ({'; '.join(sorted(protocols))})" if protocols else title
    return Table(caption, ["", *(f"{each.heading}{' %' * each.percent}" for each in shown)], rows) if shown else None


def _cell(mine: Mapping[str, Any], each: Measure) -> str:
    scale, places = (100, 1) if each.percent else (1, 3)
    places = places if each.places is None else each.places

    def written(value: object) -> str:
        value = _mapping(value)
        text = number(value.get("mean"), f".{places}f", scale)
        spread = number(value.get("spread"), f".{places}f", scale)
        return text if spread == "–" else f"{text} ± {spread}"

    text = written(mine.get(each.name))
    if isinstance(each.chance, str) and each.chance in mine:
        text += f"\nchance {number(_mapping(mine[each.chance]).get('mean'), f'.{places}f', scale)}"
    return text


def number(value: object, how: str, scale: float = 1) -> str:
    """A number as it is written; a dash in place of anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "–"
    if how == "d":
        return f"{value}"
    text = format(value * scale, how)
    return text.removeprefix("-") if float(text.strip("-%")) == 0 else text


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
