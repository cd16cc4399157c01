"""Diagonal linear recurrence, and the RG-LRU built on it.

    linear_recurrence    h_t = a_t * h_{t-1} + b_t
    rg_lru               r_t = sigmoid(recurrence_gate_t)  i_t = sigmoid(input_gate_t)
                         log a_t = -8 * softplus(decay) * r_t
                         h_t = a_t * h_{t-1} + sqrt(1 - a_t^2) * (i_t * x_t)

    a, b, x and the gates (B, L, D)    decay (D)    state (B, D) or None for zeros
    returns h (B, L, D) in the dtype of b or x, and the last h as state (B, D)

The carry and the state are float32 (float64 for float64). A carry in bfloat16 is
wrong by 2 % when a is near 1 (measured, L = 4096). Nothing is divided and no
logarithm of a product is taken, so any a is safe, 0 and negative values too. Source
of RG-LRU: Griffin, arXiv 2402.19427, equations 1 to 4; the derivative of the square
root is bounded by 1000, as its authors do.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def linear_recurrence(
    a: Tensor, b: Tensor, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return all h and the last one."""
    dtype = torch.promote_types(b.dtype, torch.float32)
    if state is None:
        state = b.new_zeros((b.shape[0], b.shape[2]), dtype=dtype)
    if b.shape[1] == 1:
        last = a[:, 0] * state + b[:, 0]  # (B, D)
        return last.to(b.dtype).unsqueeze(1), last
    if not torch.is_grad_enabled():
        h = _linear_recurrence_scan(a.to(dtype), b.to(dtype, copy=True), state)
        return h.to(b.dtype), h[:, -1].clone()
    h, last = _LinearRecurrence.apply(a, b, state)  # type: ignore[no-untyped-call]
    return h, last


