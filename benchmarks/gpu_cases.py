"""What `benchmarks.gpu` measures: each kernel, its floor, what is asked, its peers.

A floor is the larger of bytes / copy bandwidth and, where another unit binds, that
unit's time: operations of tensor cores at the matmul rate measured in the same run, or
exponentials at 16 a clock and multiprocessor (Hopper's rate). The shapes are issue 3's:
B = 8, L = 4096, D = 2048 in bfloat16.
"""

import importlib.util
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.channel_delta import channel_delta
from kernels.gated_conv import gated_conv_fused
from kernels.gated_delta import gated_delta
from kernels.rg_lru import rg_lru
from kernels.rotary import rotary
from kernels.selective_scan import selective_scan
from kernels.short_conv import short_conv
from kernels.ssd import ssd
from kernels.swiglu import swiglu

Call = Callable[..., Any]
Shape = tuple[int, int, int]
FULL: Shape = (8, 4096, 2048)
SMALL: Shape = (2, 150, 128)
"""For the comparison with plain PyTorch in float64."""


@dataclass(frozen=True)
class Peer:
    """Somebody else's kernel on the same inputs; `make` raises where it is missing."""

    name: str
    make: Callable[[list[Tensor]], tuple[Call, list[Tensor]]]
    asked: tuple[float | None, float | None] = (None, None)
    """How many times slower it has to be: forward, backward."""
    same: bool = True
    """It gives what our kernel gives; another has less to do."""


@dataclass(frozen=True)
class Case:
    name: str
    call: Call
    inputs: Callable[[Shape, torch.dtype, str], list[Tensor]]
    moves: tuple[float, float]
    """Tensors (B, L, D) read or written: forward, backward."""
    asked: tuple[float, float]
    """Times the floor: forward, backward."""
    exponentials: float = 0
    """For each element (B, L, D), in each direction."""
    flops: tuple[float, float] = (0, 0)
    """Of tensor cores for each element: forward, backward."""
    peers: tuple[Peer, ...] = field(default=())


def _randn(shape: tuple[int, ...], dtype: torch.dtype, device: str) -> Tensor:
    return torch.randn(shape, device=device, dtype=torch.float32).to(dtype)


def _gated(width: int) -> Callable[[Shape, torch.dtype, str], list[Tensor]]:
    def inputs(shape: Shape, dtype: torch.dtype, device: str) -> list[Tensor]:
        batch, length, dim = shape
        bcx = _randn((batch, length, 3 * dim), dtype, device)
        return [bcx, _randn((dim, width), dtype, device)]

    return inputs


def _short(shape: Shape, dtype: torch.dtype, device: str) -> list[Tensor]:
    dim = shape[2]
    weight = _randn((dim, 4), dtype, device)
    return [_randn(shape, dtype, device), weight, _randn((dim,), dtype, device)]


def _rg_lru(shape: Shape, dtype: torch.dtype, device: str) -> list[Tensor]:
    gates = [_randn(shape, dtype, device) for _ in range(3)]
    return [*gates, _randn((shape[2],), torch.float32, device)]


def _selective(shape: Shape, dtype: torch.dtype, device: str) -> list[Tensor]:
    batch, length, dim = shape
    states = torch.arange(1.0, 17, device=device).log().repeat(dim, 1)
    return [
        _randn(shape, dtype, device),
        F.softplus(_randn(shape, dtype, device) - 4),
        states,
        _randn((batch, length, 16), dtype, device),
        _randn((batch, length, 16), dtype, device),
        _randn((dim,), torch.float32, device),
    ]


def _ssd(shape: Shape, dtype: torch.dtype, device: str) -> list[Tensor]:
    batch, length, dim = shape
    heads = dim // 64
    return [
        _randn((batch, length, heads, 64), dtype, device),
        F.softplus(_randn((batch, length, heads), torch.float32, device) - 4),
        torch.linspace(1, 16, heads, device=device).log(),
        _randn((batch, length, 1, 128), dtype, device),
        _randn((batch, length, 1, 128), dtype, device),
        _randn((heads,), torch.float32, device),
    ]


