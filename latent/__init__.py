"""What is done with latent vectors: archive, projection, clustering, metrics. Knows no torch."""