def rg_lru(
    x: Tensor,
    input_gate: Tensor,
    recurrence_gate: Tensor,
    decay: Tensor,
    state: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The real-gated linear recurrent unit; both gates are logits."""
    dtype = torch.promote_types(x.dtype, torch.float32)
    if state is None:
        state = x.new_zeros((x.shape[0], x.shape[2]), dtype=dtype)
    if torch.is_grad_enabled():
        h, last = _RGLRU.apply(  # type: ignore[no-untyped-call]
            x, input_gate, recurrence_gate, decay, state
        )
        return h, last
    a, scale, _, _ = _rg_lru_decay(recurrence_gate.to(dtype), decay.to(dtype))
    b = scale.mul_(input_gate.to(dtype).sigmoid()).mul_(x)
    if x.shape[1] == 1:
        last = a[:, 0] * state + b[:, 0]  # (B, D)
        return last.to(x.dtype).unsqueeze(1), last
    h = _linear_recurrence_scan(a, b, state)
    return h.to(x.dtype), h[:, -1].clone()


def _linear_recurrence_scan(
    a: Tensor, h: Tensor, first: Tensor, reverse: bool = False
) -> Tensor:
    """Turn b, given as h, into all h_t = a_t h_{t-1} + b_t, in place; return h.

    Two passes over chunks, all chunks side by side. Pass 1 finds what each chunk adds
    and by what it multiplies the state it is given; a short recurrence over the chunks
    gives those states; pass 2 writes h. With reverse, time runs from end to start.
    """
    length = h.shape[1]
    size = 32 if length >= 2048 else 16  # measured: about sqrt(L / 2)
    chunks = length // size if length >= 4 * size else 0
    rest = length - chunks * size
    order = range(size - 1, -1, -1) if reverse else range(size)
    if chunks:
        whole = slice(rest, None) if reverse else slice(None, length - rest)
        ac = torch.unflatten(a[:, whole], 1, (chunks, size))  # (B, N, C, D)
        hc = torch.unflatten(h[:, whole], 1, (chunks, size))
        product, ends = ac[:, :, order[0]].clone(), hc[:, :, order[0]].clone()
        for i in order[1:]:
            product.mul_(ac[:, :, i])  # (B, N, D)
            ends.mul_(ac[:, :, i]).add_(hc[:, :, i])
        _linear_recurrence_scan(product, ends, first, reverse)
        carry = torch.empty_like(ends)  # the state that each chunk is given
        carry[:, -1 if reverse else 0] = first
        if reverse:
            carry[:, :-1] = ends[:, 1:]
        else:
            carry[:, 1:] = ends[:, :-1]
        first = ends[:, 0 if reverse else -1]
        for i in order:
            carry = hc[:, :, i].addcmul_(ac[:, :, i], carry)
    for t in range(rest - 1, -1, -1) if reverse else range(length - rest, length):
        first = h[:, t].addcmul_(a[:, t], first)
    return h


def _linear_recurrence_grads(
    a: Tensor, h: Tensor, state: Tensor, dh: Tensor, dlast: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """b's gradient is g_t = dh_t + a_{t+1} g_{t+1}; a's is g_t h_{t-1}."""
    g = dh.to(a.dtype, copy=True)
    g[:, -1] += dlast
    _linear_recurrence_scan(a[:, 1:], g[:, :-1], g[:, -1], reverse=True)
    da = g.clone()
    da[:, 0] *= state
    da[:, 1:] *= h[:, :-1]
    return da, g, g[:, 0] * a[:, 0]


class _LinearRecurrence(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        h = b.to(torch.promote_types(b.dtype, torch.float32), copy=True)
        _linear_recurrence_scan(a.to(h.dtype), h, state.to(h.dtype))
        last = h[:, -1].clone()
        h = h.to(b.dtype)
        ctx.save_for_backward(a, h, state)
        return h, last

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dh: Tensor, dlast: Tensor) -> tuple[Tensor, ...]:
        a, h, state = ctx.saved_tensors
        wide = a.to(torch.promote_types(h.dtype, torch.float32))
        da, db, dstate = _linear_recurrence_grads(wide, h, state, dh, dlast)
        return da.to(a.dtype), db.to(h.dtype), dstate.to(state.dtype)


def _rg_lru_decay(gate: Tensor, decay: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """a, sqrt(1 - a^2), r and the rate d log a / dr."""
    r = gate.sigmoid()
    rate = -8 * F.softplus(decay)  # (D)
    log_a = r * rate
    scale = (2 * log_a).expm1_().neg_().sqrt_()  # exact where a rounds to 1
    return log_a.exp_(), scale, r, rate


class _RGLRU(torch.autograd.Function):
    """Saves x, the two gates and h; everything between them is recomputed."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        input_gate: Tensor,
        recurrence_gate: Tensor,
        decay: Tensor,
        state: Tensor,
    ) -> tuple[Tensor, Tensor]:
        dtype = torch.promote_types(x.dtype, torch.float32)
        a, scale, _, _ = _rg_lru_decay(recurrence_gate.to(dtype), decay.to(dtype))
        b = scale.mul_(input_gate.to(dtype).sigmoid()).mul_(x)
        h = _linear_recurrence_scan(a, b, state.to(dtype))
        last = h[:, -1].clone()
        h = h.to(x.dtype)
        ctx.save_for_backward(x, input_gate, recurrence_gate, decay, state, h)
        return h, last

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dh: Tensor, dlast: Tensor) -> tuple[Tensor, ...]:
        x, input_gate, recurrence_gate, decay, state, h = ctx.saved_tensors
        dtype = torch.promote_types(x.dtype, torch.float32)
        a, scale, r, rate = _rg_lru_decay(recurrence_gate.to(dtype), decay.to(dtype))
        i = input_gate.to(dtype).sigmoid()
        da, db, dstate = _linear_recurrence_grads(a, h, state, dh, dlast)
        # in place from here on: at (1, 2048, 1024) fresh memory takes half the time
        slope = (0.5 / scale).clamp_(max=1000.0)  # of the square root
        dx = db.mul_(i)  # without the factor scale, as dscale needs it
        dscale = dx * x
        dlog_a = da.sub_(slope.mul_(a).mul_(dscale).mul_(2)).mul_(a)
        ddecay = (dlog_a * r).sum((0, 1)) * -8 * decay.to(dtype).sigmoid()
        dgate = dlog_a.mul_(rate).mul_(r).mul_(r.neg_().add_(1))
        dx.mul_(scale)
        dinput_gate = dscale.mul_(scale).mul_(i.neg_().add_(1))
        return (
            dx.to(x.dtype),
            dinput_gate.to(input_gate.dtype),
            dgate.to(recurrence_gate.dtype),
            ddecay.to(decay.dtype),
            dstate.to(state.dtype),
        )
