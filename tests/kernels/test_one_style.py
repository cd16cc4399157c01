"""What all files of kernels/ have in common, as docs/kernels.md says, by their text."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernels.kernel_checks import KERNELS

FILES = sorted(KERNELS.glob("*.py"))
PLAIN = sorted((KERNELS / "plain").glob("*.py"))
TEMPLATES = KERNELS.parent / "templates" / "functions"
MOST_PARAMETERS = 28
SIZES = {"WIDTH", "SIZE", "PART", "KIND", "QUEUE", "PRECISION", "BLOCK_SIZE"}
each = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def kernels(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    """The functions that Triton compiles."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            if any("triton.jit" in ast.unparse(d) for d in node.decorator_list):
                yield node


@each
def test_kernels_have_few_parameters(path: Path) -> None:
    """And names of the field for what they are tiled by."""
    for kernel in kernels(ast.parse(path.read_text(encoding="utf-8"))):
        names = [argument.arg for argument in kernel.args.args]
        assert len(names) <= MOST_PARAMETERS, f"{kernel.name}: {len(names)}"
        assert not SIZES & set(names), kernel.name


@each
def test_no_tuple_is_written_to_be_splatted(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        written = isinstance(node, ast.Starred) and isinstance(node.value, ast.Tuple)
        assert not written, f"{path.name}:{node.lineno}"  # type: ignore[attr-defined]


@each
def test_one_function_with_a_gradient(path: Path) -> None:
    """For what is offered, beside a plain one that keeps less than PyTorch's; and one
    order: it stands before what Triton launches."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    classes = [n for n in tree.body if isinstance(n, ast.ClassDef)]
    functions = [c for c in classes if "autograd" in ast.unparse(c)]
    offered = [n for n in tree.body if isinstance(n, ast.FunctionDef)]
    offered = [n for n in offered if not n.name.startswith("_")]
    plain = [c for c in functions if c.name.startswith("_Plain")]
    assert len(functions) - len(plain) <= max(1, len(offered))
    guarded = [n for n in tree.body if isinstance(n, ast.If)]
    assert not guarded or guarded == tree.body[-1:]


FIXED = {"weight", "bias", "ends", "taps", "frequencies"}
"""Tensors whose first size is the model's and not a batch's."""


def counted(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Functions, and tensors given to them that they take the len() of."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            given = {a.arg: ast.unparse(a.annotation or a) for a in function.args.args}
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "len":
                    name = ast.unparse(node.args[0])
                    if given.get(name, "").startswith("Tensor"):
                        yield function.name, name


def test_sizes_of_a_batch_are_asked_of_its_shape() -> None:
    """len() is an int, and to torch.export that one: no other batch would be taken."""
    for path in (*FILES, *PLAIN, *TEMPLATES.glob("*.py")):
        found = counted(ast.parse(path.read_text(encoding="utf-8")))
        assert not [one for one in found if one[1] not in FIXED], path


def test_a_len_is_found() -> None:
    text = "def f(x: Tensor | None, n: list[int]):\n  return len(x), len(n)"
    assert [*counted(ast.parse(text))] == [("f", "x")]


def test_sequences_alone_reads_the_borders() -> None:
    """Nothing else loads from cu_seqlens, or knows what it holds."""
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        loads = "tl.load(cu_seqlens" in text or "cu_seqlens.tolist" in text
        assert loads == (path.stem == "sequences"), path.name
