"""viz_dataset.py: what is in the data, before anything is trained."""
