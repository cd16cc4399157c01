"""What the docstring of an emitted file says about sharing."""

import ast

from starc import compiler


def paragraphs(body: str) -> list[str]:
    """Those of the docstring, each on one line."""
    text = compiler.compile(
        f"model m {{ width = 64 }}\nbackbone {{ {body} }}", "m.star"
    )
    docstring = ast.get_docstring(ast.parse(text))
    assert docstring and "linear input-varying operator" in docstring
    return [" ".join(part.split()) for part in docstring.split("\n\n")]


def sharing(body: str) -> str:
    """What stands between the table of operators and the shapes."""
    found = paragraphs(body)
    (end,) = (i for i, part in enumerate(found) if part.startswith("Shapes:"))
    return " ".join(found[3:end])


def test_a_block_tells_it_once() -> None:
    found = sharing("6 x { a: SA-1; GMemless; SA-1 k, v from a; GMemless }")
    assert found == "In each Block attn takes k, v from a."


def test_what_stands_before_the_block_keeps_its_name() -> None:
    found = sharing("a: SA-1; 3 x { b: GConv-1; SA-1 k, v from a }")
    assert found == "In each Block attn takes k, v from a."


def test_two_of_one_name_in_a_block_are_told_apart() -> None:
    found = sharing("2 x { a: SA-1; SA-1 k, v from a; SA-1 k, v from a }")
    assert found == (
        "In each Block attn_1 takes k, v from a. "
        "In each Block attn_2 takes k, v from a."
    )


def test_without_blocks_and_without_sharing() -> None:
    assert sharing("a: SA-1; SA-1 k, v from a") == "attn_1 takes k, v from a."
    assert sharing("3 x { SA-1; GMemless }") == ""


def test_the_table_names_layers_classes_and_what_they_compute() -> None:
    found = paragraphs("conv: GConv-1; 2 x { SA-1; GMemless; GMemless }")[2]
    assert found.startswith("conv GatedConv c * conv(b * x)")
    assert "attn Attention softmax" in found and "mlp_1, mlp_2 SwiGLU silu" in found
