"""What stands between the tokens and the first layer: positions, a norm, a scale."""

from typing import Any

import pytest
import torch

from starc.compiler import to_ir
from tests.emitted.helpers import emit
from tests.emitted.sequences import borders, check_packed, check_padded

HEAD = "width = 32; vocab = 61; context = 24; positions = learned"


def model(backbone: str, more: str = "") -> Any:
    text = f"model m {{ {HEAD}; {more} }}\nbackbone {{ {backbone} }}"
    return emit(to_ir(text)).module.Model().double()


def test_formula() -> None:
    """norm(scale embedding + position), where the LIV adds nothing."""
    found = model(
        "mlp: GMemless", "embedding_scale = 3; embedding_norm = layer; norm = layer"
    )
    with torch.no_grad():
        found.mlp.down_proj.weight.zero_()
        norms = found.embedding_norm, found.norm
        for norm in norms:
            norm.weight.normal_()
            norm.bias.normal_()
        x = 3 * found.embedding.weight[7] + found.positions.weight
        for norm in norms:
            mean, var = x.mean(-1, keepdim=True), x.var(-1, keepdim=True, correction=0)
            x = (x - mean) / (var + 1e-5).sqrt() * norm.weight + norm.bias
        tokens = torch.full((1, 24), 7)
        torch.testing.assert_close(
            found(tokens)[0], x @ found.embedding.weight.T, rtol=1e-9, atol=1e-9
        )


@pytest.mark.parametrize(
    "backbone", ["GMemless", "GConv-1", "MHA(heads = 2, window = 3)"]
)
def test_each_sequence_has_its_own_places(backbone: str) -> None:
    """Where another layer asks for positions, for borders, or for nothing."""
    found = model(backbone)
    check_packed(found, (3, 0, 5, 1))
    check_padded(found, torch.tensor((0, 3, 0, 8)), (3, 6, 1, 1, 5))


def test_longer_sequences_than_there_are_places() -> None:
    found = model("GMemless")
    row = torch.zeros(1, 25, dtype=torch.int64)
    with pytest.raises(ValueError, match="tokens: 25 in a sequence, but there are 24"):
        found(row)
    with pytest.raises(ValueError, match="25 in a sequence"):
        found.new_cache(1, 25)
    with pytest.raises(ValueError, match="25 in a sequence"):
        found.generate(row[:, :20], 5)
    with pytest.raises(ValueError, match="25 in a sequence"):
        found(row.repeat(1, 2), cu_seqlens=borders((25, 25)))
    assert found(row.repeat(1, 2)[:, :48], cu_seqlens=borders((24, 24))).shape[1] == 48


@pytest.mark.parametrize("tied", ["true", "false"])
def test_bias_of_the_head(tied: str) -> None:
    """scale (W x + b), before the cap; b begins at 0 and has a gradient."""
    more = f"head_bias = true; tied = {tied}; logit_scale = 2; logit_softcap = 5"
    found = model("GMemless", more)
    tokens = torch.arange(12)[None]
    bias = found.head_bias.weight if tied == "true" else found.head.bias
    assert torch.equal(bias, torch.zeros(61).double())
    weight = found.embedding.weight if tied == "true" else found.head.weight
    with torch.no_grad():
        bias.normal_()
    expected = 5 * torch.tanh(2 * (found.hidden(tokens) @ weight.T + bias) / 5)
    logits = found(tokens)
    torch.testing.assert_close(logits, expected, rtol=1e-10, atol=1e-10)
    (gradient,) = torch.autograd.grad(logits.sum(), bias)
    slope = 2 * (1 - (expected / 5) ** 2)
    torch.testing.assert_close(gradient, slope.sum((0, 1)), rtol=1e-10, atol=1e-10)
