"""What is drawn. Reads results, computes none."""
