"""explore_latent_space.py: see main.py."""
