"""The parts of the page, each made of what a command has left in the folder, or of how to have it made."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from data.annotations import Annotations
from latent.options import CLUSTERERS, FEWEST_ROWS, METHODS
from run.command_words import edited
from run.console import count
from run.recorded_command import recorded_training
from stages.report.answers import Answer, cluster_stems, evaluation, list_of, read_answers, reconstructions_name
from stages.report.folder import Folder, Picture
from stages.report.tables import Table, held_out_table, measure_tables, score_table, sweep_table

_LISTED = 20  # names, of images that were left out
_SEVERAL = 3  # bottlenecks, of which one can be chosen
_TO_CHOOSE_FROM = [4, 8, 16, 32, 64]  # beside 2
# Flags that say which images a training has, and how they are read: their defaults.
_OF_IMAGES = {each.name: each.default for each in fields(Annotations) if each.name != "tones"} | {"grayscale": False}


@dataclass
class Part:
    """A section.

    Attributes:
        title: its heading.
        text: paragraphs.
        answers: to questions that the part answers itself.
        pictures: figures, below the text.
        tables: below the figures.
        commands: that make it again.
        missing: (what, the command that makes it) of what is not there.
    """

    anchor: str
    title: str
    text: list[str] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    missing: list[tuple[str, str]] = field(default_factory=list)

    @property
    def is_there(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.text or self.pictures or self.tables)

    def show(self, picture: Picture | None, what: str, command: str) -> None:
        """A picture and the command that draws it; or, of one that is not there, the command that would."""
        if picture is None:
            self.missing.append((what, command))
        else:
            self.pictures.append(picture)
            self.add_command(command)

    def add_command(self, command: str) -> None:
        """A command that makes this part, once."""
        if command not in self.commands:
            self.commands.append(command)


def all_parts(folder: Folder, training: Mapping[str, Any]) -> list[Part]:
    """Every part of the page below the answers, in the order in which they are shown."""
    return [
        data_part(folder, training),
        training_part(folder, training),
        reconstruction_part(folder, training),
        spaces_part(folder),
        clusters_part(folder),
        measures_part(folder),
        sweep_part(folder, training),
        odd_part(folder),
    ]


def data_part(folder: Folder, training: Mapping[str, Any]) -> Part:
    """The images, and who trains and who tests."""
    part = Part("data", "The data, and how it was split")
    if training:
        names = list_of(training.get("class_names"), str)
        classes = count(len(names), "class") if names else "no classes"
        part.text.append(
            f"{training.get('dataset')}: {classes}; {images_in_words(training)} held out for testing "
            f"({training.get('split')} split), on which nothing was trained."
        )
        part.text.append(f"Fingerprint of the split: {str(training.get('fingerprint'))[:16]}")
    described = folder.json_of_these("dataset.json")
    command = folder.command("viz_dataset.py", *images_of(training))
    if described and described.get("dataset") == training.get("dataset", described.get("dataset")):
        part.text.append(
            f"{described.get('images')} images, {described.get('same_pixels_images')} of which have the same pixels as "
            f"another; the largest class has {described.get('largest_class')}, the smallest "
            f"{described.get('smallest_class')}."
        )
        command = folder.command_of(described, command)
        for name, alt in [
            ("dataset_counts.png", "Images of each class on each side of the split"),
            ("dataset_samples.png", "Of each class its mean image and some images at random"),
        ]:
            part.show(folder.picture(name, alt), alt, command)
        near = folder.rows("dataset_near_duplicates.csv")
        across = sum(row.get("side") != row.get("its_side") for row in near)
        if across:
            part.text.append(f"{count(across, 'pair')} of nearly equal images stand on different sides of the split.")
    else:
        part.missing.append(("The data looked at: counts, samples, duplicates", command))
    left_out = folder.rows("left_out.csv")
    if left_out:
        part.tables.append(
            Table(
                f"{count(len(left_out), 'image')} left out" + (f", the first {_LISTED}" * (len(left_out) > _LISTED)),
                ["file", "reason"],
                [[row.get("sample_id", ""), row.get("reason", "")] for row in left_out[:_LISTED]],
            )
        )
    return part


def training_part(folder: Folder, training: Mapping[str, Any]) -> Part:
    """The loss curves."""
    part = Part("training", "The training")
    command = folder.command("train.py", "--latent_size", str(folder.size))
    command = folder.command_of(dict(training), command)
    alt = "Training and validation error after each epoch, beside PCA of the same size"
    part.show(folder.picture("training_curves.png", alt), "The training", command)
    if training:
        part.text.append(f"Architecture {training.get('model')}, precision {training.get('precision')}.")
    return part


def reconstruction_part(folder: Folder, training: Mapping[str, Any]) -> Part:
    """What each bottleneck keeps of the test images."""
    part = Part("reconstructions", "What each bottleneck keeps of an image")
    command = folder.command("viz_reconstruction.py", "--latent_size", str(folder.size))
    named = reconstructions_name(folder)
    part.show(folder.picture(f"{named[0]}.png", named[1]) if named else None, "Reconstructions", command)
    if table := held_out_table(training):
        part.tables.append(table)
        if training.get("decoder_takes_labels") is True:
            part.text.append("The decoder was given each image's class, which PCA was not.")
    return part


def spaces_part(folder: Folder) -> Part:
    """Both latent spaces."""
    part = Part("spaces", "Both latent spaces")
    size = str(folder.size)
    encode = folder.command("encode_latent_space.py", "--latent_size", size)
    if not folder.encoded():
        part.missing.append(("Latents of test images, of the checkpoints that lie here", encode))
    drawn = False
    for method, name in METHODS.items():
        stem = f"latent_space_size_{size}_{method}"
        if f"{stem}.png" in folder:
            numbers = folder.json_of_these(f"metrics_{stem}.json")
            alt = f"Bottleneck 2 as it is, bottleneck {size} by {name}, coloured by class"
            command = folder.command("viz_latent_space.py", "--latent_size", size, "--vis_type", method)
            part.show(folder.picture(f"{stem}.png", alt), f"The map by {name}", folder.command_of(numbers, command))
            drawn = True
    if not drawn:
        images = folder.json_of_these("metrics_training.json").get("held_out_images")
        method = "pca" if isinstance(images, int) and images < FEWEST_ROWS else "umap"
        draw = folder.command("viz_latent_space.py", "--latent_size", size, "--vis_type", method)
        part.missing.append(("Maps of both latent spaces", draw))
    return part


def clusters_part(folder: Folder) -> Part:
    """What clusters were found in both spaces, and what they have to do with the classes."""
    part = Part("clusters", "Clusters beside classes")
    about = ["viz_kmeans_latent_space.py", "--latent_size", str(folder.size)]
    for stem, clusterer, searched in cluster_stems(folder):
        name, numbers = CLUSTERERS[clusterer], folder.json_of_these(f"metrics_{stem}.json")
        redo = folder.command(*about, "--clusterer", clusterer, "--space", searched)
        redo = folder.command_of(numbers, redo)
        for end, alt in [
            ("", "Left the clusters, right the classes of the same images"),
            ("_confusion", "Which cluster the images of each class fell into"),
            ("_central", "Of each cluster its mean image and its most central images"),
            ("_criterion", "The criterion for each number of clusters"),
        ]:
            if f"{stem}{end}.png" in folder:
                part.show(folder.picture(f"{stem}{end}.png", f"{alt} ({name}, {searched})"), alt, redo)
        if table := score_table(numbers, f"{name}, {searched}"):
            part.tables.append(table)
            part.text += [str(numbers["protocol"])] if str(numbers.get("protocol")) not in part.text else []
    if not part.pictures:
        part.missing.append(("Clusters, held against the classes", folder.command(*about)))
    return part


def measures_part(folder: Folder) -> Part:
    """Every number of evaluate.py, with its protocol and its baselines."""
    part = Part("measures", "Measured, beside pixels, PCA and chance")
    metrics = evaluation(folder)
    command = folder.command("evaluate.py", "--latent_size", str(folder.size))
    if metrics:
        part.tables = measure_tables(metrics)
        part.add_command(folder.command_of(metrics, command))
        seeds = metrics.get("seeds")
        part.text.append(
            f"{metrics.get('scored_images')} images scored, {metrics.get('fitting_images')} fitted on; protocol "
            f"{metrics.get('protocol')}; mean ± standard deviation over {len(seeds) if isinstance(seeds, list) else 1} "
            "runs of the measuring."
        )
    else:
        part.missing.append(("Both spaces measured, and the questions answered", command))
    return part


def sweep_part(folder: Folder, training: Mapping[str, Any]) -> Part:
    """Other sizes of bottleneck, where they were trained."""
    part = Part("sweep", "Which size is worth having")
    swept = folder.json_of_these("sweep.json")
    if swept:
        command = folder.command_of(swept, folder.command("sweep_latent_size.py"))
        part.show(
            folder.picture("sweep.png", "Error and accuracy of each size beside PCA and raw pixels"), "Sweep", command
        )
        part.show(
            folder.picture("sweep_reconstructions.png", "The same test images by each size"), "Sheet of sizes", command
        )
        part.answers = read_answers(swept)
        if table := sweep_table(swept):
            part.tables.append(table)
    else:
        if len({record["latent_size"] for record in folder.epochs(training.get("log_sha256"))}) < _SEVERAL:
            words = recorded_training(training) or images_of(training)
            more = folder.command("train.py", *edited(words, {"--latent_size": _TO_CHOOSE_FROM, "--only_named": None}))
            part.missing.append(("Several sizes, to choose one by (train them first)", more))
        part.missing.append(("The sweep over these", folder.command("sweep_latent_size.py")))
    return part


def odd_part(folder: Folder) -> Part:
    """Images that stand out: badly kept, far from all others, or of a doubtful label."""
    part = Part("odd", "Worst reconstructions, and other odd ones out")
    command = folder.command("find_odd_images.py", "--latent_size", str(folder.size))
    stem = f"odd_images_latent_size_{folder.size}"
    facts = folder.json_of_these(f"{stem}.json")
    if not facts:
        part.missing.append(("The worst reconstructions, images far from all others, likely wrong labels", command))
        return part
    command = folder.command_of(facts, command)
    part.text.append(str(facts.get("protocol")))
    if isinstance(facts.get("labels"), str) and facts["labels"]:
        part.text.append(f"Labels: {facts['labels']}.")
    for way, alt in [
        ("error", "The images that are kept worst, and what is made of them"),
        ("distance", "The images farthest from all others"),
        ("label", "The images whose neighbours are of another class: look here for wrong labels"),
    ]:
        if f"{stem}_{way}.png" in folder:
            part.show(folder.picture(f"{stem}_{way}.png", alt), alt, command)
    ranked = [row for row in folder.rows(f"{stem}.csv") if row.get("place by label", "").isdecimal()]
    ranked.sort(key=lambda row: int(row["place by label"]))
    columns = {"sample_id": "image", "class": "class", "likely class": "neighbours say", "doubt of label": "doubt"}
    rows = [[row.get(name, "") for name in columns] for row in ranked[:_LISTED]]
    if rows:
        part.tables.append(Table(f"The first {len(rows)} doubtful labels", list(columns.values()), rows))
    return part


def images_in_words(training: Mapping[str, Any]) -> str:
    """How many images were held out, as far as that is known."""
    images = training.get("held_out_images")
    return count(images, "image") if type(images) is int else "Some images"


def images_of(training: Mapping[str, Any]) -> list[str]:
    """The flags that a training was told with which images they are, and how they are read."""
    arguments = training.get("arguments")
    arguments = arguments if isinstance(arguments, dict) else {}
    said = arguments.get("dataset")
    flags = ["--dataset", said if isinstance(said, str) else "FOLDER"]
    for name, usual in _OF_IMAGES.items():
        value = arguments.get(name, usual)
        values = [
            each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str | int | float)
        ]
        if values and value != usual:
            flags += [f"--{name}", *([] if value is True else map(str, values))]
    return flags
