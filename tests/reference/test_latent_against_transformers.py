"""Latent attention against the layers of transformers: same weights, outputs and
gradients. They run in float64, but for the softmax and the rotation: the tolerances.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from starc.ir.rope import Rope, Scaling
from starc.operators.latent_attention.operator import LatentAttention
from starc.reference import random_weights
from starc.reference.features import featurize
from starc.reference.mixing import mixing_of, output
from tests.reference.models import liv, model, seeded

pytest.importorskip("transformers")

WIDTH = 16
FIELDS: dict[str, Any] = {
    "hidden_size": WIDTH,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "kv_lora_rank": 6,
    "q_lora_rank": 7,
    "qk_nope_head_dim": 5,
    "qk_rope_head_dim": 4,
    "v_head_dim": 3,
    "attention_bias": True,
    "rms_norm_eps": 1e-6,
    "max_position_embeddings": 64,
}
YARN = {
    "rope_type": "yarn",
    "rope_theta": 50.0,
    "factor": 8.0,
    "original_max_position_embeddings": 16,
    "beta_fast": 2.0,
    "beta_slow": 1.0,
    "mscale": 1.0,
    "mscale_all_dim": 0.5,
}
PLAIN = {"rope_type": "default", "rope_theta": 50.0}


def small(**options: Any) -> LatentAttention:
    sizes = {"heads": 2, "head_dim": 9, "value_dim": 3, "rope_dims": 4, "rank": 6}
    return LatentAttention(width=WIDTH, **(sizes | options))


def longer() -> dict[str, Any]:
    """YARN's rotation, and its part of the scale of the scores."""
    grown = [0.1 * scale * torch.tensor(8.0).log().item() + 1 for scale in (1.0, 0.5)]
    scaling = Scaling("yarn", 8.0, 16, 1.0, 2.0, whole=True)
    rope = Rope(50.0, 4, 0, True, grown[0] / grown[1], scaling)
    return {"rope": rope, "scale": 9**-0.5 * grown[1] ** 2}


LAYERS: dict[str, tuple[str, dict[str, Any], LatentAttention]] = {
    "deepseek_v2": (
        "DeepseekV2",
        {"q_lora_rank": None, "rope_parameters": PLAIN, "attention_bias": False},
        small(rope=Rope(50.0, 4, adjacent=True)),
    ),
    "deepseek_v3": (
        "DeepseekV3",
        {"rope_interleave": True, "rope_parameters": YARN},
        small(q_rank=7, bias=True, out_bias=True, **longer()),
    ),
    "deepseek_v3-halves": (
        "DeepseekV3",
        {"rope_interleave": False, "rope_parameters": PLAIN},
        small(q_rank=7, bias=True, out_bias=True, rope=Rope(50.0, 4)),
    ),
    "kimi_linear": (
        "KimiLinear",
        {"attention_bias": False},
        small(q_rank=7),
    ),
}


def theirs(op: LatentAttention, w: dict[str, Tensor]) -> dict[str, Tensor]:
    found = {
        "kv_b_proj.weight": w["kv_weight"],
        "kv_a_layernorm.weight": w["v_norm"],
    }
    if op.q_rank:
        found |= {"q_b_proj.weight": w["q_weight"], "q_a_layernorm.weight": w["q_norm"]}
    for kind in ("weight", "bias") if op.bias else ("weight",):
        found["q_a_proj." + kind if op.q_rank else "q_proj." + kind] = w["q." + kind]
        both = torch.cat((w["v." + kind], w["k." + kind]))
        found["kv_a_proj_with_mqa." + kind] = both
        found["o_proj." + kind] = w["out." + kind]
    return found


@pytest.mark.parametrize("case", LAYERS)
def test_equals_their_layer(case: str) -> None:
    name, fields, op = LAYERS[case]
    family = case.partition("-")[0]
    configs = pytest.importorskip(
        f"transformers.models.{family}.configuration_{family}"
    )
    module = pytest.importorskip(f"transformers.models.{family}.modeling_{family}")
    config = getattr(configs, f"{name}Config")(**FIELDS | fields)
    config._attn_implementation = "eager"
    attention: Callable[..., Any] = getattr(module, f"{name}Attention")
    layer = attention(config, 0).double()
    weights = random_weights(model(liv("a", op)), seeded())
    ours = {n: w.detach() for (at, n), w in weights.items() if at == "a"}
    given = theirs(op, ours)
    with torch.no_grad():
        for key, tensor in layer.named_parameters():
            tensor.copy_(given.pop(key))
    assert not given, "every tensor of ours has a place in theirs"
    x = torch.randn(2, 21, WIDTH, dtype=torch.float64, generator=seeded(1))
    x.requires_grad_()
    mask = torch.full((21, 21), float("-inf"), dtype=torch.float64).triu(1)
    rest: dict[str, Any] = {"attention_mask": mask[None, None]}
    if op.rope is not None:
        rotary = getattr(module, f"{name}RotaryEmbedding")(config)
        rest["position_embeddings"] = rotary(x, torch.arange(21)[None])
    expected = layer(x, **rest)[0]
    features = {g.name: featurize(op, g.name, x, ours, 1e-6) for g in op.groups}
    y = mixing_of(op.kind)(op, features, ours, 1e-6).output()
    found = output(op, y, ours)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    dy = torch.randn(found.shape, dtype=torch.float64, generator=seeded(2))
    (gradient,) = torch.autograd.grad(found, x, dy)
    (other,) = torch.autograd.grad(expected, x, dy)
    assert (gradient - other).norm() < 1e-4 * gradient.norm()
