"""T_ij = c_i K_{i-j} b_j with an explicit filter, a channel."""

from collections.abc import Mapping

import torch
from torch import Tensor

from starc.operators.gated_conv.operator import GatedConv
from starc.reference.matrices import diagonal, toeplitz
from starc.reference.mixing import Mixing, unchanged


def mixing(
    operator: GatedConv,
    features: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    eps: float,
) -> Mixing:
    b, c, x = features["b"], features["c"], features["x"]
    if operator.sigmoid_gates:
        b, c = torch.sigmoid(b), torch.sigmoid(c)
    taps = tensors["filter"].flip(-1)  # stored with the current token's last
    matrix = diagonal(c) @ toeplitz(taps, x.shape[1]) @ diagonal(b)
    if not operator.filter_bias:
        return Mixing(matrix, x, unchanged)
    return Mixing(matrix, x, lambda y: y + c * tensors["filter_bias"])
