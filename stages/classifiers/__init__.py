"""train_classifier.py: what classifiers learn from latents, and from what these are held against."""
