"""The documents say what is: links lead somewhere, commands run as they stand, flags and files are the code's."""

import ast
import csv
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from run.training_folder import move_aside
from tests.conftest import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]
WORDS_OF_README = 1100
# the command lines that must work word for word
DOCUMENTED = [
    "python train.py --num_epochs 10 --latent_size 256 --batch_size 128 --lr 0.0001",
    "python viz_reconstruction.py --model_path output/model_latent_size_256.pth --test_data output/test_data.pth",
    "python encode_latent_space.py --model_path output/model_latent_size_256.pth --test_data output/test_data.pth "
    "--num_samples 1000",
    "python viz_latent_space.py --latent_space output/latent_space_size_256.npy --vis_type umap",
    "python viz_kmeans_latent_space.py --latent_space output/latent_space_size_256.npy --num_clusters 43",
]


def generator():
    """docs/reference/generate.py as a module."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "reference" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def helps() -> dict[str, str]:
    """What ``--help`` says, by script and mode: ``train``, ``generate_images sample``."""
    make = generator()
    return {" ".join(command): make.help_of(*command) for command in make.commands()}


def test_readme_is_short():
    assert len((ROOT / "README.md").read_text().split()) <= WORDS_OF_README


def test_readme_has_the_documented_commands_word_for_word():
    lines = [line.strip() for line in (ROOT / "README.md").read_text().splitlines()]
    assert [line for line in DOCUMENTED if line not in lines] == []


def test_every_script_has_its_flags_on_the_page():
    assert sorted(generator().SCRIPTS) == sorted(path.stem for path in ROOT.glob("*.py"))


def test_the_page_of_flags_is_current(helps: dict[str, str]):
    page = (ROOT / "docs" / "reference" / "flags.md").read_text()
    found = {
        title.replace(".py", ""): body
        for title, body in re.findall(r"^#{2,3} (.+?)\n\n```text\n(.*?)\n```", page, re.M | re.S)
    }
    words = lambda texts: {name: text.split() for name, text in texts.items()}  # noqa: E731 - argparse wraps as it likes
    assert words(found) == words(helps), "run python docs/reference/generate.py"


# Links


def slugs(path: Path) -> set[str]:
    """Anchors of the headings of a page, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def links(path: Path) -> list[str]:
    """Targets of all links and pictures, code aside."""
    text = re.sub(r"^```.*?^```|`[^`\n]*`", "", path.read_text(), flags=re.M | re.S)
    return re.findall(r"\]\(([^)\s]+)\)", text)


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_links_lead_somewhere(path: Path):
    for link in links(path):
        if not link.startswith("http"):
            target, _, anchor = link.partition("#")
            page = (path.parent / target).resolve() if target else path
            assert page.exists(), link
            assert not anchor or anchor in slugs(page), link


def test_every_page_and_figure_is_linked():
    linked = {(path.parent / link.partition("#")[0]).resolve() for path in DOCUMENTS for link in links(path)}
    there = [path for path in (ROOT / "docs").rglob("*") if path.suffix in (".md", ".png")]
    assert [str(path.relative_to(ROOT)) for path in there if path not in linked] == []


# Commands


def commands(path: Path) -> list[str]:
    """Command lines that begin with ``python``, of code blocks and of inline code."""
    text = path.read_text()
    blocks = [line for line in text.splitlines() if line.startswith("    ")]
    blocks += [line for block in re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S) for line in block.splitlines()]
    inline = [" ".join(code.split()) for code in re.findall(r"(?<!`)`([^`]+)`(?!`)", text)]
    return [code.strip().partition("  #")[0] for code in [*blocks, *inline] if re.match(r"\s*python \S", code)]


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_commands_use_flags_that_exist(path: Path, helps: dict[str, str]):
    if path.name == "CHANGELOG.md":  # which names flags that are gone
        return
    for command in commands(path):
        words = command.split()
        flags = [word.partition("=")[0] for word in words if word.startswith("--") and word != "--"]
        if words[1] == "-m":
            said = benchmark_flags(words[2]) if words[2].startswith("benchmarks.") else None
        elif words[1] in ("-c", "docs/reference/generate.py"):
            said = None
        else:
            name = words[1].removesuffix(".py")
            assert name in helps, command
            mode = next((word for word in words[2:3] if f"{name} {word}" in helps), "")
            said = set(re.findall(r"--\w+", helps[f"{name} {mode}".strip()]))
        assert said is None or set(flags) <= said, command


