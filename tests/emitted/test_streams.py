"""Several streams: when they are one, and what a new model does with them."""

import torch

from starc.compiler import to_ir
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
