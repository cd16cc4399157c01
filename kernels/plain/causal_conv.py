"""A causal depthwise convolution as K shifted products, of each sequence alone."""

import torch
from torch import Tensor

from kernels.plain.sequences import _seq_apart, _seq_count


def _conv_plain(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    state: Tensor | None,
    cu_seqlens: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """z (B, T, D), summed in float32, and the last K - 1 tokens of x."""
    if state is None:
        rows = _seq_count(x, cu_seqlens)
        state = x.new_zeros(rows, weight.shape[1] - 1, x.shape[2])
    if cu_seqlens is not None:
        return _seq_apart(
            lambda x, state: _conv_plain(x, weight, bias, state, None),
            (x,),
            state,
            cu_seqlens,
        )
    wide = torch.promote_types(x.dtype, torch.float32)
    window = torch.cat([state.to(x.dtype), x], 1)  # (B, K - 1 + T, D)
    z = x.new_zeros(x.shape, dtype=wide)
    for k, tap in enumerate(weight.t().to(wide)):
        z = z + tap * window[:, k : k + x.shape[1]]
    return z if bias is None else z + bias, window[:, x.shape[1] :].to(state.dtype)
