"""--emit ir, show and diff."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from starc import passes
from starc.compiler import to_ir
from starc.ir.compare import describe_changes, describe_costs
from starc.ir.nodes import Loop, Written, WrittenStep
from starc.ir.residual import Norm
from starc.ir.rope import Rope
from starc.ir.show import as_json, as_table
from starc.ir.text import show
from starc.operators.attention.operator import Attention
from tests.ir.ir_models import (
    ATTENTION,
    CONV,
    GLU,
    SCAN,
    again,
    difference,
    liv,
    model,
    models,
    parallel,
    transformer,
)

WRITTEN = model(
    Loop(2, (liv(CONV, "c"), liv(CONV, "", "c"), liv(GLU))),
    liv(ATTENTION, "a"),
    liv(ATTENTION, "", "a", k="a", v="a"),
    again("a"),
    difference(CONV, "d"),
    difference(CONV, "", "d"),
    parallel(liv(GLU), liv(CONV, "e")),
)


def test_the_ir_as_written() -> None:
    text = show(model(Loop(2, (liv(CONV, "c"), liv(CONV, "", "c"))), again("c")))
    assert text.split("\n\n")[1] == (
        "2 x {\n"
        "  c: GConv-1 = gated_conv(inner 8, taps 3)\n"
        "  GConv-1 = gated_conv(inner 8, taps 3)\n"
        "    weights from c\n"
        "}\n"
        "same as c\n"
    )


def test_the_ir_after_the_passes() -> None:
    assert (
        show(passes.run(WRITTEN)).split("\n\n")[1]
        == """\
repeat 2 iterations {
  c_0: GConv-1 = gated_conv(inner 8, taps 3)
    computes b, c, x
  conv_1: GConv-1 = gated_conv(inner 8, taps 3)
    computes b, c, x, with weights of c_0
    mixes with the tensors of c_0
  mlp_2: GMemless = glu(hidden 16, activation silu)
    computes gate, up
} and the same as
  c_1, conv_4, mlp_5
a: SA-1 = attention(heads 2, kv_heads 1, head_dim 4)
  computes q
  computes k, v
attn_7: SA-1 = attention(heads 2, kv_heads 1, head_dim 4)
  computes q, with weights of a
  borrows k, v of a
a_again_1: same as a
d: GConv-1-Diff of 2 branches
  + d.a: GConv-1 = gated_conv(inner 8, taps 3)
      computes b, c, x
  - d.b: GConv-1 = gated_conv(inner 8, taps 3)
      computes b, c, x
conv_9: GConv-1-Diff of 2 branches
  + conv_9.a: GConv-1 = gated_conv(inner 8, taps 3)
      computes b, c, x, with weights of d.a
      mixes with the tensors of d.a
  - conv_9.b: GConv-1 = gated_conv(inner 8, taps 3)
      computes b, c, x, with weights of d.b
      mixes with the tensors of d.b
parallel_10: parallel of 2 branches
  + parallel_10.mlp: GMemless = glu(hidden 16, activation silu)
      computes gate, up
  + e: GConv-1 = gated_conv(inner 8, taps 3)
      computes b, c, x
