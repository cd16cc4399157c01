"""SwiGLU and its kin: the gate of a gated linear unit, after its one projection.

    y = silu(gate) * up        or gelu (by tanh), relu, sigmoid instead of silu

    gate_up (..., 2 F): gate, then up        returns y (..., F) in its dtype

Source: arXiv 2002.05202.

On a GPU (Triton) forward moves 3 tensors (..., F) and backward 5, which writes one
gradient (..., 2 F); PyTorch moves 5 and 13, and keeps silu(gate) for the backward.
Products are float32, rounded once. Under torch.compile the plain path runs: Inductor
fuses it, and more beside it.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.dispatch import autograd, kernels_for, launch_on

try:
    import triton
    import triton.language as tl
except ImportError:
    triton = None


def swiglu(gate_up: Tensor, activation: str = "silu") -> Tensor:
    """activation(gate) * up, of both side by side."""
    compiling = torch.compiler.is_compiling()
    if gate_up.numel() and not compiling and kernels_for("swiglu", gate_up):
        y: Tensor = autograd(_SwiGLU, gate_up, activation)
        return y
    if torch.is_grad_enabled() and gate_up.requires_grad and not compiling:
        plain: Tensor = autograd(_PlainSwiGLU, gate_up, activation)
        return plain
    return _swiglu_plain(gate_up, activation)


def _swiglu_plain(gate_up: Tensor, activation: str) -> Tensor:
    gate, up = gate_up.chunk(2, dim=-1)
    gate = _SWIGLU_GATES[activation](gate)
    # A buffer less is more than a pass less: a CPU pays for each page of a fresh one.
    return gate * up if gate.requires_grad else gate.mul_(up)


_SWIGLU_GATES: dict[str, Callable[[Tensor], Tensor]] = {
    "silu": F.silu,
    "gelu": partial(F.gelu, approximate="tanh"),
    "relu": F.relu,
    "sigmoid": torch.sigmoid,
}


class _PlainSwiGLU(torch.autograd.Function):
    """Saves gate and up only; PyTorch's own gradient keeps activation(gate) too."""

    generate_vmap_rule = True

    @staticmethod
    def forward(gate_up: Tensor, activation: str) -> Tensor:
        return _swiglu_plain(gate_up, activation)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, str], output: Tensor) -> None:
        gate_up, ctx.activation = inputs
        ctx.save_for_backward(gate_up)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, None]:
        (gate_up,) = ctx.saved_tensors
        gate, up = gate_up.chunk(2, dim=-1)
        d_up = dy * _SWIGLU_GATES[ctx.activation](gate)
        d_gate = _swiglu_slope(dy * up, gate, ctx.activation)
        return torch.cat((d_gate, d_up), dim=-1), None


def _swiglu_slope(dy: Tensor, gate: Tensor, activation: str) -> Tensor:
    """dy times the slope of the activation; where it is asked, with a gradient."""
    aten: Any = torch.ops.aten
    if activation == "silu" and torch.is_grad_enabled():  # aten's has no gradient
        share = gate.sigmoid()
        found: Tensor = dy * share * (1 + gate * (1 - share))
    elif activation == "silu":
        found = aten.silu_backward(dy, gate)
    elif activation == "gelu":
        found = aten.gelu_backward(dy, gate, approximate="tanh")
    elif activation == "relu":
        found = aten.threshold_backward(dy, gate, 0)
    else:
        found = aten.sigmoid_backward(dy, gate.sigmoid())
    return found


class _SwiGLU(torch.autograd.Function):
    """Saves gate and up only."""

    @staticmethod
    def forward(ctx: Any, gate_up: Tensor, activation: str) -> Tensor:
        ctx.save_for_backward(gate_up)
        ctx.activation = activation
        return _swiglu_launch(gate_up, None, activation)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, None]:
        (gate_up,) = ctx.saved_tensors
        return _swiglu_launch(gate_up, dy, ctx.activation), None


def _swiglu_launch(gate_up: Tensor, dy: Tensor | None, activation: str) -> Tensor:
    """y, or with dy the gradient of gate_up."""
    width = gate_up.shape[-1] // 2
    rows = _swiglu_rows(gate_up)
    dy_rows = None if dy is None else _swiglu_rows(dy)
    shape = (*gate_up.shape[:-1], width if dy is None else 2 * width)
    out = torch.empty(shape, dtype=gate_up.dtype, device=gate_up.device)
    # 4 warps whose threads load 16 bytes of each tensor. By arithmetic
    # 32 KiB or more are under way on a multiprocessor; 4.3 TB/s at 700 ns want 23.
    block = 2048 // gate_up.element_size()
    with launch_on(gate_up):
        _swiglu_kernel[(len(rows) * triton.cdiv(width, block),)](
            out,
            rows,
            dy_rows,
            D=width,
            STRIDE=rows.stride(0),
            DY_STRIDE=0 if dy_rows is None else dy_rows.stride(0),
            ACTIVATION=activation,
            BD=block,
            num_warps=4,
        )
    return out


def _swiglu_rows(x: Tensor) -> Tensor:
    """(..., F) as (rows, F), a view where its strides allow."""
    x = x.reshape(-1, x.shape[-1])
    return x if x.stride(1) == 1 else x.contiguous()


if triton is not None:

    @triton.jit
    def _swiglu_gate(z, ACTIVATION: tl.constexpr):
        """The activation and its slope."""
        if ACTIVATION == "relu":
            gate, slope = tl.where(z < 0, 0.0, z), tl.where(z > 0, 1.0, 0.0)
        else:
            inner, slope = z, 1.0
            if ACTIVATION == "gelu":  # (1 + tanh(u)) / 2 = sigmoid(2 u)
                inner = 1.5957691216057308 * (z + 0.044715 * z * z * z)
                slope = 1.5957691216057308 * (1 + 0.134145 * z * z)
            gate = tl.sigmoid(inner)
            slope *= gate * (1 - gate)
            if ACTIVATION != "sigmoid":
                tl.static_assert(ACTIVATION == "silu" or ACTIVATION == "gelu")
                gate, slope = z * gate, gate + z * slope
        return gate, slope

    @triton.jit
    def _swiglu_kernel(
        out,
        gate_up,
        dy,
        D: tl.constexpr,
        STRIDE: tl.constexpr,
        DY_STRIDE: tl.constexpr,
        ACTIVATION: tl.constexpr,
        BD: tl.constexpr,
    ):
        """A program takes BD columns of a row. Constant strides align its loads."""
        tiles: tl.constexpr = tl.cdiv(D, BD)
        row = (tl.program_id(0) // tiles).to(tl.int64)
        column = tl.program_id(0) % tiles * BD + tl.arange(0, BD)
        inside = column < D
        gate_up += row * STRIDE + column
        gate = tl.load(gate_up, mask=inside, other=0.0).to(tl.float32)
        up = tl.load(gate_up + D, mask=inside, other=0.0).to(tl.float32)
        gate, slope = _swiglu_gate(gate, ACTIVATION)
        if dy is None:
            tl.store(out + row * D + column, gate * up, mask=inside)
        else:
            dy += row * DY_STRIDE + column
            dy = tl.load(dy, mask=inside, other=0.0).to(tl.float32)
            out += row * (2 * D) + column
            tl.store(out, dy * up * slope, mask=inside)
            tl.store(out + D, dy * gate, mask=inside)
