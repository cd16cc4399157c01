"""Every residual a text can say, emitted: the reference's outputs and gradients."""

import pytest
import torch

from starc.compiler import compile as compile_text
from starc.compiler import to_ir
from starc.ir.residual import PLACEMENTS
from tests.emitted.comparison import answer, check, check_decoding
from tests.emitted.helpers import OPTIONAL, emit
from tests.sampled import sampled

HEAD = "width = 32; vocab = 61; context = 64"
BODIES = {
    "plain": "SA-1(heads = 2); GMemless; GConv-1; Rec-1",
    "stateless": "GMemless; 2 x { GMemless }",
    "shared": """
        a: SA-1(heads = 2); c: GConv-1; GConv-1 weights from c
        SA-1(heads = 2) k, v from a; GMemless""",
    "once more": "m: GMemless; 2 x { r: Rec-1-Diff; GMemless same as m }",
    "side by side": """
        2 x { parallel { SA-1(heads = 2); Mamba-2(head_dim = 16, states = 8) } }
        parallel(placement = post, residual_scale = learned) { GConv-1 }
        parallel(placement = sandwich, skip_scale = 0.5) { GConv-1; GMemless }""",
    "said of one": """
        a: SA-1(heads = 2, placement = post)
        SA-1(heads = 2, placement = none, residual_scale = 0.5) k, v from a
        d: GConv-1-Diff(placement = sandwich)
        GConv-1-Diff weights from d; GConv-1-Diff same as d""",
    "learned factors": """
        a: SA-1(heads = 2, residual_scale = learned)
        SA-1(heads = 2, placement = post, skip_scale = learned) k, v from a
        2 x { m: GMemless(residual_scale = learned, skip_scale = learned) }
        d: GConv-1-Diff(skip_scale = 0.5); GMemless same as m
        GConv-1-Diff same as d""",
    "norms of branches": """
        2 x {
          p: SA-1(heads = 2, placement = pre)
          parallel(placement = none) {
            a: SA-1(heads = 2, placement = pre)
            GMemless(placement = sandwich, residual_scale = 0.5)
          }
        }
        parallel { m: GMemless(placement = post, residual_scale = learned) }
        parallel(placement = post, skip_scale = 0.5) {
          SA-1(heads = 2, residual_scale = 0.5) k, v from a
          GConv-1(placement = sandwich, residual_scale = learned)
        }
        GMemless weights from m""",
    "what entered the stream": """
        2 x {
          a: SA-1(heads = 2, input = [stream, embedding])
          2 x { c: GConv-1(input = [stream, embedding], placement = sandwich) }
          GConv-1(input = [stream, embedding]) weights from c; GMemless
        }
        SA-1 same as a; SA-1(heads = 2) k, v from a
        GConv-1-Diff(input = [stream, embedding], placement = post)
        parallel(input = [stream, embedding]) {
          SA-1(heads = 2); MoE(experts = 4, hidden = 8, placement = pre)
        }""",
    "answers beside the stream": """
        a: SA-1(heads = 2, input = [stream, embedding], output = none)
        f: GMemless(output = none) input from a
        GConv-1 plus from f
        b: SA-1 same as a; g: GMemless same as f, input from b
        Rec-1(placement = post) plus from g
        2 x {
          p: SA-1(heads = 2, output = none, placement = sandwich, residual_scale = 0.5)
          GMemless input from p
          SA-1(heads = 2) k, v from p, plus from p
        }""",
    "something of each use": """
        a: SA-3(heads = 4, kv_heads = 2, q_bias = true, lora = 3)
        SA-3 same as a
        2 x { f: GMemless(lora = 2, lora_down = one); c: GConv-1(lora = 2) }
        GConv-1(lora = 3) weights from c; GMemless same as f
        Mamba-2(head_dim = 16, states = 8, lora = 2, input = [stream, embedding])""",
    "taken from the embedding": """
        2 x {
          e: GMemless(hidden = 6, input_scale = learned) up from embedding
          2 x { GConv-1(input_scale = 0.5); GMemless(hidden = 6) up from embedding }
          parallel(input_scale = learned) {
            q: GMemless(hidden = 6) gate, up from embedding
            SA-1(heads = 2, placement = pre, input_scale = 2)
          }
        }
        GMemless same as e
        2 x { GMemless(hidden = 6) up from embedding }
        GMemless(hidden = 6) weights from q, up from embedding""",
    "said of each iteration": "3 x { SA-1(heads = 2, placement = post); GMemless }",
}
SCALES = "residual_scale = 0.22; embedding_scale = 12; logit_scale = 1/8"
SMALLER = SCALES.replace("12", "1/2")  # without norms, 12 saturates every softmax
WAYS = (
    *(("pre", SCALES), ("post", ""), ("sandwich", "norm = layer"), ("none", SMALLER)),
    ("stream", "skip_scale = 0.5; residual_scale = 2; layer_vocab = 17"),
)
assert {placement for placement, _ in WAYS} == set(PLACEMENTS)
SEVERAL = {
    "altup": """
        2 x {
          block {
            parallel(skip_scale = 0.5) { a: SA-1(heads = 2); LAuReL(rank = 3) }
            f: GMemless(output = none); GConv-1(placement = stream) plus from f
          }
          e: GMemless(hidden = 6, placement = post, output = others) up from embedding
        }
        SA-1(heads = 2, input = [stream, embedding], placement = sandwich)
        block { SA-1(heads = 2, skip_scale = learned) k, v from a; Rec-1-Diff }
        GMemless same as e; GMemless(output = others, residual_scale = 0.5)""",
    "hyper": """
        2 x {
          block { a: SA-1(heads = 2); GMemless(placement = sandwich) }
          2 x { c: GConv-1(placement = post, residual_scale = learned) }
          m: GMemless(placement = stream); GMemless(skip_scale = 0.5) up from embedding
        }
        SA-1(heads = 2, input = [stream, embedding]) k, v from a; Rec-1-Diff
        parallel { GMemless(placement = pre); GConv-1 }; block { GConv-1 same as c }
        GMemless same as m""",
    "attention": """
        2 x {
          block {
            a: SA-1(heads = 2); GMemless(placement = sandwich)
            c: GConv-1(placement = post, residual_scale = learned)
          }
          2 x { m: GMemless(placement = stream); block { Rec-1; GMemless same as m } }
          GMemless(skip_scale = 0.5) up from embedding
        }
        parallel { GMemless(placement = pre); GConv-1 }
        block { GMemless(skip_scale = 0.5); GMemless(placement = stream) }
        2 x { block { Rec-1-Diff; SA-1(heads = 2, input = [stream, embedding]) } }
        SA-1(heads = 2, placement = sandwich) k, v from a; GConv-1 same as c""",
}
STREAMS = {
    "altup": ("altup(count = 3)", "altup"),
    "one of one": ("altup(count = 1)", "altup"),
    "hyper": ("hyper", "hyper"),
    "hyper of one": ("hyper(count = 1)", "hyper"),
    "static": ("hyper(count = 3, dynamic = false)", "hyper"),
    "attention": ("attention", "attention"),
    "attention, normed": ("attention(normed = true)", "attention"),
}
MODELS = {
    f"{name}, {placement}": f"model m {{ {HEAD}; placement = {placement}; {more} }}\n"
    f"backbone {{ {body} }}\n"
    for name, body in BODIES.items()
    for placement, more in WAYS
} | {
    name: f"model m {{ {HEAD}; streams = {streams}; eps = 1e-3 }}\n"
    f"backbone {{ {SEVERAL[body]} }}\n"
    for name, (streams, body) in STREAMS.items()
}