"""
    )


def test_table() -> None:
    lines = as_table(passes.run(transformer(768, 12)), 4096, "bf16").splitlines()
    table = [line.split() for line in lines if "FLOPs" in line or "(12 x)" in line]
    assert table[1][:6] == ["attn_0", "…", "attn_22", "(12", "x)", "SA-1"]
    assert table[1][6:] == ["2,360,064", "12,582,912", "17,301,504", "17,301,504"]
    total = next(line for line in lines if line.startswith("total")).split()
    assert total[1:3] == ["123,587,328", "150,994,944"]
    assert "  vocab           50304" in lines and "  tied            yes" in lines
    assert any(line.startswith("SA-1 ") and "theta 10000" in line for line in lines)
    head = lines[lines.index("") + 1]
    assert "sharing" not in head  # nothing is shared
    assert "sharing" in as_table(passes.run(WRITTEN), 32, "bf16")


def test_table_of_sides_and_sharing() -> None:
    body = Loop(2, (difference(CONV, "c"), difference(CONV, "d", "c")))
    rows = as_table(passes.run(model(body)), 32, "fp32").splitlines()
    starts = [" ".join(row.split()[:8]) for row in rows if "_0" in row]
    assert starts[3].startswith("d_0 … d_1 (2 x) GConv-1-Diff")
    assert "d_0.a … d_1.a GConv-1 weights from c_0.a … c_1.a" in " ".join(
        next(row for row in rows if row.startswith("  d_0.a")).split()
    )


def test_json() -> None:
    found = as_json(passes.run(WRITTEN), 32, "bf16")
    assert json.loads(json.dumps(found)) == found
    assert {"params", "params_without_embeddings", "cache_bytes"} <= set(found)
    assert set(found["flops_per_token"]) == {"prefill", "decode"}
    assert (found["context"], found["dtype"]) == (32, "bf16")
    assert found["model"]["logit_softcap"] is None and found["model"]["eps"] == 1e-5
    borrower = found["layers"][7]
    assert borrower["sharing"] == ["weights from a", "k, v from a"]
    assert borrower["settings"]["kv_heads"] == 1 and borrower["settings"]["window"] == 0
    assert found["layers"][8]["class"] == "same as"
    assert [branch["sign"] for branch in found["layers"][9]["branches"]] == [1, -1]
    assert found["layers"][10]["sharing"] == [
        "conv_9.a: weights from d.a",
        "conv_9.b: weights from d.b",
    ]


def test_what_stands_around_one_layer() -> None:
    """It is shown where it is not the model's, of a LIV used once more too."""
    text = """model { width = 64; placement = sandwich }
    backbone { a: SA-1; b: SA-1(placement = post, residual_scale = 1/2)
               GConv-1-Diff(placement = none); SA-1 same as b }
    """
    found = passes.run(to_ir(text))
    rows = as_table(found, 32, "bf16").splitlines()
    by_label = {row.split()[0]: row for row in rows if row[:1].isalpha()}
    assert "placement" not in by_label["a"]
    assert "placement post, residual_scale 0.5" in by_label["b"]
    assert "placement none" in by_label["conv_2"]
    assert "placement post, residual_scale 0.5" in by_label["b_again_1"]
    residuals = [x["residual"] for x in as_json(found, 32, "bf16")["layers"]]
    usual: dict[str, object] = {"residual_scale": 1.0, "skip_scale": 1.0}
    usual |= {"input_scale": 1.0, "input": "stream", "output": "stream"}
    assert residuals[0] == {"placement": "sandwich", **usual}
    half = {"placement": "post", **usual, "residual_scale": 0.5}
    assert residuals[1] == residuals[3] == half
    assert "\n  placement post, residual_scale 0.5\n" in show(found)


def changes(a: Written, b: Written) -> list[str]:
    return describe_changes(passes.run(a), passes.run(b))


def wide(**fields: object) -> Attention:
    return replace(ATTENTION, **fields)  # type: ignore[arg-type]


ROPE = Rope(1e4, 4)
BASE: tuple[WrittenStep, ...] = (
    liv(CONV, "c"),
    liv(ATTENTION, "a"),
    liv(GLU),
    liv(ATTENTION),
)


@pytest.mark.parametrize(
    "before, after, expected",
    [
        (BASE, BASE, []),
        (BASE, (*BASE[:3], liv(wide(heads=4))), ["attn_3: heads 2 -> 4"]),
        (
            (liv(wide(rope=ROPE)),),
            (liv(wide(rope=Rope(1e6, 4), qk_norm="head")),),
            ["attn_0: rope theta 10000 -> 1e6; qk_norm none -> head"],
        ),
        (
            (liv(ATTENTION),),
            (liv(wide(rope=ROPE)),),
            ["attn_0: rope none -> (theta 10000, dims 4)"],
        ),
        (BASE, (liv(CONV), *BASE), ["conv_0: added (GConv-1)"]),
        (BASE, BASE[:2] + BASE[3:], ["mlp_2: removed (GMemless)"]),
        (BASE, (*BASE[:3], liv(SCAN)), ["rec_3: Rec-1 in place of SA-1"]),
        (BASE, (liv(CONV, "k"), *BASE[1:]), ["k: named k, not c"]),
        (
            BASE,
            (*BASE[:3], liv(ATTENTION, "", "a")),
            ["attn_3 now takes its weights from a"],
        ),
        (
            (*BASE[:3], liv(ATTENTION, "", "", k="a", v="a")),
            BASE,
            ["attn_3 no longer takes k, v from a"],
        ),
        (
            (liv(CONV, "c"), liv(CONV, "d"), liv(CONV, "", "c")),
            (liv(CONV, "c"), liv(CONV, "d"), liv(CONV, "", "d")),
            ["conv_2 now takes its weights from d, not from c"],
        ),
        (
            (liv(GLU, "m"), liv(GLU, "n"), again("m")),
            (liv(GLU, "m"), liv(GLU, "n"), again("n")),
            ["n_again_1 now the same as n, not m"],
        ),
        (
            (difference(CONV, "c"), difference(CONV)),
            (difference(CONV, "c"), difference(CONV, "", "c")),
            [
                "conv_1.a now takes its weights from c.a",
                "conv_1.b now takes its weights from c.b",
            ],
        ),
        (
            (Loop(12, (liv(ATTENTION), liv(GLU))),),
            (Loop(12, (liv(wide(heads=4)), liv(GLU))),),
            ["attn_0 … attn_22 (12 LIVs): heads 2 -> 4"],
        ),
    ],
)
def test_changes(
    before: tuple[WrittenStep, ...], after: tuple[WrittenStep, ...], expected: list[str]
) -> None:
    assert changes(model(*before), model(*after)) == expected


