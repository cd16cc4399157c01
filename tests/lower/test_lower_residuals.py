"""What a text says of residuals: of the model, of an alias, of one LIV."""

import pytest

from starc import compiler, passes
from starc.diagnostics import Problems, StarError
from starc.frontend.parse import parse
from starc.genome import encode
from starc.ir.nodes import Again, Liv, Parallel
from starc.ir.residual import BARE, Norm, Residual
from starc.source import Source

NORM = Norm()
PRE, POST = Residual(NORM), Residual(None, NORM)


def layers(backbone: str, model: str = "", before: str = "") -> list[object]:
    text = f"model m {{ width = 64; {model} }}\n{before}\nbackbone {{ {backbone} }}"
    return list(compiler.to_ir(text).body)


def residuals(backbone: str, model: str = "", before: str = "") -> list[Residual]:
    found = layers(backbone, model, before)
    return [x.residual for x in found if isinstance(x, Liv | Parallel)]


def test_the_last_word_is_the_use_s() -> None:
    before = """
    liv post      = SA-1(placement = post)
    liv difference = diff(post)
    liv half      = post(residual_scale = 1/2)
    """
    backbone = "SA-1; post; half; half(placement = none); difference; GMemless"
    assert residuals(backbone, "residual_scale = 0.25", before) == [
        Residual(NORM, None, 0.25),
        Residual(None, NORM, 0.25),
        Residual(None, NORM, 0.5),
        Residual(None, None, 0.5),
        Residual(None, NORM, 0.25),
        Residual(NORM, None, 0.25),
    ]


def test_factors_are_numbers_or_learned() -> None:
    backbone = "SA-1; SA-1(residual_scale = 1/2, skip_scale = learned); SA-1-Diff"
    assert residuals(backbone, "residual_scale = learned; skip_scale = 1/4") == [
        Residual(NORM, None, 1.0, 0.25, learned_scale=True),
        Residual(NORM, None, 0.5, 1.0, learned_skip=True),
        Residual(NORM, None, 1.0, 0.25, learned_scale=True),
    ]


def test_a_parallel_has_the_model_s_and_its_sides_none() -> None:
    (parallel,) = layers("parallel { SA-1; GMemless }", "placement = post")
    assert isinstance(parallel, Parallel) and parallel.residual == POST
    assert [branch.residual for branch in parallel.branches] == [BARE, BARE]
    said = "parallel(placement = sandwich, skip_scale = learned) { SA-1; GMemless }"
    (parallel,) = layers(said, "residual_scale = 1/2")
    assert isinstance(parallel, Parallel)
    assert parallel.residual == Residual(NORM, NORM, 0.5, learned_skip=True)
    (difference,) = layers("SA-1-Diff(placement = post)")
    assert isinstance(difference, Parallel) and difference.residual == POST
    assert [branch.residual for branch in difference.branches] == [BARE, BARE]


def test_the_same_again_has_the_residual_of_the_first() -> None:
    first, again = layers("a: SA-1(placement = post); SA-1 same as a")
    assert isinstance(first, Liv) and isinstance(again, Again)
    expanded = passes.run(
        compiler.to_ir(
            "model { width = 64 }\n"
            "backbone { a: SA-1(placement = post); SA-1 same as a }"
        )
    )
    assert {one.residual for one in expanded.whole().values()} == {POST}


def told(text: str) -> list[tuple[str, str, str]]:
    """(code, text at the place, label) of each mistake."""
    return [(d.code, d.span.text, d.label) for d in compiler.check(text)]


MODEL = "model m { width = 64 }\n"


