"""train.py: see main.py."""
