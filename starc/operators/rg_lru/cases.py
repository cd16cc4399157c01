"""Cases of the RG-LRU; its twin keeps the state, token by token."""

import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from starc.operators.rg_lru.operator import RgLru
from starc.reference.cases import WIDTH, Cases, Known, ones
from starc.reference.kernel_cases import KernelCases
from starc.reference.mixing import split


def _small(**options: Any) -> RgLru:
    return RgLru(width=WIDTH, inner=12, blocks=3, **options)


def twin(
    op: RgLru, f: Mapping[str, Tensor], p: Mapping[str, Tensor], eps: float
) -> Tensor:
    h = torch.zeros_like(f["x"][:, 0])
    rows = []
    for t in range(f["x"].shape[1]):
        x = f["x"][:, t]
        blocks = split(x, op.blocks)
        i, r = (
            torch.sigmoid(
                torch.einsum("bkc,kcd->bkd", blocks, p[f"{g}_gate_weight"]).flatten(1)
                + p[f"{g}_gate_bias"]
            )
            for g in ("input", "recurrence")
        )
        a = torch.exp(-8 * F.softplus(p["decay"]) * r)
        whole = t == 0 and op.first_token == "whole"
        h = a * h + (1 if whole else torch.sqrt(1 - a**2)) * i * x
        rows.append(h * F.gelu(f["gate"][:, t], approximate="tanh"))
    return torch.stack(rows, 1)


def known() -> Known:
    """Gates without weights are 1/2; softplus(decay) = log(4) / 4 makes a = 1/4."""
    zero = torch.zeros(2, 2, dtype=torch.float64)
    tensors = {
        "input_gate_weight": zero[None],
        "input_gate_bias": zero[0],
        "recurrence_gate_weight": zero[None],
        "recurrence_gate_bias": zero[0],
        "decay": torch.log(torch.expm1(math.log(4) / 4 * ones(2))),
    }
    first = 100 * math.sqrt(15 / 16) / 2 * ones(1, 1, 2)
    return Known(
        RgLru(width=2, inner=2, blocks=1, kernel=0),
        {"gate": 100 * ones(1, 2, 2), "x": ones(1, 2, 2)},  # gelu(100) = 100
        tensors,
        torch.cat([first, 1.25 * first], 1),
    )


CASES = Cases(
    instances={
        "": _small(),
        "bare": _small(kernel=0, bias=True, out_bias=True),
        "whole": _small(kernel=2, first_token="whole"),
    },
    shared=("",),
    twin=twin,
    known=known,
    uses=("RG-LRU", "RG-LRU(first_token = whole)"),
    resolved=(
        ("RG-LRU", 768, {"inner": 768, "blocks": 12, "kernel": 4}),
        ("RG-LRU(blocks = 2)", 768, {"blocks": 2}),
    ),
    realises=(
        (
            "groups = [gate, x]; token = toeplitz(kernel = 4) | "
            "token = semi_separable; channel = diagonal",
            {"kernel": 4},
        ),
    ),
    kernel=KernelCases(
        name="rg_lru",
        shapes=lambda b, t, c, n: [*[(b, t, c)] * 3, (c,), (b, c)],
        timed=(0, 1, 2),
        state=4,
        wide=(3,),
        twins="linear_recurrence",
        graph=4,
    ),
)
