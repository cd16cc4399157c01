"""Delta rules against the layers of transformers: same weights, outputs and gradients.

Each layer is made by itself, from the fields that its constructor reads. They run in
float64, but compute in float32 inside, hence the tolerances.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from starc.operators.gated_delta.operator import GatedDelta
from starc.reference import random_weights
from starc.reference.features import featurize
from starc.reference.mixing import mixing_of, output
from tests.reference.models import liv, model, seeded

pytest.importorskip("transformers")

WIDTH, EPS = 16, 1e-5
SIZES: dict[str, Any] = {
    "hidden_size": WIDTH,
    "hidden_act": "silu",
    "rms_norm_eps": EPS,
    "layer_types": ["linear_attention"],
    "linear_conv_kernel_dim": 4,
}
HEADS = {
    "linear_num_value_heads": 4,
    "linear_num_key_heads": 2,
    "linear_key_head_dim": 4,
    "linear_value_head_dim": 6,
}
OLMO = {
    "linear_allow_neg_eigval": True,
    "linear_a_log_min": 1.0,
    "linear_a_log_max": 16.0,
    "linear_dt_min": 1e-3,
    "linear_dt_max": 0.1,
    "linear_dt_init_floor": 1e-4,
}
KIMI = {"linear_num_heads": 3, "linear_head_dim": 5}

Weights = dict[str, Tensor]


def apart(w: Weights, **names: str) -> Weights:
    """Theirs, a projection each; `names`: ours by theirs."""
    found = {f"{theirs}.weight": w[ours] for theirs, ours in names.items()}
    taps = torch.cat([w[f"{g}.conv.weight"] for g in "qkv"])
    found |= {f"{g}_proj.weight": w[f"{g}.weight"] for g in "qkv"}
    found |= {"conv1d.weight": taps[:, None], "o_proj.weight": w["out.weight"]}
    return found | {
        "b_proj.weight": w["beta.weight"],
        "o_norm.weight": w["norm_weight"],
    }


def qwen(w: Weights) -> Weights:
    """Theirs side by side, a head of keys after the other."""
    blocks = {
        g: w[f"{g}.weight"].unflatten(0, (2, -1)) for g in ("q", "k", "v", "gate")
    }
    small = [w[f"{g}.weight"].unflatten(0, (2, -1)) for g in ("beta", "decay")]
    found = apart(w)
    taken = {name: found[name] for name in ("conv1d.weight",)}
    return taken | {
        "in_proj_qkvz.weight": torch.cat([*blocks.values()], 1).flatten(0, 1),
        "in_proj_ba.weight": torch.cat(small, 1).flatten(0, 1),
        "A_log": w["a_log"],
        "dt_bias": w["dt_bias"],
        "norm.weight": w["norm_weight"],
        "out_proj.weight": w["out.weight"],
    }


def olmo(w: Weights) -> Weights:
    found = apart(w, a_proj="decay.weight", g_proj="gate.weight")
    return found | {"A_log": w["a_log"], "dt_bias": w["dt_bias"]}


def forget(w: Weights, shape: tuple[int, ...]) -> Weights:
    return {
        "forget_gate.A_log": w["a_log"].reshape(shape),
        "forget_gate.dt_bias": w["dt_bias"],
    }


def kimi(w: Weights, *shape: int) -> Weights:
    """Decays and gate of low rank, which is that of a head."""
    low = {
        "forget_gate.f_a_proj": "decay.weight",
        "forget_gate.f_b_proj": "decay_weight",
        "g_a_proj": "gate.weight",
        "g_b_proj": "gate_weight",
    }
    return apart(w, **low) | forget(w, shape or (1, 1, 3, 1))


def glm(w: Weights) -> Weights:
    return kimi(w, 3)


def bailing(w: Weights) -> Weights:
    whole = {"forget_gate.f_proj": "decay.weight", "g_proj": "gate.weight"}
    return apart(w, **whole) | forget(w, (3,))


def small(**options: Any) -> GatedDelta:
    numbers = {"heads": 4, "key_heads": 2, "key_dim": 4, "head_dim": 6} | options
    return GatedDelta(width=WIDTH, **numbers)


def channel(**options: Any) -> GatedDelta:
    sizes = {"heads": 3, "key_heads": 3, "key_dim": 5, "head_dim": 5}
    return small(decay="channel", gate_activation="sigmoid", **sizes, **options)


LOW = {"decay_rank": 5, "gate_rank": 5}
LAYERS: dict[str, tuple[str, dict[str, Any], GatedDelta, Callable[..., Weights]]] = {
    "qwen3_next": ("Qwen3NextGatedDeltaNet", HEADS, small(), qwen),
    "olmo_hybrid": ("OlmoHybridGatedDeltaNet", HEADS | OLMO, small(beta_limit=2), olmo),
    "kimi_linear": ("KimiLinearDeltaAttention", KIMI, channel(**LOW), kimi),
    "glm5_next": (
        "Glm5NextTextLinearAttention",
        KIMI | {"linear_lower_bound": -5.0},
        channel(decay_bound=5.0, **LOW),
        glm,
    ),
    "bailing_hybrid": (
        "BailingHybridDeltaAttention",
        KIMI | {"kda_safe_gate": True, "kda_lower_bound": -5.0},
        channel(decay_bound=5.0),
        bailing,
    ),
}


@pytest.mark.parametrize("family", LAYERS)
def test_equals_their_layer(family: str) -> None:
    name, fields, op, names = LAYERS[family]
    path = f"transformers.models.{family}.modeling_{family}"
    config = SimpleNamespace(**SIZES, **fields)
    layer = getattr(pytest.importorskip(path), name)(config, 0).double()
    weights = random_weights(model(liv("a", op)), seeded())
    ours = {n: w.detach() for (at, n), w in weights.items() if at == "a"}
    theirs = names(ours)
    with torch.no_grad():
        for key, tensor in layer.named_parameters():
            tensor.copy_(theirs.pop(key))
    assert not theirs, "every tensor of ours has a place in theirs"
    x = torch.randn(2, 70, WIDTH, dtype=torch.float64, generator=seeded(1))
    x.requires_grad_()
    found = _ours(op, x, ours)
    expected = layer(x)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    dy = torch.randn(found.shape, dtype=torch.float64, generator=seeded(2))
    (gradient,) = torch.autograd.grad(found, x, dy)
    (other,) = torch.autograd.grad(expected, x, dy)
    assert (gradient - other).norm() < 1e-4 * gradient.norm()


def _ours(op: GatedDelta, x: Tensor, weights: Weights) -> Tensor:
    features = {g.name: featurize(op, g.name, x, weights, EPS) for g in op.groups}
    y = mixing_of(op.kind)(op, features, weights, EPS).output()
    return output(op, y, weights)
