"""Names and references of the expanded model; where features come from."""

import pytest

from starc.ir.nodes import Again, Feature, Layer, Liv, Loop, Model, Repeat, WrittenStep
from starc.passes import run
from starc.passes.expand import expand
from starc.passes.resolve import resolve
from tests.ir.ir_models import (
    ATTENTION,
    CONV,
    GLU,
    again,
    difference,
    liv,
    model,
    parallel,
)


def labels(result: Model) -> list[str]:
    return [layer.label for layer in result.layers()]


def resolved(*body: WrittenStep) -> dict[str, Liv]:
    return {liv.label: liv for liv in resolve(expand(model(*body))).livs()}


def test_names() -> None:
    body = Loop(2, (liv(CONV, "c"), liv(GLU), Loop(2, (liv(ATTENTION, "a"),))))
    names = ["one", "c_0", "mlp_2", "a_0", "a_1", "c_1", "mlp_6", "a_2", "a_3", "mlp_9"]
    assert labels(expand(model(liv(CONV, "one"), body, liv(GLU)))) == names


def test_again_has_no_position() -> None:
    body = (liv(GLU, "m"), again("m"), liv(CONV), again("m", "n"))
    result = expand(model(*body, again("n"), liv(CONV)))
    assert labels(result) == ["m", "m_again_1", "conv_1", "n", "m_again_2", "conv_2"]
    assert all(layer.of == "m" for layer in result.layers() if isinstance(layer, Again))


def test_names_of_sides() -> None:
    side_by_side = parallel(liv(CONV), liv(CONV), liv(ATTENTION, "a"))
    result = expand(model(liv(GLU), Loop(2, (side_by_side,)), difference(CONV)))
    assert labels(result) == ["mlp_0", "parallel_1", "parallel_2", "conv_3"]
    assert [liv.label for liv in result.livs()][1:] == [
        "parallel_1.conv",
        "parallel_1.conv_2",
        "a_0",
        "parallel_2.conv",
        "parallel_2.conv_2",
        "a_1",
        "conv_3.a",
        "conv_3.b",
    ]


def test_one_side_is_named_as_the_liv_alone() -> None:
    result = expand(model(parallel(liv(CONV)), parallel(liv(GLU, "m"))))
    assert labels(result) == ["conv_0", "m"]
    assert [liv.label for liv in result.livs()] == ["conv_0", "m"]


def test_references_mean_the_same_turn_and_then_the_last() -> None:
    iteration = (liv(CONV, "c"), liv(CONV, weights="c"), liv(CONV, weights="z"))
    result = expand(model(liv(CONV, "z"), Loop(2, iteration), liv(CONV, weights="c")))
    assert [liv.weights_from for liv in result.livs()] == [
        *("", "", "c_0", "z", "", "c_1", "z", "c_1"),
    ]


def test_weights_from_a_chain_are_those_of_its_root() -> None:
    found = resolved(
        liv(CONV, "c1"),
        liv(CONV, "c2", weights="c1"),
        liv(CONV, "c3", weights="c2"),
    )
    assert found["c3"].mixing == "c1"
    assert found["c3"].feature("b") == Feature("b", "c1", "c3")
    assert found["c3"].projections == (("b",), ("c",), ("x",))
    assert not found["c3"].weights_from


def test_features_from_a_chain_are_computed_at_its_root() -> None:
    found = resolved(
        liv(ATTENTION, "a1"),
        liv(ATTENTION, "a2", k="a1", v="a1"),
        liv(ATTENTION, "a3", weights="a2", v="a2"),
    )
    assert found["a3"].features == (
        Feature("q", "a2", "a3"),
        Feature("k", "a1", "a3"),  # a2 has no weights for k: it is made with a1's
        Feature("v", "a1", "a1"),
    )


def test_features_of_a_liv_used_again_come_from_its_second_input() -> None:
    found = resolved(
        liv(ATTENTION, "a1"),
        again("a1", "again"),
        liv(ATTENTION, "a2", weights="again", k="again"),
    )
    assert found["a2"].feature("k") == Feature("k", "a1", "again")
    assert found["a2"].feature("q") == Feature("q", "a1", "a2")


def test_differences_share_side_by_side() -> None:
    found = resolved(difference(CONV, "d1"), difference(CONV, "d2", weights="d1"))
    assert found["d2.a"].mixing == "d1.a"
    assert found["d2.b"].feature("x") == Feature("x", "d1.b", "d2.b")


def test_a_long_loop() -> None:
    result = resolve(expand(model(Loop(500, (liv(CONV), liv(GLU))))))
    (repeat,) = result.body
    assert isinstance(repeat, Repeat) and len(repeat.iterations) == 500
    layers = list(result.layers())
    assert len(layers) == 1000 and layers[-1].label == "mlp_999"
    assert isinstance(layers[0], Liv) and layers[0].operator is CONV


@pytest.mark.parametrize(
    "name, text", [("fusee", "did you mean"), ("expand", "cannot")]
)
def test_pass_names(name: str, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        run(model(liv(CONV)), frozenset({name}))


def test_layers_keep_their_order() -> None:
    steps: list[Layer] = [liv(CONV), liv(GLU), liv(ATTENTION)]
    assert [x.operator for x in run(model(*steps)).livs()] == [CONV, GLU, ATTENTION]
