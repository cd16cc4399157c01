"""What the docstring of an emitted file says about sharing."""

import ast

from starc import compiler


def sharing(body: str) -> list[str]:
    text = compiler.compile(
        f"model m {{ width = 64 }}\nbackbone {{ {body} }}", "m.star"
    )
    docstring = ast.get_docstring(ast.parse(text))
    assert docstring and "linear input-varying operator" in docstring
    if "Sharing:" not in docstring:
        return []
    lines = docstring.partition("Sharing:\n")[2].partition("\n\n")[0].split("\n")
    return [line.strip() for line in lines]


def test_a_repeat_tells_it_once() -> None:
    found = sharing("6 x { a: SA-1; GMemless; SA-1 k, v from a; GMemless }")
    assert found == ["In each of 6 turns attn takes k, v from a."]


def test_what_stands_before_the_repeat_keeps_its_name() -> None:
    found = sharing("a: SA-1; 3 x { b: GConv-1; SA-1 k, v from a }")
    assert found == ["In each of 3 turns attn takes k, v from a."]


def test_two_of_one_name_in_a_turn_are_told_apart() -> None:
    found = sharing("2 x { a: SA-1; SA-1 k, v from a; SA-1 k, v from a }")
    assert found == [
        f"attn_{i} takes k, v from a_{turn}."
        for turn, i in ((0, 1), (0, 2), (1, 4), (1, 5))
    ]


def test_without_repeats_and_without_sharing() -> None:
    assert sharing("a: SA-1; SA-1 k, v from a") == ["attn_1 takes k, v from a."]
    assert sharing("3 x { SA-1; GMemless }") == []