@pytest.mark.parametrize(
    "settings, expected",
    [
        ({"context": 64}, ["model: context 32 -> 64"]),
        ({"tied": False}, ["model: tied yes -> no"]),
        (
            {
                "norm": Norm("layer", 1e-6),
                "placement": "sandwich",
                "logit_softcap": 30.0,
            },
            [
                "model: norm rms -> layer",
                "model: eps 1e-5 -> 1e-6",
                "model: placement pre -> sandwich",
                "model: logit_softcap none -> 30",
            ],
        ),
        (
            {"scale": 0.25, "embedding_scale": 8.0, "logit_scale": 0.5},
            [
                "model: residual_scale 1 -> 0.25",
                "model: embedding_scale 1 -> 8",
                "model: logit_scale 1 -> 0.5",
            ],
        ),
    ],
)
def test_changed_settings(settings: dict[str, Any], expected: list[str]) -> None:
    assert changes(model(liv(GLU)), model(liv(GLU), **settings)) == expected


@settings(max_examples=60, deadline=None)
@given(models(), models())
def test_any_model_has_words(a: Written, b: Written) -> None:
    for found in (passes.run(a), passes.run(a, frozenset({"share_features", "fuse"}))):
        assert show(found) and as_table(found, 32, "fp16")
        shown = as_json(found, 32, "fp32")
        layers = sum(layer["params"] for layer in shown["layers"])
        assert shown["params"] == layers + 16 * 8 + 8
        assert shown["cache_bytes"] == sum(x["cache_bytes"] for x in shown["layers"])
    show(a)
    one, other = passes.run(a), passes.run(b)
    assert describe_changes(one, one) == []
    assert bool(describe_changes(one, other)) == bool(describe_changes(other, one))
    if tuple(one.layers()) != tuple(other.layers()):
        assert describe_changes(one, other)


def test_branches_of_a_differential_used_again() -> None:
    """Sharing with the branches of a LIV that is another one again."""
    text = """model { width = 64; vocab = 64 }
    backbone { a: GConv-1-Diff; b: GConv-1-Diff same as a; GConv-1-Diff c from b }
    """
    model = passes.run(to_ir(text))
    assert describe_changes(model, model) == []
    other = text.replace(" b:", " z:").replace("from b", "from z")
    renamed = passes.run(to_ir(other))
    assert describe_changes(model, renamed) == ["z: named z, not b"]


@pytest.mark.parametrize(
    "before, after, expected",
    [
        (
            "pre | SA-1",
            "pre | SA-1(placement = post)",
            ["attn_0: placement pre -> post"],
        ),
        ("pre | SA-1", "post | SA-1", ["model: placement pre -> post"]),
        (
            "pre | SA-1; GMemless",
            "post | SA-1; GMemless(placement = pre)",
            ["model: placement pre -> post", "mlp_1: placement stays pre"],
        ),
        (
            "pre | SA-1; GMemless(placement = post)",
            "post | SA-1; GMemless",
            ["model: placement pre -> post", "mlp_1: placement stays post"],
        ),
        (
            "pre | SA-1; SA-1(placement = post)",
            "sandwich | SA-1; SA-1(placement = post)",
            ["model: placement pre -> sandwich"],
        ),
        (
            "pre | 3 x { SA-1-Diff }",
            "pre | 3 x { SA-1-Diff(residual_scale = 1/2) }",
            ["attn_0 … attn_2 (3 LIVs): residual_scale 1 -> 0.5"],
        ),
    ],
)
def test_changed_residuals(before: str, after: str, expected: list[str]) -> None:
    def made(text: str) -> Written:
        placement, body = text.split(" | ")
        head = f"model {{ width = 64; placement = {placement} }}"
        return to_ir(f"{head}\nbackbone {{ {body} }}")

    assert changes(made(before), made(after)) == expected
    assert changes(made(after), made(after)) == []


def test_what_fewer_experts_of_a_token_cost() -> None:
    """A gate, an up and a down projection of 8 x 4 numbers less; all else stays."""
    text = "model m {{ width = 8; vocab = 3 }}\nbackbone {{ {} }}"
    more, fewer, none = (
        passes.run(to_ir(text.format(body)))
        for body in (
            "MoE(experts = 4, top = 2, hidden = 4)",
            "MoE(experts = 4, top = 1, hidden = 4)",
            "GConv-1",
        )
    )
    active = "parameters that a token computes with"
    assert describe_costs(more, fewer) == [
        f"{active}: 264 -> 168",
        "FLOPs of a token, prefill: 496 -> 304",
        "FLOPs of a token, decode: 496 -> 304",
    ]
    assert not describe_costs(more, more)
    assert [line.partition(":")[0] for line in describe_costs(more, none)][:3] == [
        "parameters",
        active,
        "bytes of cache",
    ]
