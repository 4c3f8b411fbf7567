"""What each command does: one file a command, or one folder where it has parts of its own, whose page is ``main.py``.

A stage imports the nouns (model, data, latent, figure) and run; never a script, never another stage. Stages meet at
files.
"""
