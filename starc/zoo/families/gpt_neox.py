"""GPT-NeoX: attention and MLP with a norm each, side by side or one after another."""

from collections.abc import Sequence
from dataclasses import replace

from starc.zoo.family import Beside, Family, Part
from starc.zoo.field import flag, ignored, in_training, same_as, whole, word
from starc.zoo.rope import rope
from starc.zoo.seen import or_one
from starc.zoo.shared import PLAIN, UNUSED, stream
from starc.zoo.tensor import by_head
from starc.zoo.values import Values

_QKV = by_head("q.* k.* v.*", "num_attention_heads")
ATTN = Part(
    "attn",
    "attention",
    {
        "input_layernorm.*": "norm.*",
        "attention.query_key_value.*": _QKV,
        "attention.dense.*": "out.*",
    },
)
MLP = Part(
    "mlp",
    "MLP",
    {
        "post_attention_layernorm.*": "norm.*",
        "mlp.dense_h_to_4h.*": "up.*",
        "mlp.dense_4h_to_h.*": "out.*",
    },
)


def _normed(part: Part) -> Part:
    """As a branch with a norm of its own."""
    return replace(part, options={"placement": "pre"})


def _layers(values: Values) -> Sequence[str]:
    kind = "beside" if values["use_parallel_residual"] else "serial"
    return [kind] * int(values["num_hidden_layers"])


FAMILY = Family(
    name="gpt_neox",
    title="GPT-NeoX, Pythia",
    architecture="GPTNeoXForCausalLM",
    fields={
        **stream(50_432, 6144, 44, 2048, 1e-5, tied=False, eps_name="layer_norm_eps"),
        "num_attention_heads": whole(
            *(64, "attn.heads"), high=4096, seen=or_one("attn.heads")
        ),
        "intermediate_size": whole(24_576, "mlp.hidden", high=2**22),
        "hidden_act": word("gelu", PLAIN, "mlp.activation"),
        "rope_parameters": rope(fraction=0.25),
        "attention_bias": flag(True, "attn.bias", "attn.out_bias"),
        "use_parallel_residual": flag(True, seen=lambda seen: seen.has("beside")),
        "attention_dropout": in_training(),
        "hidden_dropout": in_training(),
        "classifier_dropout": ignored("of a classifier"),
    },
    always={
        "model.norm": "layer",
        "attn.kv_heads": same_as("num_attention_heads"),
        "mlp.bias": True,
        "mlp.out_bias": True,
    },
    kinds={
        "serial": (ATTN, MLP),
        "beside": (Beside((_normed(ATTN), _normed(MLP)), {}, {"placement": "none"}),),
    },
    layers=_layers,
    names={
        "gpt_neox.embed_in.weight": "embedding.weight",
        "gpt_neox.final_layer_norm.*": "norm.*",
        "embed_out.weight": "head.weight",
    },
    prefix="gpt_neox.layers.{}.",
    unused={
        **UNUSED,
        "*.attention.bias": "the causal mask",
        "*.attention.masked_bias": "of the causal mask",
    },
)
