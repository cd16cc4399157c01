"""What the causal depthwise convolutions, `short_conv` and `gated_conv`, share.

Plain PyTorch goes block by block of time. A Triton program walks through a chunk of
one sequence, for a few channels a thread, with the last K - 1 values in registers.
"""

import torch
from torch import Tensor

from kernels.sequences import _seq_count, _seq_places

try:
    import triton
    import triton.language as tl

    from kernels.sequences import _seq_tile
except ImportError:
    triton = None


def _conv_blocks(x: Tensor) -> list[tuple[int, int]]:
    """Time in blocks, (start, stop), of 512 KiB a thread: all passes over a block find
    it in the cache (measured: 1.4 times faster than whole passes, forward + backward).

    One block where torch.compile fuses the passes, and on a GPU, where launches cost.
    """
    batch, length, channels = x.shape
    if torch.compiler.is_compiling() or x.device.type != "cpu":
        return [(0, length)]
    size = max(16, 2**17 * torch.get_num_threads() // max(1, batch * channels))
    starts = range(0, max(1, length), size)
    return [(start, min(start + size, length)) for start in starts]


def _conv_taps(u: Tensor, taps: tuple[Tensor, ...], bias: Tensor | None) -> Tensor:
    """K shifted multiply-adds: on a CPU far faster than F.conv1d with groups."""
    length = u.shape[1] - len(taps) + 1
    z = u[:, :length] * taps[0]
    for k, tap in enumerate(taps[1:], 1):
        z.addcmul_(u[:, k : k + length], tap)
    return z if bias is None else z.add_(bias)


def _conv_filter_gradients(
    sums: Tensor, weight: Tensor, bias: Tensor | None
) -> tuple[Tensor, Tensor | None]:
    """Of the weight and the bias, from a row a tap and one for the bias."""
    dweight = sums[: weight.shape[1]].t().to(weight.dtype)
    return dweight, None if bias is None else sums[-1].to(bias.dtype)


# Triton


def _conv_why_not(weight: Tensor) -> str:
    """Why the kernels do not serve this filter, empty where they do."""
    K = weight.shape[1]
    return "" if 2 <= K <= 16 else f"a filter of {K} taps, not 2 to 16"


def _conv_tile(K: int, table: tuple[tuple[int, int, int, int], ...]) -> dict[str, int]:
    """The first that is wide enough: taps, channels of a thread, tokens, warps."""
    _, channels, tokens, warps = next(row for row in table if K <= row[0])
    lanes = 32 if torch.version.hip is None else 64
    return {"K": K, "BT": tokens, "BD": lanes * warps * channels, "num_warps": warps}


def _conv_grid(
    x: Tensor, cu_seqlens: Tensor | None, BD: int
) -> tuple[tuple[int], int, int]:
    """The grid, the places for chunks in it, and the tokens of a chunk.

    A chunk has 128 tokens where 4096 programs remain, 8 to 16 a multiprocessor for
    several waves; then less, never under 16. A chunk reads K - 1 tokens of its
    neighbour again, from the cache.
    """
    B, T, D = x.shape
    chunk, blocks = 128, -(-D // BD)
    while chunk > 16 and B * T // chunk * blocks < 4096:
        chunk //= 2
    places = _seq_places(x, cu_seqlens, chunk)
    return (places * blocks,), places, chunk


def _conv_final(
    x: Tensor, K: int, state: Tensor | None, cu_seqlens: Tensor | None, keep: bool
) -> Tensor:
    """Room for the next state: after one token, without gradients, the given one."""
    if state is not None and x.shape[1] == 1 and cu_seqlens is None and not keep:
        if state.is_contiguous():
            return state
    shape = (_seq_count(x, cu_seqlens), K - 1, x.shape[2])
    dtype = x.dtype if state is None else state.dtype
    return torch.empty(shape, dtype=dtype, device=x.device)


if triton is not None:

    @triton.jit
    def _conv_span(cu_seqlens, T, D, chunk, BD: tl.constexpr):
        """Of a program: channels, those that exist, its place among the chunks, the
        sequence, that one's first row and length, and its own first token there.
        """
        blocks = tl.cdiv(D, BD)
        place = tl.program_id(0) // blocks
        d = tl.program_id(0) % blocks * BD + tl.arange(0, BD)
        places = tl.num_programs(0) // blocks
        s, bos, T, first = _seq_tile(cu_seqlens, place, places, T, chunk)
        T = T.to(tl.int64)  # tokens are counted from its end too, and times a stride
        return d.to(tl.int64), d < D, place, s.to(tl.int64), bos, T, first

    @triton.jit
    def _conv_load(pointer, mask):
        return tl.load(pointer, mask=mask, other=0.0).to(tl.float32)
