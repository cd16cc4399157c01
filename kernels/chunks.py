"""What kernels with a matrix state share: `ssd`, linear attentions, delta rules.

Time goes in chunks: a matrix of pairs of tokens inside one, a state between them.
Letters: H heads with keys of K and values of V channels, G groups of heads.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.sequences import _seq_rows
from kernels.state_scan import _states

try:
    import triton
    import triton.language as tl
except ImportError:
    triton = None


def _chunk_split(x: Tensor, size: int) -> Tensor:
    """(B, T, ...) as (B, N, size, ...), zeros behind the last token.

    One chunk more in a graph for any length: torch.compile makes one a case of its own.
    """
    length, any_length = x.shape[1], torch.compiler.is_compiling()
    chunks = (length + (2 if any_length else 1) * size - 1) // size
    if any_length or length % size:
        rest = chunks * size - length
        x = F.pad(x, (0, 0) * (x.dim() - 2) + (0, rest))
    return torch.unflatten(x, 1, (chunks, size))


def _chunk_join(y: Tensor, length: int) -> Tensor:
    """(B, N, Q, ...) as the first T of all tokens, (B, T, ...)."""
    y = y.flatten(1, 2)
    if torch.compiler.is_compiling():  # that a slice fits, torch.export cannot prove
        return y.index_select(1, torch.arange(length, device=y.device))
    return y[:, :length]


def _chunk_states(factor: Tensor, more: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """The state before each chunk (B, N, ...), and the last, of state * factor + more.

    more (B, N, ...), and factor, whose last axes may be 1
    """
    if torch.compiler.is_compiling():
        states = _states(factor, more, state)
        return states[:, :-1], states[:, -1]
    starts = []
    for new, old in zip(more.unbind(1), factor.unbind(1), strict=True):
        starts.append(state)
        state = torch.addcmul(new, old, state)
    return torch.stack(starts, 1), state


# Triton


def _chunk_gradients(*tensors: Tensor | None) -> bool:
    """Whether anyone will ask for a gradient: else no state is written down."""
    return torch.is_grad_enabled() and any(
        tensor is not None and tensor.requires_grad for tensor in tensors
    )


def _chunk_rows(x: Tensor) -> Tensor:
    """(B, T, ...) as rows; a copy too where 256 of them pass 32 bits."""
    x = _seq_rows(x)
    return x if x.stride(0) < 2**23 else x.contiguous()


if triton is not None:

    @triton.jit
    def _chunk_load(x, t, T, stride, n, N):
        """Rows t of x, and of them channels n: (BT, BN), 0 from T and N on."""
        at = x + t[:, None] * stride + n[None, :]
        return tl.load(at, (t < T)[:, None] & (n < N)[None, :], 0.0)

    @triton.jit
    def _chunk_turned(x, t, T, stride, n, N):
        """The same turned, (BN, BT): read so, as no accumulator is ever transposed."""
        at = x + n[:, None] + t[None, :] * stride
        return tl.load(at, (n < N)[:, None] & (t < T)[None, :], 0.0)

    @triton.jit
    def _chunk_cast(x, DOT: tl.constexpr):
        """x as an operand of a product."""
        return x.to(tl.bfloat16 if DOT == "bf16" else tl.float32)

    @triton.jit
    def _chunk_dot(a, b, DOT: tl.constexpr, acc=None):
        """acc + a b in float32, of bfloat16 or by DOT: tf32, tf32x3 or ieee."""
        a, b = _chunk_cast(a, DOT), _chunk_cast(b, DOT)
        PRECISION: tl.constexpr = "ieee" if DOT == "bf16" else DOT
        return tl.dot(a, b, acc, input_precision=PRECISION)

    @triton.jit
    def _chunk_sums(mask, x, DOT: tl.constexpr):
        """Sums of x (BT, BK) over the tokens that a row of the mask (BT, BT) names.

        A product, so that no small sum is the difference of two large ones. bfloat16
        takes x in two parts.
        """
        mask, high = _chunk_cast(tl.where(mask, 1.0, 0.0), DOT), _chunk_cast(x, DOT)
        out = _chunk_dot(mask, high, DOT)
        if DOT == "bf16":
            out = _chunk_dot(mask, x - high.to(tl.float32), DOT, out)
        return out

    @triton.jit
    def _chunk_level(q, k, log, t, level, DOT: tl.constexpr):
        """Pairs of tokens in two blocks of 2^level tokens, side by side: their decay
        is split where the blocks meet.

        Which tokens ask (those of the second block); the decays from there to each of
        them, or to there from each of the first block; these times q or k, for a
        product; which pairs it is for.
        """
        block = t >> level
        asks = (block & 1 == 1)[:, None]
        later = t[None, :] > t[:, None]
        between = (block[:, None] == block[None, :]) & (later != asks)
        decay = tl.exp(_chunk_sums(between, log, DOT))
        operand = _chunk_cast(tl.where(asks, q, k) * decay, DOT)
        return asks, decay, operand, (block[:, None] ^ block[None, :]) == 1
