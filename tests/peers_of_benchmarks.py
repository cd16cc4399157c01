"""Stand-ins for the packages that `benchmarks.gpu` compares with: their signatures and
layouts as in the releases named, what they compute as plain loops over time."""

from types import ModuleType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def causal_conv1d_fn(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    seq_idx: Tensor | None = None,
    initial_states: Tensor | None = None,
    return_final_states: bool = False,
    final_states_out: Tensor | None = None,
    activation: str | None = None,
) -> Tensor:
    """causal-conv1d 1.7.0, causal_conv1d_interface.py: x (B, D, L), weight (D, K)."""
    assert activation in (None, "silu", "swish") and not return_final_states
    assert 2 <= weight.shape[1] <= 4, "causal_conv1d only supports width 2 to 4"
    assert x.stride(1) == 1 or x.stride(2) == 1
    z = F.conv1d(
        F.pad(x, (weight.shape[1] - 1, 0)),
        weight[:, None].to(x.dtype),
        None if bias is None else bias.to(x.dtype),
        groups=weight.shape[0],
    )
    return F.silu(z) if activation else z


def causal_conv1d(
    x: Tensor,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    residual: Tensor | None = None,
    initial_state: Tensor | None = None,
    output_final_state: bool | None = False,
    activation: str | None = None,
    backend: str | None = "triton",
    cu_seqlens: Tensor | None = None,
) -> tuple[Tensor, Tensor | None]:
    """fla-core 0.6.0, modules/causal_conv1d/ops.py: x (B, L, D)."""
    assert weight is not None and residual is None and initial_state is None
    y = causal_conv1d_fn(x.transpose(1, 2), weight, bias, activation=activation)
    return y.transpose(1, 2), None


def chunk_hgrn(
    x: Tensor,
    g: Tensor,
    initial_state: Tensor | None = None,
    output_final_state: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """fla-core 0.6.0, ops/hgrn/chunk.py: h = exp(g) h + x, (B, L, D)."""
    assert x.is_contiguous() and g.is_contiguous() and (g <= 0).all()
    h, hs = torch.zeros_like(x[:, 0]), []
    for t in range(x.shape[1]):
        h = g[:, t].exp() * h + x[:, t]
        hs.append(h)
    return torch.stack(hs, 1), None


def scan(forget: Tensor, inputs: Tensor) -> Tensor:
    """accelerated-scan 0.3.1, scalar.py: (B, D, L)."""
    assert forget.is_contiguous() and inputs.is_contiguous()
    assert inputs.shape == forget.shape and (0 <= forget).all() and (forget <= 1).all()
    h, hs = torch.zeros_like(inputs[..., 0]), []
    for t in range(inputs.shape[2]):
        h = forget[..., t] * h + inputs[..., t]
        hs.append(h)
    return torch.stack(hs, 2)


def selective_scan_fn(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    delta_bias: Tensor | None = None,
    delta_softplus: bool = False,
    return_last_state: bool = False,
) -> Tensor:
    """mamba-ssm 2.3.2, selective_scan_interface.py: u, delta (B, D, L), A (D, N),
    B, C (B, N, L), D (D)."""
    assert D is not None and u.stride(-1) == 1 and B.stride(-1) == 1
    assert A.dtype == D.dtype == torch.float32  # csrc/selective_scan.cpp
    h, ys = torch.zeros(*u.shape[:2], A.shape[1]), []
    for t in range(u.shape[2]):
        decay = (delta[..., t, None].float() * A).exp()
        h = decay * h + (delta[..., t] * u[..., t])[..., None] * B[:, None, :, t]
        ys.append((h * C[:, None, :, t]).sum(-1) + D * u[..., t])
    return torch.stack(ys, 2).to(u.dtype)


def mamba_chunk_scan_combined(
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    chunk_size: int,
    D: Tensor | None = None,
    z: Tensor | None = None,
    dt_bias: Tensor | None = None,
    initial_states: Tensor | None = None,
    seq_idx: Tensor | None = None,
    cu_seqlens: Tensor | None = None,
    dt_softplus: bool = False,
    dt_limit: tuple[float, float] = (0.0, float("inf")),
    return_final_states: bool = False,
    return_varlen_states: bool = False,
) -> Tensor:
    """mamba-ssm 2.3.2, triton/ssd_combined.py: x (B, L, H, P), dt (B, L, H), A, D (H),
    B, C (B, L, G, N)."""
    assert D is not None and chunk_size & (chunk_size - 1) == 0
    heads = x.shape[2] // B.shape[2]
    b, c = (w.float().repeat_interleave(heads, 2) for w in (B, C))
    h, ys = torch.zeros(x.shape[0], *x.shape[2:], B.shape[-1]), []
    for t in range(x.shape[1]):
        given = (dt[:, t, :, None] * x[:, t])[..., None] * b[:, t, :, None]
        h = (dt[:, t] * A).exp()[..., None, None] * h + given
        ys.append((h * c[:, t, :, None]).sum(-1) + D[:, None] * x[:, t])
    return torch.stack(ys, 1).to(x.dtype)


def chunk_gated_delta_rule(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    g: Tensor,
    beta: Tensor,
    scale: float | None = None,
    initial_state: Tensor | None = None,
    output_final_state: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """fla-core 0.6.0, ops/gated_delta_rule/chunk.py: q, k, v (B, L, H, D), g, beta
    (B, L, H)."""
    assert q.dtype == k.dtype == v.dtype and scale is not None
    h, ys = torch.zeros(len(q), *q.shape[2:], v.shape[3]), []
    for t in range(q.shape[1]):
        h = h * g[:, t].float().exp().reshape(*h.shape[:2], -1, 1)
        new = v[:, t].float() - torch.einsum("bhk,bhkv->bhv", k[:, t].float(), h)
        new = beta[:, t, :, None].float() * new
        h = h + k[:, t, :, :, None].float() * new[:, :, None]
        ys.append(torch.einsum("bhk,bhkv->bhv", scale * q[:, t].float(), h))
    return torch.stack(ys, 1).to(v.dtype), None


def chunk_kda(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    g: Tensor,
    beta: Tensor,
    scale: float | None = None,
    initial_state: Tensor | None = None,
    output_final_state: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """fla-core 0.6.0, ops/kda/chunk.py: the same with g (B, L, H, D)."""
    assert g.shape == k.shape
    return chunk_gated_delta_rule(q, k, v, g, beta, scale)


def modules() -> dict[str, ModuleType]:
    """What `import` finds, by name."""
    here: dict[str, Any] = {
        "causal_conv1d": causal_conv1d_fn,
        "fla.modules.convolution": causal_conv1d,
        "fla.ops.hgrn": chunk_hgrn,
        "fla.ops.gated_delta_rule": chunk_gated_delta_rule,
        "fla.ops.kda": chunk_kda,
        "accelerated_scan.scalar": scan,
        "mamba_ssm.ops.selective_scan_interface": selective_scan_fn,
        "mamba_ssm.ops.triton.ssd_combined": mamba_chunk_scan_combined,
    }
    found = {"selective_scan_cuda": ModuleType("selective_scan_cuda")}
    for path, function in here.items():
        parts = path.split(".")
        for n in range(1, len(parts) + 1):
            name = ".".join(parts[:n])
            found.setdefault(name, ModuleType(name))
        setattr(found[path], function.__name__, function)
    return found
