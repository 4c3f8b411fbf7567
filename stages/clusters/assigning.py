"""Images that came later: each is given a cluster of a fit that was saved, and nothing is fitted on them."""

import numpy as np

from data.new_images import load_new_images
from latent.archive import LatentSpace, load_latent_space
from latent.clustering import MEASURES
from latent.metrics import NOISE
from latent.options import CLUSTERERS
from model.checkpoint import load_checkpoint
from model.inference import encode
from model.options import MOST_STEPS, REFINE
from run.artefacts import model_path, write_csv
from run.console import note, say, table, warn
from run.device import choose_device
from run.errors import BadInput, printable
from run.hints import encoding_command, own_command
from stages.clusters.assigner import Assigner, load_assigner
from stages.clusters.settings import Settings
from stages.clusters.tables import assigned_rows, summary_rows


def assign_new(settings: Settings) -> None:
    """Give the images of a folder, or the latents of a .npy, clusters, and write which fell where.

    Raises:
        BadInput: there is no fit, nothing to assign, or it comes out of another model than what was clustered.
    """
    fit = own_command({"--assign": None})
    fitted, new = settings.path("_fitted.npz"), settings.assign
    assigner = load_assigner(fitted)
    if not new.exists():
        raise BadInput(
            f"--assign {printable(new)} is not there; give a folder of images, or a .npy of latents, say: "
            f"{own_command({'--assign': [settings.latent_space]})}"
        )
    space = encode_folder(assigner, settings) if new.is_dir() else load_latent_space(new)
    if not assigner.may_know(space):
        raise BadInput(
            f"{printable(new)} comes out of another model than the clusters of {printable(fitted)}; encode "
            f"with that model, or cluster anew: {fit}"
        )
    clusters, measured = assigner.assign(space.vectors)
    if lost := int((clusters == NOISE).sum()):
        (warn if lost == len(clusters) else note)(f"{lost:,} of {len(clusters):,} are near no cluster (noise)")
    say(in_words(assigner, space, clusters))
    path = settings.path("_assigned.csv")
    write_csv(path, *assigned_rows(space, clusters, measured, assigner.class_of, settings.clusterer))
    say(f"saved {printable(path)} (with the {MEASURES[settings.clusterer]})")


def encode_folder(assigner: Assigner, settings: Settings) -> LatentSpace:
    """The latents of a folder of images, by the model whose latents were clustered.

    Raises:
        BadInput: that model is not beside the latents, or nobody knows which it was.
    """
    path = model_path(settings.latent_space.parent, assigner.size)
    if not assigner.about.get("checkpoint_sha256"):
        raise BadInput("the clusters are of vectors of unknown origin, and images can't be encoded; --assign a .npy")
    model, record = load_checkpoint(path)
    if record["sha256"] != assigner.about["checkpoint_sha256"]:
        raise BadInput(
            f"{printable(path)} is not the model whose latents were clustered; encode and cluster anew: "
            f"{encoding_command(settings.latent_space)}"
        )
    refine = assigner.about.get("refine")  # as the latents that were clustered were
    refine = refine if type(refine) is int and 0 <= refine <= MOST_STEPS else REFINE
    workers = settings.num_workers or None
    source, images = load_new_images(settings.assign, settings.data_dir, model.image_shape, record, workers)
    vectors = encode(model.to(choose_device(settings.device)), images, refine)
    origin = {"dataset": source.name, "checkpoint_sha256": record["sha256"]}
    return LatentSpace(vectors, source.labels, source.class_names, source.sample_ids, None, origin, source.groups)


def in_words(assigner: Assigner, space: LatentSpace, clusters: np.ndarray) -> str:
    """How many of the rows of ``space`` were given each cluster, and how many of these one of their own class."""
    found_by = f"{CLUSTERERS[assigner.method]} found among {assigner.about.get('fitted_on')}"
    lines = [
        f"{space.contents} given clusters that {found_by} ({assigner.about.get('in_words')}); nothing is fitted on "
        "them",
        table(["cluster", "images", "its commonest class there"], summary_rows(clusters, assigner.class_of)),
    ]
    if space.labels is not None and assigner.class_of:
        named = [assigner.class_of.get(cluster) for cluster in clusters.tolist()]
        right = sum(given == space.class_names[label] for given, label in zip(named, space.labels, strict=True))
        lines.append(f"of their own class, by the commonest one of their cluster: {right / len(named):.1%}")
    return "\n".join(lines)
