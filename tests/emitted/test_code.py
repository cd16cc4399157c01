"""Code as values: what is printed is Python, fits, and is as black leaves it.

Names that code reads are found as Python sees them.
"""

import ast

import black
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starc.backend import code
from starc.backend.code import Call, Expression, List

NAMES = st.text("abcdefgh_", min_size=1, max_size=24).map(lambda text: f"n{text}")
EXPRESSIONS: st.SearchStrategy[Expression] = st.recursive(
    NAMES,
    lambda inner: st.builds(
        lambda name, items: Call(f"self.{name}", tuple(items)),
        NAMES,
        st.lists(inner, min_size=1, max_size=4),
    ),
    max_leaves=12,
)


def whole(lines: list[str]) -> str:
    return "\n".join(["def f(self):", *lines, ""])


@settings(max_examples=60, deadline=None)
@given(EXPRESSIONS.filter(lambda value: isinstance(value, Call)))
def test_a_statement_is_what_it_says(value: Expression) -> None:
    text = whole(code.statement("x = ", value, "", 4))
    expected = ast.parse(whole([f"    x = {value}"]))
    assert ast.dump(ast.parse(text)) == ast.dump(expected)
    assert max(map(len, text.split("\n"))) <= code.LIMIT or "(" not in str(value)


@settings(max_examples=40, deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=12))
def test_a_call_of_names_is_as_black_leaves_it(names: list[str]) -> None:
    text = whole(code.statement("x = ", Call("self.call", tuple(names)), "", 4))
    assert black.format_str(text, mode=black.Mode()) == text


def test_lists_have_an_item_a_line() -> None:
    items = tuple(f"a_name_that_is_long_{index}" for index in range(6))
    lines = code.statement("return ", List(items))
    assert lines[1:-1] == [f"            {item}," for item in items]
    each = code.statement(
        "return ", List((Call("New.new", ("block" * 20,)),), "for b in x")
    )
    assert each[-2:] == ["            for b in x", "        ]"]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("x = heads * heads  # heads", ["heads", "heads"]),
        ("f(heads=1)", ["f"]),
        ("self.heads = 2", ["self"]),
        ("'heads'", []),
    ],
)
def test_names_read(text: str, read: list[str]) -> None:
    assert code.names_read(text) == read


def test_with_names() -> None:
    text = "x = {'heads': heads}  # heads\ny = f(heads=heads + 'ä'.width, b=heads)"
    assert code.with_names(text, {"heads": "config.heads"}) == (
        "x = {'heads': config.heads}  # heads\n"
        "y = f(heads=config.heads + 'ä'.width, b=config.heads)"
    )


def test_reads() -> None:
    text = (
        "def f(a: Kind) -> Kind:\n    def g():\n        return one.two(3)\n    return g"
    )
    assert {"one", "two"} <= code.reads(text) and "Kind" not in code.reads(text)
