"""SSD, the recurrence of Mamba-2: one decay a head, a matrix state, chunks as matmuls.

    A = -exp(a_log)
    h_t = exp(dt_t * A) * h_{t-1} + dt_t * x_t b_t^T        h (B, H, P, N)
    y_t = h_t c_t + skip * x_t

    x (B, L, H, P)    dt (B, L, H), positive    a_log, skip (H)
    b, c (B, L, G, N), each shared by the H / G heads of its group
    returns y (B, L, H, P) in x's dtype and the last h as state (B, H, P, N)

Everything is computed in float32 (float64 for float64), the state too; None means
zeros. Inside a chunk of Q tokens the sum over the past is a masked Q x Q matrix,
whose c b^T part is shared by a group; between chunks only states travel. Decays
above the diagonal are exp(-inf), never exp(+large) * 0. Source: Mamba-2, arXiv
2405.21060, section 6 and listing 1.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def ssd(
    x: Tensor,
    dt: Tensor,
    a_log: Tensor,
    b: Tensor,
    c: Tensor,
    skip: Tensor,
    state: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return y and the last state."""
    dtype = torch.promote_types(x.dtype, torch.float32)
    if state is None:
        state = x.new_zeros((x.shape[0], *x.shape[2:], b.shape[3]), dtype=dtype)
    with torch.autocast(x.device.type, enabled=False):  # it would round to bfloat16
        y, last = (_ssd_step if x.shape[1] == 1 else _ssd_chunks)(
            x.to(dtype), dt.to(dtype), a_log.to(dtype), b.to(dtype), c.to(dtype), state
        )
        y = y + x * skip.to(dtype).unsqueeze(1)
    return y.to(x.dtype), last


def _ssd_step(
    x: Tensor, dt: Tensor, a_log: Tensor, b: Tensor, c: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """One token, without the skip: an outer product in, the state times c out."""
    groups = (b.shape[2], -1)
    decay = (dt[:, 0] * -a_log.exp()).exp()  # (B, H)
    add = torch.unflatten((x * dt.unsqueeze(3))[:, 0], 1, groups)  # (B, G, R, P)
    h = torch.unflatten(state * decay[..., None, None], 1, groups)
    h = h.addcmul_(add.unsqueeze(4), b[:, 0, :, None, None])  # (B, G, R, P, N)
    y = h.flatten(2, 3) @ c[:, 0].unsqueeze(3)  # (B, G, RP, 1)
    return y.reshape(x.shape), h.flatten(1, 2)


def _ssd_chunks(
    x: Tensor, dt: Tensor, a_log: Tensor, b: Tensor, c: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """All tokens, without the skip. Letters: K chunks of Q tokens, R heads a group."""
    length, width, groups, size = x.shape[1], x.shape[3], b.shape[2], b.shape[3]
    chunk = 32 if size <= 64 else 64  # measured on a CPU, both ways
    pad = -length % chunk
    if pad:  # padded steps have dt = 0: they keep the state and add nothing
        x, b, c = (F.pad(z, (0, 0, 0, 0, 0, pad)) for z in (x, b, c))
        dt = F.pad(dt, (0, 0, 0, pad))
    x = torch.unflatten(x * dt.unsqueeze(3), 1, (-1, chunk))  # (B, K, Q, H, P)
    b = torch.unflatten(b, 1, (-1, chunk)).transpose(2, 3)  # (B, K, G, Q, N)
    c = torch.unflatten(c, 1, (-1, chunk)).transpose(2, 3)
    log = torch.unflatten(dt * -a_log.exp(), 1, (-1, chunk))
    log = log.transpose(2, 3)  # (B, K, H, Q)
    total = log.cumsum(3)

    # inside a chunk: token j reaches token i >= j through exp(sum of log over j+1..i)
    ones = torch.ones(chunk, chunk, dtype=torch.bool, device=x.device)
    span = log.unsqueeze(4).expand(*log.shape, chunk)  # (B, K, H, Q, Q)
    span = span.masked_fill(~ones.tril(-1), 0).cumsum(3)
    decay = span.masked_fill(~ones.tril(), -torch.inf).exp()
    scores = (c @ b.transpose(3, 4)).unsqueeze(3)  # (B, K, G, 1, Q, Q)
    scores = (torch.unflatten(decay, 2, (groups, -1)) * scores).flatten(2, 3)
    y = scores @ x.transpose(2, 3)  # (B, K, H, Q, P)

    # what each chunk adds to the state, and the state that each chunk starts from
    rest = decay[:, :, :, -1].transpose(2, 3).unsqueeze(4)  # (B, K, Q, H, 1)
    add = torch.unflatten(x * rest, 3, (groups, -1)).transpose(2, 3).flatten(4)
    add = b.transpose(3, 4) @ add  # (B, K, G, N, RP)
    keep = total[..., -1].exp().repeat_interleave(width, 2)  # (B, K, HP)
    keep = torch.unflatten(keep, 2, (groups, 1, -1))  # (B, K, G, 1, RP)
    h = torch.unflatten(state.to(x.dtype), 1, (groups, -1))
    h = h.flatten(2, 3).transpose(2, 3)  # (B, G, N, RP)
    starts = []
    for more, factor in zip(add.unbind(1), keep.unbind(1)):
        starts.append(h)
        h = torch.addcmul(more, factor, h)  # (B, G, N, RP)
    past = c @ torch.stack(starts, 1)  # (B, K, G, Q, RP)
    past = torch.unflatten(past, 4, (-1, width)).transpose(3, 4).flatten(2, 3)
    y = torch.addcmul(y, past, total.exp().unsqueeze(4))
    y = y.transpose(2, 3).flatten(1, 2)[:, :length]  # (B, L, H, P)
    last = torch.unflatten(h.transpose(2, 3), 2, (-1, width)).flatten(1, 2)
    return y, last.contiguous()
