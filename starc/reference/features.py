"""The featurizer: one feature group from the normed input of a LIV."""

from collections.abc import Mapping

import torch
from torch import Tensor

from starc import operators
from starc.ir.operator import Operator
from starc.reference.matrices import toeplitz


def featurize(
    operator: Operator, group: str, x: Tensor, tensors: Mapping[str, Tensor], eps: float
) -> Tensor:
    """(batch, length, width) to (batch, length, channels of the group).

    `x`: the normed input, or the feature that is the group's source.

    The mixture of each token with the one before it where the operator shifts; dense
    projection, causal convolution with its activation where the group has one; then
    what the operator itself does to it: `finish_feature` of its reference, if any.
    `tensors`: of the group, by parameter name.
    """
    if f"{group}.shift" in tensors:
        x = _shift(x, tensors[f"{group}.shift"])
    weight = tensors[f"{group}.weight"].flatten(0, -2)  # of a stack, one by one
    feature = torch.einsum("bld,cd->blc", x, weight)
    if f"{group}.bias" in tensors:
        feature = feature + tensors[f"{group}.bias"].flatten()  # of a stack as well
    if operator.kernel and operator.group(group).convolved:
        feature = _convolve(operator, group, feature, tensors)
    own = getattr(operators.part(operator.kind, "reference"), "finish_feature", None)
    if own is not None:
        feature = own(operator, group, feature, tensors, eps)
    return feature


def _shift(x: Tensor, share: Tensor) -> Tensor:
    """share (width): of each channel's value, that of the token before."""
    matrix = toeplitz(torch.stack([1 - share, share], -1), x.shape[1])
    return torch.einsum("cij,bjc->bic", matrix, x)


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