@pytest.mark.parametrize(
    "text, code, at, label",
    [
        (
            MODEL + "backbone { parallel(heads = 2) { SA-1 } }",
            "unknown-parameter",
            "heads",
            "",
        ),
        (
            MODEL + "backbone { parallel { parallel(placement = post) { SA-1 } } }",
            "not-in-parallel",
            "placement = post",
            "what stands in a parallel is one with its branches",
        ),
        (
            "model m { width = 64; placement = psot }\nbackbone { SA-1 }",
            "wrong-value",
            "psot",
            "did you mean post?",
        ),
        (
            MODEL + "backbone { SA-1(placement = befor) }",
            "wrong-value",
            "befor",
            "unknown word",
        ),
        (
            MODEL + "backbone { SA-1(placemnt = post) }",
            "unknown-parameter",
            "placemnt",
            "did you mean placement?",
        ),
        (
            "model m { width = 64; residual_scale = 0 }\nbackbone { SA-1 }",
            "out-of-range",
            "0",
            "too small",
        ),
        (
            "model m { width = 64; logit_scale = -2 }\nbackbone { SA-1 }",
            "out-of-range",
            "-2",
            "too small",
        ),
        (
            "model m { width = 64; embedding_scale = 1e9 }\nbackbone { SA-1 }",
            "out-of-range",
            "1e9",
            "too large",
        ),
        (
            MODEL + "backbone { SA-1(residual_scale = learnt) }",
            "wrong-value",
            "learnt",
            "expected learned or a number from 0.0001 to 10_000",
        ),
        (
            MODEL + "backbone { parallel { SA-1(skip_scale = 2); GMemless } }",
            "not-in-parallel",
            "skip_scale = 2",
            "all branches are added to one stream",
        ),
        (
            MODEL
            + "liv p = SA-1(skip_scale = 2)\nbackbone { parallel { p; GMemless } }",
            "not-in-parallel",
            "p",
            "p sets skip_scale: all branches are added to one stream",
        ),
        (
            MODEL + "backbone { parallel { SA-1(placement = stream); GMemless } }",
            "not-in-parallel",
            "placement = stream",
            "all branches read one stream",
        ),
        (
            MODEL
            + "liv s = MLP(placement = stream)\nbackbone { parallel { SA-1; s } }",
            "not-in-parallel",
            "s",
            "s sets placement: all branches read one stream",
        ),
        (
            MODEL + "backbone { parallel { SA-1(input = [stream, embedding]) } }",
            "not-in-parallel",
            "input = [stream, embedding]",
            "all branches read one input",
        ),
        (
            MODEL + "backbone { SA-1(input = [embedding, stream]) }",
            "wrong-value",
            "[embedding, stream]",
            "expected stream or [stream, embedding]",
        ),
        (
            MODEL + "backbone { SA-1(input = embedding) }",
            "wrong-value",
            "embedding",
            "expected stream or [stream, embedding]",
        ),
        (
            MODEL
            + "backbone { a: GLU(input = [stream, embedding])\nGLU weights from a }",
            "sharing-misfit",
            "weights from a",
            "input stream, not [stream, embedding]",
        ),
        (
            MODEL + "backbone { a: SA-1; GMemless input from a }",
            "no-answer",
            "a",
            "its answer goes to the stream",
        ),
        (
            MODEL + "backbone { a: SA-1(output = none); 2 x { GMemless plus from a } }",
            "no-answer",
            "a",
            "its answer is read in its own body alone",
        ),
        (
            MODEL + "backbone { a: SA-1(output = none); GMemless }",
            "unread-answer",
            "SA-1",
            "output = none, and nothing reads it",
        ),
        (
            MODEL + "backbone { d: SA-1-Diff(output = none); GMemless input from d }",
            "no-answer",
            "SA-1-Diff",
            "a difference of two LIVs",
        ),
        (
            MODEL + "backbone { a: SA-1(output = none)\n"
            "parallel { GMemless input from a; SA-1 } }",
            "not-in-parallel",
            "input from a",
            "all branches read one input",
        ),
        (
            MODEL + "backbone { a: SA-1(output = none); f: GMemless input from a\n"
            "GMemless same as f }",
            "same-as-alone",
            "GMemless",
            "input there, no answer here",
        ),
        (
            MODEL + "backbone { a: SA-1(output = none, skip_scale = 2)\n"
            "GMemless input from a }",
            "conflicting-settings",
            "skip_scale = 2",
            "its answer is added to no stream",
        ),
        (
            MODEL + "backbone { MoE(lora = 4) }",
            "conflicting-settings",
            "MoE",
            "its projections are not all of the input",
        ),
        (
            MODEL + "backbone { SA-1(lora_down = one) }",
            "conflicting-settings",
            "SA-1",
            "there is no lora",
        ),
        (
            MODEL + "backbone { SA-1-Diff(lora = 4) }",
            "conflicting-settings",
            "SA-1-Diff",
            "two branches share one use",
        ),
        (
            MODEL + "backbone { parallel { SA-1(lora = 4); GMemless } }",
            "conflicting-settings",
            "SA-1",
            "a branch of a parallel",
        ),
        (
            MODEL + "backbone { a: SA-1(lora = 4); SA-1 k, v from a }",
            "sharing-misfit",
            "k, v from a",
            "lora: a's features are of one use alone",
        ),
        (
            MODEL + "backbone { parallel(output = none) { SA-1; GMemless } }",
            "unknown-parameter",
            "output",
            "",
        ),
        (
            MODEL + "backbone { a: SA-1(output = none)\n"
            "GMemless input from a, plus from a }",
            "shared-twice",
            "plus from a",
            "this beside another",
        ),
        (
            MODEL + "liv p = SA-1(placement = post)\nbackbone { a: SA-1; p same as a }",
            "sharing-misfit",
            "same as a",
            "placement post, not pre",
        ),
    ],
)
def test_mistakes(text: str, code: str, at: str, label: str) -> None:
    assert told(text) == [(code, at, label)]


def test_a_placement_of_its_own_is_no_gene() -> None:
    def genome(text: str) -> object:
        problems = Problems()
        program = parse(Source("x", text), problems)
        problems.check()
        return encode(program)

    with pytest.raises(StarError) as error:
        genome(MODEL + "backbone { SA-1; SA-1(placement = post) }")
    (found,) = error.value.diagnostics
    assert (found.code, found.span.text) == ("not-in-genome", "post")
    # what the model says anyway says nothing
    assert genome(MODEL + "backbone { SA-1(placement = pre, residual_scale = 1) }")
    text = "model m { width = 64; placement = post }\nbackbone { %s }"
    assert genome(text % "SA-1(placement = post)") == genome(text % "SA-1")
