"""Several residual streams, as the formulas have them: a loop over streams."""

from collections.abc import Mapping

import torch
from torch import Tensor

from starc.ir.streams import AltUp, AttentionResidual, Hyper, Streams
from starc.reference.norms import rms_norm

Tensors = Mapping[str, Tensor]
"""Of a part of a section, or of the ends, by the names of their parameters."""


def opened(streams: Streams, x: Tensor, tensors: Tensors) -> Tensor:
    """(N, batch, length, width) of x (batch, length, width)."""
    match streams:
        case AltUp():
            others = (
                as_large(x @ tensors[f"streams.opening.{i}.weight"].T, x)
                for i in range(streams.count - 1)
            )
            return torch.stack([x, *others])
        case Hyper():
            return torch.stack([x] * streams.count)
        case AttentionResidual():
            return torch.stack([x])
        case _:
            raise TypeError(streams)


def closed(streams: Streams, x: Tensor, tensors: Tensors) -> Tensor:
    """The same backwards."""
    match streams:
        case AltUp():
            others = (
                as_large(x[i + 1] @ tensors[f"streams.closing.{i}.weight"].T, x[0])
                for i in range(streams.count - 1)
            )
            return sum(others, x[0]) / streams.count
        case Hyper():
            return x.sum(0)
        case AttentionResidual():
            return _attended(streams, x, tensors)
        case _:
            raise TypeError(streams)


def as_large(y: Tensor, x: Tensor) -> Tensor:
    """y, with the root mean square of x."""
    own = (y**2).mean(-1, keepdim=True).clamp(min=1e-5).sqrt()
    return y * (x**2).mean(-1, keepdim=True).sqrt() / own


def read(streams: Streams, x: Tensor, tensors: Tensors) -> tuple[Tensor, Tensor]:
    """u (batch, length, width), and what `written` needs of X, shaped as X."""
    match streams:
        case AltUp():
            n = streams.count
            coefficients = _routed(streams, x[0], tensors, "prediction").unflatten(
                -1, (n, n)
            )
            rows = [
                x[i] + sum(coefficients[..., i, j, None] * x[j] for j in range(n))
                for i in range(n)
            ]
            return rows[0], torch.stack(rows)
        case Hyper():
            alpha, _ = _weights(streams, x, tensors)
            columns = (alpha[..., m, None] * x for m in range(streams.count + 1))
            u, *rest = (column.sum(0) for column in columns)
            return u, x + torch.stack(rest)
        case AttentionResidual():
            return _attended(streams, x, tensors), x
        case _:
            raise TypeError(streams)


def written(
    streams: Streams, x: Tensor, rest: Tensor, u: Tensor, z: Tensor, tensors: Tensors
) -> Tensor:
    """X after a part that made z of u; x: X before it, rest: of `read`."""
    match streams:
        case AltUp():
            factors = 1 + _routed(streams, z, tensors, "correction")
            rows = [
                rest[i] + factors[..., i, None] * (z - u) for i in range(streams.count)
            ]
            return torch.stack(rows)
        case Hyper():
            _, beta = _weights(streams, x, tensors)
            return rest + beta[..., None] * (z - u)
        case AttentionResidual():
            *before, last = x
            added = [last + z - u] if streams.follows else [last, z - u]
            return torch.stack([*before, *added])
        case _:
            raise TypeError(streams)


def _attended(streams: AttentionResidual, x: Tensor, tensors: Tensors) -> Tensor:
    """The sum of all streams with the weights of a query."""
    (query,) = tensors["streams.query"]
    normed = [rms_norm(one, torch.ones_like(query), streams.eps) for one in x]
    p = torch.stack([one @ query for one in normed], -1).softmax(-1)
    summed = normed if streams.normed else x
    return sum((p[..., n, None] * one for n, one in enumerate(summed)), 0 * x[0])


def _routed(streams: AltUp, x: Tensor, tensors: Tensors, name: str) -> Tensor:
    normed = rms_norm(x, tensors["streams.norm.weight"], streams.eps)
    router = torch.tanh(normed @ tensors["streams.router.weight"].T / x.shape[-1])
    return router @ tensors[f"streams.{name}.weight"].T


def _weights(streams: Hyper, x: Tensor, tensors: Tensors) -> tuple[Tensor, Tensor]:
    """alpha (N, batch, length, N + 1) and beta (N, batch, length); or of any token."""
    alpha = tensors["streams.alpha"][:, None, None]
    beta = tensors["streams.beta"][:, None, None]
    if not streams.dynamic:
        return alpha, beta
    normed = rms_norm(x, tensors["streams.norm.weight"], streams.eps)
    made = torch.tanh(normed @ tensors["streams.dynamic"].T)
    scale = tensors["streams.scale"]
    return alpha + scale[0] * made[..., :-1], beta + scale[1] * made[..., -1]
