"""What the forms of the language become in the IR, before any pass."""

from functools import partial

import pytest

from starc.alphabet import extend, prelude
from starc.compiler import build, check, to_ir
from starc.diagnostics import Diagnostic, Problems, StarError
from starc.frontend import ast
from starc.frontend.parse import parse
from starc.ir.identity import structure
from starc.ir.nodes import Again, Liv, Loop, Parallel, Written
from starc.ir.residual import Norm, Residual
from starc.lower import lower
from starc.operators.attention.operator import Attention
from starc.passes import run
from starc.passes.expand import expand
from starc.source import NOWHERE, Source
from tests.work import calls


def model(body: str, settings: str = "width = 64", before: str = "") -> Written:
    return to_ir(f"{before}\nmodel m {{ {settings} }}\nbackbone {{\n{body}\n}}\n")


def mistakes(body: str, settings: str = "width = 64") -> tuple[Diagnostic, ...]:
    with pytest.raises(StarError) as error:
        model(body, settings)
    return error.value.diagnostics


def flat(body: str, before: str = "") -> list[str]:
    return [layer.label for layer in run(model(body, before=before)).layers()]


def test_the_model_block() -> None:
    found = model("SA-1")
    assert (found.name, found.width, found.vocab) == ("m", 64, 50_304)
    assert (found.context, found.tied, found.logit_softcap) == (4096, True, 0.0)
    assert found.norm == Norm("rms", 1e-5)
    settings = """
      width = 64; vocab = 1K; context = 128; tied = false; placement = sandwich
      norm = layer(eps = 1e-6); logit_softcap = 30
    """
    found = model("SA-1", settings)
    assert (found.vocab, found.context, found.tied) == (1000, 128, False)
    assert found.norm == Norm("layer", 1e-6) and found.logit_softcap == 30.0
    assert found.residual == Residual(found.norm, found.norm)
    assert model("SA-1", "width = 64; eps = 1e-6").norm.eps == 1e-6
    assert to_ir("model { width = 64 }\nbackbone { SA-1 }").name == "model"


def test_labels_aliases_and_kinds_give_the_stems() -> None:
    found = model(
        "c1: GConv-1; my-conv; GConv-1; d: my-conv",
        before="""
liv my-conv = GConv-1(kernel = 5)
""",
    )
    livs = [step for step in found.body if isinstance(step, Liv)]
    assert [liv.stem for liv in livs] == ["c1", "my_conv", "conv", "d"]
    assert [liv.label for liv in livs] == ["c1", "", "", "d"]
    assert [liv.labelled for liv in livs] == [True, False, False, True]
    assert {liv.name for liv in livs} == {"GConv-1"}
    assert livs[0].span.text == "c1: GConv-1"


def test_aliases_named_like_parts_of_the_file() -> None:
    before = "liv forward = SA-1\nliv lambda = Rec-1\nliv _x = GMemless\n"
    names = flat("parallel { forward; lambda; _x }; forward", before)
    assert names == ["parallel_0", "forward_1"]
    step, _ = model("parallel { forward; lambda; _x }; SA-1", before=before).body
    assert isinstance(step, Parallel)
    assert [branch.stem for branch in step.branches] == ["forward", "lambda", "x"]


def test_repeats_stay_loops() -> None:
    (loop,) = model("2 x { SA-1; 3 x { GMemless } }").body
    assert isinstance(loop, Loop) and loop.count == 2
    inner = loop.body[1]
    assert isinstance(inner, Loop) and inner.count == 3


