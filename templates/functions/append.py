from torch import Tensor


def append(buffer: Tensor | None, new: Tensor, length: int | Tensor) -> Tensor:
    """Writes new (B, ..., T, K) behind the tokens of the buffer; returns them all.

    A length on the GPU cannot set a shape: then new is one token, and the whole buffer
    comes back.
    """
    if buffer is None:
        return new
    if isinstance(length, Tensor):
        return buffer.index_copy_(-2, length, new.type_as(buffer)).type_as(new)
    end = length + new.shape[-2]
    buffer[..., length:end, :] = new
    return buffer[..., :end, :].type_as(new)
