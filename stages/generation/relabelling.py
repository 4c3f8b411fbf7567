"""The same latents decoded under other labels, and how often a classifier of original images reads the new label."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from data.choice import choose_test_rows
from data.training_side import load_split_of
from model.autoencoder import Autoencoder
from model.classifier import ConvClassifier, load_classifier, save_classifier
from model.classifier_training import Labelled, Schedule, predict, train_classifier
from model.inference import decode
from run.console import count, note, say, table_of, warn
from run.errors import BadInput, printable
from run.hints import training_at_hand
from run.random_subset import random_subset
from stages.generation.sheet import Cell, Row, draw_sheet
from stages.generation.subject import Result, SharedSettings, Subject

_DRAWN_IMAGES, _DRAWN_LABELS = 8, 12  # where none are named; the numbers are of all
_NO_EFFECT = 0.1  # of the images: a label that is read in so few more of them has hardly an effect
EVERY = "all of these"  # labels put together
ORIGINALS = "original test images"


@dataclass(frozen=True, kw_only=True)
class Settings(SharedSettings):
    """Flags of ``relabel``."""

    images: list[int] | None  # rows of the test split to draw
    labels: list[str] | None  # classes to decode under
    num_samples: int | None  # test images that the table is of; None takes all
    cnn_epochs: int  # of the classifier
    max_fit: int | None  # training images that it learns from; None takes all
    data_dir: Path
    num_workers: int  # images decoded at a time; 0 takes one a core


@dataclass(frozen=True)
class Unchanged:
    """Test images under their own labels: what they are held against under others.

    Attributes:
        latents: float32 (N, D).
        labels: int64 (N,).
        images: float32 (N, C, H, W) in [0, 1], decoded.
        read: int64 (N,), what a classifier reads in these.
    """

    latents: np.ndarray
    labels: np.ndarray
    images: np.ndarray
    read: np.ndarray


@dataclass(frozen=True)
class Relabelled:
    """A test image and what it becomes.

    Attributes:
        row: of the test split.
        original: as it is.
        decoded: float32 (C, H, W) in [0, 1], under its own label.
        made: float32 (K, C, H, W) in [0, 1], under K labels.
        read: int64 (K,), what a classifier reads in these.
    """

    row: int
    original: Cell
    decoded: np.ndarray
    made: np.ndarray
    read: np.ndarray


def relabel(subject: Subject, settings: Settings) -> Result:
    """Decode many test images under every label and count what a classifier reads; draw a few of them."""
    model, test_data, size = subject.model, subject.test_data, subject.model.latent_size
    require_labels(subject, settings.test_data)
    labels = subject.labels(settings.labels)
    chosen = choose_test_rows(test_data, settings.images, _DRAWN_IMAGES, settings.seed)
    rows = random_subset(len(test_data.images), settings.num_samples, settings.seed)
    classifier = classifier_of_originals(subject, settings)

    latents, own = subject.latents[size][rows], test_data.labels[rows]
    before = decode(model, latents, own)
    unchanged = Unchanged(latents, own, before, predict(classifier, before))
    numbers = measure_labels(model, classifier, unchanged, labels, test_data.class_names)
    right = read_correctly(own, predict(classifier, test_data.images[rows]), unchanged.read)
    apart, every = mse_between_classes(before, own, settings.seed), numbers[-1]
    say(relabelling_table(numbers, right, apart, model.num_classes))
    if every["read_as_it"] < every["so_before"] + _NO_EFFECT:
        warn("the label hardly changes what is read: this network makes the class from the latents, or no class at all")

    drawn = [decode_under(subject, classifier, row, labels[:_DRAWN_LABELS]) for row in chosen]
    remark = reading_in_words(every, right, len(rows))
    if len(labels) > _DRAWN_LABELS:
        remark += f"\nthe first {_DRAWN_LABELS} of {len(labels)} labels"
    title = subject.title(f"the same latents of {model.architecture}, bottleneck {size}, decoded under other labels")
    figure = draw_relabelled(drawn, labels[:_DRAWN_LABELS], test_data.class_names, remark, title)
    learnt = f"{count(settings.cnn_epochs, 'epoch')} of at most {settings.max_fit or 'all'} original training images"
    facts = {"classifier": f"ConvClassifier, {learnt}", "reads_correctly": right}
    facts |= {"drawn_test_rows": chosen, "labels": numbers, "mse_between_images_of_different_classes": apart}
    return Result("relabelled", figure, numbers, facts, np.stack([each.made for each in drawn]))


def require_labels(subject: Subject, test_data_path: Path) -> None:
    """Refuse a network that takes no labels, and test images that have none.

    Raises:
        BadInput: one of the two.
    """
    model = subject.model
    if not model.takes_labels:
        raise BadInput(
            f"a {model.architecture} network takes no labels, so no image can be decoded under another one; train one "
            f"that does: {training_at_hand({'--model': ['cvae']})}"
        )
    if subject.test_data.labels is None:
        raise BadInput(
            f"{printable(test_data_path)} has no labels, so there is none to change; take the test_data.pth that "
            "train.py wrote beside the checkpoint"
        )


def classifier_of_originals(subject: Subject, settings: Settings) -> ConvClassifier:
    """The classifier kept in the output folder if it is of these settings; else one that is trained, and kept there.

    Raises:
        BadInput: the training images are not found, or the loss is no longer finite.
    """
    model, path = subject.model, settings.output_dir / "classifier.pth"
    device = next(model.parameters()).device
    origin = {"cnn_epochs": settings.cnn_epochs, "max_fit": settings.max_fit, "seed": settings.seed}
    origin["fingerprint"] = subject.record["fingerprint"]
    kept = load_classifier(path, origin, model.image_shape, model.num_classes)
    if kept is not None:
        return kept.to(device)
    originals = load_originals(subject, settings)
    note(f"training a classifier on {count(len(originals.labels), 'original image')}")
    torch.manual_seed(settings.seed)  # so that it does not depend on what else was drawn
    classifier = ConvClassifier(model.image_shape, model.num_classes).to(device)

    def order_of(epoch: int) -> np.ndarray:
        return np.random.default_rng([settings.seed, epoch]).permutation(len(originals.labels))

    try:
        train_classifier(classifier, originals, None, order_of, Schedule(settings.cnn_epochs))
    except FloatingPointError as error:
        raise BadInput(f"{error}; try another --seed") from None
    save_classifier(path, classifier, origin)
    say(f"saved {printable(path)}")
    return classifier


def load_originals(subject: Subject, settings: Settings) -> Labelled:
    """Training images of the checkpoint, uint8 (M, C, H, W), with their labels: at most ``max_fit`` random ones.

    Raises:
        BadInput: as of :func:`data.training_side.load_split_of`.
    """
    image_set, split = load_split_of(subject.record, settings.data_dir, settings.num_workers or None)
    rows = random_subset(split.train, settings.max_fit, settings.seed)
    return Labelled(image_set.images[rows], image_set.labels[rows])


def decode_under(subject: Subject, classifier: ConvClassifier, row: int, labels: np.ndarray) -> Relabelled:
    """A test image decoded under its own label, and under each of ``labels``, int (K,)."""
    model, test_data = subject.model, subject.test_data
    latents = subject.latents[model.latent_size][[row]]
    made = decode(model, np.repeat(latents, len(labels), axis=0), labels)
    decoded = decode(model, latents, test_data.labels[[row]])[0]
    return Relabelled(row, subject.original(row), decoded, made, predict(classifier, made))


def measure_labels(
    model: Autoencoder,
    classifier: ConvClassifier,
    unchanged: Unchanged,
    labels: np.ndarray,
    class_names: Sequence[str],
) -> list[dict[str, object]]:
    """:func:`measure_label` of each label that some of N images do not have, and last :func:`over_all` of these.

    Args:
        model: decodes.
        classifier: reads.
        unchanged: the N images.
        labels: int (K,).
        class_names: of all labels.

    Raises:
        BadInput: no label is another one than an image has.
    """
    measured = {}
    for label in labels.tolist():
        others = np.flatnonzero(unchanged.labels != label)
        if len(others):
            made = decode(model, unchanged.latents[others], np.full(len(others), label))
            measured[label] = measure_label(label, made, predict(classifier, made), unchanged, others)
    if not measured:
        raise BadInput("every test image has the one label asked for; ask for others: --labels LABEL LABEL")
    numbers = [{"label": class_names[label], **each} for label, each in measured.items()]
    return [*numbers, {"label": EVERY, **over_all(list(measured.values()))}]


def measure_label(
    label: int, made: np.ndarray, read: np.ndarray, unchanged: Unchanged, rows: np.ndarray
) -> dict[str, float]:
    """The numbers of one label, over M images of other classes.

    Args:
        label: what they were decoded under.
        made: float (M, C, H, W) in [0, 1], what came of it.
        read: int (M,), what a classifier reads in these.
        unchanged: the images under their own labels.
        rows: int (M,), which of those they are.

    Returns:
        ``images``: M. ``read_as_it``: share read as the label; ``so_before``: share that was read so under their own
        label, which is what a label without effect would give. ``still_read_as_own``. ``mse_moved``: how far the images
        moved, on average.
    """
    return {
        "images": len(made),
        "read_as_it": float((read == label).mean()),
        "so_before": float((unchanged.read[rows] == label).mean()),
        "still_read_as_own": float((read == unchanged.labels[rows]).mean()),
        "mse_moved": float(((made - unchanged.images[rows]) ** 2).mean(dtype=np.float64)),
    }


def over_all(numbers: Sequence[dict[str, float]]) -> dict[str, float]:
    """Several labels' :func:`measure_label` put together, each image counting alike."""
    counts = [each["images"] for each in numbers]
    means = {name: np.average([each[name] for each in numbers], weights=counts) for name in list(numbers[0])[1:]}
    return {"images": sum(counts), **{name: float(mean) for name, mean in means.items()}}


