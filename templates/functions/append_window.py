import torch
from torch import Tensor


def append_window(
    buffer: Tensor | None, new: Tensor, state: State
) -> tuple[Tensor, Tensor | None]:
    """What the tokens new (B, G, T, K) can see, the ring buffer, then themselves; and
    the buffer with them.

    Token p stands in slot p % size of the buffer. A single token's answer may come in
    any order, since attention does not ask for one. Each of several packed sequences
    has a row of the buffer, and what they see comes back packed.
    """
    if buffer is None:
        return new, None
    if torch.is_grad_enabled():
        buffer = buffer.clone()  # the backward of the tokens before reads the old one
    if state.packed is not None:
        seen = [
            extend_ring(buffer[row : row + 1], new[:, :, start:stop], past)
            for row, (start, stop, past) in enumerate(state.packed.spans)
        ]
        return torch.cat(seen, dim=2), buffer
    size, tokens, length = buffer.shape[2], new.shape[2], state.length
    if isinstance(length, Tensor):
        # On a GPU it sets no shape: new is one token, and the whole buffer comes back.
        place = (length % size).view(-1, 1, 1, 1).expand_as(new)
        buffer.scatter_(2, place, new.type_as(buffer))
        return buffer.type_as(new), buffer
    if tokens == 1:
        slot = length % size
        buffer[:, :, slot : slot + 1] = new  # a slice: torch.compile keeps one graph
        return buffer[:, :, : length + 1].type_as(new), buffer
    return extend_ring(buffer, new, length), buffer


def extend_ring(buffer: Tensor, new: Tensor, length: int) -> Tensor:
    """What the tokens new can see, and themselves; writes them to the ring buffer."""
    size, kept = buffer.shape[2], min(length, buffer.shape[2] - 1)
    slots = torch.arange(length - kept, length + new.shape[2], device=new.device) % size
    seen = torch.cat((buffer[:, :, slots[:kept]].type_as(new), new), dim=2)
    buffer[:, :, slots[-size:]] = seen[:, :, -size:].type_as(buffer)
    return seen
