"""Several streams: when they are one, and what a new model does with them."""

from types import SimpleNamespace
from typing import Any

import torch
from transformers.models.inkling2 import modeling_inkling2

from starc.compiler import to_ir
from starc.ir.cost import costs
from tests.emitted.helpers import emit

PLAIN = "2 x { SA-1(heads = 2); GMemless }; GConv-1; GMemless"
BODY = PLAIN.replace("GConv-1; GMemless", "block { GConv-1; GMemless }")
TOKENS = torch.arange(18).view(2, 9)


def logits(streams: str, body: str = BODY, eps: float = 1e-12) -> torch.Tensor:
    """Of a new model, whose plain parts are drawn alike whatever the streams are."""
    text = f"""
    model m {{ width = 32; vocab = 61; eps = {eps}; streams = {streams} }}
    backbone {{ {body} }}
    """
    model = emit(to_ir(text)).module.Model().double()
    torch.manual_seed(0)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "_streams" not in name:
                weight.normal_(std=0.3)
        found: torch.Tensor = model(TOKENS)
    return found


def test_new_hyper_connections_are_the_plain_residual() -> None:
    """As many times as there are streams, which the last norm divides out."""
    plain = logits("one", PLAIN)
    for streams in ("hyper(count = 1)", "hyper", "hyper(count = 2, dynamic = false)"):
        torch.testing.assert_close(logits(streams), plain)


def test_one_of_one_stream_without_coefficients_is_plain() -> None:
    """AltUp whose matrices are 0 predicts what is there, and corrects it in full."""
    text = "model m {{ width = 32; vocab = 61; streams = {} }}\nbackbone {{ {} }}"
    model = emit(to_ir(text.format("altup(count = 1)", BODY))).module.Model().double()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "prediction" in name or "correction" in name:
                weight.zero_()
        plain = emit(to_ir(text.format("one", PLAIN))).module.Model().double()
        there = model.state_dict()
        plain.load_state_dict({name: there[name] for name in plain.state_dict()})
        torch.testing.assert_close(model(TOKENS), plain(TOKENS))


def test_normed_attention_residuals_are_those_of_inkling_2() -> None:
    """What a layer reads, and the gradients; their scores are divided by sqrt(D)."""
    text = "model m { width = 32; eps = 1e-6; streams = attention(normed = true) }\n"
    ours: Any = emit(to_ir(text + "backbone { GMemless }")).module.Model().streams
    made: Any = modeling_inkling2.Inkling2BlockAttentionResidual
    theirs = made(SimpleNamespace(hidden_size=32, _attn_implementation="eager"))
    torch.manual_seed(0)
    with torch.no_grad():
        theirs.query.normal_()
        ours.query.copy_(theirs.query / 32**0.5)
    x = torch.randn(3, 2, 5, 32, requires_grad=True)
    found, (wanted,) = ours(x), theirs(x[:-1].movedim(0, -2), x[-1])
    torch.testing.assert_close(found, wanted)
    weight = torch.randn(found.shape)
    one, other = (
        torch.autograd.grad((y * weight).sum(), (x, query))
        for y, query in ((found, ours.query), (wanted, theirs.query))
    )
    torch.testing.assert_close(one[0], other[0])
    torch.testing.assert_close(one[1][0], other[1] * 32**0.5)


def test_new_attention_residuals_read_the_mean() -> None:
    """Of what entered and the sum of each block: two blocks, by hand."""
    torch.manual_seed(0)
    text = "model m { width = 32; vocab = 61; streams = attention }\n"
    body = "block { a: GMemless; b: GMemless }; c: GMemless"
    model = emit(to_ir(text + f"backbone {{ {body} }}")).module.Model().double()

    def f(name: str, u: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = getattr(model, name)(getattr(model, f"{name}_norm")(u))
        return answer

    with torch.no_grad():
        e = model.embedding(TOKENS)
        first = f("a", e)
        first = first + f("b", (e + first) / 2)
        second = f("c", (e + first) / 2)
        x = model.norm((e + first + second) / 3)
        torch.testing.assert_close(model(TOKENS), x @ model.embedding.weight.T)


def test_streams_that_no_layer_reads_have_costs() -> None:
    text = "model m { width = 32; vocab = 61; streams = altup }\n"
    made = emit(to_ir(text + "backbone { GMemless(output = others) }"))
    size = sum(p.numel() for p in made.module.Model().parameters())
    assert costs(made.ir, 9, 2).total.params == size
