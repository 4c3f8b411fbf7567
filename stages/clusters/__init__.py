"""viz_kmeans_latent_space.py: see main.py."""
