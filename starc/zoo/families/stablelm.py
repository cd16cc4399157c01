"""StableLM: LayerNorm, a quarter of each head rotated, a side by side form."""

from collections.abc import Sequence

from starc.zoo.family import Beside, Family
from starc.zoo.field import flag, in_training, only
from starc.zoo.rope import rope
from starc.zoo.shared import (
    AROUND,
    ATTENTION,
    MLP,
    UNUSED,
    heads,
    hidden,
    stream,
    without_norm,
)
from starc.zoo.values import Values


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
        "qk_layernorm": only(False, why="LayerNorm on q and k has no word"),
        "use_parallel_residual": flag(False, seen=lambda seen: seen.has("beside")),
        "hidden_dropout": in_training(),
        "attention_dropout": in_training(),
    },
    always={"model.norm": "layer"},
    kinds={
        "serial": (ATTENTION, MLP),
        "beside": (
            Beside(
                (without_norm(ATTENTION), without_norm(MLP)),
                {"input_layernorm.*": "norm.*"},
            ),
        ),
    },
    layers=_layers,
    names=AROUND,
    unused=UNUSED,
    limits="LayerNorm on q and k (StableLM 2 12B)",
)