def read_correctly(own: np.ndarray, read: np.ndarray, read_before: np.ndarray) -> dict[str, float]:
    """The shares of images that a classifier reads correctly.

    Args:
        own: int (N,), the classes that they have.
        read, read_before: int (N,), what it reads in the originals, and in these decoded under their own label.
    """
    right = {ORIGINALS: read == own, "test images decoded under their own label": read_before == own}
    return {what: float(each.mean()) for what, each in right.items()}


def mse_between_classes(images: np.ndarray, labels: np.ndarray, seed: int) -> float | None:
    """What to hold against how far images moved: the mean MSE between random images of different classes.

    Args:
        images: float (N, C, H, W) in [0, 1].
        labels: int (N,).
        seed: of the pairs, one for each image.

    Returns:
        None where no pair was of different classes.
    """
    other = np.random.default_rng(seed).permutation(len(images))
    differ = labels != labels[other]
    if not differ.any():
        return None
    return float(((images[differ] - images[other[differ]]) ** 2).mean(dtype=np.float64))


def relabelling_table(
    numbers: Sequence[Mapping], right: Mapping[str, float], between: float | None, num_classes: int
) -> str:
    """What :func:`measure_labels` gave as a table, and below it what to hold it against.

    Args:
        numbers: of each label.
        right: of :func:`read_correctly`.
        between: of :func:`mse_between_classes`.
        num_classes: how many classes it may read.
    """
    columns = {"label": ("decoded under", ""), "images": ("images", ",d"), "read_as_it": ("read as it", ".1%")}
    columns |= {"so_before": ("so before", ".1%"), "still_read_as_own": ("still as own", ".1%")}
    lines = [table_of(numbers, columns | {"mse_moved": ("MSE moved", ".5f")})]
    lines += [f"the classifier reads {share:.1%} of {what} correctly" for what, share in right.items()]
    if between is not None:
        lines.append(f"two of the images before, of different classes, differ by an MSE of {between:.5f} on average")
    lines.append(
        "(of images of other classes; before: the same images decoded under their own label, from which MSE is, pixels "
        f"in [0, 1]; a guess is right for {1 / num_classes:.1%})"
    )
    return "\n".join(lines)