def _delta(channel: bool) -> Callable[[Shape, torch.dtype, str], list[Tensor]]:
    def inputs(shape: Shape, dtype: torch.dtype, device: str) -> list[Tensor]:
        batch, length, dim = shape
        heads = (batch, length, max(dim // 128, 1))
        tokens = (*heads, min(dim, 128))
        q, k = (F.normalize(_randn(tokens, torch.float32, device), dim=3) for _ in "qk")
        log = _randn(tokens if channel else heads, torch.float32, device)
        return [
            q.to(dtype),
            k.to(dtype),
            _randn(tokens, dtype, device),
            F.logsigmoid(log + 3),
            _randn(heads, dtype, device).sigmoid(),
        ]

    return inputs


def _gate_up(shape: Shape, dtype: torch.dtype, device: str) -> list[Tensor]:
    batch, length, dim = shape
    return [_randn((batch, length, 2 * dim), dtype, device)]


def _heads(shape: Shape, dtype: torch.dtype, device: str) -> list[Tensor]:
    batch, length, dim = shape
    return [_randn((batch, dim // 64, length, 64), dtype, device)]


def _stream(shape: Shape, dtype: torch.dtype, device: str) -> list[Tensor]:
    x, y = (_randn(shape, dtype, device) for _ in range(2))
    return [x, y, _randn((shape[2],), dtype, device)]


def _residual_norm(x: Tensor, y: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """No kernel of ours: what torch reaches here says whether one would pay."""
    x = x + y
    return F.rms_norm(x, weight.shape, weight, 1e-5), x


# Peers. Each takes our inputs and gives a call and its own inputs.


def _conv_of_transformers(inputs: list[Tensor]) -> tuple[Call, list[Tensor]]:
    """Lfm2ShortConv: B * x, the convolution, C *; causal-conv1d's where it imports and
    serves the width."""
    try:
        from causal_conv1d import causal_conv1d_fn as convolve
    except ImportError:
        convolve = None
    if inputs[1].shape[1] > 4:
        convolve = None

    def call(bcx: Tensor, weight: Tensor) -> Tensor:
        b, c, x = bcx.transpose(1, 2).chunk(3, dim=1)
        bx = b * x
        if convolve is not None:
            z = convolve(bx, weight, None, activation=None)
        else:
            padding = weight.shape[1] - 1
            z = F.conv1d(
                bx, weight.unsqueeze(1), padding=padding, groups=weight.shape[0]
            )
            z = z[..., : bx.shape[2]]
        y: Tensor = (c * z).transpose(1, 2).contiguous()
        return y

    return call, inputs


def _causal_conv1d(inputs: list[Tensor]) -> tuple[Call, list[Tensor]]:
    from causal_conv1d import causal_conv1d_fn

    def call(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        y: Tensor = causal_conv1d_fn(x.transpose(1, 2), weight, bias, activation="silu")
        return y.transpose(1, 2)

    return call, inputs


def _fla_conv(inputs: list[Tensor]) -> tuple[Call, list[Tensor]]:
    os.environ["FLA_CONV_GLUON"] = "1"
    from fla.modules.convolution import causal_conv1d

    def call(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        found = causal_conv1d(x=x, weight=weight, bias=bias, activation="silu")
        y: Tensor = found[0]
        return y

    return call, inputs


def _chunk_hgrn(inputs: list[Tensor]) -> tuple[Call, list[Tensor]]:
    """h = exp(g) h + x alone: its gates are computed before it, untimed."""
    from fla.ops.hgrn import chunk_hgrn

    x, gate = inputs[0], F.logsigmoid(inputs[1].float()).to(inputs[1].dtype)
    return (lambda x, g: chunk_hgrn(x=x, g=g)[0]), [x, gate]


def _accelerated_scan(inputs: list[Tensor]) -> tuple[Call, list[Tensor]]:
    from accelerated_scan.scalar import scan

    tokens, gates = (z.transpose(1, 2).contiguous() for z in inputs[:2])
    return (lambda gates, tokens: scan(gates, tokens)), [gates.sigmoid(), tokens]


def _mamba_scan(inputs: list[Tensor]) -> tuple[Call, list[Tensor]]:
    from mamba_ssm.ops.selective_scan_interface import selective_scan_fn

    x, dt, a_log, b, c, skip = inputs
    turned = [z.transpose(1, 2).contiguous() for z in (x, dt, b, c)]

    def call(x: Tensor, dt: Tensor, b: Tensor, c: Tensor) -> Tensor:
        y: Tensor = selective_scan_fn(x, dt, -a_log.exp(), b, c, skip)
        return y.transpose(1, 2)

    return call, turned


def _mamba_ssd(inputs: list[Tensor]) -> tuple[Call, list[Tensor]]:
    extension = "selective_scan_cuda"  # Mamba-1's: the package imports it, unused here
    if extension not in sys.modules and importlib.util.find_spec(extension) is None:
        sys.modules[extension] = ModuleType(extension)
    from mamba_ssm.ops.triton.ssd_combined import mamba_chunk_scan_combined

    def call(x: Tensor, dt: Tensor, a_log: Tensor, *rest: Tensor) -> Any:
        b, c, skip = rest
        return mamba_chunk_scan_combined(x, dt, -a_log.exp(), b, c, 256, D=skip)

    return call, inputs


def _fla_delta(inputs: list[Tensor]) -> tuple[Call, list[Tensor]]:
    from fla.ops.gated_delta_rule import chunk_gated_delta_rule

    def call(*given: Tensor) -> Any:
        return chunk_gated_delta_rule(*given, scale=1.0)[0]

    return call, inputs


def _fla_kda(inputs: list[Tensor]) -> tuple[Call, list[Tensor]]:
    from fla.ops.kda import chunk_kda

    return (lambda *given: chunk_kda(*given, scale=1.0)[0]), inputs


def _rotary(x: Tensor) -> Tensor:
    return rotary(x, 0, 1e4)


def _torch_swiglu(gate_up: Tensor) -> Tensor:
    gate, up = gate_up.chunk(2, dim=-1)
    return F.silu(gate) * up


def _compiled(call: Call) -> Peer:
    """Inductor's kernel for it."""

    def make(inputs: list[Tensor]) -> tuple[Call, list[Tensor]]:
        return torch.compile(call, fullgraph=True), inputs

    return Peer("torch.compile", make)


def _silu_conv(x: Tensor, weight: Tensor, bias: Tensor) -> Any:
    return short_conv(x, weight, bias, None, "silu")


_TRANSFORMERS = Peer("transformers' path", _conv_of_transformers, (1.8, 2.5))

CASES = (
    Case(
        "gated conv K=3",
        gated_conv_fused,
        _gated(3),
        (4, 7),
        (1.15, 1.3),
        peers=(_TRANSFORMERS,),
    ),
    Case(
        "gated conv K=7",
        gated_conv_fused,
        _gated(7),
        (4, 7),
        (1.15, 1.3),
        peers=(_TRANSFORMERS,),
    ),
    Case(
        "conv + SiLU K=4",
        _silu_conv,
        _short,
        (2, 3),
        (1.15, 1.4),
        peers=(
            Peer("causal-conv1d", _causal_conv1d, (1, 1)),
            Peer("fla, Gluon", _fla_conv, (1, 1)),
        ),
    ),
    Case(
        "RG-LRU, gates fused",
        rg_lru,
        _rg_lru,
        (4, 8),
        (1.3, 1.5),
        peers=(
            Peer("fla chunk_hgrn", _chunk_hgrn, (4, 4), same=False),
            Peer("accelerated-scan", _accelerated_scan, same=False),
        ),
    ),
    Case(
        "selective scan N=16",
        selective_scan,
        _selective,
        (3, 5),
        (1.6, 2.5),
        exponentials=16,
        peers=(Peer("mamba_ssm", _mamba_scan, (2, 2)),),
    ),
    Case(
        "SSD H32 P64 N128",
        ssd,
        _ssd,
        (287 / 134.2, 440 / 134.2),
        (2, 3),
        flops=(43.5e9 / 67.1e6, 103e9 / 67.1e6),
        peers=(Peer("mamba_ssm", _mamba_ssd, (1.5, 1.5)),),
    ),
    # Asked of these two is what is asked of SSD. Tiles of 64 tokens: two products of
    # pairs, two with them, three with the state; six, two and three back, and four.
    Case(
        "delta rule H16 N128 P128",
        gated_delta,
        _delta(channel=False),
        (4, 7),
        (2, 3),
        flops=(1280, 2560),
        peers=(Peer("fla", _fla_delta, (1, 1)),),
    ),
    Case(
        "the same, KDA",
        channel_delta,
        _delta(channel=True),
        (6, 11),  # decays in float32
        (2, 3),
        flops=(1280, 2560),
        peers=(Peer("fla", _fla_kda, (1, 1)),),
    ),
    Case(
        "SwiGLU",
        swiglu,
        _gate_up,
        (3, 5),
        (1.15, 1.15),
        peers=(
            Peer("torch", lambda inputs: (_torch_swiglu, inputs), (1, 1)),
            _compiled(_torch_swiglu),
        ),
    ),
    Case(
        "rotary positions",
        _rotary,
        _heads,
        (2, 2),
        (1.15, 1.15),
        peers=(_compiled(_rotary),),  # of the plain form
    ),
    Case(
        "residual + RMSNorm: torch",
        _residual_norm,
        _stream,
        (4, 3),
        (1.25, 1.67),  # 5 and 5 moves, which are those of torch
        peers=(_compiled(_residual_norm),),
    ),
)
