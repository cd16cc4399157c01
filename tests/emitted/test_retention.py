"""Retention as MiniMax has it, against transformers: outputs, gradients, states."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import MiniMaxConfig
from transformers.models.minimax.modeling_minimax import (
    MiniMaxCache,
    MiniMaxLightningAttention,
)

from starc.compiler import to_ir
from tests.emitted.comparison import answer as expected_of
from tests.emitted.comparison import check
from tests.emitted.helpers import emit

WIDTH, LAYERS = 24, 5


def pair(heads: int, head_dim: int, layer: int) -> tuple[Any, Any]:
    """Ours and theirs in float64, of the same weights."""
    factor = 1 - layer / (LAYERS - 1 + 1e-5) + 1e-5
    options = (
        f"heads = {heads}, key_dim = {head_dim}, head_dim = {head_dim}, "
        f"decay = spread, decay_scale = {factor!r}, activation = silu, scale = 1, "
        "norm = full, gate = sigmoid, rope = false"
    )
    text = f"model m {{ width = {WIDTH} }}\nbackbone {{ it: Retention({options}) }}"
    torch.manual_seed(heads + layer)
    ours: Any = emit(to_ir(text)).module.Model().it.double()
    made: Any = MiniMaxConfig
    config = made(
        hidden_size=WIDTH,
        num_attention_heads=heads,
        head_dim=head_dim,
        num_hidden_layers=LAYERS,
        block_size=8,
        layer_types=["linear_attention"] * LAYERS,
    )
    theirs: Any = MiniMaxLightningAttention(config, layer).double()
    rates = theirs.get_slope_rate().double()  # it makes them, and buffers, in float32
    theirs.slope_rate = rates
    buffers = theirs.decay_factors(rates)
    theirs.query_decay, theirs.key_decay, theirs.diagonal_decay = buffers
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.copy_(torch.randn_like(parameter) / math.sqrt(WIDTH))
        parts = theirs.qkv_proj.weight.unflatten(0, (heads, 3, head_dim))
        rows = [part.flatten(0, 1) for part in parts.unbind(1)]
        gate = theirs.output_gate.weight
        ours.q_k_v_gate_proj.weight.copy_(torch.cat((*rows, gate)))
        ours.norm_weight.copy_(theirs.norm.weight)
        ours.out_proj.weight.copy_(theirs.out_proj.weight)
    theirs.norm.variance_epsilon = ours.eps
    return ours, theirs


def answer(theirs: Any, x: Tensor, cache: Any = None) -> Tensor:
    found: Tensor = theirs(x, None, None, cache=cache)[0]
    return found


@pytest.mark.parametrize(("heads", "head_dim", "layer"), [(4, 6, 0), (3, 8, 3)])
def test_it_is_the_lightning_attention_of_minimax(
    heads: int, head_dim: int, layer: int
) -> None:
    ours, theirs = pair(heads, head_dim, layer)
    x = torch.randn(2, 19, WIDTH, dtype=torch.float64, requires_grad=True)
    y, expected = ours(x), answer(theirs, x)
    torch.testing.assert_close(y, expected, rtol=1e-6, atol=1e-7)
    weight = torch.randn_like(y)
    (one,) = torch.autograd.grad(y, [x], weight)
    (other,) = torch.autograd.grad(expected, [x], weight)
    torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)


def test_a_token_at_a_time_is_as_theirs() -> None:
    ours, theirs = pair(2, 8, 1)
    x = torch.randn(1, 7, WIDTH, dtype=torch.float64)
    state, cache = ours.new_state(1, 8, x), MiniMaxCache()
    state.h = state.h.double()
    with torch.no_grad():
        for piece in x[:, :4], x[:, 4:5], x[:, 5:6], x[:, 6:]:
            y = ours(piece, state)
            expected = answer(theirs, piece, cache)
            torch.testing.assert_close(y, expected, rtol=1e-6, atol=1e-7)


def test_a_query_that_is_taken_is_not_scaled_twice() -> None:
    text = """
model m { width = 16; vocab = 23; context = 32 }
backbone { a: Retention(heads = 2); Retention(heads = 2, scale = 3)  q from a }
"""
    emitted = emit(to_ir(text))
    check(emitted, expected_of(emitted.ir, 11))
