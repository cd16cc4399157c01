import torch
from torch import Tensor


def append(
    buffer: Tensor | None, new: Tensor, length: int | Tensor, packed: Packed | None
) -> tuple[Tensor, Tensor | None]:
    """Writes new (B, ..., T, K) behind the tokens of the buffer; returns them all, and
    the buffer.

    A length on the GPU cannot set a shape: then new is one token, and the whole buffer
    comes back. Each of several packed sequences has a row of the buffer, and they come
    back packed.
    """
    if buffer is None:
        return new, None
    if torch.is_grad_enabled():
        buffer = buffer.clone()  # the backward of the tokens before reads the old one
    if packed is not None:
        seen = []
        for row, (start, stop, past) in enumerate(packed.spans):
            end = past + stop - start
            buffer[row, ..., past:end, :] = new[0, ..., start:stop, :]
            seen.append(buffer[row : row + 1, ..., :end, :])
        return torch.cat(seen, dim=-2).type_as(new), buffer
    if isinstance(length, Tensor):
        place = length.view(-1, *[1] * (new.dim() - 1)).expand_as(new)
        buffer.scatter_(-2, place, new.type_as(buffer))
        return buffer.type_as(new), buffer
    end = length + new.shape[-2]
    buffer[..., length:end, :] = new
    return buffer[..., :end, :].type_as(new), buffer
