"""Which part of a kernel file needs which other: read once, shipped as index.json.

The parts of a file are its statements at the top, and those under `if triton is not
None:`. The index holds lines and names only; the text is taken from the file itself.
`make golden` writes it anew, and a test holds it to the files.
"""

import ast
import json
import sys
from collections.abc import Iterator
from typing import TypedDict

from starc import resources

INDEX = "index.json"
PLAIN = "plain/"
"""Where files stand that a file without Triton has instead of those above them."""

STANDARD = sys.stdlib_module_names
SWITCH = ("kernels_for", "_in_triton")
"""What a condition that chooses Triton, or another kernel for GPUs, calls ends with."""


class Part(TypedDict):
    """Lines [first, last] of a file, and names of other parts, of this file or another.

    guarded: it stands under `if triton is not None:`. plain: the lines to leave out
    where there is no Triton, and what the rest of the part needs.
    """

    lines: tuple[int, int]
    defines: list[str]
    needs: list[str]
    guarded: bool
    cut: list[tuple[int, int]]
    plain_needs: list[str]


class File(TypedDict):
    """imports: name -> module of the standard library that it comes from, "" where it
    is the module. Parts need these names too."""

    imports: dict[str, str]
    parts: list[Part]


def build() -> dict[str, File]:
    """The index of every file in `kernels/`, by the name of the file."""
    texts = {name: resources.read("kernels", f"{name}.py") for name in names()}
    trees = {name: ast.parse(text) for name, text in texts.items()}
    known = {
        name
        for tree in trees.values()
        for node, _ in _statements(tree)
        for name in _defines(node)
    }
    return {name: _file(trees[name], texts[name], known) for name in texts}


def names() -> list[str]:
    """The files of `kernels/`, those of `plain/` with the folder before the name."""
    return [
        (prefix + name).removesuffix(".py")
        for prefix in ("", PLAIN)
        for name in resources.names(f"kernels/{prefix}")
        if name.endswith(".py")
    ]


def as_json() -> str:
    """The index as it is shipped, a part a line."""
    lines = []
    for name, file in build().items():
        parts = [f"    {json.dumps(part)}" for part in file["parts"]]
        head = {key: value for key, value in file.items() if key != "parts"}
        start = json.dumps(head)[:-1]
        lines.append(f'"{name}": {start}, "parts": [\n' + ",\n".join(parts) + "\n]}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _statements(tree: ast.Module) -> Iterator[tuple[ast.stmt, bool]]:
    """What a file defines, and whether it is under `if triton is not None:`."""
    kinds = ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign
    for node in tree.body:
        if isinstance(node, ast.If):
            yield from ((inner, True) for inner in node.body)
        elif isinstance(node, kinds):
            yield node, False


def _defines(node: ast.AST) -> list[str]:
    match node:
        case ast.FunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.Assign():
            names = [name for target in node.targets for name in ast.walk(target)]
        case ast.AnnAssign():
            names = [node.target]
        case _:
            return []
    return [name.id for name in names if isinstance(name, ast.Name)]


def _file(tree: ast.Module, text: str, known: set[str]) -> File:
    lines = text.split("\n")
    imports = dict(_imports(tree))
    known = known | imports.keys()
    parts: list[Part] = []
    for node, guarded in _statements(tree):
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(d.lineno for d in decorators)])
        while lines[first - 2].lstrip().startswith("#"):  # a comment belongs to it
            first -= 1
        cut = [] if guarded else list(triton_only(node))
        own = set(_defines(node))
        parts.append(
            Part(
                lines=(first, node.end_lineno or first),
                defines=sorted(own),
                needs=sorted((_reads(node, []) & known) - own),
                guarded=guarded,
                cut=cut,
                plain_needs=sorted((_reads(node, cut) & known) - own),
            )
        )
    return File(imports=imports, parts=parts)


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(name, module) of what comes from the standard library."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from ((x.name, "") for x in node.names if x.name in STANDARD)
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module.partition(".")[0] in STANDARD:
                yield from ((alias.name, node.module) for alias in node.names)


def _reads(node: ast.AST, cut: list[tuple[int, int]]) -> set[str]:
    """The names that are read outside of the lines that are cut."""
    return {
        name.id
        for name in ast.walk(node)
        if isinstance(name, ast.Name)
        and isinstance(name.ctx, ast.Load)
        and not any(first <= name.lineno <= last for first, last in cut)
    }


def gpu_only(node: ast.stmt) -> Iterator[tuple[int, int]]:
    """Lines of a function that are there for GPUs: those for Triton, and the answer to
    a length that is on a GPU, as in a CUDA graph; unless that alone reads an argument.
    """
    yield from triton_only(node)
    if not isinstance(node, ast.FunctionDef):
        return
    spans = [
        (inner.lineno, inner.end_lineno or inner.lineno)
        for inner in ast.walk(node)
        if isinstance(inner, ast.If) and _asks_for_a_tensor(inner.test)
    ]
    if {argument.arg for argument in node.args.args} <= _reads(node, spans):
        yield from spans


def _asks_for_a_tensor(test: ast.expr) -> bool:
    """`isinstance(state.length, Tensor)`, alone or with more that must hold."""
    terms = test.values if isinstance(test, ast.BoolOp) else [test]
    return any(ast.unparse(term).startswith("isinstance(") for term in terms)


def triton_only(node: ast.stmt) -> Iterator[tuple[int, int]]:
    """Lines of branches that choose Triton, and of what is computed for them alone."""
    branches = [
        (inner.lineno, inner.end_lineno or inner.lineno)
        for inner in ast.walk(node)
        if isinstance(inner, ast.If) and chooses(inner.test)
    ]
    yield from branches
    while branches:  # an assignment that nothing else reads
        read = _reads(node, branches)
        dead = [
            (inner.lineno, inner.end_lineno or inner.lineno)
            for inner in ast.walk(node)
            if isinstance(inner, ast.Assign)
            and not set(_defines(inner)) & read
            and all(isinstance(t, ast.Name | ast.Tuple) for t in inner.targets)
            and not any(a <= inner.lineno <= b for a, b in branches)
        ]
        if not dead:
            return
        yield from dead
        branches += dead


def chooses(test: ast.expr) -> bool:
    """Whether a condition is one for Triton."""
    terms = test.values if isinstance(test, ast.BoolOp) else [test]
    return any(
        isinstance(term, ast.Call)
        and isinstance(term.func, ast.Name)
        and term.func.id.endswith(SWITCH)
        for term in terms
    )
