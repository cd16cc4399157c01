"""What kernels with a matrix state share: `ssd`, linear attentions, delta rules.

Time goes in chunks: a matrix of pairs of tokens inside one, a state between them. In
Triton a sequence owns as many places as it may have chunks, packed or not.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.state_scan import _states

try:
    import triton
    import triton.language as tl
except ImportError:
    triton = None


def _chunk_packed(
    one: Any,
    inputs: Sequence[Tensor],
    width: int,
    state: Tensor,
    cu_seqlens: Tensor,
) -> tuple[Tensor, Tensor]:
    """one(*inputs, state) of a sequence after the other; zeros after the last.

    inputs (1, L, ...), the first (1, L, H, ...); one gives y (1, l, H, width) in its
    dtype, and the state.
    """
    x, bounds = inputs[0], cu_seqlens.tolist()
    ys, states = [], list(state.split(1))
    for n, (start, stop) in enumerate(zip(bounds[:-1], bounds[1:], strict=True)):
        if stop > start:
            y, states[n] = one(*(z[:, start:stop] for z in inputs), states[n])
            ys.append(y)
    ys.append(x.new_zeros((1, x.shape[1] - bounds[-1], x.shape[2], width)))
    return torch.cat(ys, 1), torch.cat(states)


def _chunk_split(x: Tensor, size: int) -> Tensor:
    """(B, L, ...) as (B, K, size, ...), zeros behind the last token.

    One chunk more in a graph for any length: torch.compile makes one a case of its own.
    """
    length, any_length = x.shape[1], torch.compiler.is_compiling()
    chunks = (length + (2 if any_length else 1) * size - 1) // size
    if any_length or length % size:
        rest = chunks * size - length
        x = F.pad(x, (0, 0) * (x.dim() - 2) + (0, rest))
    return torch.unflatten(x, 1, (chunks, size))


def _chunk_join(y: Tensor, length: int) -> Tensor:
    """(B, K, Q, ...) as the first L of all tokens, (B, L, ...)."""
    y = y.flatten(1, 2)
    if torch.compiler.is_compiling():  # that a slice fits, torch.export cannot prove
        return y.index_select(1, torch.arange(length, device=y.device))
    return y[:, :length]


def _chunk_states(factor: Tensor, more: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """The state before each chunk (B, K, ...), and the last, of state * factor + more.

    more (B, K, ...), and factor, whose last axes may be 1
    """
    if torch.compiler.is_compiling():
        states = _states(factor, more, state)
        return states[:, :-1], states[:, -1]
    starts = []
    for new, old in zip(more.unbind(1), factor.unbind(1), strict=True):
        starts.append(state)
        state = torch.addcmul(new, old, state)
    return torch.stack(starts, 1), state


# In Triton


def _chunk_gradients(*tensors: Tensor | None) -> bool:
    """Whether anyone will ask for a gradient: else no state is written down."""
    return torch.is_grad_enabled() and any(
        tensor is not None and tensor.requires_grad for tensor in tensors
    )


def _chunk_dense(x: Tensor) -> Tensor:
    """x itself, or a copy if its last dimension is not dense.

    A copy too where offsets within a chunk of 64 tokens would not fit in 32 bits.
    """
    return x if x.stride(-1) == 1 and x.stride(1) < 2**24 else x.contiguous()


def _chunk_empty(
    like: Tensor,
    shape: Sequence[int],
    dtype: torch.dtype = torch.float32,
    zeros: Any = None,
) -> Tensor:
    """For a kernel to write; zeros where cu_seqlens may leave tokens out."""
    new = torch.empty if zeros is None else torch.zeros
    return new(tuple(shape), dtype=dtype, device=like.device)


def _chunk_strides(*tensors: Tensor) -> list[int]:
    """From a row, a token and a head to the next, of each."""
    return [stride for tensor in tensors for stride in tensor.stride()[:3]]


def _chunk_places(x: Tensor, cu: Tensor | None, chunk: int) -> int:
    """Places for chunks: enough of them without reading cu_seqlens."""
    batch, length = x.shape[:2]
    whole: int = triton.cdiv(length, chunk)
    return batch * whole if cu is None else length // chunk + cu.shape[0] - 1


if triton is not None:

    @triton.jit
    def _chunk_span(cu, s, length, CHUNK: tl.constexpr, PACKED: tl.constexpr):
        """Sequence s: row of the batch, first token, tokens, place of its first chunk.

        Packed, a sequence leaves at most one place unused, and needs no counting.
        """
        row, first = s.to(tl.int64), tl.zeros((), tl.int64)
        place = row * tl.cdiv(length, CHUNK)
        if PACKED:
            first = tl.load(cu + s).to(tl.int64)
            length = (tl.load(cu + s + 1) - first).to(tl.int32)
            place = first // CHUNK + row
            row = row * 0
        return row, first, length, place

    @triton.jit
    def _chunk_owner(
        cu, place, sequences, length, CHUNK: tl.constexpr, PACKED: tl.constexpr
    ):
        """The sequence that a chunk belongs to: the last one that starts before it."""
        if PACKED:
            low, high = 0, sequences
            while high - low > 1:
                middle = (low + high) // 2
                if tl.load(cu + middle) // CHUNK + middle <= place:
                    low = middle
                else:
                    high = middle
        else:
            low = place // tl.cdiv(length, CHUNK)
        return low

    @triton.jit
    def _chunk_tile(pointer, i, i_in, i_step, j, j_in, j_step):
        """A tile (i, j), 0 outside."""
        at = pointer + i[:, None] * i_step + j[None, :] * j_step
        return tl.load(at, i_in[:, None] & j_in[None, :], 0.0)
