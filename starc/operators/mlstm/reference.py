"""T = M / max(|M 1|, 1), M_ij = q_i . k_j e^(i_j) times the f between, a head."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from starc.operators.mlstm.operator import MLSTM
from starc.reference.matrices import causal
from starc.reference.mixing import Mixing, split
from starc.reference.norms import layer_norm

Tensors = Mapping[str, Tensor]


def mixing(operator: MLSTM, features: Tensors, tensors: Tensors, eps: float) -> Mixing:
    heads, eps = operator.heads, operator.norm_eps or eps
    q, k = split(features["q"], heads), split(features["k"], heads)
    length = q.shape[1]
    write, keep = (
        operator.softcap
        * torch.tanh((features[g] + tensors[f"{g}_bias"]) / operator.softcap)
        for g in ("i", "f")
    )
    kept = F.logsigmoid(keep).cumsum(1)  # (batch, length, heads)
    logs = (kept[:, :, None] - kept[:, None] + write[:, None]).permute(0, 3, 1, 2)
    logs = torch.where(causal(length), logs, -torch.inf)
    scores = operator.key_dim**-0.5 * torch.einsum("bihk,bjhk->bhij", q, k)
    matrix = scores * logs.exp()
    matrix = matrix / matrix.sum(-1, keepdim=True).abs().clamp(min=1)
    gate = torch.sigmoid(features["gate"])
    one, nothing = torch.ones(()).double(), torch.zeros(()).double()

    def finish(y: Tensor) -> Tensor:
        normed = layer_norm(split(y, heads), one, nothing, eps).reshape(y.shape)
        return normed * tensors["norm_weight"] * gate

    return Mixing(matrix, features["v"], finish)
