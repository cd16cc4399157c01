"""Sequences as rows: where a kernel finds the tokens of a sequence, packed or not.

A tensor (B, T, ...) is read as B T rows, a token each, dense within and one stride
apart. A sequence is a run of rows: T of them, or packed, where B is 1, those from
cu_seqlens[s] to cu_seqlens[s + 1], S + 1 offsets on the device in int32 or int64.
Rows after the last offset belong to no sequence and give zeros. Nothing waits for the
device: tiles of BT tokens have places, of which a packed sequence leaves at most one
unused, so that nobody has to count them.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

try:
    import triton
    import triton.language as tl
except ImportError:
    triton = None


def _seq_count(x: Tensor, cu_seqlens: Tensor | None) -> int:
    return x.shape[0] if cu_seqlens is None else cu_seqlens.shape[0] - 1


def _seq_apart(
    one: Callable[..., tuple[Tensor, Tensor]],
    inputs: Sequence[Tensor | None],
    state: Tensor,
    cu_seqlens: Tensor,
) -> tuple[Tensor, Tensor]:
    """one(*inputs, state) of a sequence after the other; zeros after the last."""
    offsets = cu_seqlens.tolist()
    length = next(z.shape[1] for z in inputs if z is not None)
    lengths = [b - a for a, b in zip([0, *offsets], [*offsets, length], strict=True)]
    # Not sliced: the gradient of each slice would be as long as all of them.
    parts = [None if z is None else z.split(lengths, 1)[1:-1] for z in inputs]
    ys: list[Tensor] = []
    states = list(state.split(1))
    for s, tokens in enumerate(lengths[1:-1]):
        if tokens or not ys:
            own = (None if z is None else z[s] for z in parts)
            y, states[s] = one(*own, states[s])
            ys.append(y)
    ys.append(ys[0].new_zeros((1, lengths[-1], *ys[0].shape[2:])))
    return torch.cat(ys, 1), torch.cat(states)


# Triton


def _seq_rows(x: Tensor) -> Tensor:
    """(B, T, ...) as rows (B T, D): a view where the strides allow, else a copy."""
    x = x.reshape(x.shape[0] * x.shape[1], -1)
    return x if x.stride(1) == 1 else x.contiguous()


def _seq_dense(*tensors: Any) -> list[Any]:
    """Contiguous ones, or None where one is not there."""
    return [None if z is None else z.contiguous() for z in tensors]


def _seq_places(x: Tensor, cu_seqlens: Tensor | None, BT: int) -> int:
    """Places for tiles of BT tokens, enough for sequences of any lengths."""
    if cu_seqlens is None:
        return x.shape[0] * -(-x.shape[1] // BT)
    return x.shape[1] // BT + cu_seqlens.shape[0] - 1


def _seq_empty(
    x: Tensor, cu_seqlens: Tensor | None, shape: Sequence[int], dtype: torch.dtype
) -> Tensor:
    """Rows (B, T, ...) for a kernel to write, beside x; those of no sequence are 0."""
    out = torch.empty(tuple(shape), dtype=dtype, device=x.device)
    if cu_seqlens is not None:
        width = out.numel() // out.shape[1]
        # 256 programs, whatever the sizes: as a rule there is little to write.
        _seq_zero_kernel[(256,)](out, cu_seqlens[-1:], out.shape[1], width, BLOCK=1024)
    return out


if triton is not None:

    @triton.jit
    def _seq_span(cu_seqlens, s, T):
        """Sequence s: its first row, and how many it has."""
        if cu_seqlens is None:
            bos = s.to(tl.int64) * T
        else:
            bos = tl.load(cu_seqlens + s).to(tl.int64)
            T = (tl.load(cu_seqlens + s + 1) - bos).to(tl.int32)
        return bos, T

    @triton.jit
    def _seq_place(cu_seqlens, s, bos, T, BT):
        """Where tiles of BT tokens have their first place, of the sequence s."""
        if cu_seqlens is None:
            place = s.to(tl.int64) * tl.cdiv(T, BT)
        else:
            place = bos // BT + s
        return place

    @triton.jit
    def _seq_tile(cu_seqlens, place, places, T, BT):
        """The tile at a place: its sequence, that one's first row and length, and the
        token of it that the tile begins with: not before the end if nothing is here.
        """
        if cu_seqlens is None:
            s = place // tl.cdiv(T, BT)
        else:  # the last sequence with a first place that is not a later one
            s = place * 0
            high = s + places - T // BT - 1
            while s < high:
                middle = (s + high + 1) // 2
                later = tl.load(cu_seqlens + middle) // BT + middle > place
                high = tl.where(later, middle - 1, high)
                s = tl.where(later, s, middle)
        bos, T = _seq_span(cu_seqlens, s, T)
        return s, bos, T, (place - _seq_place(cu_seqlens, s, bos, T, BT)) * BT

    @triton.jit(do_not_specialize=["T"])
    def _seq_zero_kernel(out, end, T, D, BLOCK: tl.constexpr):
        """Zeros in the rows (T, D) from `end` on."""
        end = tl.load(end).to(tl.int64)
        left, step = (T - end) * D, tl.num_programs(0) * BLOCK
        at = (tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)).to(tl.int64)
        for _ in range(0, tl.cdiv(left, step).to(tl.int32)):
            tl.store(out + end * D + at, 0.0, mask=at < left)
            at += step
