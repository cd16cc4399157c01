"""Rotary positions: each pair of channels of a head turns with the token's position.

    y_i         = x_i cos(p f_i) - x_{i + K/2} sin(p f_i)
    y_{i + K/2} = x_i sin(p f_i) + x_{i + K/2} cos(p f_i)     f_i = theta^(-2 i / K)

    x (B, H, T, K): heads of tokens at positions p = start, start + 1, ..., or each at
    its own, start (B or 1, T) on x's device
    returns y (B, H, T, K) in x's dtype

With dims < K the first dims channels turn, as if there were no others. Source: arXiv
2104.09864, section 3.4.2, with the halves of a head as the pairs.

On a GPU (Triton) one launch moves 2 tensors, and so does its gradient, which turns
back; PyTorch takes 18 and 13 operations, whose float32 copies make it 19 and 24
tensors in bfloat16. Angles are float64 there, right at any position; the plain path
has them in float32: an error that grows with p, to 0.002 at 32,768. Under
torch.compile the plain path runs: Inductor fuses it.
"""

import math
from typing import Any

import torch
from torch import Tensor

from kernels.dispatch import autograd, kernels_for, launch_on

try:
    import triton
    import triton.language as tl
except ImportError:
    triton = None


def rotary(
    x: Tensor, start: int | Tensor, theta: float, dims: int | None = None
) -> Tensor:
    """x, turned; of one token, a position (1,) lets a CUDA graph move on."""
    dims = x.shape[-1] if dims is None else dims
    if x.numel() and not torch.compiler.is_compiling() and kernels_for("rotary", x):
        y: Tensor = autograd(_Rotary, x, start, theta, dims, 1)
        return y
    dtype = torch.promote_types(x.dtype, torch.float32)
    pair = torch.arange(dims // 2, device=x.device, dtype=dtype)
    if not isinstance(start, Tensor):
        start = torch.arange(x.shape[-2], device=x.device, dtype=dtype) + start
    # (B or 1, 1, T, dims / 2)
    angle = start[..., None, :, None] * theta ** (-2 * pair / dims)
    cos, sin = angle.cos(), angle.sin()
    a, b = x[..., :dims].chunk(2, dim=-1)
    parts = a * cos - b * sin, a * sin + b * cos, x[..., dims:]
    return torch.cat(parts, dim=-1).type_as(x)


class _Rotary(torch.autograd.Function):
    """Saves nothing of x; the gradient turns the other way."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, start: int | Tensor, theta: float, dims: int, sign: int
    ) -> Tensor:
        ctx.given = start, theta, dims, -sign
        return _rotary_launch(x, start, theta, dims, sign)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, None, None, None, None]:
        dx = autograd(_Rotary, dy, *ctx.given)
        return dx, None, None, None, None


def _rotary_launch(
    x: Tensor, start: int | Tensor, theta: float, dims: int, sign: int
) -> Tensor:
    batch, heads, length, channels = x.shape
    x = x if x.stride(-1) == 1 else x.contiguous()
    out = torch.empty_like(x)  # dense, in the order of x's strides
    pairs = triton.next_power_of_2(dims // 2)
    rest_tile = triton.next_power_of_2(channels - dims)
    # 1024 pairs a tile, 8 for a thread of 4 warps, whose registers hold
    # them. Heads of a token share a tile: sines and cosines are taken once for them.
    rows = max(1, 1024 // max(pairs, rest_tile // 2))
    head_tile = min(triton.next_power_of_2(heads), rows)
    token_tile = 1 if length == 1 else rows // head_tile
    grid = batch * triton.cdiv(heads, head_tile) * triton.cdiv(length, token_tile)
    strides: tuple[int, ...] = (0, 0)
    if isinstance(start, Tensor):
        start = start.expand(batch, length)
        strides = start.stride()
    with launch_on(x):
        _rotary_kernel[(grid,)](
            out,
            x,
            start,
            length,
            *out.stride()[:3],
            *x.stride()[:3],
            *strides,
            POSITIONS=isinstance(start, Tensor),
            OCTAVES=2 * math.log2(theta) / dims,
            SIGN=sign,
            HEADS=heads,
            HALF=dims // 2,
            REST=channels - dims,
            REST_TILE=rest_tile,
            HEAD_TILE=head_tile,
            TOKEN_TILE=token_tile,
            PAIRS=pairs,
            num_warps=4,
        )
    return out


if triton is not None:

    @triton.jit(do_not_specialize=["start", "length"])
    def _rotary_kernel(
        out,
        x,
        start,
        length,
        out_batch,
        out_head,
        out_token,
        x_batch,
        x_head,
        x_token,
        start_batch,
        start_token,
        POSITIONS: tl.constexpr,
        OCTAVES: tl.constexpr,
        SIGN: tl.constexpr,
        HEADS: tl.constexpr,
        HALF: tl.constexpr,
        REST: tl.constexpr,
        REST_TILE: tl.constexpr,
        HEAD_TILE: tl.constexpr,
        TOKEN_TILE: tl.constexpr,
        PAIRS: tl.constexpr,
    ):
        """A program turns TOKEN_TILE tokens of HEAD_TILE heads."""
        token_tiles = tl.cdiv(length, TOKEN_TILE)
        head_tiles: tl.constexpr = tl.cdiv(HEADS, HEAD_TILE)
        tile = tl.program_id(0)
        token = tile % token_tiles * TOKEN_TILE + tl.arange(0, TOKEN_TILE)
        tile = tile // token_tiles
        head = tile % head_tiles * HEAD_TILE + tl.arange(0, HEAD_TILE)
        batch = (tile // head_tiles).to(tl.int64)
        inside = (token < length)[:, None, None] & (head < HEADS)[None, :, None]
        token, head = (
            token.to(tl.int64)[:, None, None],
            head.to(tl.int64)[None, :, None],
        )
        x += batch * x_batch + head * x_head + token * x_token
        out += batch * out_batch + head * out_head + token * out_token

        pair = tl.arange(0, PAIRS)[None, None, :]
        if POSITIONS:
            start += batch * start_batch + token * start_token
            position = tl.load(start, mask=token < length, other=0)
        else:
            position = start + token
        octaves = tl.full((), OCTAVES, tl.float64)  # a literal would be float32
        first = tl.full((), -2.651496129472319, tl.float64)  # log2(1 / 2 pi)
        turns = tl.exp2(first - octaves * pair) * position
        angle = ((turns - tl.floor(turns)) * 6.283185307179586).to(tl.float32)
        cos, sin = tl.cos(angle), tl.sin(angle) * SIGN
        mask = inside & (pair < HALF)
        a = tl.load(x + pair, mask=mask, other=0.0).to(tl.float32)
        b = tl.load(x + pair + HALF, mask=mask, other=0.0).to(tl.float32)
        tl.store(out + pair, a * cos - b * sin, mask=mask)
        tl.store(out + pair + HALF, a * sin + b * cos, mask=mask)
        if REST > 0:
            column = tl.arange(0, REST_TILE)[None, None, :]
            mask = inside & (column < REST)
            still = tl.load(x + 2 * HALF + column, mask=mask)
            tl.store(out + 2 * HALF + column, still, mask=mask)
