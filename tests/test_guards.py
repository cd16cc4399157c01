"""The shape of the code: imports point one way, heavy things stay where they are."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from starc import operators

PACKAGE = Path(__file__).parent.parent / "starc"

ORDER = (
    "choices",
    "values",
    "printable",
    "numerals",
    "columns",
    "working",
    "spelling",
    "artefacts",
    "source",
    "snippet",
    "diagnostics",
    "files",
    "folders",
    "resources",
    "frontend",
    "catalogue",
    "operators",
    "ir",
    "operators.operator",
    "alphabet",
    "operators.options",
    "lower",
    "genome",
    "passes",
    "backend",
    "operators.emission",
    "compiler",
    "highlight",
    "vendoring",
    "resize",
    "zoo",
    "export",
    "reference",
    "operators.reference",
    "operators.cases",
    "training",
    "draw",
    "evolve",
    "lsp",
    "cli",
)
"""As in docs/System.md: each may import those above it, and nothing below."""

MODULES = sorted(PACKAGE.rglob("*.py"))


@cache
def imports(path: Path) -> tuple[str, ...]:
    """Dotted names of all that a file imports, inside functions too."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: write imports in full"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return tuple(found)


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMED = {module_name(path): path for path in MODULES}


def imported(path: Path) -> set[str]:
    """The modules of starc that a file imports.

    `from starc import __version__` counts for none: the facade is there before any file
    of the package, and gives no more than that constant.
    """
    found = set()
    for name in imports(path):
        while name and name not in NAMED:
            name = name.rpartition(".")[0]
        if name and name != "starc":
            found.add(name)
    return found - {module_name(path)} if path.name == "__init__.py" else found


def part_of(path: Path) -> str:
    return part(module_name(path))


def part(name: str) -> str:
    """Of a dotted name below `starc`; each file of an operator has its own part."""
    found = name.split(".")
    if found[1:2] == ["operators"] and len(found) > 3:
        return f"operators.{found[3]}"
    return found[1] if len(found) > 1 else "__init__"


def from_starc(path: Path) -> Iterator[str]:
    """The parts of starc that a file imports."""
    for name in imports(path):
        if name.startswith("starc.") and name != "starc.__version__":
            yield part(name)


def in_package() -> list[Path]:
    return [path for path in MODULES if not part_of(path).startswith("__")]


def test_every_part_has_its_place_in_the_order() -> None:
    assert {part_of(path) for path in in_package()} <= set(ORDER)


@pytest.mark.parametrize("part", ORDER)
def test_imports_point_one_way(part: str) -> None:
    above = ORDER[: ORDER.index(part) + 1]
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in in_package()
        if part_of(path) == part
        for name in from_starc(path)
        if name not in above
    ]
    assert not wrong


FILES = {"operator.py", "options.py", "emission.py", "reference.py", "cases.py"}


@pytest.mark.parametrize("name", operators.NAMES)
def test_an_operator_is_one_folder(name: str) -> None:
    folder = PACKAGE / "operators" / name
    assert {p.name for p in folder.glob("*.py")} == {"__init__.py", *FILES}
    assert (PACKAGE.parent / "templates" / "operators" / f"{name}.py.j2").is_file()
    for path in folder.glob("*.py"):
        others = {*operators.NAMES, ""} - {name}
        named = {n.split(".")[2] for n in imported(path) if n.count(".") > 2}
        assert not named & others, f"{path}: operators do not know one another"


def test_the_list_of_operators_names_every_folder() -> None:
    folders = {path.parent.name for path in PACKAGE.glob("operators/*/*.py")}
    assert folders == {*operators.NAMES}


def test_nothing_outside_names_an_operator() -> None:
    """The list does, and each folder itself; the rest asks the list."""
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in in_package()
        if not part_of(path).startswith("operators.")
        for name in imports(path)
        if name.startswith("starc.operators.") and name.split(".")[2] in operators.NAMES
    ]
    assert not wrong


NEW_OPERATOR = {
    "starc/operators/__init__.py",  # the list
    "kernels/index.json",  # written from the kernels
    "benchmarks/results/kernels_compiled.json",  # of measurements
    "docs/kernels_compiled.md",  # written from them
}
"""What names an operator outside its own files: a line in a list; no other by hand."""


def test_what_a_new_operator_touches() -> None:
    """Its folder, template, kernel and their tests, prelude, example, changelog; the
    measure is the longest name, which is no word of anything else."""
    name = max(operators.NAMES, key=len)
    own = (
        *(f"starc/operators/{name}/", f"templates/operators/{name}", f"kernels/{name}"),
        *("grammar/", "examples/", "tests/golden/", "CHANGELOG.md"),
    )
    root = PACKAGE.parent
    found = set()
    folders = ("starc", "templates", "kernels", "tests", "docs", "benchmarks", "tools")
    paths = [path for folder in folders for path in (root / folder).rglob("*.*")]
    for path in (*paths, *root.glob("*.md"), root / "Makefile"):
        where = path.relative_to(root).as_posix()
        if path.is_file() and path.suffix != ".pyc" and not where.startswith(own):
            if name in path.read_text("utf-8", "replace"):
                found.add(where)
    assert found <= NEW_OPERATOR


