"""Words that flags and results share, and what a person calls what they stand for; --help has no time for more."""

METHODS = {"umap": "UMAP", "tsne": "t-SNE", "pca": "PCA"}  # of drawing latents, in latent.projection
FEWEST_ROWS = 5  # of a neighbour map: below, every point neighbours every other
CLUSTERERS = {"kmeans": "k-means", "gmm": "Gaussian mixture", "hdbscan": "HDBSCAN"}  # in latent.clustering
SPACES = ("umap", "pca", "pca-umap", "latent")  # that clusters are looked for in, of stages.clusters.reduction
