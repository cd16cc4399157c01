"""Cases of the gated delta rule; its twin keeps the state, token by token."""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from starc.operators.gated_delta.operator import GatedDelta
from starc.reference.cases import WIDTH, Cases, Known, ones
from starc.reference.kernel_cases import KernelCases, Tiles
from starc.reference.mixing import split


def _small(**options: Any) -> GatedDelta:
    numbers = {"heads": 4, "key_heads": 2, "key_dim": 4, "head_dim": 6} | options
    return GatedDelta(width=WIDTH, **numbers)


def twin(
    op: GatedDelta, f: Mapping[str, Tensor], p: Mapping[str, Tensor], eps: float
) -> Tensor:
    state = torch.zeros(len(f["q"]), op.heads, op.key_dim, op.head_dim).double()
    each = op.heads // op.key_heads
    gate = F.linear(f["gate"], p["gate_weight"]) if op.gate_rank else f["gate"]
    gate = F.silu(gate) if op.gate_activation == "silu" else gate.sigmoid()
    rows, eps = [], op.norm_eps or eps
    for t in range(f["q"].shape[1]):
        q, k = (
            split(f[g][:, t], op.key_heads).repeat_interleave(each, 1) for g in "qk"
        )
        v, beta = split(f["v"][:, t], op.heads), f["beta"][:, t].sigmoid()
        if op.decay != "none":
            z = f["decay"][:, t]
            z = F.linear(z, p["decay_weight"]) if op.decay_rank else z
            z, rate = split(z + p["dt_bias"], op.heads), p["a_log"].exp()[:, None]
            log = -rate * F.softplus(z)
            if op.decay_bound:
                log = -op.decay_bound * torch.sigmoid(rate * z)
            state = state * log.exp()[..., None]
        held = torch.einsum("bhk,bhkv->bhv", k, state)
        told = op.beta_limit * beta[..., None] * (v - held)
        state = state + k[..., None] * told[:, :, None]
        y = torch.einsum("bhk,bhkv->bhv", q * op.key_dim**-0.5, state)
        rows.append(F.rms_norm(y, (op.head_dim,), p["norm_weight"], eps).flatten(1))
    return torch.stack(rows, 1) * gate


def feature_twin(
    op: GatedDelta, group: str, y: Tensor, p: Mapping[str, Tensor], eps: float
) -> Tensor:
    if not op.kernel and group in ("q", "k", "v"):
        y = F.silu(y)
    if group not in ("q", "k"):
        return y
    heads = [h / (h @ h + 1e-6).sqrt() for h in y.reshape(-1, op.key_dim)]
    return torch.stack(heads).reshape(y.shape)


def _heads(
    heads: int, groups: int, key_dim: int, head_dim: int, **more: object
) -> dict[str, object]:
    sizes = {"heads": heads, "key_heads": groups, "key_dim": key_dim}
    return {**sizes, "head_dim": head_dim, **more}


def known() -> Known:
    """beta = 1 / 2 and a key of length 1 go half of the way to v: 1/2, 3/4, 7/8, ..."""
    x = ones(1, 5, 1)
    return Known(
        _small(heads=1, key_heads=1, key_dim=1, head_dim=1, decay="none"),
        {"q": x, "k": x, "v": x, "gate": x, "beta": 0 * x},
        {"norm_weight": ones(1)},
        torch.tensor([1 - 0.5 ** (t + 1) for t in range(5)]).double()[None, :, None],
        finished=False,
    )


CASES = Cases(
    instances={
        "": _small(),
        "channel": _small(
            decay="channel", decay_rank=5, gate_activation="sigmoid", gate_rank=3
        ),
        "bounded": _small(
            decay="channel", decay_bound=5.0, key_heads=4, kernel=0, norm_eps=0.1
        ),
        "shift": _small(key_dim=8, gate_rank=3, shift=True),
        # Keys of few channels may all be near 0, and their length divides.
        "undecayed": _small(key_dim=8, decay="none", beta_limit=2),
        "biases": _small(
            key_dim=8, kernel=3, bias=True, out_bias=True, beta_limit=2, decay_bound=2.0
        ),
    },
    shared=("biases", "channel"),
    twin=twin,
    known=known,
    feature_twin=feature_twin,
    # Heads as wide as those of GLA, for the same reason: see there.
    uses=(
        "GatedDelta(heads = 2, groups = 1, key_dim = 16)",
        "GatedDelta(heads = 1, decay = channel, decay_rank = 8, gate = sigmoid, "
        "gate_rank = 8)",
        "GatedDelta(heads = 1, decay = none, beta = 2, norm_eps = 1e-2)",
        "GatedDelta(heads = 2, decay = channel, decay_bound = 5)",
    ),
    resolved=(
        ("GatedDelta", 2048, _heads(32, 32, 64, 128, kernel=4, decay="head")),
        ("GatedDelta", 96, _heads(1, 1, 96, 192)),
        (
            "GatedDelta(heads = 32, groups = 16, key_dim = 128, head_dim = 128)",
            2048,
            _heads(32, 16, 128, 128),
        ),
        ("GatedDelta(heads = 4, groups = 2)", 64, _heads(4, 2, 32, 32)),
        ("GatedDelta(groups = 3)", 768, _heads(12, 3, 256, 128)),
        (
            "GatedDelta(decay = channel, decay_rank = 8, beta = 2)",
            64,
            {"decay": "channel", "decay_rank": 8, "beta_limit": 2},
        ),
        ("GatedDelta(decay_bound = 5)", 64, {"decay_bound": 5.0}),
    ),
    realises=(
        (
            "groups = [q, k, v, gate, beta]; nonlinear = silu | "
            "token = semi_separable; channel = grouped(heads = 2)",
            {"heads": 2, "decay": "none", "kernel": 0},
        ),
    ),
    kernel=KernelCases(
        name="gated_delta",
        shapes=lambda b, t, c, n: [
            *((b, t, 2, n), (b, t, 2, n), (b, t, 4, c), (b, t, 4), (b, t, 4)),
            (b, 4, n, c),
        ],
        timed=(0, 1, 2, 3, 4),
        state=5,
        wide=(3, 4),
        lowest=(3, -1.0),
        unit=(0, 1),
        graph=4,
        tiles=Tiles(
            sizes=((16, 16), (32, 32), (64, 64), (128, 128)), packed=(128, 128)
        ),
    ),
)
