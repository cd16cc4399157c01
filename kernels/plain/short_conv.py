"""Causal depthwise convolution over time, with an optional SiLU.

    z_t = bias + sum_k weight[:, k] * x_{t - (K - 1) + k}        y = z or silu(z)

    x (B, T, D)    weight (D, K)    bias (D) or None    state (B, K - 1, D) or None
    returns y (B, T, D) and the next state: the last K - 1 tokens of x

Source: the input convolution of Mamba, arXiv 2312.00752, section 3.4.
"""

import torch.nn.functional as F
from torch import Tensor

from kernels.plain.causal_conv import _conv_plain


def short_conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    state: Tensor | None = None,
    activation: str | None = None,
    *,
    cu_seqlens: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Convolve x with K taps a channel; return y and the last K - 1 inputs."""
    z, final = _conv_plain(x, weight, bias, state, cu_seqlens)
    return (z if activation is None else F.silu(z)).to(x.dtype), final