def test_no_file_is_part_of_a_circle_of_imports() -> None:
    """Also where an import stands in a function, or is for types alone."""
    assert circles({name: imported(path) for name, path in NAMED.items()}) == []


def test_circles_are_found() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set(), "e": {"e"}}
    assert circles(graph) == [["b", "c"], ["e"]]


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Strongly connected components of more than one node, and nodes that are their
    own successors."""
    below = {name: reached(graph, name) for name in graph}
    found = {
        tuple(sorted({name} | {other for other in below[name] if name in below[other]}))
        for name in graph
        if name in below[name]
    }
    return [list(circle) for circle in sorted(found)]


def reached(graph: dict[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    todo = list(graph[start])
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += graph[name]
    return found


@pytest.mark.parametrize(
    ("library", "homes"),
    [
        ("lark", {"frontend/tables.py"}),
        ("jinja2", {"backend/template_code.py", "evolve"}),
        ("black", {"backend"}),
        ("typer", {"cli/app.py"}),
        ("rich", {"cli", "training", "ir", "evolve"}),
        (
            "torch",
            {
                *("reference", "operators.reference", "operators.cases"),
                *("training", "evolve"),
                *("draw/operator.py", "cli/training.py"),
                *(
                    "export/drawn.py",
                    "export/model.py",
                    "export/onnx.py",
                    "export/refusal.py",
                    "export/stand_ins.py",
                    "export/torch_export.py",
                ),
                "cli/export.py",
            },
        ),
        ("safetensors", {"training", "evolve", "draw/operator.py", "cli/training.py"}),
        ("pymoo", {"evolve"}),
        ("sklearn", {"evolve"}),
        ("pandas", {"evolve"}),
        ("pyarrow", {"evolve"}),
        ("plotly", {"evolve"}),
        ("ray", {"evolve"}),
        ("pygls", {"lsp/server.py"}),
        ("lsprotocol", {"lsp/server.py", "lsp/protocol.py"}),
    ],
)
def test_libraries_stay_where_they_belong(library: str, homes: set[str]) -> None:
    users = {
        path.relative_to(PACKAGE)
        for path in MODULES
        if any(name.split(".")[0] == library for name in imports(path))
    }
    allowed = {user for user in users if {str(user), part_of(PACKAGE / user)} & homes}
    assert users == allowed


def test_classes_of_the_compiler_are_cheap_to_define() -> None:
    """By starc/values.py; what needs torch has other costs."""
    heavy = {"values", "reference", "operators.reference", "training", "draw", "evolve"}
    wrong = [
        str(path.relative_to(PACKAGE))
        for path in in_package()
        if part_of(path) not in heavy and "dataclasses.dataclass" in imports(path)
    ]
    assert not wrong, "from starc.values import dataclass"


def test_nothing_imports_the_training_or_the_reference() -> None:
    for path in in_package():
        if part_of(path) == "evolve":  # it trains what it finds
            continue
        if part_of(path) in ("operators.reference", "operators.cases"):
            continue
        wrong = {"training", "reference"} & set(from_starc(path)) - {part_of(path)}
        homes = ("cli/training.py", "cli/compare.py", "draw/operator.py")
        assert not wrong or str(path).endswith(homes)


RUN = """
import sys
from starc.cli import main
sys.argv = ["starc", *{arguments}]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
loaded = {{name.split(".")[0] for name in sys.modules}}
heavy = {{"torch", "black", "rich", "numpy", "triton", "pydantic", "asyncio"}}
print(sorted(loaded & (heavy | {{"typer", "lark", "jinja2"}} - {{*{besides}}})))
"""


LIGHT = [
    (["compile", "examples/lfm2_350m.star", "-o", "{out}"], set()),
    (["check", "examples/lfm2_350m.star"], set()),
    (["fmt", "--check", "examples/lfm2_350m.star"], set()),
    (["show", "examples/lfm2_350m.star"], set()),
    (["vendor", "examples/lfm2_350m.star", "--into", "{out}"], set()),
    (["genes"], set()),
    (["--version"], {"typer"}),
]


@pytest.mark.parametrize(
    ("arguments", "besides"), LIGHT, ids=[arguments[0] for arguments, _ in LIGHT]
)
def test_the_compiler_starts_light(
    tmp_path: Path, arguments: list[str], besides: set[str]
) -> None:
    """What a command does not need is not imported: that takes longer than its work."""
    arguments = [a.format(out=tmp_path / "model.py") for a in arguments]
    run = subprocess.run(
        [sys.executable, "-c", RUN.format(arguments=arguments, besides=[*besides])],
        capture_output=True,
        text=True,
        cwd=PACKAGE.parent,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == "[]"


KERNELS = sorted((PACKAGE.parent / "kernels").glob("*.py"))


def without_types(tree: ast.AST) -> Iterator[str]:
    """Functions without all annotations, but for those that Triton compiles."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef):
            continue
        if any("triton.jit" in ast.unparse(one) for one in node.decorator_list):
            continue
        given = node.args
        arguments = [*given.posonlyargs, *given.args, *given.kwonlyargs]
        arguments += [one for one in (given.vararg, given.kwarg) if one is not None]
        typed = [one.annotation for one in arguments if one.arg not in ("self", "cls")]
        if node.returns is None or not all(typed):
            yield node.name


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: path.stem)
def test_kernels_have_types_outside_of_triton(path: Path) -> None:
    assert not list(without_types(ast.parse(path.read_text())))


