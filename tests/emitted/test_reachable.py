"""Nothing is in an emitted file that nothing reaches, nor far from where it is read."""

import ast
import re
from functools import cache
from pathlib import Path

import black
import pytest
import torch

import starc
from starc import resources
from starc.backend import kernel_index
from tests.emitted.helpers import load
from tests.emitted.parts import parsed
from tests.emitted.sequences import check_packed, check_padded
from tests.emitted.small import TEXTS
from tests.sampled import sampled

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.star"))
ENTRIES = {"Model", "Config", "layers", "DecodeGraph", "draw_all"}
"""What a user calls; everything else is there for them."""


def test_the_index_of_the_kernels_is_current(request: pytest.FixtureRequest) -> None:
    path = ROOT / "kernels" / kernel_index.INDEX
    if request.config.getoption("--update-golden"):
        path.write_text(kernel_index.as_json(), encoding="utf-8")
    assert kernel_index.as_json() == path.read_text(encoding="utf-8"), "make golden"


def statements(body: list[ast.stmt]) -> dict[str, frozenset[str]]:
    """Name of a definition -> the names that it reads."""
    found: dict[str, frozenset[str]] = {}
    for node in body:
        match node:
            case ast.If() | ast.Try():
                found |= statements(node.body)
                continue
            case ast.FunctionDef() | ast.ClassDef():
                names = [node.name]
            case ast.Assign():
                names = [target.id for target in node.targets if _is_name(target)]  # type: ignore[attr-defined]
            case _:
                continue
        for name in names:
            found[name] = _read(node) - {name}
    return found


@cache
def _read(node: ast.stmt) -> frozenset[str]:
    return frozenset(n.id for n in ast.walk(node) if isinstance(n, ast.Name))


def _is_name(node: ast.expr) -> bool:
    return isinstance(node, ast.Name)


def unreached(text: str) -> set[str]:
    reads = statements(parsed(text))
    reached: set[str] = set()
    waiting = [name for name in ENTRIES if name in reads]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += reads[name] & reads.keys()
    return reads.keys() - reached


def unread(text: str) -> set[tuple[str, str]]:
    """(function, argument) of those that its body does not read, but for interfaces:
    of an object, of autograd, and `new_state`, which layers have in common."""
    return {each for node in parsed(text) for each in _unread(node)}


@cache
def _unread(top: ast.stmt) -> set[tuple[str, str]]:
    found = set()
    for node in ast.walk(top):
        interface = "new_state", "setup_context"
        if isinstance(node, ast.FunctionDef) and node.name not in interface:
            inside = [part for line in node.body for part in ast.walk(line)]
            read = {name.id for name in inside if isinstance(name, ast.Name)}
            taken = {each.arg for each in (*node.args.args, *node.args.kwonlyargs)}
            unread = taken - read - {"self", "cls", "ctx"}
            found |= {(node.name, name) for name in unread}
    return found


@pytest.mark.parametrize("kernels", ["all", "none"])
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_everything_is_reached(path: Path, kernels: str) -> None:
    text = starc.compile(path.read_text(), path.name, kernels=kernels)
    assert unreached(text) == set()
    assert unread(text) == set()


def test_what_is_reached_is_seen() -> None:
    assert unreached("def f(): pass\nModel = 1\n") == {"f"}
    assert unread("def f(x, y): return x + (lambda z: z)(1)") == {("f", "y")}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_without_kernels_there_is_no_triton(path: Path) -> None:
    text = starc.compile(path.read_text(), path.name, kernels="none")
    code = re.sub(r'"""(.|\n)*?"""|#[^\n]*', "", text)
    assert "triton" not in code and "tl." not in code
    whole = starc.compile(path.read_text(), path.name)
    assert ("triton" in whole) == ("\n# kernels/" in whole)  # GPT-2 needs no kernel


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_first_operator_is_seen_at_once(path: Path) -> None:
    """Model and blocks come first; behind line 140 nobody has read on."""
    text = starc.compile(path.read_text(), path.name)
    lines = text.split("\n")
    classes = [
        (number, line)
        for number, line in enumerate(lines, 1)
        if line.startswith("class ") and "(nn.Module)" in line
    ]
    operators = [number for number, line in classes[1:] if "Block" not in line]
    assert operators[0] <= 140


def test_a_choice_of_triton_has_no_other_branch() -> None:
    """So that leaving it out leaves the plain form, whole."""
    for name in resources.names("kernels"):
        if name.endswith(".py"):
            for node in ast.walk(ast.parse(resources.read("kernels", name))):
                if isinstance(node, ast.If) and kernel_index.chooses(node.test):
                    assert not node.orelse, f"{name}:{node.lineno}"


def test_another_word_is_refused() -> None:
    with pytest.raises(ValueError, match="kernels: one of all, none, not"):
        starc.compile("model m { width = 64 }\nbackbone { MHA }", kernels="triton")


@pytest.mark.parametrize("name", TEXTS)
def test_without_kernels_it_computes_the_same(name: str) -> None:
    """Logits and gradients in float64, and what is sampled."""
    found = []
    for kernels in ("all", "none"):
        module = load(starc.compile(TEXTS[name], kernels=kernels))
        torch.manual_seed(1)
        model = module.Model().double()
        tokens = torch.arange(26).view(2, 13) % module.Config().vocab
        logits = model(tokens)
        logits.square().sum().backward()
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        sampled = model.generate(tokens, 4, temperature=0).tokens
        found.append([logits, *gradients, sampled])
    assert len(found[0]) == len(found[1]) > 3
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, rtol=1e-9, atol=1e-12)
    if name == "parallel":  # of the operators, tests/kernels/test_plain.py says so
        check_packed(model, (1, 0, 5, 7))
        check_padded(model, torch.tensor((0, 3)), (6, 1))


FORMATTED = [ROOT / f"examples/{name}.star" for name in ("lfm2_350m", "moe_hybrid")]


@pytest.mark.parametrize("path", sampled(EXAMPLES, FORMATTED), ids=lambda p: p.stem)
def test_what_is_left_without_kernels_is_formatted(path: Path) -> None:
    text = starc.compile(path.read_text(), path.name, kernels="none")
    assert black.format_str(text, mode=black.Mode()) == text


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_model_without_kernels_is_short(path: Path) -> None:
    """Nobody has to read how a gradient is computed, or a CUDA graph captured."""
    whole, plain = (
        starc.compile(path.read_text(), kernels=kernels) for kernels in ("all", "none")
    )
    assert "autograd" not in plain and "CUDAGraph" not in plain
    assert plain.count("\n") < whole.count("\n")
    assert max(map(len, plain.split("\n"))) <= 88
