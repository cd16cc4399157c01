"""A long comment is the compiler's own affair: black is not imported for it."""

import ast
import builtins
from itertools import combinations

import pytest

import starc
from starc import operators
from starc.backend.code import LIMIT
from starc.backend.tidy import tidy
from starc.reference.cases import cases_of

ONES = [use for kind in operators.NAMES for use in cases_of(kind).uses[:2]]


def test_all_states_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: object) -> object:
        assert name != "black"
        return real(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", refuse)
    for chosen in [ONES, *combinations(ONES, 2)]:
        text = f"model {{ width = 64; vocab = 64 }}\nbackbone {{ {'; '.join(chosen)} }}"
        assert all(len(line) <= LIMIT for line in starc.compile(text).split("\n"))


@pytest.mark.parametrize("words", [20, 60])
def test_comment_above(words: int) -> None:
    comment = " ".join(["word"] * words)
    found = tidy(f"class A:\n    a: int = 0  # {comment}\n")
    lines = found.splitlines()
    assert lines[-1] == "    a: int = 0" and all(len(x) <= LIMIT for x in lines)
    assert " ".join(x.strip(" #") for x in lines[1:-1]) == comment
    assert ast.dump(ast.parse(found)) == ast.dump(ast.parse("class A:\n    a: int = 0"))
