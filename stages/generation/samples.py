"""New images from sampled latents, each beside the real image nearest to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from data.training_side import load_split_of
from latent.mixture import Mixture, fit_mixture
from latent.neighbours import nearest
from latent.pixels import pixels_as_rows
from model.fidelity import squared_errors
from model.inference import decode, encode
from run.console import note, say, table_of, warn
from run.errors import BadInput
from run.hints import training_at_hand
from run.random_subset import random_subset
from stages.generation.sheet import Cell, Row, draw_sheet
from stages.generation.subject import Result, SharedSettings, Subject

COPY = 1 / 3  # of the distance to the nearest image by that to the second: below, the first was learnt by heart
_COMPARED = 200  # test images that samples are compared with: enough for a median
_FEWEST, _MOST = 10, 5000  # latents to fit a mixture on; more take minutes and find much the same
_NUMBERS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64)  # of components that are tried
_PATIENCE = 2  # numbers in a row that do worse, after which no more are tried
_VALUES = 1 << 24  # pixels of real images that are floats at a time
_DRAWN, _A_ROW = 60, 10  # samples that are drawn, in rows of ten


@dataclass(frozen=True, kw_only=True)
class Settings(SharedSettings):
    """Flags of ``sample``."""

    source: str | None  # "prior" or "mixture"; None takes the prior where the network has one
    num_images: int
    num_components: int | None  # of the mixture; None takes the lowest BIC
    fit_on: str | None  # "train" or "test"; None takes the training images where they are found
    labels: list[str] | None  # classes to decode under
    data_dir: Path
    num_workers: int  # images decoded at a time; 0 takes one a core


@dataclass(frozen=True)
class RealImages:
    """Real images of one side of the split, to fit a mixture on and to compare samples with."""

    side: str  # "training" or "test"
    images: np.ndarray  # uint8 (N, C, H, W)
    labels: np.ndarray | None  # int64 (N,)
    sample_ids: Sequence[str]  # N
    groups: np.ndarray  # int64 (N,): which belong together


@dataclass(frozen=True)
class Latents:
    """Sampled latents, and where they come from.

    Attributes:
        points: float32 (M, D).
        components: of the mixture, that each came from; "" without one.
        facts: ``source``, in words, and of a mixture ``bic_by_components``.
    """

    points: np.ndarray
    components: Sequence[object]
    facts: dict[str, object]


@dataclass(frozen=True)
class Nearest:
    """The real image that each of M images comes nearest to.

    Attributes:
        rows: int64 (M,), of the real images.
        errors: float64 (M,), mean squared error from it, pixels in [0, 1].
        next_errors: float64 (M,), that from the nearest image of another group than that one's; infinite for none.
    """

    rows: np.ndarray
    errors: np.ndarray
    next_errors: np.ndarray

    @property
    def copies(self) -> np.ndarray:
        """bool (M,): which images are copies of their nearest one.

        Those less than a third as far from it as from the next one (Yoon et al., 2023); none where there is no next.
        """
        return np.isfinite(self.next_errors) & (np.sqrt(self.errors) < COPY * np.sqrt(self.next_errors))


def sample(subject: Subject, settings: Settings) -> Result:
    """Decode sampled latents, compare them with the real images nearest to them, and draw both."""
    model, test_data, count = subject.model, subject.test_data, settings.num_images
    source = settings.source or ("prior" if model.variational else "mixture")
    require_source(subject, source)
    labels = subject.labels(settings.labels)
    real = load_real_images(subject, settings)
    random = np.random.default_rng(settings.seed)
    if source == "prior":
        latents = sample_prior(count, model.latent_size, random)
    else:
        latents = sample_mixture(subject, real, settings, random)
    under = None if labels is None else np.resize(labels, count)
    made = decode(model, latents.points, under)

    found = find_nearest(made, real)
    numbers = [nearness(f"samples ({count:,})", found)]
    if real.side == "training" or len(np.unique(real.groups)) > 1:
        rows = np.sort(random.permutation(len(test_data.images))[:_COMPARED])
        own = real.groups[rows] if real.side == "test" else None
        numbers.append(nearness(f"test images ({len(rows):,})", find_nearest(test_data.pixels(rows), real, own)))
    say(nearness_table(numbers, real.side, latents.facts["source"]))

    records = sample_records(latents.components, under, found, real, test_data.class_names)
    title = subject.title(f"samples of {model.architecture}, bottleneck {model.latent_size}")
    footer = samples_in_words(numbers, real.side, latents.facts["source"], count)
    figure = draw_samples(made, real.images[found.rows], records, real.side, footer, title)
    compared = {"compared_with": f"{len(real.images):,} {real.side} images", "nearest": numbers}
    return Result("samples", figure, records, latents.facts | compared, made)


def require_source(subject: Subject, source: str) -> None:
    """Refuse to sample from the prior of a network that has none.

    Raises:
        BadInput: it has none.
    """
    model = subject.model
    if source == "prior" and not model.variational:
        raise BadInput(
            f"a {model.architecture} network has no prior to sample from; use --source mixture, or train one that has: "
            f"{training_at_hand({'--model': ['vae']})}"
        )


def load_real_images(subject: Subject, settings: Settings) -> RealImages:
    """The training images of the checkpoint if they are found or asked for, else, with a warning, the test images.

    Raises:
        BadInput: training images were asked for, and aren't found.
    """
    if settings.fit_on != "test":
        try:
            image_set, split = load_split_of(subject.record, settings.data_dir, settings.num_workers or None)
        except BadInput as error:
            if settings.fit_on == "train":
                raise BadInput(f"{error}; or take the test images: --fit_on test") from None
            warn(f"{error}; the test images are taken instead, as by --fit_on test")
        else:
            return RealImages(
                "training",
                image_set.images[split.train],
                None if image_set.labels is None else image_set.labels[split.train],
                [image_set.sample_ids[row] for row in split.train],
                image_set.groups[split.train],
            )
    test_data = subject.test_data
    return RealImages("test", test_data.images, test_data.labels, test_data.sample_ids, test_data.groups)


def sample_prior(count: int, size: int, random: np.random.Generator) -> Latents:
    """``count`` latents of the prior of a variational network."""
    return Latents(random.standard_normal((count, size), np.float32), [""] * count, {"source": "the prior, N(0, I)"})


def sample_mixture(subject: Subject, real: RealImages, settings: Settings, random: np.random.Generator) -> Latents:
    """Latents of a Gaussian mixture that is fitted on those of real images.

    Raises:
        BadInput: too few images to fit on.
    """
    rows, number = random_subset(len(real.images), _MOST, settings.seed), settings.num_components
    fewest = max(_FEWEST, number or 0)
    if len(rows) < fewest:
        more = f"train with more: {training_at_hand({'--max_train': None, '--max_test': None})}"
        advice = "take fewer --num_components, or more images" if number else more
        raise BadInput(f"a mixture needs at least {fewest} images to fit on, and there are {len(rows)}; {advice}")
    note(f"fitting mixtures on latents of {len(rows):,} {real.side} images")
    fitted = encode(subject.model, real.images[rows])
    if number:
        tried = {number: fit_mixture(fitted, number, settings.seed)}
    else:
        tried = mixtures_to_choose(fitted, settings.seed)
    best = lowest_bic(tried)
    how = "as asked" if number else f"of {', '.join(map(str, tried))} the one of the lowest BIC"
    source = f"a Gaussian mixture of {best} component{'s' * (best != 1)} ({how}), "
    source += f"fitted on the latents of {len(rows):,} {real.side} images"
    criterion = {str(each): mixture.bic for each, mixture in tried.items()}
    return Latents(*tried[best].sample(settings.num_images, random), {"source": source, "bic_by_components": criterion})


def mixtures_to_choose(latents: np.ndarray, seed: int) -> dict[int, Mixture]:
    """Mixtures of rising numbers of components, to take that of the lowest BIC.

    No number is tried beyond two in a row that do worse, and none that would leave a component fewer than 2 D rows
    for a full covariance, but for the first.

    Args:
        latents: float (rows, D).
    """
    rows, size = latents.shape
    found = {}
    for number in _NUMBERS:
        if found and (2 * size * number > rows or list(found).index(lowest_bic(found)) < len(found) - _PATIENCE):
            break
        found[number] = fit_mixture(latents, number, seed)
    return found


def lowest_bic(mixtures: Mapping[int, Mixture]) -> int:
    """The number of components whose mixture has the lowest Bayesian information criterion; the smaller on a tie."""
    return min(mixtures, key=lambda number: mixtures[number].bic)


def find_nearest(images: np.ndarray, real: RealImages, groups: np.ndarray | None = None) -> Nearest:
    """The real image nearest to each of some images, and how near the next one is that is no twin of it.

    Args:
        images: float32 (M, C, H, W) in [0, 1].
        real: those looked among.
        groups: int (M,): the group of each image, if they are of the real ones themselves; it is passed over.
    """
    rows = nearest_real(images, real, groups)
    twins = real.groups[rows]
    others = nearest_real(images, real, twins if groups is None else np.stack([groups, twins], axis=1))
    next_errors = np.where(others < 0, np.inf, squared_errors(real.images[others], images))
    return Nearest(rows, squared_errors(real.images[rows], images), next_errors)


def nearest_real(images: np.ndarray, real: RealImages, passed_over: np.ndarray | None) -> np.ndarray:
    """The real image nearest to each of some images, int64 (M,); -1 where all of them are passed over.

    Args:
        images: float32 (M, C, H, W) in [0, 1].
        real: those looked among, some at a time: as floats all of them are too many.
        passed_over: int (M,) or (M, G), groups of the real images.
    """
    queries = images.reshape(len(images), -1)
    rows, distances = np.full(len(images), -1), np.full(len(images), np.inf)
    at_once = max(1, _VALUES // queries.shape[1])
    for start in range(0, len(real.images), at_once):
        part = slice(start, start + at_once)
        vectors, groups = pixels_as_rows(real.images[part]), real.groups[part]
        near, far = nearest(vectors, queries, count=1, groups=groups, query_groups=passed_over)
        nearer = far[:, 0] < distances
        rows[nearer], distances[nearer] = start + near[nearer, 0], far[nearer, 0]
    return rows


def nearness(what: str, nearest: Nearest) -> dict[str, object]:
    """The numbers of some images among real ones.

    Returns:
        ``what`` they are; the ``median`` and the ``smallest`` error; how many are ``copies``.
    """
    return {
        "what": what,
        "median": float(np.median(nearest.errors)),
        "smallest": float(nearest.errors.min()),
        "copies": int(nearest.copies.sum()),
    }


def nearness_table(numbers: Sequence[Mapping], side: str, source: str) -> str:
    """What :func:`nearness` gave, as a table; ``side``: what the real images are, ``source``: of the samples."""
    heading = f"MSE to the nearest {side} image"
    columns = {"what": (heading, ""), "median": ("median", ".5f"), "smallest": ("smallest", ".5f")}
    return (
        table_of(numbers, columns | {"copies": ("copies", "d")})
        + f"\nfrom {source}\n(pixels in [0, 1]; copies: less than a third as far from the nearest image as from the "
        "nearest that does not belong together with that one)"
    )


def sample_records(
    components: Sequence[object],
    labels: np.ndarray | None,
    nearest: Nearest,
    real: RealImages,
    class_names: Sequence[str],
) -> list[dict[str, object]]:
    """What each of M samples is, and which real image is nearest to it.

    Args:
        components: of the mixture, that each came from; "" without one.
        labels: int (M,), the classes that they were decoded as, or None.
        nearest: to each.
        real: which these are of.
        class_names: of all labels.
    """
    return [
        {
            "sample": number,
            "component": components[number],
            "label": "" if labels is None else class_names[labels[number]],
            "nearest_sample_id": real.sample_ids[row],
            "nearest_class": "" if real.labels is None else class_names[real.labels[row]],
            "mse_to_nearest": float(nearest.errors[number]),
            "mse_to_next": float(nearest.next_errors[number]) if np.isfinite(nearest.next_errors[number]) else "",
            "copy": "yes" if copied else "no",
        }
        for number, (row, copied) in enumerate(zip(nearest.rows, nearest.copies, strict=True))
    ]


def samples_in_words(numbers: Sequence[Mapping], side: str, source: str, count: int) -> str:
    """What a figure of ``count`` samples says below them; the rest as of :func:`nearness_table`."""
    median = ", ".join(f"{each['median']:.4f} for {each['what']}" for each in numbers)
    return (
        f"from {source}\nbelow: mean squared error between the two, pixels in [0, 1]; median {median}\n"
        f"copies of a {side} image (dashed frame): {numbers[0]['copies']} of {count:,}"
    )


def draw_samples(
    made: np.ndarray, nearest: np.ndarray, records: Sequence[Mapping], side: str, footer: str, title: str
) -> Figure:
    """Draw samples, each above the real image nearest to it; of more than 60 the first 60.

    Args:
        made: float (M, C, H, W) in [0, 1].
        nearest: uint8 (M, C, H, W).
        records: M, of :func:`sample_records`; hostile text.
        side: what the real images are, "training" or "test".
        footer: of :func:`samples_in_words`.
        title: of the figure.
    """
    columns, sheet = min(len(made), _A_ROW), []
    for start in range(0, min(len(made), _DRAWN), _A_ROW):
        part = list(zip(made, nearest, records, strict=True))[start : start + _A_ROW]
        above = [Cell(image, each["label"], "no" if each["copy"] == "yes" else "") for image, _, each in part]
        below = [
            Cell(near / np.float32(255), f"{each['mse_to_nearest']:.4f}\n{each['nearest_class']}".strip())
            for _, near, each in part
        ]
        beyond = [None] * (columns - len(part))
        sheet += [Row("sample", above + beyond, opens=True), Row(f"nearest\n{side} image", below + beyond)]
    return draw_sheet(sheet, [], title, footer)
