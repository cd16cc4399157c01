import torch
from torch import Tensor


def append(
    buffer: Tensor | None, new: Tensor, state: State
) -> tuple[Tensor, Tensor | None]:
    """Writes new (B, ..., T, K) behind the tokens of the buffer; returns them all, and
    the buffer. Each of several packed sequences has a row of it, and they come packed.
    """
    if buffer is None:
        return new, None
    if torch.is_grad_enabled():
        buffer = buffer.clone()  # the backward of the tokens before reads the old one
    if state.packed is not None:
        seen = []
        for row, (start, stop, past) in enumerate(state.packed.spans):
            end = past + stop - start
            buffer[row, ..., past:end, :] = new[0, ..., start:stop, :]
            seen.append(buffer[row : row + 1, ..., :end, :])
        return torch.cat(seen, dim=-2).type_as(new), buffer
    if isinstance(state.length, Tensor):
        # On a GPU it sets no shape: new is one token, and the whole buffer comes back.
        place = state.length.view(-1, *[1] * (new.dim() - 1)).expand_as(new)
        buffer.scatter_(-2, place, new.type_as(buffer))
        return buffer.type_as(new), buffer
    end = state.length + new.shape[-2]
    buffer[..., state.length : end, :] = new
    return buffer[..., :end, :].type_as(new), buffer
