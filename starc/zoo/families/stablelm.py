"""StableLM: LayerNorm, a quarter of each head rotated, a side by side form."""

from collections.abc import Sequence

from starc.zoo.family import Beside, Family
from starc.zoo.field import flag, in_training
from starc.zoo.rope import rope
from starc.zoo.shared import (
    AROUND,
    ATTENTION,
    MLP,
    UNUSED,
    heads,
    hidden,
    stream,
    with_names,
    without_norm,
)
from starc.zoo.values import Values

ATTN = with_names(
    ATTENTION,
    {
        "self_attn.q_layernorm.norms.{}.weight": "q_norm",
        "self_attn.k_layernorm.norms.{}.weight": "k_norm",
    },
)


def _layers(values: Values) -> Sequence[str]:
    kind = "beside" if values["use_parallel_residual"] else "serial"
    return [kind] * int(values["num_hidden_layers"])


FAMILY = Family(
    name="stablelm",
    title="StableLM",
    architecture="StableLmForCausalLM",
    fields={
        **stream(50_304, 2560, 32, 4096, 1e-5, tied=False, eps_name="layer_norm_eps"),
        **heads(32, 32),
        **hidden(6912),
        "rope_parameters": rope(fraction=0.25),
        "use_qkv_bias": flag(False, "attn.bias"),
        "qk_layernorm": flag(
            False, seen=lambda seen: seen.at("attn.qk_norm") == "layer"
        ),
        "use_parallel_residual": flag(False, seen=lambda seen: seen.has("beside")),
        "hidden_dropout": in_training(),
        "attention_dropout": in_training(),
    },
    always={
        "model.norm": "layer",
        "attn.qk_norm": lambda values: "layer" if values["qk_layernorm"] else None,
        "attn.norm_bias": lambda values: False if values["qk_layernorm"] else None,
        "attn.own_weights": lambda values: values["qk_layernorm"] or None,
    },
    kinds={
        "serial": (ATTN, MLP),
        "beside": (
            Beside(
                (without_norm(ATTN), without_norm(MLP)),
                {"input_layernorm.*": "norm.*"},
            ),
        ),
    },
    layers=_layers,
    names=AROUND,
    unused=UNUSED,
)