def test_sharing() -> None:
    found = model("""
      c1: GConv-1-Diff
      a1: SA-3
      m1: GMemless
      GConv-1-Diff weights from c1
      a2: SA-3 weights from a1, k, v from a1
      SA-3-Diff
      m2: GMemless same as m1
      GMemless weights from m2
    """).body
    c1, _, _, c2, a2, a3, m2, m3 = found
    assert isinstance(c1, Parallel) and isinstance(c2, Parallel)
    assert c1.name == "GConv-1-Diff" and c1.signs == (1, -1) and c1.labelled
    assert [(branch.stem, branch.label, branch.name) for branch in c1.branches] == [
        ("a", "c1.a", "GConv-1"),
        ("b", "c1.b", "GConv-1"),
    ]
    assert [branch.weights_from for branch in c2.branches] == ["c1.a", "c1.b"]
    assert isinstance(a2, Liv) and a2.weights_from == "a1"
    assert a2.features_from == (("k", "a1"), ("v", "a1"))
    assert isinstance(a3, Parallel) and a3.stem == "attn" and not a3.labelled
    assert m2 == Again("m2", "m2", "m1", True)
    assert isinstance(m3, Liv) and m3.weights_from == "m2"


def test_features_of_differences_are_taken_side_by_side() -> None:
    _, d2 = model("d1: SA-1-Diff; SA-1-Diff k, v from d1").body
    assert isinstance(d2, Parallel)
    assert d2.branches[1].features_from == (("k", "d1.b"), ("v", "d1.b"))


def test_parallels_are_flattened() -> None:
    (step,) = model("parallel { SA-1; parallel { r: Rec-1; SA-1 } }").body
    assert isinstance(step, Parallel) and step.signs == (1, 1, 1)
    assert [branch.stem for branch in step.branches] == ["attn", "r", "attn"]
    assert flat("parallel { SA-1 }; parallel { a: SA-1 }") == ["attn_0", "a"]


def test_a_repeat_in_a_parallel_is_what_it_holds_so_many_times() -> None:
    repeated = "parallel { 3 x { a: SA-1; 2 x { Rec-1 } }; SA-1 }"
    sides = "; ".join([f"a{i}: SA-1; Rec-1; Rec-1" for i in range(3)])
    written = structure(run(model(repeated + "; SA-1 weights from a")))
    out = f"parallel {{ {sides}; SA-1 }}; SA-1 weights from a2"
    assert written == structure(run(model(out)))
    labels = [liv.label for liv in expand(model(repeated)).livs()]
    assert labels == [
        *("a_0", "parallel_0.rec", "parallel_0.rec_2"),
        *("a_1", "parallel_0.rec_3", "parallel_0.rec_4"),
        *("a_2", "parallel_0.rec_5", "parallel_0.rec_6"),
        "parallel_0.attn",
    ]


def test_a_parallel_of_wrong_numbers_is_not_told_to_be_empty() -> None:
    """A width that is missing leaves no LIV built, and is all that is told."""
    found = check("model m { }\nbackbone { parallel { SA-1; 2 x { SA-1 } } }")
    assert [d.code for d in found] == ["missing-width"]


WITHOUT = ("SA-1", "SA-1(window = 4)", "SA-1(rope_theta = 1e6)", "SA-1(rope = false)")


@pytest.mark.parametrize("of", [*WITHOUT, "SA-1(heads = 2, kv_heads = 1)"])
@pytest.mark.parametrize("user", [*WITHOUT, "SA-1(bias = true)"])
def test_weights_are_shared_where_their_shapes_agree(of: str, user: str) -> None:
    """Windows and rotations may differ; numbers that change a tensor are told."""
    body = f"a: {of}\n{user} weights from a"
    if of in WITHOUT and user in WITHOUT:
        assert len(model(body).body) == 2
        return
    found = mistakes(body)
    assert [d.code for d in found] == ["sharing-misfit"]
    for number in ("window", "rope", "positions", " 0"):
        assert number not in found[0].label


def test_what_is_none_is_called_none() -> None:
    (found,) = mistakes("a: SA-1(window = 8)\nSA-1 k, v from a")
    assert found.label == "window none, not 8"


def test_a_rotation_is_not_turned_on_by_its_numbers() -> None:
    (found,) = mistakes("SA-1(rope_theta = 1e6)", "width = 64; positions = none")
    assert found.code == "conflicting-settings"
    assert model("SA-1(rope_theta = 1e6, rope = true)", "width = 64; positions = none")


