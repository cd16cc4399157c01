"""DeepSeek-V2: latent attention, and experts by softmax scores."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from starc.zoo.experts import (
    UNBALANCED,
    activation,
    beside,
    first_dense,
    grouped,
    kinds,
    missing,
    of_experts,
    shared_experts,
)
from starc.zoo.families.deepseek_v3 import ALWAYS, LATENTS, latent_layers
from starc.zoo.family import Family
from starc.zoo.field import flag, ignored, in_training, whole, word
from starc.zoo.latent import latent_rope, of_latents
from starc.zoo.seen import SILENT, Seen
from starc.zoo.shared import AROUND, UNUSED, stream
from starc.zoo.values import Values

GREEDY, BY_GROUPS = "greedy", "group_limited_greedy"
METHODS = {word: word for word in (GREEDY, BY_GROUPS)}


def _method(seen: Seen) -> Any:
    groups = seen.at("moe.groups")
    return SILENT if groups is SILENT else GREEDY if groups == 1 else BY_GROUPS


def _if_grouped(name: str) -> Callable[[Values], int]:
    return lambda values: values[name] if values["topk_method"] == BY_GROUPS else 1


FAMILY = Family(
    name="deepseek_v2",
    title="DeepSeek-V2",
    architecture="DeepseekV2ForCausalLM",
    fields={
        **stream(102_400, 4096, 32, context=2048, eps=1e-6, tied=False),
        **of_latents(32, None, 512, 1536),
        "intermediate_size": whole(11_008, "mlp.hidden", high=2**22),
        "mlp_bias": flag(False, "mlp.bias", "mlp.out_bias"),
        **of_experts(
            "n_routed_experts",
            64,
            missing("num_experts_per_tok"),
            1407,
            normalised=None,
        ),
        "norm_topk_prob": ignored("the family's model does not read it"),
        **shared_experts(2),
        **grouped(1, 1, 1.0),
        "topk_method": replace(word(GREEDY, METHODS), seen=_method),
        **first_dense(0),
        **activation(),
        "rope_parameters": latent_rope(),
        "scoring_func": ignored("the family's model does not read it"),
        "moe_layer_freq": ignored("the family's model does not read it"),
        "ep_size": ignored("how it is computed, not what"),
        "pretraining_tp": ignored("how it is computed, not what"),
        "attention_dropout": in_training(),
    },
    always={
        **ALWAYS,
        **UNBALANCED,
        "moe.normalised": False,
        "moe.groups": _if_grouped("n_group"),
        "moe.keep": _if_grouped("topk_group"),
    },
    kinds=kinds(LATENTS, beside()),
    layers=latent_layers,
    names=AROUND,
    unused=UNUSED,
)
