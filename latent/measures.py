"""What a measure of latents is: a function, and beside it all there is to know of the numbers that it gives.

A measure takes the latents and the labels of the images that are scored, and what else its protocol gives it, and
returns ``{name: value}``; a value is a number, or one for each image, float (rows,), whose mean is the number: then two
spaces can be compared image by image. It says where it stands how it is taken and what each of its numbers is:

    @measure(DESCRIBED, Measure("norm", heading="norm", places=2))
    def mean_norm(latents, labels):
        return {"norm": float(np.linalg.norm(latents, axis=1).mean())}

That is enough to have it in the tables of evaluate.py and in its metrics.json: every file of this package is looked
through for measures.
"""

import functools
import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

import latent

_FITTED = "fitted on training images, scored on test images"
_DESCRIBED = "of the scored images alone; nothing is fitted"
_APART = "transductive: the neighbours of each image among all that are not of its own group"
_SEPARATED = "of up to 2,000 of the fitting images, spread over groups; ties within a group do not count"
_MAPPED = "transductive: the map is fitted on, and scored by, the test images that it shows"

Values = dict[str, "float | np.ndarray"]  # measure -> its value, or that of each image

# The tables of an evaluation, in this order. A number stands in that of its protocol.
TABLES = ("reconstruction", "clusters", "classes", "description", "maps")


@dataclass(frozen=True)
class Protocol:
    """How measures are taken.

    Attributes:
        table: one of ``TABLES``.
        held_out: what is said of a number where images are scored that nothing was fitted on; None where it is not
            taken then.
        transductive: what is said of it where things are fitted and scored on the same images; None likewise.
    """

    table: str
    held_out: str | None
    transductive: str | None

    def words(self, transductive: bool) -> str | None:
        """What is said beside a number; None where it is not taken."""
        return self.transductive if transductive else self.held_out


# All are given the latents, float (rows, D), and the labels, int64 (rows,) or None, of the scored images, and moreover:
# (of reconstructions nothing of this: the only one is called where it stands, in stages/evaluation/reconstructions.py)
RECONSTRUCTED = Protocol("reconstruction", _FITTED, _FITTED)
# the clusters that were found, latent.cluster_probes.Clusters
CLUSTERED = Protocol("clusters", _FITTED, "transductive: fitted and scored on the same images")
# what borders between clusters, and between classes, cut: latent.cluster_probes.Gaps
SEPARATED = Protocol("clusters", _SEPARATED, _SEPARATED)
# the Side to fit on
CLASSIFIED = Protocol("classes", _FITTED, None)
# groups, int64 (rows,): which images belong together
APART = Protocol("classes", None, _APART)
# nothing else
DESCRIBED = Protocol("description", _DESCRIBED, _DESCRIBED)
# the map that was drawn, latent.metrics.Map
MAPPED = Protocol("maps", _MAPPED, _MAPPED)


@dataclass(frozen=True)
class Measure:
    """A number, and what there is to know of it.

    Attributes:
        name: in metrics.json.
        heading: of its column; "" has none.
        percent: whether it is a share, written in per cent.
        places: decimals; None takes 1 of a share in per cent, 3 of anything else.
        better: which is, where one is.
        chance: what it is without any knowledge: a number, or the name of the one that says so; None where there is
            no such thing.
        compared_as: what it is called where two spaces are compared in a sentence; "" leaves it out of these.
        above_chance: whether it is compared on the scale on which its own chance is 0 and full agreement 1.
        footnote: stands under its table.
    """

    name: str
    heading: str = ""
    percent: bool = False
    places: int | None = None
    better: Literal["more", "less"] | None = None
    chance: float | str | None = None
    compared_as: str = ""
    above_chance: bool = False
    footnote: str = ""


@dataclass(frozen=True)
class Side:
    """The images that something is fitted or scored on.

    Attributes:
        vectors: float (rows, D).
        labels: int64 (rows,); None without classes.
        groups: int64 (rows,): which images belong together (the frames of one track).
    """

    vectors: np.ndarray
    labels: np.ndarray | None
    groups: np.ndarray


@dataclass(frozen=True)
class _Declared:
    function: Callable[..., Values]
    protocol: Protocol
    measures: dict[str, Measure]
    of_classes: bool


_DECLARED: list[_Declared] = []  # by those modules that have been imported


def measure(protocol: Protocol, *measures: Measure, of_classes: bool = False) -> Callable:
    """Declare a function that measures; it stays what it is.

    Args:
        protocol: how it is taken.
        measures: the numbers that it may give, in the order of their columns.
        of_classes: whether it is left out where the scored images have not two classes or more.
    """

    def declare(function: Callable[..., Values]) -> Callable[..., dict[str, float]]:
        _DECLARED.append(_Declared(function, protocol, {each.name: each for each in measures}, of_classes))
        return function

    return declare


@functools.cache
def _look_through_package() -> None:
    """Import every module of this package, so that what each declares is known."""
    for module in pkgutil.iter_modules(latent.__path__, "latent."):
        importlib.import_module(module.name)


def _all_declared() -> list[_Declared]:
    _look_through_package()
    return _DECLARED


def declared(*tables: str) -> dict[str, Measure]:
    """The numbers of some of the ``TABLES``, of all for none, by name, in the order of their columns."""
    return {
        name: each
        for table in tables or TABLES
        for one in _all_declared()
        if one.protocol.table == table
        for name, each in one.measures.items()
    }


def protocol_in_words(name: str, transductive: bool) -> str:
    """How a number was fitted and what it was scored on."""
    words = (one.protocol.words(transductive) for one in _all_declared() if name in one.measures)
    return next(filter(None, words))


def take(protocols: Sequence[Protocol], latents: np.ndarray, labels: np.ndarray | None, *given: object) -> Values:
    """All measures of some protocols.

    Args:
        protocols: that give a measure the same.
        latents: float (rows, D), of the scored images.
        labels: int64 (rows,), theirs; None without classes.
        given: what else these protocols give.

    Raises:
        ValueError: a measure gives a number that it does not declare.
    """
    values = {}
    for one in _all_declared():
        if one.protocol in protocols and (tells_apart(labels) or not one.of_classes):
            found = one.function(latents, labels, *given)
            if unknown := found.keys() - one.measures.keys():
                raise ValueError(f"{one.function.__name__} gives {', '.join(unknown)}, which it does not declare")
            values |= found
    return values


def tells_apart(labels: np.ndarray | None) -> bool:
    """Whether there are two classes or more. Of one alone any guess is right and any agreement perfect, or 0."""
    return labels is not None and len(np.unique(labels)) > 1
