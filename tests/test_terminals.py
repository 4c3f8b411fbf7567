"""Terminals, pipes and notebooks as people have them: narrow encodings, streams that are closed or full, settings of
matplotlib that were made for something else. Nothing of it ends a run or changes a figure."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import ROOT, refusal, run_script

DRAW = ["viz_dataset.py", "--dataset", "digits", "--num_images", 1]
FIGURE = "output/dataset_samples.png"
TRAIN = [
    "train.py",
    "--dataset",
    "digits",
    "--latent_size",
    3,
    "--num_epochs",
    1,
    "--max_train",
    60,
    "--model",
    "dense",
]
MODEL = "output/model_latent_size_3.pth"
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


def run_in_shell(redirection: str, command: list[object], cwd: Path) -> subprocess.CompletedProcess:
    """Run a script with its streams redirected as a shell does it."""
    words = [sys.executable, str(ROOT / str(command[0])), *map(str, command[1:])]
    return subprocess.run(
        ["sh", "-c", f"{shlex.join(words)} {redirection}"], cwd=cwd, capture_output=True, text=True, timeout=300
    )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> bytes:
    """The figure as it is on any machine."""
    folder = tmp_path_factory.mktemp("undisturbed")
    done = run_script(*DRAW, cwd=folder)
    assert done.returncode == 0, done.stderr
    return (folder / FIGURE).read_bytes()


@pytest.mark.parametrize("redirection", ["2>&-", ">&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(("command", "made"), [(DRAW, FIGURE), (TRAIN, MODEL)], ids=["viz_dataset", "train"])
def test_closed_streams_are_survived(tmp_path, redirection, command, made):
    done = run_in_shell(redirection, command, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / made).exists()
    kept = done.stdout if redirection == "2>&-" else done.stderr
    assert redirection == "<&- >&- 2>&-" or kept


@FULL
@pytest.mark.parametrize(("command", "made"), [(DRAW, FIGURE), (TRAIN, MODEL)], ids=["viz_dataset", "train"])
def test_progress_that_goes_nowhere_ends_no_run_and_is_said(tmp_path, command, made):
    done = run_in_shell("2>/dev/full", command, tmp_path)
    assert done.returncode == 0
    assert (tmp_path / made).exists()
    assert "standard error takes nothing more" in done.stdout.splitlines()[-1]


@FULL
@pytest.mark.parametrize("streams", [">/dev/full", ">/dev/full 2>&1"])
@pytest.mark.parametrize("command", [DRAW, TRAIN, ["train.py", "--help"]], ids=["viz_dataset", "train", "help"])
def test_results_that_go_nowhere_are_refused_before_any_work(tmp_path, command, streams):
    done = run_in_shell(streams, command, tmp_path)
    assert done.returncode == 2
    assert not (tmp_path / "output").exists()
    if streams == ">/dev/full":
        assert "standard output is full" in refusal(done)


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no pseudo-terminals")
def test_a_terminal_that_goes_away_amid_a_run_costs_only_what_it_would_have_shown(tmp_path):
    """Its process ignores SIGHUP, as under nohup; what it says later has nowhere to go."""
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", sys.executable, ROOT / TRAIN[0], *map(str, TRAIN[1:])],
        cwd=tmp_path, stdout=theirs, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.close(theirs)
    os.read(ours, 1)  # it has begun to say something
    os.close(ours)
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 2, said
    assert "standard output takes nothing more" in said.splitlines()[-1]
    assert "Traceback" not in said
    assert (tmp_path / MODEL).exists()


def test_a_reader_that_has_seen_enough_ends_the_run_quietly(tmp_path):
    done = run_in_shell("2>&1 | head -n 1", DRAW, tmp_path)
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_names_beyond_an_encoding_are_shown_escaped(tmp_path, encoding):
    for name in ("\u4e2d\u6587", "other"):
        folder = tmp_path / "images" / name
        folder.mkdir(parents=True)
        for count in range(4):
            pixels = np.random.default_rng(count).integers(0, 256, (8, 8), np.uint8)
            Image.fromarray(pixels).save(folder / f"{count}.png")
        (folder / "\u65e5.png").write_bytes(b"no image")
    done = run_script("viz_dataset.py", "--dataset", "images", cwd=tmp_path, PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    assert "\\u4e2d\\u6587" in done.stdout
    assert "\\u4e2d\\u6587/\\u65e5.png: not an image" in done.stderr


def unreadable(folder: Path) -> dict[str, str]:
    (folder / "matplotlibrc").write_bytes(b"\xff\xfe\x00")
    return {}


def named(folder: Path) -> dict[str, str]:
    (folder / "elsewhere").mkdir()
    unreadable(folder / "elsewhere")
    return {"MATPLOTLIBRC": str(folder / "elsewhere")}


def of_another_taste(folder: Path) -> dict[str, str]:
    (folder / "matplotlibrc").write_text("savefig.dpi: 20\naxes.grid: True\nbackend: nonsense\nfont.size: many\n")
    return {}


def without_a_folder(folder: Path) -> dict[str, str]:
    (folder / "file").touch()
    return {"MPLCONFIGDIR": str(folder / "file" / "nowhere")}


SETTINGS: dict[str, Callable[[Path], dict[str, str]]] = {
    "kernel": lambda _: {"MPLBACKEND": "module://matplotlib_inline.backend_inline"},  # of Jupyter and Colab
    "garbage": lambda _: {"MPLBACKEND": "garbage"},
    "toolkit": lambda _: {"MPLBACKEND": "qtagg"},
    "unreadable": unreadable,
    "named": named,
    "taste": of_another_taste,
    "no folder": without_a_folder,
}


@pytest.mark.parametrize("settings", SETTINGS)
def test_settings_of_matplotlib_end_no_script_and_change_no_figure(tmp_path, undisturbed, settings):
    done = run_script(*DRAW, cwd=tmp_path, **SETTINGS[settings](tmp_path))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / FIGURE).read_bytes() == undisturbed
    assert "matplotlib" not in done.stderr.lower()


def test_a_window_that_cannot_be_opened_is_a_warning(tmp_path, undisturbed):
    done = run_script(*DRAW, "--show", cwd=tmp_path, **SETTINGS["kernel"](tmp_path))
    assert done.returncode == 0, done.stderr
    assert "no display" in done.stderr
    assert (tmp_path / FIGURE).read_bytes() == undisturbed
