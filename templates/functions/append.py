import torch
from torch import Tensor


def append(
    buffer: Tensor | None, new: Tensor, length: int | Tensor
) -> tuple[Tensor, Tensor | None]:
    """Writes new (B, ..., T, K) behind the tokens of the buffer; returns them all, and
    the buffer.

    A length on the GPU cannot set a shape: then new is one token, and the whole buffer
    comes back.
    """
    if buffer is None:
        return new, None
    if torch.is_grad_enabled():
        buffer = buffer.clone()  # the backward of the tokens before reads the old one
    if isinstance(length, Tensor):
        buffer.index_copy_(-2, length, new.type_as(buffer))
        return buffer.type_as(new), buffer
    end = length + new.shape[-2]
    buffer[..., length:end, :] = new
    return buffer[..., :end, :].type_as(new), buffer
