"""report.py: see main.py."""
