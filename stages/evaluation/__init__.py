"""Evaluation: both bottlenecks measured beside pixels, PCA and chance, and the three questions answered."""