def benchmark_flags(module: str) -> set[str]:
    """The flags of a benchmark, read from its source: importing them all would take long."""
    source = (ROOT / Path(*module.split("."))).with_suffix(".py").read_text()
    words = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    return {word for word in words if isinstance(word, str) and word.startswith("--")} | {"--help"}


def test_benchmarks_follow_the_house():
    """They import what is there; pythae, which is no requirement, is left out."""
    names = [path.stem for path in (ROOT / "benchmarks").glob("*.py") if path.stem not in ("__init__", "peer_pythae")]
    done = subprocess.run(
        [sys.executable, "-c", "".join(f"import benchmarks.{name}\n" for name in names)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


# Files

ENCODED = ["--latent_size", 4, "--output_dir", "run"]
# Every script, with arguments that make it quick and yet write every kind of file: what it says into which folder.
RUNS = [
    ("viz_dataset.py", ["--dataset", "pictures", "--num_images", 2, "--output_dir", "run"]),
    ("train.py", ["--dataset", "pictures", "--latent_size", 4, "--num_epochs", 2, "--snapshot_epochs", 1,
                  "--output_dir", "run"]),
    ("train.py", ["--dataset", "pictures", "--latent_size", 4, "--num_epochs", 1, "--model", "cvae",
                  "--output_dir", "conditional"]),
    ("viz_training.py", ["--runs", "run", "conditional", "--output_dir", "run"]),
    ("viz_training.py", ["--runs", "run"]),
    ("viz_reconstruction.py", ENCODED),
    ("encode_latent_space.py", [*ENCODED, "--num_samples", "all"]),
    ("encode_latent_space.py", [*ENCODED, "--images", "pictures"]),
    ("viz_latent_space.py", [*ENCODED, "--vis_type", "pca"]),
    ("viz_kmeans_latent_space.py", [*ENCODED, "--space", "latent", "--num_clusters", "auto", "--max_clusters", 4]),
    ("viz_kmeans_latent_space.py", [*ENCODED, "--space", "latent", "--assign", "pictures"]),
    ("evaluate.py", [*ENCODED, "--seeds", 1, "--num_fit", 60]),
    ("sweep_latent_size.py", ["--output_dir", "run", "--num_fit", 60, "--num_images", 2]),
    ("train_classifier.py", [*ENCODED, "--max_fit", 60, "--num_epochs", 1, "--classifiers", "mlp", "knn"]),
    ("generate_images.py", ["sample", *ENCODED, "--num_images", 3, "--num_components", 2]),
    ("generate_images.py", ["manifold", "--latent_size", 2, "--output_dir", "run", "--grid", 2]),
    ("generate_images.py", ["interpolate", *ENCODED, "--steps", 2]),
    ("generate_images.py", ["traverse", *ENCODED, "--steps", 2]),
    ("generate_images.py", ["neighbours", *ENCODED, "--num_neighbours", 2]),
    ("generate_images.py", ["relabel", "--latent_size", 4, "--output_dir", "conditional", "--cnn_epochs", 1,
                            "--max_fit", 60]),
    ("find_odd_images.py", ENCODED),
    ("explore_latent_space.py", [*ENCODED, "--vis_type", "pca"]),
    ("report.py", ["--output_dir", "run"]),
]  # fmt: skip
SELDOM = {
    "not_finite.csv",  # written where a loss is NaN: tests/test_signals.py
    "dataset_near_duplicates.png",  # written where images are nearly the same: tests/test_own_pictures.py
    # written where --num_clusters is auto: tests/test_viz_kmeans_latent_space.py
    "latent_space_size_N_CLUSTERER_SPACE_criterion.csv",
    "latent_space_size_N_CLUSTERER_SPACE_criterion.png",
    "tensorboard/latent_size_N/",  # written with --tensorboard: tests/test_tensorboard.py
    "tensorboard/PCA_of_N/",
    "odd_images_latent_size_N_label.png",  # written where a label is doubted: tests/test_find_odd_images.py
}
EVERYWHERE = {"command", "versions", "checksum"}


def described() -> dict[str, dict[str, set[str]]]:
    """Of each script the files that the page names, and the fields of each."""
    page, found = (ROOT / "docs" / "reference" / "files.md").read_text(), {}
    for script, section in re.findall(r"^## `(\w+\.py)`\n(.*?)(?=^## )", page, re.M | re.S):
        rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]
        names = lambda cell: re.findall(r"`([^`]+)`", cell)  # noqa: E731
        found[script] = {name: set(names(row[2]) if len(row) > 2 else ()) for row in rows for name in names(row[0])}
    return found


def matches(pattern: str, name: str) -> bool:
    """Whether a name is one that a pattern stands for: words in capitals stand for anything."""
    words = re.split("([A-Z]+)", pattern)
    return re.fullmatch("".join("[^_/]+" if place % 2 else re.escape(word) for place, word in enumerate(words)), name)


def fields(path: Path) -> set[str]:
    """Columns, keys or names of arrays of a file; none of pictures and plain arrays."""
    if path.suffix == ".csv":
        found = next(csv.reader(path.read_text().splitlines()))
    elif path.suffix == ".json":
        found = json.loads(path.read_text())
    elif path.suffix == ".jsonl":
        found = {key for line in path.read_text().splitlines() for key in json.loads(line)}
    elif path.suffix == ".npz":
        found = np.load(path).files
    elif path.suffix == ".pth":
        found = torch.load(path, weights_only=True)
    else:
        found = ()
    return set(found) - EVERYWHERE


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the scripts are run."""
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def written(forked, place: Path) -> dict[str, dict[str, set[str]]]:
    """Of each script the files that it wrote, and the fields of each."""
    for row in range(120):
        folder = place / "pictures" / "abc"[row % 3]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(row).integers(0, 80 + 80 * (row % 3), (8, 8), np.uint8)
        Image.fromarray(pixels).save(folder / f"{row}.png")
    (place / "pictures" / "a" / "copy.png").write_bytes((place / "pictures" / "a" / "0.png").read_bytes())
    (place / "pictures" / "b" / "broken.png").write_bytes(b"")
    found: dict[str, dict[str, set[str]]] = {}
    for script, arguments in RUNS:
        before = states(place)
        done = forked.run(script, *arguments, cwd=place)
        assert done.returncode == 0, (script, arguments, done.stderr)
        for path, state in states(place).items():
            if before.get(path) != state:
                found.setdefault(script, {}).setdefault(path.as_posix().partition("/")[2], set()).update(
                    fields(place / path)
                )
    return found


def states(place: Path) -> dict[Path, tuple[int, int]]:
    """Every file below the output folders, and what changes when it is replaced."""
    paths = [path for name in ("run", "conditional") for path in (place / name).rglob("*") if path.is_file()]
    return {path.relative_to(place): (path.stat().st_ino, path.stat().st_mtime_ns) for path in paths}


@pytest.mark.parametrize("script", generator().SCRIPTS)
def test_the_page_of_files_names_what_is_written(script: str, written: dict[str, dict[str, set[str]]]):
    said, found = described()[f"{script}.py"], written[f"{script}.py"]
    unnamed = [name for name in found if not any(matches(pattern, name) for pattern in said)]
    missing = [pattern for pattern in said.keys() - SELDOM if not any(matches(pattern, name) for name in found)]
    assert (unnamed, missing) == ([], [])
    for name, keys in found.items():
        named = set().union(*(fields for pattern, fields in said.items() if matches(pattern, name)))
        unnamed = {key for key in keys if not any(matches(field, key) for field in named)}
        assert (name, unnamed) == (name, set())
    for pattern in said.keys() - SELDOM:
        there = set().union(*(keys for name, keys in found.items() if matches(pattern, name)))
        missing = {field for field in said[pattern] if not any(matches(field, key) for key in there)}
        assert (pattern, missing) == (pattern, set())


def test_another_training_moves_all_of_it_aside(place: Path, written: dict[str, dict[str, set[str]]]):
    moved = move_aside(place / "run", "before")
    assert {path.name for path in (place / "run").iterdir() if path.is_file()} <= set(written["viz_dataset.py"])
    assert (moved / "sweep.csv").exists()
