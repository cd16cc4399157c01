"""What the page needs of the compiler, as files of data beside it.

    python -m tools.playground.pack FOLDER

    code.json       path -> text: the modules that bridge.py can reach, grammar,
                    templates and kernels
    black.json      the same of the formatter, which the page fetches if it needs it
    examples.json   name -> text of every example
    words.json      the rules of the highlighters, in order

Only Python's text is taken of a library: what is compiled for this machine stays here.
"""

import ast
import json
import sys
from collections.abc import Iterator
from importlib.metadata import files
from pathlib import Path

from starc.highlight.rules import rules

ROOT = Path(__file__).parents[2]
BRIDGE = Path(__file__).with_name("bridge.py")

BLACK = (
    "black",
    "click",
    "mypy_extensions",
    "packaging",
    "pathspec",
    "platformdirs",
    "pytokens",
)
"""Distributions: the formatter, and what it needs."""

DATA = ("grammar", "templates", "kernels")

LEFT_OUT = frozenset(("__pycache__", "report"))
"""Folders in them: reports of searches are no affair of the page."""

LAZY = ("operators",)
"""Packages whose modules are found by name when they are asked for."""

NEVER = ("reference.py", "cases.py")
"""Of an operator: what needs torch."""

WRITING = ROOT / "starc" / "backend" / "template_code.py"
"""Makes Python of a template that was edited, and needs jinja2 for it. What is packed
has the Python already: `make golden` wrote it."""


def code() -> dict[str, str]:
    """Every file of code.json."""
    found = {"bridge.py": BRIDGE.read_text(encoding="utf-8")}
    for path in sorted(reached([BRIDGE])):
        found[path.relative_to(ROOT).as_posix()] = path.read_text(encoding="utf-8")
    for folder in DATA:
        for path in sorted((ROOT / folder).rglob("*")):
            place = path.relative_to(ROOT)
            if path.is_file() and LEFT_OUT.isdisjoint(place.parts):
                found[place.as_posix()] = path.read_text(encoding="utf-8")
    return found


def black() -> dict[str, str]:
    """Every file of black.json."""
    found: dict[str, str] = {}
    for name in BLACK:
        found |= library(name)
    return found


def library(name: str) -> dict[str, str]:
    """The Python files of an installed distribution, and the grammars that it reads."""
    found = {}
    for file in files(name) or ():
        wanted = file.suffix == ".py" or file.name.endswith("Grammar.txt")
        if wanted and ".." not in file.parts:
            found[file.as_posix()] = file.read_text(encoding="utf-8")
    assert found, f"{name} has no files of Python"
    return found


def reached(paths: list[Path]) -> set[Path]:
    """The files of starc that these import, at once or later."""
    todo, found = [*paths], set[Path]()
    for folder in LAZY:
        todo += [p for p in (ROOT / "starc" / folder).rglob("*.py")]
    while todo:
        path = todo.pop()
        if path == WRITING or path.name in NEVER and "operators" in path.parts:
            continue
        if path in found:
            continue
        found.add(path)
        todo += imported(path)
    return found - {BRIDGE}


def imported(path: Path) -> Iterator[Path]:
    """The files of starc that a file imports, and the packages that hold them."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] != "starc":
                continue
            for end in range(1, len(parts) + 1):
                place = ROOT.joinpath(*parts[:end])
                yield from filter(
                    Path.is_file, (place / "__init__.py", place.with_suffix(".py"))
                )


def examples() -> dict[str, str]:
    """Every example by the name of its file."""
    paths = sorted((ROOT / "examples").glob("*.star"))
    return {path.name: path.read_text(encoding="utf-8") for path in paths}


def words() -> list[tuple[str, str]]:
    """Scope and expression of each rule; the first that fits holds."""
    return [(rule.scope, rule.regex) for rule in rules()]


def write(folder: Path) -> None:
    """Writes all four files."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {
        "code": code(),
        "black": black(),
        "examples": examples(),
        "words": words(),
    }
    for name, content in made.items():
        text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
        (folder / f"{name}.json").write_text(text, encoding="utf-8")


def main() -> None:
    write(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
