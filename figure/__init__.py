"""What is drawn. Reads results, computes none."""

from run.scratch import import_matplotlib

import_matplotlib()
