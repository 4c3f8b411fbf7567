"""notebook_alternative.ipynb runs from top to bottom, and is kept without what it gave."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

NOTEBOOK = ROOT / "notebook_alternative.ipynb"
EXECUTE = """
import sys
import nbclient, nbformat
notebook = nbformat.read(sys.argv[1], 4)
where = {"metadata": {"path": sys.argv[2]}}
nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3", resources=where).execute()
nbformat.write(notebook, sys.argv[1])
"""


def cells(path: Path, kind: str) -> list[dict]:
    return [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == kind]


def test_it_is_kept_without_output():
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells(NOTEBOOK, "code"))
    assert sum("?" in "".join(cell["source"]) for cell in cells(NOTEBOOK, "markdown")) >= 6, "questions are asked"


def test_it_runs_from_top_to_bottom(tmp_path: Path):
    source = NOTEBOOK.read_text("utf-8")
    for old, new in [("EPOCHS = 20", "EPOCHS = 1"), ('output/notebook\\"', f'{tmp_path}/run\\"'), ("N = 16", "N = 3")]:
        assert old in source
        source = source.replace(old, new)
    copy = tmp_path / "notebook.ipynb"
    copy.write_text(source, "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", EXECUTE, copy, ROOT],
        env={**os.environ, "JUPYTER_PLATFORM_DIRS": "1", "IPYTHONDIR": str(tmp_path), "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    given = [output for cell in cells(copy, "code") for output in cell["outputs"]]
    assert sum("image/png" in output.get("data", {}) for output in given) >= 6
    said = "".join("".join(output.get("text", "")) for output in given)
    assert "Are there meaningful cluster structures?" in said
    assert (tmp_path / "run" / "report.html").exists()
    assert (tmp_path / "run" / "explorer.html").exists()
