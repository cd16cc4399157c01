import torch
from torch import Tensor


def append_window(
    buffer: Tensor | None, new: Tensor, length: int | Tensor
) -> tuple[Tensor, Tensor | None]:
    """What the tokens new (B, G, T, K) can see, the ring buffer, then themselves; and
    the buffer with them.

    Token p stands in slot p % size of the buffer. A single token's answer may come in
    any order, since attention does not ask for one. If the length is on the GPU, new is
    one token, and the whole buffer comes back.
    """
    if buffer is None:
        return new, None
    if torch.is_grad_enabled():
        buffer = buffer.clone()  # the backward of the tokens before reads the old one
    size, tokens = buffer.shape[2], new.shape[2]
    if isinstance(length, Tensor):
        buffer.index_copy_(2, length % size, new.type_as(buffer))
        return buffer.type_as(new), buffer
    if tokens == 1:
        slot = length % size
        buffer[:, :, slot : slot + 1] = new  # a slice: torch.compile keeps one graph
        return buffer[:, :, : length + 1].type_as(new), buffer
    kept = min(length, size)
    slots = torch.arange(length - kept, length + tokens, device=new.device) % size
    seen = torch.cat((buffer[:, :, slots[:kept]].type_as(new), new), dim=2)
    buffer[:, :, slots[-size:]] = seen[:, :, -size:].type_as(buffer)
    return seen, buffer
