"""The scripts are run as a person runs them: as processes, on the digits that scikit-learn ships."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.forking import ONE_THREAD, Server

# As many tests run side by side as there are cores; equal threads everywhere, since sums depend on their number.
os.environ.update(ONE_THREAD)

ROOT = Path(__file__).parent.parent
Script = Callable[..., subprocess.CompletedProcess]


def run_script(name: str, *arguments: object, cwd: Path = ROOT, timeout: float = 300, **environment: str):
    """Run one of the scripts to its end; text output, no terminal, no display."""
    clean = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY", "COLUMNS")}
    return subprocess.run(
        [sys.executable, ROOT / name, *map(str, arguments)],
        cwd=cwd,
        env={**clean, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


@pytest.fixture(scope="session")
def script() -> Script:
    return run_script


def refusal(done: subprocess.CompletedProcess) -> str:
    """The one sentence of a script that refused its input: exit 2, one line, no traceback. Fails otherwise."""
    lines = done.stderr.strip().splitlines()
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    assert lines, "nothing was said"
    return lines[-1]


@pytest.fixture(scope="session")
def forked() -> Iterator[Server]:
    """Runs the real scripts in forked processes, which start at once; see ``tests.forking``."""
    server = Server()
    yield server
    server.close()


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache of decoded digits for the whole test run."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Path:
    """The output folder of a short training on digits, bottlenecks 2 and 8. To be read, not written."""
    output = tmp_path_factory.mktemp("trained")
    done = run_script(
        "train.py", "--dataset", "digits", "--latent_size", 8, "--num_epochs", 3,
        "--data_dir", data_dir, "--output_dir", output,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return output


@pytest.fixture(scope="session")
def trained_without_classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 40 grey images in ``images`` and a bottleneck of 2 trained on them. To be read, not written."""
    import numpy as np
    from PIL import Image

    output = tmp_path_factory.mktemp("without_classes")
    (output / "images").mkdir()
    for number, pixels in enumerate(np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)):
        Image.fromarray(pixels).save(output / "images" / f"{number}.png")
    done = run_script(
        "train.py", "--dataset", output / "images", "--latent_size", 2, "--num_epochs", 1,
        "--data_dir", output / "data", "--output_dir", output,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return output


@pytest.fixture(scope="session")
def whole_run(trained: Path, forked: Server, data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training on digits with everything that later scripts make of it. To be read, not written."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    shutil.copytree(trained, folder)
    size = ["--latent_size", 8, "--output_dir", folder]
    for script, *arguments in [
        ("viz_reconstruction.py",),
        ("encode_latent_space.py", "--num_samples", "all"),
        ("viz_latent_space.py", "--vis_type", "pca"),
        ("viz_kmeans_latent_space.py", "--space", "latent", "--num_clusters", 10),
        ("explore_latent_space.py", "--vis_type", "pca"),
        ("evaluate.py", "--seeds", 1, "--num_fit", 300, "--data_dir", data_dir),
    ]:
        done = forked.run(script, *size, *arguments, cwd=ROOT)
        assert done.returncode == 0, (script, done.stderr)
    return folder
