"""What every script has in common on the command line."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, refusal, run_script

SCRIPTS = sorted(path.name for path in ROOT.glob("*.py"))
MODES = {"generate_images.py": ["sample", "manifold", "interpolate", "traverse", "relabel", "neighbours"]}
COMMANDS = [[name, *mode] for name in SCRIPTS for mode in ([[each] for each in MODES.get(name, [])] or [[]])]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_opens_with_a_runnable_line_and_shows_defaults(command: list[str]):
    done = run_script(*command, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: python {' '.join(command)} --")
    assert "(default: " in done.stdout


@pytest.mark.parametrize("name", MODES)
def test_help_of_a_script_with_modes_names_each(name: str):
    done = run_script(name, "--help")
    assert done.stdout.startswith(f"usage: python {name} {MODES[name][0]} --")
    for mode in MODES[name]:
        assert mode in [line.split()[0] for line in done.stdout.splitlines() if line.startswith("    ")]
    assert all(mode in refusal(run_script(name, "paint")) for mode in MODES[name])


@pytest.mark.parametrize("name", SCRIPTS)
def test_help_imports_nothing_heavy(name: str):
    probe = (
        "import runpy, sys\n"
        f"sys.argv = [{name!r}, '--help']\n"
        "try:\n"
        f"    runpy.run_path({str(ROOT / name)!r}, run_name='__main__')\n"
        "except SystemExit:\n"
        "    print(sorted({'torch', 'numpy', 'matplotlib', 'sklearn', 'umap', 'PIL'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip().endswith("[]"), done.stdout[-200:] + done.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_misspelt_flag_is_refused_with_the_nearest_one(command: list[str]):
    sentence = refusal(run_script(*command, "--latent_size", 8, "--output_dri", "x"))
    assert "--output_dri" in sentence
    assert "--output_dir" in sentence


@pytest.mark.parametrize("value", ["0", "-3", "many", "1.5", ""])
def test_a_latent_size_that_is_none_is_refused(value: str):
    assert "a whole number from 1 up" in refusal(run_script("train.py", f"--latent_size={value}"))


def test_a_flag_means_the_same_in_every_script():
    helps = {" ".join(command): run_script(*command, "--help").stdout for command in COMMANDS}
    for flag in ("--output_dir", "--seed", "--device", "--num_workers", "--show", "--svg", "--data_dir"):
        texts = {name: _help_of(flag, text) for name, text in helps.items() if f"  {flag} " in text}
        assert len(set(texts.values())) == 1, texts


def _help_of(flag: str, text: str) -> str:
    lines = iter(text.splitlines())
    taken = [next(line for line in lines if line.strip().startswith(f"{flag} "))]
    for line in lines:
        if not line.startswith(" " * 10):
            break
        taken.append(line)
    return " ".join(" ".join(taken).split())


def test_output_folder_that_is_a_file_is_refused(tmp_path: Path, data_dir: Path):
    blocked = tmp_path / "file"
    blocked.write_text("kept")
    done = run_script("train.py", "--dataset", "digits", "--latent_size", 4, "--num_epochs", 1,
                      "--data_dir", data_dir, "--output_dir", blocked)  # fmt: skip
    assert "--output_dir" in refusal(done)
    assert blocked.read_text() == "kept"
