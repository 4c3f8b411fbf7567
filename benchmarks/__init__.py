"""What measures the suite: each module is a command, run from the project's folder as ``python -m benchmarks.NAME``.

The product imports nothing of this. Tables are written into ``benchmarks/results``, figures into ``docs/figures``;
what they say stands in ``docs/results``.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
FIGURES = ROOT / "docs" / "figures"