SOME = [*list(MODELS)[::3], *STREAMS]
"""Every body, and every placement beside most."""


@pytest.mark.parametrize("name", sampled(MODELS, SOME))
def test_equals_the_reference(name: str) -> None:
    model = to_ir(MODELS[name])
    emitted = emit(model)
    expected = answer(emitted.ir, 11)
    check(emitted, expected)
    check_decoding(emitted, expected)
    check(emit(model, OPTIONAL), expected)


def test_scales_are_where_the_formula_has_them() -> None:
    """Without a LIV between: c tanh(logit_scale head(norm(embedding_scale e)) / c)."""
    text = f"""
    model m {{ {HEAD}; {SCALES}; logit_softcap = 3; placement = none; eps = 0.1 }}
    backbone {{ m: GMemless }}
    """
    model = emit(to_ir(text)).module.Model().double()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "out" in name or "down" in name:
                weight.zero_()  # the LIV adds nothing
        e = model.embedding.weight
        x = 12 * e
        x = x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 0.1) * model.norm.weight
        expected = 3 * torch.tanh(x @ e.T / 8 / 3)
        found = model(torch.arange(61)[:, None])[:, 0]
    torch.testing.assert_close(found, expected)


def test_what_is_said_anyway_changes_nothing() -> None:
    plain = "model m { width = 32 }\nbackbone { SA-1; GMemless }"
    said = "model m { width = 32; placement = pre; logit_scale = 1 }\n"
    said += "backbone { SA-1(placement = pre); GMemless(residual_scale = 1) }"

    def lines(text: str) -> list[str]:
        found = compile_text(text).splitlines()
        return [line for line in found if "sha256" not in line]

    assert lines(said) == lines(plain)
