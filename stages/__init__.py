"""What each command does: one file a command, or one folder where it has parts of its own, whose page is ``main.py``.

A stage imports the nouns (model, data, latent, figure) and run; never a script, never another stage. Stages meet at
files.
"""

from run.scratch import import_matplotlib

import_matplotlib()  # before any stage does: settings of this account and of a notebook's kernel are not its business
