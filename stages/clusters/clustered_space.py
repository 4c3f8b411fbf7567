"""A latent space with the clusters that were found in it: what there is to draw, to look at, to keep and to say."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from latent.archive import LatentSpace
from latent.cluster_probes import ClusteredRows, permutation_baseline
from latent.clustering import Clustering, most_central
from latent.metrics import clustering_scores, match_clusters
from latent.options import CLUSTERERS, FEWEST_ROWS, METHODS
from latent.projection import AS_IT_IS, draw_flat, lowered_settings
from run.console import count, verb
from run.provenance import command_line, versions
from stages.clusters.assigner import Assigner
from stages.clusters.reduction import Reduction
from stages.clusters.tables import cluster_classes, cluster_confusion, score_table

_PROTOCOL = (
    "transductive: clusters are fitted and scored on the same images, and no class is used to find them; chance deals "
    "the classes to whole groups, where there are any, and else to single images. evaluate.py's one-to-one accuracy is "
    "of other clusters: of all latents of training images, scored on test images"
)
_NOISE_RULE = "images that are in no cluster (noise) count as wrong, and in NMI, AMI and ARI as one more cluster"


@dataclass(frozen=True, eq=False)  # arrays have no equality that is one truth
class FlatPoints:
    """Two coordinates of each row of a space.

    Attributes:
        points: float (rows, 2).
        drawn: what they are, for a person: ``UMAP``, ``as it is``.
        axis_names: what the two axes are; None if nothing.
    """

    points: np.ndarray
    drawn: str
    axis_names: tuple[str, str] | None


@dataclass(frozen=True, eq=False)  # arrays have no equality that is one truth
class ClusteredSpace:
    """Clusters of a space; the rows of all three parts are the same.

    Attributes:
        space: the vectors and what is known of them.
        reduction: what they were brought down to, where clusters were looked for.
        clustering: the clusters.
    """

    space: LatentSpace
    reduction: Reduction
    clustering: Clustering

    @property
    def where(self) -> str:
        """Where clusters were looked for: ``its UMAP to 2 dimensions``, ``the bottleneck 2``."""
        return f"its {self.reduction.words}" if self.reduction.arrays else f"the {self.space.name}"

    @property
    def class_of(self) -> dict[int, str]:
        """Cluster -> the name of the commonest class in it; {} without classes."""
        return cluster_classes(self.clustering.clusters, self.space.labels, self.space.class_names)

    @property
    def class_of_most(self) -> dict[int, int]:
        """Cluster -> the class that more than half of its rows are of; clusters without such a class are not in it."""
        clusters, labels = self.clustering.clusters, self.space.labels
        majority = match_clusters(clusters, labels)[1]
        return {each: label for each, label in majority.items() if (labels[clusters == each] == label).mean() > 0.5}

    def confusion(self) -> tuple[np.ndarray, list[str]]:
        """:func:`stages.clusters.tables.cluster_confusion` of these clusters."""
        return cluster_confusion(self.clustering.clusters, self.space.labels, len(self.space.class_names))

    def flat_points(self, seed: int, n_neighbors: int) -> tuple[FlatPoints, list[str]]:
        """Where the rows are drawn: where clusters were looked for or, if that has more than two dimensions, on a map.

        Too few for UMAP are drawn by PCA.

        Returns:
            The points, and what to know before the map is trusted.
        """
        arrays, vectors, warnings = self.reduction.arrays, self.space.vectors, []
        linear = ("mean" in arrays and "references" not in arrays) or len(vectors) < FEWEST_ROWS
        method = "pca" if linear else "umap"
        if self.reduction.points.shape[1] == 2:
            points, drawn = self.reduction.points, method if arrays else AS_IT_IS
        else:
            points, drawn = draw_flat(vectors, method, seed, n_neighbors=n_neighbors)
            warnings = lowered_settings(drawn, len(vectors), n_neighbors=n_neighbors)
        axes = {AS_IT_IS: ("latent 1", "latent 2"), "pca": ("component 1", "component 2")}.get(drawn)
        return FlatPoints(points, METHODS.get(drawn, "as it is"), axes), warnings

    def central_images(self, images: np.ndarray, count: int) -> list[tuple[str, np.ndarray, np.ndarray]]:
        """What each cluster that has any image looks like.

        Args:
            images: uint8 (rows, C, H, W).
            count: images of each cluster.

        Returns:
            For each: its number, size and commonest class; its mean image, float32 (C, H, W) in [0, 1]; its most
            central images, nearest to the mean of its points first, uint8 (at most ``count``, C, H, W).
        """
        clusters, class_of, space = self.clustering.clusters, self.class_of, self.space
        sheet = []
        for cluster in range(self.clustering.count):
            rows = np.flatnonzero(clusters == cluster)
            if not len(rows):
                continue
            name = f"{cluster}: {len(rows):,}"
            if class_of:
                share = np.mean([space.class_names[label] == class_of[cluster] for label in space.labels[rows]])
                name += f", {share:.0%} {class_of[cluster]}"
            mean = images[rows].mean(axis=0, dtype=np.float64) / 255
            central = most_central(self.reduction.points, clusters, cluster, count)
            sheet.append((name, mean.astype(np.float32), images[central]))
        return sheet

    def assigner(self, searched: str, seed: int) -> Assigner:
        """What gives later vectors clusters of these.

        Args:
            searched: one of ``latent.options.SPACES``, as it was asked for.
            seed: that clusters were found with.
        """
        space = self.space
        about = {
            "space": searched,
            "in_words": self.reduction.words,
            "fitted_on": space.contents,
            "checkpoint_sha256": space.origin.get("checkpoint_sha256"),
            "refine": space.origin.get("refine"),
            "split_fingerprint": space.origin.get("split_fingerprint"),
            "seed": seed,
            "command": command_line(),
            "versions": versions(),
        }
        method, size = self.clustering.method, space.vectors.shape[1]
        return Assigner(method, size, self.reduction.arrays, self.clustering.arrays, self.class_of, about)


def agreement_with_classes(
    clusters_of: Mapping[str, np.ndarray], space: LatentSpace, seed: int
) -> dict[str, dict[str, float]]:
    """How well clusters agree with the classes in each space; {} without classes.

    Args:
        clusters_of: name of a space -> clusters of the same images, int64 (rows,).
        space: the one whose clusters ``chance`` is taken of; its labels and groups are those of all.
        seed: of chance.

    Returns:
        Name -> :func:`latent.metrics.clustering_scores`; and ``chance``, of
        :func:`latent.cluster_probes.permutation_baseline`.
    """
    if space.labels is None:
        return {}
    scores = {name: clustering_scores(clusters, space.labels) for name, clusters in clusters_of.items()}
    mine = ClusteredRows(clusters_of[space.name], space.labels, space.groups)
    return {**scores, "chance": permutation_baseline(mine, None, seed)}


def warnings_of(found: Mapping[str, ClusteredSpace]) -> list[str]:
    """What to know before clusters, by the names of their spaces, and their scores are trusted."""
    labels = next(iter(found.values())).space.labels
    warnings = [
        f"HDBSCAN found no cluster in {name}; try a smaller --min_cluster_size"
        for name, each in found.items()
        if not each.clustering.count
    ]
    if labels is not None and len(set(labels.tolist())) == 1:
        warnings.append(
            "the images are all of one class, with which any clusters agree or none: the scores say nothing"
        )
    return warnings


def protocol_in_words(method: str) -> str:
    """What clusters by one of ``CLUSTERERS`` are fitted and scored on."""
    return _PROTOCOL + (f"; {_NOISE_RULE}" if method == "hdbscan" else "")


def in_words(found: Mapping[str, ClusteredSpace], scores: Mapping[str, Mapping[str, float]]) -> str:
    """How many clusters were found where nobody asked for a number, and the scores under their protocol; "" if neither.

    Args:
        found: name of a space -> its clusters, the one that the scores are headed by first.
        scores: what :func:`agreement_with_classes` gives.
    """
    mine = next(iter(found.values()))
    method, lines = mine.clustering.method, []
    for name, each in found.items():
        if method == "hdbscan":
            noise = each.clustering.noise
            lost = f"{noise:,} of {count(len(each.space.vectors), 'image')} {verb(noise, 'are')} in none (noise)"
            lines.append(f"{name}: HDBSCAN found {count(each.clustering.count, 'cluster')}, and {lost}")
    if scores:
        title = f"{CLUSTERERS[method]}, {count(mine.clustering.count, 'cluster')} of {mine.space.contents}"
        lines += [score_table(title, scores), f"({protocol_in_words(method)})"]
    return "\n".join(lines)
