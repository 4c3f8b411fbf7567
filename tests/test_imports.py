"""The import rule of the house, read from the imports themselves."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOUNS = {"data", "model", "latent", "figure"}
SCRIPTS = {path.stem for path in ROOT.glob("*.py")}
MODULES = sorted(path for folder in [*NOUNS, "run"] for path in (ROOT / folder).glob("*.py"))
STAGE_FILES = sorted((ROOT / "stages").rglob("*.py"))
# What a script may import before it has parsed its arguments: constants and flags that cost no time.
LIGHT = {"data", "model", "model.options", "latent.options"}
# Modules that one stage alone imports, and that yet belong to their noun.
AT_HOME = {
    "model.training_state": "the checkpoint of a training that is under way lies beside the other checkpoints",
}


def imports(path: Path) -> dict[str, list[ast.stmt]]:
    """Dotted names of all modules that a file imports, and where; ``from data import cache`` counts as data.cache."""
    found = defaultdict(list)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found[alias.name].append(node)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            for alias in node.names:
                part = Path(ROOT, *node.module.split("."), f"{alias.name}.py")
                found[f"{node.module}.{alias.name}" if part.exists() else node.module].append(node)
    return found


def imported(path: Path) -> set[str]:
    """Top-level names of everything that a file imports."""
    return {name.split(".")[0] for name in imports(path)}


def stage_of(path: Path) -> str:
    """``clusters`` of stages/clusters.py and of stages/clusters/main.py."""
    return path.relative_to(ROOT / "stages").parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_nouns_import_only_themselves_and_the_floor(path: Path):
    house = path.parent.name
    allowed = {"run"} if house == "run" else {house, "run"}
    assert imported(path) & (NOUNS | {"run", "stages"} | SCRIPTS) <= allowed


@pytest.mark.parametrize("path", STAGE_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_stages_import_no_script_and_no_other_stage(path: Path):
    assert not imported(path) & SCRIPTS
    others = {name for name in imports(path) if name.split(".")[0] == "stages"}
    assert {name.split(".")[1] for name in others} <= {stage_of(path)}


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_a_script_imports_light_things_and_one_stage_late(name: str):
    found = imports(ROOT / f"{name}.py")
    ours = {module for module in found if module.split(".")[0] in NOUNS | {"stages"} | SCRIPTS}
    stages = {module for module in ours if module.startswith("stages.")}
    assert ours - stages <= LIGHT
    assert len({module.split(".")[1] for module in stages}) == 1
    top = {id(node) for node in ast.parse((ROOT / f"{name}.py").read_text()).body}
    assert all(id(node) not in top for module in stages for node in found[module]), "stages are imported late"


def test_a_module_with_one_caller_lives_with_its_caller():
    callers = defaultdict(set)
    for path in [*MODULES, *STAGE_FILES, *(ROOT / "benchmarks").glob("*.py")]:
        for name in imports(path):
            callers[name].add(f"stages.{stage_of(path)}" if path in STAGE_FILES else str(path.relative_to(ROOT)))
    for path in MODULES:
        name = f"{path.parent.name}.{path.stem}"
        if path.parent.name in NOUNS and path.stem != "__init__" and name not in AT_HOME:
            mine = callers[name]
            assert len(mine) != 1 or not min(mine).startswith("stages."), (name, mine)


@pytest.mark.parametrize("path", [path for path in MODULES if path.parent.name in ("latent", "figure")], ids=str)
def test_latents_and_figures_need_no_torch(path: Path):
    assert not imported(path) & {"torch", "torchvision"}


def test_no_junk_drawers():
    assert not [path for path in ROOT.rglob("*.py") if path.stem in ("utils", "util", "helpers", "common", "misc")
                and not any(part.startswith(".venv") for part in path.parts)]  # fmt: skip
