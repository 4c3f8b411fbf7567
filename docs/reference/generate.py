"""Writes flags.md, the page of all flags, from the ``--help`` of each script.

    python docs/reference/generate.py

tests/test_documents.py fails where the page is not what the scripts say.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "flags.md"
# in the order in which the scripts are run
SCRIPTS = [
    "viz_dataset", "train", "viz_training", "viz_reconstruction", "encode_latent_space", "viz_latent_space",
    "viz_kmeans_latent_space", "evaluate", "sweep_latent_size", "train_classifier", "generate_images",
    "find_odd_images", "explore_latent_space", "report",
]  # fmt: skip
MODES = {"generate_images": ["sample", "manifold", "interpolate", "traverse", "relabel", "neighbours"]}
INTRODUCTION = """# Flags

What each script's `--help` says. Made by `python docs/reference/generate.py`; change the scripts, not this page.
"""


def commands() -> list[list[str]]:
    """Every script, and after one with modes each of its modes: ``["train"]``, ``["generate_images", "sample"]``."""
    return [[name, *mode] for name in SCRIPTS for mode in [[], *([each] for each in MODES.get(name, []))]]


def help_of(script: str, *mode: str) -> str:
    """What a script says when it is asked for help, in lines of 100 characters."""
    done = subprocess.run(
        [sys.executable, f"{script}.py", *mode, "--help"],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "102", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def page() -> str:
    """The whole page, in Markdown."""
    sections = [INTRODUCTION]
    for script, *mode in commands():
        title = " ".join([f"{script}.py", *mode])
        sections.append(f"{'###' if mode else '##'} {title}\n\n```text\n{help_of(script, *mode)}\n```\n")
    return "\n".join(sections)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"saved {PAGE.relative_to(ROOT)}")
