"""generate_images.py, one file a mode."""