def test_same_as_needs_none_of_the_numbers() -> None:
    """SA-1 has no default heads at a width of 7; the LIV that it is has some."""
    body = "a: SA-1(heads = 1, head_dim = 8); SA-1 same as a; a3: SA-1 same as a"
    assert len(model(body, "width = 7").body) == 3


def test_one_operator_for_all_uses_of_one_spelling() -> None:
    a, b, c = model("SA-1(heads = 2); SA-1(heads = 2); SA-1(heads = 4)").body
    assert isinstance(a, Liv) and isinstance(b, Liv) and isinstance(c, Liv)
    assert a.operator is b.operator and a.operator != c.operator


@pytest.mark.parametrize(
    "body",
    [
        "attn_0: SA-1; SA-1",
        "SA-1; GMemless; attn_1: SA-1",
        "4 x { conv: GConv-1 }; GConv-1",
        "2 x { c1: GConv-1 }; c1_2: SA-1",
        "m1: GMemless; GMemless same as m1; m1_again: SA-1",
        "parallel { attn: SA-1; SA-1 }; mlp_1: SA-1",
        "2 x { SA-1; attn_9: SA-1 }",
    ],
)
def test_names_that_only_look_like_generated_ones(body: str) -> None:
    labels = flat(body)
    assert len(set(labels)) == len(labels)


def test_what_broken_text_may_define_is_not_told() -> None:
    text = "model m { width = }\nliv attn = = SA-1\nbackbone { attn; x: = }\n"
    assert {found.code for found in check(text)}.isdisjoint(
        {"unknown-liv", "missing-width", "missing-model", "missing-backbone"}
    )


def test_nothing_is_returned_beside_a_mistake() -> None:
    problems = Problems()
    program = parse(Source("x", "model m { width = 64 }\nbackbone { SA-9 }"), problems)
    assert build(program, problems) is None
    with pytest.raises(StarError, match="unknown-liv"):
        to_ir("model m { width = 64 }\nbackbone { SA-9 }")


def test_a_hand_made_tree() -> None:
    def name(text: str) -> ast.Name:
        return ast.Name(NOWHERE, text)

    width = ast.Setting(NOWHERE, name("width"), ast.Number(NOWHERE, 64, "64"))
    use = ast.Use(NOWHERE, None, name("SA-1"), (), ())
    blocks = ast.Model(NOWHERE, None, (width,)), ast.Backbone(NOWHERE, (use,))
    found = build(ast.Program(NOWHERE, blocks), Problems())
    assert found is not None and isinstance(found.body[0], Liv)
    assert isinstance(found.body[0].operator, Attention)


def work(pairs: int) -> int:
    lines = "".join(
        f"a{i}: SA-3(heads = 12)\nmlp_{2 * i + 1}: GMemless weights from m\n"
        for i in range(pairs)
    )
    text = f"model m {{ width = 768 }}\nbackbone {{\nm: GMemless\n{lines}GConv-1\n}}"
    problems = Problems()
    program = parse(Source("x", text), problems)
    alphabet = extend(prelude(), program, problems)
    found = calls(lambda: lower(program, alphabet, problems))
    assert not problems
    return found


def test_lowering_is_linear() -> None:
    assert work(1200) < 300 * work(12)  # 100 is linear, 10_000 quadratic


def test_thousands_of_mistakes_do_not_hang() -> None:
    def text(mistakes: int) -> str:
        lines = range(mistakes)
        uses = "".join(f"l{i}: Sa-{i} weights from q{i}\n" for i in lines)
        return f"model m {{ width = 64 }}\nbackbone {{\n{uses}}}"

    assert len(check(text(3000))) == 1000
    few, many = (calls(partial(check, text(n))) for n in (300, 3000))
    assert many < 30 * few  # 10 is linear, 100 quadratic
