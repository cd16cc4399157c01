"""T_ij = act(gate_i) softmax_j(cap(scale q_i . k_j)), a head."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from starc.operators.attention.operator import Attention
from starc.reference.activations import softplus
from starc.reference.matrices import causal, lags
from starc.reference.mixing import Mixing, split, spread
from starc.reference.norms import layer_norm, rms_norm
from starc.reference.rope import rotate


def mixing(
    operator: Attention,
    features: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    eps: float,
) -> Mixing:
    q = split(features["q"], operator.heads)
    if operator.one_kv:
        keys, values = features["kv"].chunk(2, dim=-1)
    else:
        keys, values = features["k"], features["v"]
    k, v = (spread(split(x, operator.kv_heads), operator.heads) for x in (keys, values))
    scale = operator.scale or operator.head_dim**-0.5
    scores = scale * torch.einsum("bihp,bjhp->bhij", q, k)
    if operator.softcap:
        scores = operator.softcap * torch.tanh(scores / operator.softcap)
    if operator.alibi:
        scores = scores - slopes(operator.heads)[:, None, None] * lags(q.shape[1])
    reads = causal(q.shape[1], operator.window)
    matrix = _softmax(scores.masked_fill(~reads, float("-inf")), tensors.get("sinks"))
    if operator.differential:
        return _difference(
            operator, matrix, split(features["v"], operator.kv_heads), tensors, eps
        )
    if not operator.gate:
        return Mixing(matrix, v.flatten(2))
    act = softplus if operator.softplus else torch.sigmoid
    gates = act(features["gate"])
    if operator.gate == "channel":
        return Mixing(matrix, v.flatten(2), lambda y: y * gates)
    return Mixing(matrix * gates.transpose(1, 2)[..., None], v.flatten(2))


def slopes(heads: int) -> Tensor:
    """Of ALiBi: (heads,), as the operator says."""
    n = 2 ** int(math.log2(heads))
    first = [-8 * h / n for h in range(1, n + 1)]
    rest = [-4 * (2 * j - 1) / n for j in range(1, heads - n + 1)]
    return 2.0 ** torch.tensor(first + rest, dtype=torch.float64)


def _difference(
    operator: Attention,
    matrix: Tensor,
    v: Tensor,
    tensors: Mapping[str, Tensor],
    eps: float,
) -> Mixing:
    """The second half of the heads subtracted from the first; v (b, l, heads, p)."""
    terms = [
        torch.exp((tensors[f"lambda_q{i}"] * tensors[f"lambda_k{i}"]).sum())
        for i in (1, 2)
    ]
    start, pairs = operator.differential, operator.heads // 2
    strength = terms[0] - terms[1] + start
    first, second = matrix.chunk(2, dim=1)
    values = spread(torch.cat(v.chunk(2, dim=2), dim=-1), pairs)

    def finish(y: Tensor) -> Tensor:
        one = torch.ones(()).double()
        return (1 - start) * rms_norm(split(y, pairs), one, eps).flatten(2)

    return Mixing(first - strength * second, values.flatten(2), finish)


def _softmax(scores: Tensor, sinks: Tensor | None) -> Tensor:
    """Over j, with one more term a head in the denominator where there are sinks."""
    if sinks is None:
        return torch.softmax(scores, dim=-1)
    sink = sinks[:, None, None]
    top = torch.maximum(scores.amax(-1, keepdim=True), sink)
    terms = torch.exp(scores - top)
    return terms / (terms.sum(-1, keepdim=True) + torch.exp(sink - top))


def finish_feature(
    operator: Attention,
    group: str,
    feature: Tensor,
    tensors: Mapping[str, Tensor],
    eps: float,
) -> Tensor:
    """q and k: the norm and the rotation. (batch, length, channels).

    kv: the same of k, and behind its channels those of v.
    """
    if group == "kv":
        keys = _finished(operator, "k", feature, tensors, eps)
        return torch.cat((keys, _values(operator, feature, eps)), dim=-1)
    if group == "v":
        return _values(operator, feature, eps)
    if group not in ("q", "k"):
        return feature
    return _finished(operator, group, feature, tensors, eps)


def _values(operator: Attention, feature: Tensor, eps: float) -> Tensor:
    if not operator.v_norm:
        return feature
    one = torch.ones(()).double()
    return rms_norm(split(feature, operator.kv_heads), one, eps).flatten(2)


def _finished(
    operator: Attention,
    group: str,
    feature: Tensor,
    tensors: Mapping[str, Tensor],
    eps: float,
) -> Tensor:
    heads = operator.heads if group == "q" else operator.kv_heads
    if operator.rotate_first:
        feature = _rotated(operator, feature, heads)
    weight = tensors.get(f"{group}_norm", torch.ones(()).double())
    match operator.qk_norm:
        case "head":
            feature = rms_norm(split(feature, heads), weight, eps).flatten(2)
        case "layer":
            bias = tensors.get(f"{group}_norm_bias", torch.zeros(()).double())
            each = layer_norm(split(feature, heads), weight, bias, eps)
            feature = each.flatten(2)
        case "full":
            feature = rms_norm(feature, weight, eps)
        case "l2":
            each = split(feature, heads)
            length = torch.sqrt((each**2).sum(-1, keepdim=True) + eps)
            feature = (each / length).flatten(2)
    return feature if operator.rotate_first else _rotated(operator, feature, heads)


def _rotated(operator: Attention, feature: Tensor, heads: int) -> Tensor:
    if operator.rope is None:
        return feature
    return rotate(split(feature, heads), operator.rope).flatten(2)
