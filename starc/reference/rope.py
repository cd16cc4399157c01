"""Rotary positions, each pair of channels turned as one complex number."""

import math

import torch
from torch import Tensor

from starc.ir.rope import Rope


def rotate(heads: Tensor, rope: Rope) -> Tensor:
    """Turns the pairs of channels of every head by position x frequency.

    heads: (batch, length, heads, head_dim); positions count from 0. Channels of no pair
    stay as they are, but for the amplitude.
    """
    pair = torch.arange(rope.dims // 2)
    if rope.adjacent:
        first, second = 2 * pair, 2 * pair + 1
    else:
        first, second = pair, pair + rope.pairs_of // 2
    positions = torch.arange(heads.shape[1]).double()[:, None, None]
    turn = torch.polar(torch.ones(()).double(), positions * frequencies(rope))
    turned = torch.complex(heads[..., first], heads[..., second]) * turn
    still = torch.ones(heads.shape[-1], dtype=torch.bool)
    still[first] = still[second] = False
    channels = torch.cat([first, second, still.nonzero()[:, 0]])
    values = torch.cat([turned.real, turned.imag, heads[..., still]], dim=-1)
    return rope.amplitude * values[..., channels.argsort()]


def frequencies(rope: Rope) -> Tensor:
    """Radians a token of each pair that turns, (dims / 2)."""
    pair = torch.arange(rope.dims // 2).double()
    found = rope.theta ** (-2.0 * pair / rope.pairs_of)
    scaling = rope.scaling
    if scaling is None:
        return found
    match scaling.kind:
        case "linear":
            kept = torch.zeros_like(found)
        case "llama3":
            turns = scaling.context * found / math.tau
            kept = (turns - scaling.slow) / (scaling.fast - scaling.slow)
        case "yarn":
            first, last = rope.ramp
            kept = 1 - (pair - first) / (last - first)
    kept = kept.clamp(0, 1)
    return kept * found + (1 - kept) * found / scaling.factor
