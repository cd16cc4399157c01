"""Gated short convolution, the LIV of LFM2: a causal filter between two gates.

    u_t = b_t * x_t        z_t = bias + sum_k weight[:, k] * u_{t - (K - 1) + k}
    y_t = c_t * z_t        with sigmoid=True: sigmoid(b), sigmoid(c) instead of b, c

    b, c, x (B, T, D)    weight (D, K)    bias (D) or None    state (B, K - 1, D)
    returns y (B, T, D) and the next state: the last K - 1 products u

Source: LFM2, arXiv 2511.23404.
"""

import torch
from torch import Tensor

from kernels.plain.causal_conv import _conv_plain


def gated_conv_fused(
    bcx: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    state: Tensor | None = None,
    sigmoid: bool = False,
    *,
    cu_seqlens: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """c * conv(b * x) of b, c, x side by side, (B, T, 3 D), and the next state."""
    b, c, x = bcx.chunk(3, dim=-1)
    if sigmoid:
        wide = torch.promote_types(x.dtype, torch.float32)
        b, c = b.to(wide).sigmoid(), c.to(wide).sigmoid()
    z, final = _conv_plain((b * x).to(x.dtype), weight, bias, state, cu_seqlens)
    return (c * z).to(x.dtype), final


def gated_conv(
    b: Tensor,
    c: Tensor,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    state: Tensor | None = None,
    sigmoid: bool = False,
    *,
    cu_seqlens: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The same of b, c and x apart."""
    bcx = torch.cat((b, c, x), dim=-1)
    return gated_conv_fused(bcx, weight, bias, state, sigmoid, cu_seqlens=cu_seqlens)