def reading_in_words(every: Mapping[str, float], right: Mapping[str, float], count: int) -> str:
    """What a classifier reads in ``count`` images, in a sentence; see :func:`over_all` and :func:`read_correctly`."""
    return (
        f"over {count:,} test images it reads the new label in {every['read_as_it']:.1%}; of original test images it "
        f"reads {right[ORIGINALS]:.1%} correctly"
    )


def draw_relabelled(
    images: Sequence[Relabelled], labels: np.ndarray, class_names: Sequence[str], remark: str, title: str
) -> Figure:
    """Draw images decoded under K labels, each in a frame that says whether its label is read.

    Args:
        images: a row each.
        labels: int (K,).
        class_names: of all labels; hostile text.
        remark: how often labels are read, in words.
        title: of the figure.
    """
    sheet = []
    for each in images:
        cells = [
            Cell(image, "", "yes") if read == label else Cell(image, f"read {class_names[read]}", "no")
            for image, read, label in zip(each.made, each.read, labels, strict=True)
        ]
        sheet.append(Row(f"test image {each.row}", [each.original, Cell(each.decoded), *cells]))
    footer = "solid frame: a classifier of original images reads the new label; dashed: it reads another one\n" + remark
    return draw_sheet(sheet, ["original", "decoded", *(class_names[label] for label in labels)], title, footer)
