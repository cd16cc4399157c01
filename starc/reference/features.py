"""The featurizer: one feature group from the normed input of a LIV."""

from collections.abc import Mapping

import torch
from torch import Tensor

from starc.ir.operator import Operator
from starc.ir.operators import Attention
from starc.reference.matrices import toeplitz
from starc.reference.mixing import split
from starc.reference.norms import rms_norm
from starc.reference.rope import rotate


def featurize(
    operator: Operator, group: str, x: Tensor, tensors: Mapping[str, Tensor], eps: float
) -> Tensor:
    """(batch, length, width) to (batch, length, channels of the group).

    Dense projection, causal convolution with its activation where the group has one;
    for q and k of attention then the norm of each head and the rotation. `tensors`: of
    the group, by parameter name.
    """
    feature = torch.einsum("bld,cd->blc", x, tensors[f"{group}.weight"])
    if operator.bias:
        feature = feature + tensors[f"{group}.bias"]
    if operator.kernel and operator.group(group).convolved:
        feature = _convolve(operator, group, feature, tensors)
    if isinstance(operator, Attention) and group in ("q", "k"):
        heads = split(feature, operator.heads if group == "q" else operator.kv_heads)
        if operator.qk_norm:
            heads = rms_norm(heads, tensors[f"{group}_norm"], eps)
        if operator.rope is not None:
            heads = rotate(heads, operator.rope)
        feature = heads.flatten(2)
    return feature


def _convolve(
    operator: Operator, group: str, feature: Tensor, tensors: Mapping[str, Tensor]
) -> Tensor:
    taps = tensors[f"{group}.conv.weight"].flip(
        -1
    )  # the last one is the current token's
    matrix = toeplitz(taps, feature.shape[1])
    feature = torch.einsum("cij,bjc->bic", matrix, feature)
    if operator.convolution_bias:
        feature = feature + tensors[f"{group}.conv.bias"]
    if operator.convolution_activation == "silu":
        feature = feature * torch.sigmoid(feature)
    return feature
