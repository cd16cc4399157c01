"""What the causal depthwise convolutions, `short_conv` and `gated_conv`, share.

Plain PyTorch goes block by block of time. A Triton program walks through a chunk of
one sequence, for a few channels a thread, with the last K - 1 values in registers.
"""

from typing import Any

import torch
from torch import Tensor

try:
    import triton
    import triton.language as tl
except ImportError:
    triton = None


def _conv_packed(
    one: Any,
    inputs: tuple[Tensor, ...],
    weight: Tensor,
    state: Tensor | None,
    cu_seqlens: Tensor,
) -> tuple[Tensor, Tensor]:
    """one(*inputs, state) of a sequence after the other; zeros after the last."""
    x, borders = inputs[0], cu_seqlens.tolist()
    if state is None:
        state = x.new_zeros(len(borders) - 1, weight.shape[1] - 1, x.shape[2])
    ys, finals = [], list(state.split(1))
    for n, (start, stop) in enumerate(zip(borders[:-1], borders[1:], strict=True)):
        if stop > start:
            y, finals[n] = one(*(z[:, start:stop] for z in inputs), finals[n])
            ys.append(y)
    ys.append(torch.zeros_like(x[:, borders[-1] :]))
    return torch.cat(ys, 1), torch.cat(finals)


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


# In Triton


def _conv_why_not(weight: Tensor) -> str:
    """Why the kernels do not serve this filter, empty where they do."""
    width = weight.shape[1]
    return "" if 2 <= width <= 16 else f"a filter of {width} taps, not 2 to 16"


def _conv_in_place(state: Tensor | None) -> bool:
    """No gradient is asked for, and no two rows of the state are the same memory."""
    return not torch.is_grad_enabled() and (state is None or 0 not in state.stride())


def _conv_tile(
    width: int, configurations: tuple[tuple[int, int, int, int], ...]
) -> dict[str, int]:
    """The first that is wide enough: width, channels of a thread, tokens, warps."""
    _, channels, tokens, warps = next(c for c in configurations if width <= c[0])
    lanes = 32 if torch.version.hip is None else 64
    block = lanes * warps * channels
    return {"WIDTH": width, "BLOCK": block, "TOKENS": tokens, "num_warps": warps}


def _conv_sizes(
    x: Tensor, cu_seqlens: Tensor | None, block: int
) -> tuple[tuple[int], int, tuple[int, ...]]:
    """The grid, the number of chunks, and (L, sequences, tokens of a chunk, D).

    A chunk has 128 tokens where 4096 programs remain, then less, never under 16. Not
    measured: 4096 programs are 8 to 16 a multiprocessor for several waves. A chunk
    reads K - 1 tokens of its neighbour again, from the cache.
    """
    sequences, length, channels = x.shape
    chunk, tiles = 128, -(-channels // block)
    while chunk > 16 and sequences * length // chunk * tiles < 4096:
        chunk //= 2
    places = sequences * -(-length // chunk)
    if cu_seqlens is not None:
        sequences = cu_seqlens.shape[0] - 1
        places = length // chunk + sequences + 1
    return (places * tiles,), places, (length, sequences, chunk, channels)


def _conv_strides(*tensors: Tensor | None) -> list[int]:
    """Three for each; of a tensor that is not there, zeros."""
    return [n for z in tensors for n in ((0, 0, 0) if z is None else z.stride())]


if triton is not None:

    @triton.jit
    def _conv_span(cu_seqlens, sequences, length, chunk, channels, BLOCK):
        """Of a program: channels, those that exist, its place among the chunks, row of
        the batch, sequence, that one's first token and end, its own first token.

        Sequence s owns the places from cu_seqlens[s] // chunk + s on, which are enough
        for any lengths; sequence S stands for the tokens after the last border.
        """
        tiles = tl.cdiv(channels, BLOCK)
        place = tl.program_id(0) // tiles
        channel = tl.program_id(0) % tiles * BLOCK + tl.arange(0, BLOCK)
        inside = channel < channels
        if cu_seqlens is None:
            places = tl.cdiv(length, chunk)
            sequence = (place // places).to(tl.int64)
            begin = tl.zeros((), tl.int64)
            end = begin + length
            first = (place % places * chunk).to(tl.int64)
        else:
            low = place * 0
            high = low + sequences
            while low < high:  # the last sequence that owns no later place
                middle = (low + high + 1) // 2
                later = tl.load(cu_seqlens + middle) // chunk + middle > place
                low = tl.where(later, low, middle)
                high = tl.where(later, middle - 1, high)
            sequence = low.to(tl.int64)
            begin = tl.load(cu_seqlens + sequence).to(tl.int64)
            last = sequence < sequences
            end = tl.load(cu_seqlens + sequence + 1, mask=last, other=length)
            end = end.to(tl.int64)
            first = begin + (place - begin // chunk - sequence) * chunk
        row = sequence if cu_seqlens is None else sequence * 0
        return channel.to(tl.int64), inside, place, row, sequence, begin, end, first

    @triton.jit
    def _conv_load(pointer, mask):
        return tl.load(pointer, mask=mask, other=0.0).to(tl.float32)
