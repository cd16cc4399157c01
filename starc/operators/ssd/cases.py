"""Cases of Mamba-2; its twin keeps the state, token by token."""

import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from starc.operators.ssd.operator import Ssd
from starc.reference.cases import WIDTH, Cases, Known, ones
from starc.reference.kernel_cases import KernelCases, Tiles
from starc.reference.mixing import split


def _small(**options: Any) -> Ssd:
    numbers = {"heads": 4, "head_dim": 6, "states": 5} | options
    return Ssd(width=WIDTH, **numbers)


def twin(
    op: Ssd, f: Mapping[str, Tensor], p: Mapping[str, Tensor], eps: float
) -> Tensor:
    batch, length, _ = f["x"].shape
    h = torch.zeros(batch, op.heads, op.head_dim, op.states).double()
    each = op.heads // op.state_groups
    rows = []
    for t in range(length):
        dt = F.softplus(f["dt"][:, t] + p["dt_bias"]).clamp(min=op.dt_min)
        dt = dt.clamp(max=op.dt_max or math.inf)
        x = split(f["x"][:, t], op.heads)
        b, c = (
            split(f[g][:, t], op.state_groups).repeat_interleave(each, 1) for g in "bc"
        )
        h = torch.exp(-dt * p["a_log"].exp())[..., None, None] * h
        h = h + dt[..., None, None] * x[..., None] * b[:, :, None]
        rows.append((h @ c[..., None])[..., 0] + p["skip"][:, None] * x)
    y, gate = torch.stack(rows, 1).flatten(2), F.silu(f["z"])
    if op.norm == "none":
        return y * gate
    y = y * gate if op.gate == "before" else y
    parts = y.chunk(op.state_groups if op.norm == "grouped" else 1, -1)
    eps = op.norm_eps or eps
    y = torch.cat([F.rms_norm(part, part.shape[-1:], eps=eps) for part in parts], -1)
    y = y * p["norm_weight"]
    return y * gate if op.gate == "after" else y


def known() -> Known:
    """dt = 1 and A = -log 2 halve the state: 1, 3/2, 7/4, ... for an input of ones."""
    x = ones(1, 5, 1)
    tensors = {
        "dt_bias": torch.log(torch.expm1(ones(1))),
        "a_log": torch.log(torch.log(2 * ones(1))),
        "skip": 10 * ones(1),
        "norm_weight": ones(1),
    }
    return Known(
        Ssd(width=4, heads=1, head_dim=1, states=1, kernel=0),
        {"z": x, "x": x, "b": x, "c": x, "dt": 0 * x},
        tensors,
        torch.tensor([2 - 2.0**-t + 10 for t in range(5)]).double()[None, :, None],
        finished=False,
    )


CASES = Cases(
    instances={
        "": _small(),
        "groups": _small(state_groups=2, kernel=3),
        "bare": _small(kernel=0, bias=True, out_bias=True),
        "after": _small(
            state_groups=2, norm="grouped", gate="after", norm_eps=0.1, dt_min=0.2
        ),
        "no norm": _small(norm="none", dt_min=0.1, dt_max=0.5),
    },
    shared=("groups",),
    twin=twin,
    known=known,
    uses=(
        "Mamba-2(head_dim = 16, states = 8)",
        "Mamba-2(expand = 1, head_dim = 16, states = 16, bias = true)",
        "Mamba-2(head_dim = 8, states = 4, groups = 2, norm = grouped, dt_max = 0.3)",
        "Mamba-2(head_dim = 16, states = 4, gate = after, dt_min = 0.2)",
    ),
    resolved=(
        (
            "Mamba-2",
            768,
            {"heads": 24, "head_dim": 64, "states": 128, "kernel": 4},
        ),
        # One group is all channels; a norm that is not there has no side.
        ("Mamba-2(norm = grouped)", 768, {"norm": "full"}),
        ("Mamba-2(groups = 2, norm = grouped)", 768, {"norm": "grouped"}),
    ),
    realises=(
        (
            "groups = [z, x, b, c, dt]; token = toeplitz(kernel = 4) | "
            "token = semi_separable; channel = grouped(heads = 8)",
            {"heads": 8, "kernel": 4},
        ),
    ),
    kernel=KernelCases(
        name="ssd",
        shapes=lambda b, t, c, n: [
            *((b, t, 4, c), (b, t, 4), (4,), (b, t, 2, n), (b, t, 2, n), (4,)),
            (b, 4, c, n),
        ],
        timed=(0, 1, 3, 4),
        state=6,
        wide=(1, 2, 5),
        graph=5,
        tiles=Tiles(
            sizes=((16, 32), (32, 32), (64, 64), (128, 64), (128, 128), (256, 64)),
            packed=(128, 64),
            unserved=(((256, 64), "float16"), ((256, 64), "float32")),
        ),
    ),
)
