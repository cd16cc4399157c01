"""DeepSeek-V3 and R1: latent attention, and experts by groups and sigmoid scores."""

from collections.abc import Mapping
from typing import Any

from starc.zoo.experts import (
    activation,
    after_the_first,
    beside,
    first_dense,
    grouped,
    kinds,
    of_experts,
    shared_experts,
    shared_width,
)
from starc.zoo.family import Family
from starc.zoo.field import ignored, in_training, whole
from starc.zoo.latent import LATENT, LOW_MLA, MLA, interleaved, latent_rope, of_latents
from starc.zoo.shared import AROUND, UNUSED, stream
from starc.zoo.values import Values

LATENTS = {"direct": MLA, "low": LOW_MLA}


def latent_layers(values: Values) -> list[str]:
    """Queries of a latent or of their own projection, then experts or none."""
    name = "direct" if values["q_lora_rank"] is None else "low"
    return [f"{name} {word}" for word in after_the_first(values)]


ALWAYS: Mapping[str, Any] = {
    **LATENT,
    "attn.norm_eps": 1e-6,
    "shared.hidden": shared_width,
}

FAMILY = Family(
    name="deepseek_v3",
    title="DeepSeek-V3",
    architecture="DeepseekV3ForCausalLM",
    fields={
        **stream(129_280, 7168, 61, context=4096, eps=1e-6, tied=False),
        **of_latents(128, 128, 512, 1536),
        "intermediate_size": whole(18_432, "mlp.hidden", high=2**22),
        **of_experts("n_routed_experts", 256, 8, 2048, normalised=True),
        **shared_experts(1),
        **grouped(8, 4, 2.5),
        **first_dense(3),
        **activation(),
        **interleaved(),
        "rope_parameters": latent_rope(),
        "num_nextn_predict_layers": ignored("layers that predict more tokens"),
        "num_mtp_layers": ignored("layers that predict more tokens"),
        "topk_method": ignored("the family's model does not read it"),
        "scoring_func": ignored("the family's model does not read it"),
        "moe_layer_freq": ignored("the family's model does not read it"),
        "ep_size": ignored("how it is computed, not what"),
        "pretraining_tp": ignored("how it is computed, not what"),
        "attention_dropout": in_training(),
    },
    always={**ALWAYS, "moe.scores": "sigmoid"},
    kinds=kinds(LATENTS, beside()),
    layers=latent_layers,
    names=AROUND,
    unused={**UNUSED, "model.layers.61.*": "it predicts more tokens"},
)
