"""Every code is explained, every explanation is true, and no code is made up."""

import ast
from functools import cache
from pathlib import Path

import pytest

from starc import encode
from starc.catalogue import codes, explain, genomes, limits, syntax
from starc.diagnostics import Diagnostic, Problems, StarError
from starc.frontend.parse import parse
from starc.source import Source

_PACKAGE = Path(__file__).parent.parent / "starc"
_OF_GENOMES = {e.code for e in genomes.EXPLANATIONS}
_OF_PARSE = {e.code for stage in (syntax, limits) for e in stage.EXPLANATIONS}


def check(code: str, text: str) -> tuple[Diagnostic, ...]:
    """All mistakes; of those in the text itself, parsing alone tells."""
    if code in _OF_PARSE:
        problems = Problems()
        parse(Source("<example>", text), problems)
        return tuple(problems)
    try:
        from starc.compiler import check as check_all
    except ImportError as error:
        pytest.skip(f"starc.compiler.check is not there yet: {error}")
    found = check_all(text)
    try:
        if not found and code in _OF_GENOMES:  # it compiles, and has no integers
            encode(text)
    except StarError as error:
        return error.diagnostics
    return found


@pytest.mark.parametrize("code", codes())
def test_explanations(code: str) -> None:
    found = explain(code)
    assert found is not None and found.code == code
    assert not found.title[0].islower() and not found.title.endswith(".")
    assert found.text.endswith((".", "\n")) and found.right
    assert not check(code, found.right), "the right example is wrong"
    if found.wrong:
        assert [one.code for one in check(code, found.wrong)][:1] == [code]


def test_an_unknown_code_has_no_explanation() -> None:
    assert explain("no-such-code") is None


@cache
def _sources() -> dict[str, ast.Module]:
    return {
        str(path.relative_to(_PACKAGE)): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(_PACKAGE.rglob("*.py"))
        if path.parent.name != "catalogue"
    }


def _codes_told() -> dict[str, str]:
    """code -> where it is told: the first argument of problems.add and Diagnostic."""
    told = {}
    for path, module in _sources().items():
        for node in ast.walk(module):
            if not isinstance(node, ast.Call):
                continue
            function = node.func
            name = getattr(function, "attr", getattr(function, "id", ""))
            owner = ast.unparse(getattr(function, "value", function))
            if name != "Diagnostic" and not (
                name == "add" and owner.endswith(("problems", "found"))
            ):
                continue
            given = [
                *node.args[:1],
                *(k.value for k in node.keywords if k.arg == "code"),
            ]
            for one in given:
                if isinstance(one, ast.Constant) and isinstance(one.value, str):
                    told[one.value] = f"{path}:{node.lineno}"
    return told


def test_every_code_is_in_the_catalogue() -> None:
    told = _codes_told()
    assert len(told) > 20
    assert not {code: place for code, place in told.items() if not explain(code)}


def test_every_code_of_the_catalogue_is_used() -> None:
    words, beginnings = set(), []
    for module in _sources().values():
        for node in ast.walk(module):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                words.add(node.value)
            elif isinstance(node, ast.JoinedStr):  # f"missing-{kind}"
                first = getattr(node.values[0], "value", "") if node.values else ""
                if isinstance(first, str) and first.endswith("-"):
                    beginnings.append(first)
    unused = set(codes()) - words
    assert not {code for code in unused if not code.startswith(tuple(beginnings))}
