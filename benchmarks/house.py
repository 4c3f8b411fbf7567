"""The house in numbers, counted from the syntax trees of the product code: what docs/results/house.md says.

    git worktree add ../before f03d165
    python -m benchmarks.house ../before .

A row for each checkout. Product code is the scripts at the top level and the packages below; late imports are import
statements inside functions; a function's length is from its ``def`` to its last line, and its arguments are all that a
caller can give (``self`` and ``cls`` are not).
"""

import argparse
import ast
from collections.abc import Iterator
from pathlib import Path

from benchmarks import ROOT

PACKAGES = ["stages", "model", "data", "latent", "figure", "run"]
Function = ast.FunctionDef | ast.AsyncFunctionDef
HEADER = ["house", "files", "lines", "files above 300 lines", "late imports", "longest function", "most arguments",
          "lines of tests", "words of README"]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkouts", type=Path, nargs="*", default=[ROOT], help="folders (default: this one)")
    args = parser.parse_args()
    print("| " + " | ".join(HEADER) + " |\n" + "| --- " * len(HEADER) + "|")
    for folder in args.checkouts:
        print("| " + " | ".join(map(str, [folder.resolve().name, *counted(folder)])) + " |")


def product_files(folder: Path) -> list[Path]:
    """Scripts and modules of the product, sorted."""
    return sorted([*folder.glob("*.py"), *(path for name in PACKAGES for path in (folder / name).rglob("*.py"))])


def counted(folder: Path) -> list[object]:
    """The cells of a row, after its name."""
    paths = product_files(folder)
    lines = [number_of_lines(path) for path in paths]
    late, lengths, arguments = 0, [], []
    for path in paths:
        tree = ast.parse(path.read_text())
        late += sum(1 for _ in late_imports(tree))
        for function in functions(tree):
            said = f"`{function.name}` in {path.relative_to(folder)}"
            lengths.append((function.end_lineno - function.lineno + 1, said))
            arguments.append((number_of_arguments(function), said))
    tests = sum(number_of_lines(path) for path in (folder / "tests").rglob("*.py"))
    words = len((folder / "README.md").read_text().split())
    return [
        len(paths), f"{sum(lines):,}", sum(count > 300 for count in lines), late,
        *(f"{count} ({said})" for count, said in (max(lengths), max(arguments))), f"{tests:,}", f"{words:,}",
    ]  # fmt: skip


def number_of_lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def late_imports(tree: ast.AST) -> Iterator[ast.stmt]:
    """Import statements inside a function, each once however deep it lies."""
    found = {id(node): node for function in functions(tree) for node in ast.walk(function)}
    return (node for node in found.values() if isinstance(node, ast.Import | ast.ImportFrom))


def number_of_arguments(function: Function) -> int:
    given = function.args
    named = [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return sum(name not in ("self", "cls") for name in named) + (given.vararg is not None) + (given.kwarg is not None)


if __name__ == "__main__":
    main()
