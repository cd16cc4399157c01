"""Causal depthwise convolution over time, with an optional SiLU.

    z_t = bias + sum_k weight[:, k] * x_{t - (K - 1) + k}        y = z or silu(z)

    x (B, T, D)    weight (D, K)    bias (D) or None    state (B, K - 1, D) or None
    returns y (B, T, D) and the next state: the last K - 1 tokens of x

Source: the input convolution of Mamba, arXiv 2312.00752, section 3.4.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.plain.sequences import _seq_apart, _seq_count


def short_conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    state: Tensor | None = None,
    activation: str | None = None,
    *,
    cu_seqlens: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """K shifted products, summed in float32; y and the last K - 1 inputs."""
    if state is None:
        rows = _seq_count(x, cu_seqlens)
        state = x.new_zeros(rows, weight.shape[1] - 1, x.shape[2])
    if cu_seqlens is not None:
        return _seq_apart(
            lambda x, state: short_conv(x, weight, bias, state, activation),
            (x,),
            state,
            cu_seqlens,
        )
    wide = torch.promote_types(x.dtype, torch.float32)
    window = torch.cat([state.to(x.dtype), x], 1)  # (B, K - 1 + T, D)
    z = x.new_zeros(x.shape, dtype=wide)
    for k, tap in enumerate(weight.t().to(wide)):
        z = z + tap * window[:, k : k + x.shape[1]]
    z = z if bias is None else z + bias
    y = z if activation is None else F.silu(z)
    return y.to(x.dtype), window[:, x.shape[1] :].to(state.dtype)
