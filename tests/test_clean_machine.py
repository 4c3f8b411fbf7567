"""Another person's machine: no network, no display, no home folder, packages that stay as they are; the same twice."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.forking import Server, can_be_bound

pytestmark = pytest.mark.skipif(not can_be_bound(), reason="this account may mount nothing read-only (unshare -rm)")
# All scripts, in the order in which each finds what it reads.
SCRIPTS = [
    ["train.py", "--dataset", "digits", "--latent_size", 3, "--num_epochs", 2, "--max_train", 300, "--max_test", 60],
    ["viz_dataset.py", "--dataset", "digits", "--num_images", 3],
    ["viz_training.py", "--latent_size", 3],
    ["viz_reconstruction.py", "--latent_size", 3],
    ["encode_latent_space.py", "--latent_size", 3, "--num_samples", "all"],
    ["viz_latent_space.py", "--latent_size", 3, "--vis_type", "umap"],
    ["viz_latent_space.py", "--latent_size", 3, "--vis_type", "tsne"],
    ["viz_kmeans_latent_space.py", "--latent_size", 3, "--num_clusters", 10, "--space", "umap"],
    ["generate_images.py", "traverse", "--latent_size", 3],
    ["generate_images.py", "manifold", "--latent_size", 2],
    ["evaluate.py", "--latent_size", 3, "--seeds", 1, "--num_fit", 100],
    ["sweep_latent_size.py", "--num_fit", 100],
    ["train_classifier.py", "--latent_size", 3, "--max_fit", 100, "--num_epochs", 1, "--classifiers", "linear", "knn"],
    ["find_odd_images.py", "--latent_size", 3],
    ["explore_latent_space.py", "--latent_size", 3, "--vis_type", "pca"],
    ["report.py"],
]


@pytest.fixture(scope="module")
def bare(tmp_path_factory) -> Iterator[tuple[Server, Path]]:
    """Runs scripts where home, packages and Python itself are read-only."""
    folder = tmp_path_factory.mktemp("bare")
    for name in ("first", "second", "home"):
        (folder / name).mkdir()
    told = dict.fromkeys(("MPLCONFIGDIR", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"))
    server = Server(
        read_only=(sys.prefix, sys.base_prefix, str(folder / "home")),
        modules=("latent.projection:_import_umap",),
        environment={**told, "HOME": str(folder / "home")},
    )
    yield server, folder
    server.close()


def pass_all(bare: tuple[Server, Path], name: str) -> dict[str, bytes]:
    """Every script in turn; what they leave."""
    server, folder = bare
    log = folder / name / "addresses"
    for script, *arguments in SCRIPTS:
        done = server.run(script, *arguments, cwd=folder / name, fault={"no_network": str(log)}, timeout=300)
        assert done.returncode == 0, (script, done.stderr)
        for word in ("Matplotlib", "matplotlib", "numba", "Numba", "cache", "Traceback", "Warning"):
            assert word not in done.stderr, (script, done.stderr)
    assert not log.exists(), log.read_text()
    made = {path.name: path.read_bytes() for path in (folder / name / "output").rglob("*") if path.is_file()}
    return {name: content for name, content in made.items() if not name.endswith("_previous.pth")}


def test_digits_through_all_scripts_and_the_same_figures_twice(bare):
    first = pass_all(bare, "first")
    shutil.rmtree(bare[1] / "first", ignore_errors=True)
    second = pass_all(bare, "second")
    assert len([name for name in first if name.endswith(".png")]) >= 8
    assert [name for name in {*first, *second} if first.get(name) != second.get(name)] == []


def test_no_figure_holds_a_date(bare):
    server, folder = bare
    command = ["viz_dataset.py", "--dataset", "digits", "--num_images", 1, "--svg", "--output_dir", "dated"]
    done = server.run(*command, cwd=folder / "second")
    assert done.returncode == 0, done.stderr
    for path in (folder / "second" / "dated").glob("*.[ps][nv]g"):
        content = path.read_bytes()
        assert b"tIME" not in content
        assert b"dc:date" not in content
        assert b"tEXt" not in content or b"Software" not in content


def test_a_missing_set_and_a_missing_display_are_said(bare):
    server, folder = bare
    log = folder / "second" / "addresses"
    done = server.run("train.py", "--latent_size", 3, cwd=folder / "second", fault={"no_network": str(log)})
    assert done.returncode == 2
    assert "no server that has it answers" in done.stderr
    done = server.run("viz_dataset.py", "--dataset", "digits", "--num_images", 1, "--show", cwd=folder / "second")
    assert done.returncode == 0
    assert "there is no display" in done.stderr
