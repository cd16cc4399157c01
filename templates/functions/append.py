from torch import Tensor


def append(buffer: Tensor | None, new: Tensor, length: int) -> Tensor:
    """Writes new (B, ..., T, K) behind the tokens of the buffer; returns them all."""
    if buffer is None:
        return new
    end = length + new.shape[-2]
    buffer[..., length:end, :] = new
    return buffer[..., :end, :].type_as(new)
