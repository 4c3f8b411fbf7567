"""What viz_kmeans_latent_space.py is asked for, and how the files of one such question are called."""

from dataclasses import dataclass
from pathlib import Path

from stages.clusters.reduction import SearchSpace


@dataclass(frozen=True)
class Settings:
    """The flags of viz_kmeans_latent_space.py."""

    latent_space: Path
    latent_size: int | None  # as it was typed, to find latent_space by
    test_data: Path | None  # None looks beside the latents
    space: str  # one of latent.options.SPACES
    space_size: int
    pca_size: int
    whiten: float  # 0..1
    n_neighbors: int
    min_dist: float
    clusterer: str  # one of latent.options.CLUSTERERS
    num_clusters: int | str | None  # None makes one for each class, "auto" as many as the criterion is best at
    max_clusters: int  # that "auto" tries
    min_cluster_size: int | None  # of HDBSCAN; None as latent.clustering.find_clusters has it
    assign: Path | None  # images or latents to give clusters of an earlier fit; None fits
    data_dir: Path
    num_workers: int  # images decoded at a time; 0 takes one a core
    device: str
    output_dir: Path
    seed: int
    svg: bool
    show: bool

    @property
    def search_space(self) -> SearchSpace:
        """Where clusters are looked for."""
        return SearchSpace(self.space, self.space_size, self.pca_size, self.n_neighbors, self.min_dist, self.whiten)

    def path(self, end: str, start: str = "") -> Path:
        """A file of the output folder: ``path(".csv")`` is latent_space_size_256_kmeans_umap.csv."""
        return self.output_dir / f"{start}{self.latent_space.stem}_{self.clusterer}_{self.space}{end}"
