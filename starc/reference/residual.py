"""What stands around a layer's LIVs: what they read, and the stream after them."""

from collections.abc import Mapping

import torch
from torch import Tensor

from starc.ir.residual import Norm, Residual
from starc.reference.norms import layer_norm, rms_norm

Tensors = Mapping[str, Tensor]
"""Of a residual, by the names of its parameters."""


def read(residual: Residual, stream: Tensor, tensors: Tensors) -> Tensor:
    """before(x): (batch, length, width) of x (batch, length, width)."""
    if residual.before is None:
        return stream
    return normed(residual.before, "norm", stream, tensors)


def written(residual: Residual, stream: Tensor, y: Tensor, tensors: Tensors) -> Tensor:
    """skip x + scale after(y): the stream after the LIVs' y; shapes as above."""
    if residual.after is not None:
        y = normed(residual.after, "post_norm", y, tensors)
    one = torch.ones(()).double()
    skip = residual.skip * tensors.get("skip.weight", one)
    return skip * stream + residual.scale * tensors.get("scale.weight", one) * y


def normed(norm: Norm, name: str, x: Tensor, tensors: Tensors) -> Tensor:
    """x through a norm whose tensors are called `name.weight` and `name.bias`."""
    one, nothing = torch.ones(()).double(), torch.zeros(()).double()
    weight = tensors.get(f"{name}.weight", one)
    if norm.kind == "rms":
        return rms_norm(x, weight, norm.eps)
    return layer_norm(x, weight, tensors.get(f"{name}.bias", nothing), norm.eps)
