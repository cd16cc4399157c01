"""What stands around a layer's LIVs: what they read, and the stream after them."""

from collections.abc import Mapping

import torch
from torch import Tensor

from starc.ir.residual import PLUS, Norm, Residual
from starc.reference.norms import layer_norm, rms_norm

Tensors = Mapping[str, Tensor]
"""Of a residual, by the names of its parameters."""


def entering(residual: Residual, stream: Tensor, tensors: Tensors) -> Tensor:
    """x: the stream as it comes into the layer, or what the norm of it makes of it."""
    if residual.stream is None:
        return stream
    return normed(residual.stream, "norm", stream, tensors)


def read(
    residual: Residual,
    stream: Tensor,
    tensors: Tensors,
    entered: Tensor,
    answer: Tensor | None = None,
) -> Tensor:
    """input before(u): (batch, length, channels), u of the stream x (batch, length,
    width), as `entering` gives it.

    entered: what entered the stream; answer: of the LIV that is read; shaped as x.
    """
    u = stream
    if residual.source:
        assert answer is not None
        plus = residual.source == PLUS
        u = stream + answer @ tensors["plus.weight"].T if plus else answer
    if residual.entered:
        u = torch.cat([u, entered], -1)
    if residual.before is not None:
        u = normed(residual.before, "norm", u, tensors)
    return residual.input * tensors.get("input.weight", torch.ones(()).double()) * u


def written(residual: Residual, stream: Tensor, y: Tensor, tensors: Tensors) -> Tensor:
    """skip x + scale after(y): the stream after the LIVs' y; shapes as above. Of one
    whose answer stays beside the stream, that answer: scale after(y)."""
    if residual.after is not None:
        y = normed(residual.after, "post_norm", y, tensors)
    one = torch.ones(()).double()
    skip = residual.skip * tensors.get("skip.weight", one)
    answer = residual.scale * tensors.get("scale.weight", one) * y
    return answer if residual.aside else skip * stream + answer


def inside(residual: Residual, y: Tensor, tensors: Tensors) -> Tensor:
    """scale after(y): what a branch with such a residual adds to its parallel."""
    return written(residual, torch.zeros_like(y), y, tensors)


def normed(norm: Norm, name: str, x: Tensor, tensors: Tensors) -> Tensor:
    """x through a norm whose tensors are called `name.weight` and `name.bias`."""
    one, nothing = torch.ones(()).double(), torch.zeros(()).double()
    weight = tensors.get(f"{name}.weight", one)
    if norm.kind == "rms":
        return rms_norm(x, weight, norm.eps)
    return layer_norm(x, weight, tensors.get(f"{name}.bias", nothing), norm.eps)
