"""The gate of a gated linear unit, arXiv 2002.05202, after its one projection.

gate_up (..., 2 F): gate, then up        returns activation(gate) * up (..., F)
"""

import torch.nn.functional as F
from torch import Tensor


def swiglu(gate_up: Tensor, activation: str = "silu") -> Tensor:
    """gelu is that by tanh."""
    gate, up = gate_up.chunk(2, dim=-1)
    if activation == "gelu":
        return F.gelu(gate, approximate="tanh") * up
    if activation == "silu":
        return F.silu(gate) * up
    return (gate.relu() if activation == "relu" else gate.sigmoid()) * up