def test_functions_without_types_are_found() -> None:
    text = "@triton.jit\ndef a(x): ...\ndef b(x) -> int: ...\ndef c(x: int): ...\n"
    assert list(without_types(ast.parse(text))) == ["b", "c"]


PRINTS = {"print", "echo", "secho", "Console"}
STREAMS = {"stdout", "stderr", "stdin", "__stdout__", "__stderr__", "__stdin__"}
MAY_USE_STREAMS = {
    "cli/progress.py",
    "cli/streams.py",
    "cli/descriptors.py",
    "workers/worker.py",  # a process of its own, which prints to a log
    "training/text.py",  # reads the text that --data - names
}


def printing(path: Path) -> Iterator[str]:
    """Where a file prints, or touches a standard stream, by itself."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            function = node.func
            if getattr(function, "id", getattr(function, "attr", "")) in PRINTS:
                if ast.unparse(function).endswith("console.print"):
                    continue  # a console that streams.console() made
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}: {ast.unparse(node)}"
        elif isinstance(node, ast.Attribute) and node.attr in STREAMS:
            if ast.unparse(node.value) == "sys":
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}: {ast.unparse(node)}"


def test_printing_has_one_place() -> None:
    """starc/cli/streams.py knows encodings, closed pipes and full devices."""
    found = [
        place
        for path in MODULES
        if not str(path.relative_to(PACKAGE)).endswith(tuple(MAY_USE_STREAMS))
        for place in printing(path)
    ]
    assert not found


CLOCKS = frozenset(
    f"time.{name}{unit}"
    for name in ("time", "monotonic", "perf_counter", "process_time", "thread_time")
    for unit in ("", "_ns")
) | {"resource.getrusage", "os.times", "datetime.datetime.now"}
TESTS = PACKAGE.parent / "tests"
MAY_READ_A_CLOCK = {
    "work.py": "counts work, and waits",
    "triton/conftest.py": "ends in time on a GPU that is lent for minutes",
}


def clocks(tree: ast.AST) -> Iterator[str]:
    """The clocks that a file reads, under whatever name it imports them."""
    named: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                named[alias.asname or alias.name] = alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                named[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        if isinstance(node, (ast.Attribute, ast.Name)):
            first, _, rest = ast.unparse(node).partition(".")
            known = named.get(first, first)
            found = f"{known}.{rest}" if rest else known
            if found in CLOCKS or found.split(".")[0] == "timeit":
                yield found


def test_no_test_reads_a_clock() -> None:
    """Times differ between machines: they are measured in benchmarks/, as ratios."""
    found = {
        str(path.relative_to(TESTS)): set(clocks(ast.parse(path.read_text())))
        for path in TESTS.rglob("*.py")
        if "golden" not in path.parts
    }
    reads = {name: read for name, read in found.items() if read}
    assert reads.keys() == MAY_READ_A_CLOCK.keys(), reads


@pytest.mark.parametrize(
    "text",
    [
        "import time\nassert time.time() < 5",
        "import time as t\nt.perf_counter_ns()",
        "from time import monotonic as now\nnow()",
        "import timeit\ntimeit.timeit(f)",
        "from resource import getrusage\ngetrusage(0)",
        "from datetime import datetime as d\nd.now()",
    ],
)
def test_a_clock_is_seen_under_any_name(text: str) -> None:
    assert list(clocks(ast.parse(text)))


def test_files_of_one_name_are_in_packages() -> None:
    """pytest knows a test file outside of a package by its name alone, in one process:
    tests/triton has its own."""
    seen: dict[str, Path] = {}
    for path in sorted(Path(__file__).parent.rglob("test_*.py")):
        alone = path.parent.name == "triton"
        if not alone and not (path.parent / "__init__.py").exists():
            assert path.name not in seen, f"{path} and {seen[path.name]}"
            seen[path.name] = path
