"""Cases of the selective scan; its twin keeps the state, token by token."""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from starc.operators.selective_scan.operator import SelectiveScan
from starc.reference.cases import WIDTH, Cases
from starc.reference.kernel_cases import KernelCases


def _small(**options: Any) -> SelectiveScan:
    numbers = {"inner": 12, "states": 4, "dt_rank": 2} | options
    return SelectiveScan(width=WIDTH, **numbers)


def twin(
    op: SelectiveScan, f: Mapping[str, Tensor], p: Mapping[str, Tensor], eps: float
) -> Tensor:
    batch, length, _ = f["x"].shape
    h = torch.zeros(batch, op.inner, op.states).double()
    rows = []
    for t in range(length):
        dt = F.softplus(F.linear(f["dt"][:, t], p["dt_weight"], p["dt_bias"]))
        x, b, c = (f[group][:, t] for group in "xbc")
        h = torch.exp(dt[..., None] * -p["a_log"].exp()) * h
        h = h + (dt * x)[..., None] * b[:, None]
        y = (h * c[:, None]).sum(-1) + p["skip"] * x
        rows.append(y * F.silu(f["z"][:, t]) if op.gated else y)
    return torch.stack(rows, 1)


def feature_twin(
    op: SelectiveScan, group: str, feature: Tensor, p: Mapping[str, Tensor], eps: float
) -> Tensor:
    if op.norms == "none" or group in "xz":
        return feature
    shape, weight = feature.shape[-1:], p.get(f"{group}_norm")
    return F.rms_norm(feature, shape, weight, op.norm_eps or eps)


_REC = {"inner": 100, "dt_rank": 7, "kernel": 4, "gated": True}

CASES = Cases(
    instances={
        "": _small(),
        "ungated": _small(gated=False, kernel=2, bias=True),
        "bare": _small(kernel=0, states=1),
        "from x": _small(source="x", norms="weighted", norm_eps=0.1, bias=True),
        "weightless": _small(source="x", norms="weightless", kernel=0),
    },
    shared=("", "ungated", "from x"),
    twin=twin,
    feature_twin=feature_twin,
    uses=(
        "Rec-1",
        "Rec-2",
        "Mamba-1(states = 4)",
        "Mamba-1(expand = 1, states = 5, norms = weighted, bias = true)",
        "Mamba-1(states = 4, norms = weightless, norm_eps = 1e-2, gate = false)",
    ),
    resolved=(
        ("Rec-1", 100, {**_REC, "states": 16}),
        ("Rec-2", 100, {**_REC, "states": 2, "source": "input"}),
        ("Mamba-1", 100, {**_REC, "states": 16, "inner": 200, "source": "x"}),
    ),
    realises=(
        (
            "groups = [x, b, c, dt]; expand = [1, 8, 8, 1] | "
            "token = semi_separable; channel = diagonal",
            {"states": 8, "gated": False},
        ),
        (
            "groups = [x, b, c, dt]; source = [input, x, x, x] | "
            "token = semi_separable; channel = diagonal",
            {"source": "x", "kernel": 0},
        ),
    ),
    kernel=KernelCases(
        name="selective_scan",
        shapes=lambda b, t, c, n: [
            *((b, t, c), (b, t, c), (c, n), (b, t, n), (b, t, n), (c,), (b, c, n))
        ],
        timed=(0, 1, 3, 4),
        state=6,
        wide=(2, 5),
        graph=4,
    ),
)
