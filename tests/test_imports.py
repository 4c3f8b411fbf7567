"""The import rule of the house, read from the imports themselves."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOUNS = {"data", "model", "latent", "figure"}
SCRIPTS = {path.stem for path in ROOT.glob("*.py")}
MODULES = sorted(path for folder in [*NOUNS, "run"] for path in (ROOT / folder).glob("*.py"))


def imported(path: Path) -> set[str]:
    """Top-level names of everything that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_nouns_import_only_themselves_and_the_floor(path: Path):
    house = path.parent.name
    allowed = {"run"} if house == "run" else {house, "run"}
    assert imported(path) & (NOUNS | {"run"} | SCRIPTS) <= allowed


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_no_script_imports_a_script(name: str):
    assert not imported(ROOT / f"{name}.py") & SCRIPTS


@pytest.mark.parametrize("path", [path for path in MODULES if path.parent.name in ("latent", "figure")], ids=str)
def test_latents_and_figures_need_no_torch(path: Path):
    assert not imported(path) & {"torch", "torchvision"}


def test_no_junk_drawers():
    assert not [path for path in ROOT.rglob("*.py") if path.stem in ("utils", "util", "helpers", "common", "misc")
                and ".venv" not in path.parts]  # fmt: skip
