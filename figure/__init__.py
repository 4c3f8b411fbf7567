"""What is drawn. Reads results, computes none."""

from run.scratch import lend_to_matplotlib

lend_to_matplotlib()
