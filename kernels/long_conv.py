"""Causal convolution with a filter as long as the sequence, by FFT.

    y_t = sum_{j <= t} kernel[t - j] * u_j

    u (B, L, D)    kernel (at least S + L, D)    history (B, S, D): inputs before u
    returns y (B, L, D) in u's dtype

Computed in float32 (float64 for float64). History None means that u is the start.

With spans, B is 1 and the row holds sequences one after the other: of each its first
token, its end, and how many tokens of it came before, in its row of the buffer.
Source: Hyena, arXiv 2302.10866, section 2.1: two zero-padded FFTs, a product, and one
back.

Token by token, with a buffer, the past is not summed anew. When a multiple of a
power of two, 2^k * odd tokens, have come, one FFT of size 2^(k + 1) adds what the
last 2^k of them contribute to the next 2^k outputs. Every pair of an input and a
later output meets in exactly one such pair of neighbouring blocks, so the result is
the sum above, for O(log^2 S) operations a token and channel on average instead of S.
Source of the order of blocks: Flash Inference, arXiv 2410.12982; van der Hoeven's
relaxed products.
"""

import torch
from torch import Tensor


def long_conv(
    u: Tensor,
    kernel: Tensor,
    history: Tensor | None = None,
    *,
    spans: list[tuple[int, int, int]] | None = None,
) -> Tensor:
    """Return the outputs at the positions of u."""
    if spans is not None:
        parts = u.split([stop - start for start, stop, _ in spans], 1)
        return torch.cat([long_conv(part, kernel) for part in parts], 1)
    length, dtype = u.shape[1], torch.promote_types(u.dtype, torch.float32)
    if history is None:
        history = u[:, :0]
    if not u.numel():  # an FFT refuses zero rows
        return u * kernel[:1].to(u.dtype)
    if length == 1:
        return _long_conv_token(u.to(dtype), kernel, history).to(u.dtype)
    past = torch.cat([history.to(u.dtype), u], 1).to(dtype)
    total = past.shape[1]  # S + L
    # What wraps around must fall before the L outputs kept: total + length is enough.
    size = total + length
    if not torch.compiler.is_compiling():  # lengths are symbols there, without bits
        size = 1 << (size - 1).bit_length()
    spectrum = torch.fft.rfft(past.transpose(1, 2), n=size)  # (B, D, F)
    spectrum = spectrum * torch.fft.rfft(kernel[:total].to(dtype).t(), n=size)
    y: Tensor = torch.fft.irfft(spectrum, n=size)[..., total - length : total]
    return y.transpose(1, 2).to(u.dtype)


def long_conv_cached(
    u: Tensor,
    kernel: Tensor,
    buffer: Tensor,
    length: int,
    added: int,
    *,
    spans: list[tuple[int, int, int]] | None = None,
) -> tuple[Tensor, Tensor, int]:
    """Outputs for u, which follows `length` tokens in the buffer (B, longest, D).

    The buffer, in float32 at least, has two parts: the inputs so far, and behind them
    what whole blocks of inputs add to outputs to come. It changes in place, or in a
    copy where a backward may read the old one, and is returned. `added` says up to
    which length its second part has been done (0 at first); the new value is returned
    too. Only single tokens need it, so a prompt leaves it to the first of them.

    With spans, all rows end at the same place of the buffer, whatever they began with:
    it is what lies between two tokens that counts.
    """
    if torch.is_grad_enabled():
        buffer = buffer.clone()
    if spans is not None:
        news = [stop - start for start, stop, _ in spans]
        if len({*news}) == 1:  # no row falls behind
            rows = u.unflatten(1, (len(news), news[0])).squeeze(0)
            y, buffer, added = long_conv_cached(rows, kernel, buffer, length, added)
            return y.reshape(u.shape), buffer, added
        parts = []
        for row, new in enumerate(u.split(news, 1)):
            past = spans[row][2]
            history = buffer[row : row + 1, length - past : length].clone()
            parts.append(long_conv(new, kernel, history))
            seen = torch.cat([history, new.to(history.dtype)], 1)
            buffer[row] = 0.0
            end = length + max(news)
            buffer[row, end - seen.shape[1] : end] = seen[0]
        return torch.cat(parts, 1), buffer, 0
    if u.shape[1] == 1 and not torch.compiler.is_compiling():
        _long_conv_add_blocks(buffer, kernel, length, added)
        here = buffer[:, length : length + 1]
        y = torch.addcmul(here, u.to(buffer.dtype), kernel[:1].to(buffer.dtype))
        y, added = y.to(u.dtype), length
    else:  # compiled, one graph serves all lengths
        y = long_conv(u, kernel, buffer[:, :length])
    buffer[:, length : length + u.shape[1]] = u
    return y, buffer, added


def _long_conv_add_blocks(
    buffer: Tensor, kernel: Tensor, length: int, added: int
) -> None:
    """What blocks that end after `added` add to outputs from `length` on.

    One for each binary digit 1 of the length; token after token all but the last of
    them are older than `added`.
    """
    for k in range(length.bit_length()):
        size = 1 << k
        end = length >> k << k  # of the last whole block of that size
        if not length & size or end <= added:
            continue
        block = buffer[:, end - size : end]  # (B, size, D)
        more = _long_conv_next(block, kernel[1 : 2 * size].to(buffer.dtype))
        rows = buffer[:, length : end + size]
        rows += more[:, length - end : length - end + rows.shape[1]]


def _long_conv_next(block: Tensor, taps: Tensor) -> Tensor:
    """What a block of inputs adds to the outputs right after it, as many.

    taps (2 size - 1, D), or fewer at the end of the filter: distances 1, 2, ...
    """
    size = block.shape[1]
    if size <= 16 and taps.shape[0] == 2 * size - 1:  # a few products: no FFT pays
        windows = taps.unfold(0, size, 1)  # (size, D, size): [i, :, j] = taps[i + j]
        return (windows * block.flip(1).transpose(1, 2).unsqueeze(1)).sum(3)
    # Of 2 size outputs, those wanted, from size - 1 on, are free of what wraps around.
    spectrum = torch.fft.rfft(block.transpose(1, 2), n=2 * size)  # (B, D, F)
    spectrum = spectrum * torch.fft.rfft(taps.t(), n=2 * size)
    more: Tensor = torch.fft.irfft(spectrum, n=2 * size)[..., size - 1 : 2 * size - 1]
    return more.transpose(1, 2)


def _long_conv_token(u: Tensor, kernel: Tensor, history: Tensor) -> Tensor:
    """The sum for one token, 64 rows at a time: 5 times faster than all at once."""
    y = u * kernel[0]  # (B, 1, D)
    length = history.shape[1]
    if torch.compiler.is_compiling():  # one graph for any length; it fuses the sum
        return y + (history * kernel[1 : length + 1].flip(0)).sum(1, keepdim=True)
    for start in range(0, length, 64):
        rows = history[:, start : start + 64]
        end = length - start + 1
        taps = kernel[end - rows.shape[1] : end].flip(0)
        y = y + (rows * taps).sum(1, keepdim=True)
    return y
