"""Phi 1 to 2: attention and a plain MLP side by side, biases everywhere."""

from starc.zoo.family import Beside, Family, Part, every_layer
from starc.zoo.field import flag, in_training, whole, word
from starc.zoo.rope import rope
from starc.zoo.shared import AROUND, PLAIN, UNUSED, heads, stream
from starc.zoo.tensor import Names
from starc.zoo.values import Values

ATTN = Part(
    "attn",
    "attention",
    {
        "self_attn.q_proj.*": "q.*",
        "self_attn.k_proj.*": "k.*",
        "self_attn.v_proj.*": "v.*",
        "self_attn.dense.*": "out.*",
        "self_attn.q_layernorm.weight": "q_norm",
        "self_attn.q_layernorm.bias": "q_norm_bias",
        "self_attn.k_layernorm.weight": "k_norm",
        "self_attn.k_layernorm.bias": "k_norm_bias",
    },
)
MLP = Part("mlp", "MLP", {"mlp.fc1.*": "up.*", "mlp.fc2.*": "out.*"})
NORM: Names = {"input_layernorm.*": "norm.*"}
_BIASED = ("attn.bias", "attn.out_bias", "mlp.bias", "mlp.out_bias")


def _four_times(values: Values) -> int:
    return 4 * int(values["hidden_size"])


FAMILY = Family(
    name="phi",
    title="Phi 1, 1.5 and 2",
    architecture="PhiForCausalLM",
    fields={
        **stream(51_200, 2048, 24, 2048, 1e-5, tied=False, eps_name="layer_norm_eps"),
        **heads(32),
        "intermediate_size": whole(8192, "mlp.hidden", null=_four_times, high=2**22),
        "hidden_act": word("gelu_new", PLAIN, "mlp.activation"),
        "rope_parameters": rope(fraction=0.5),
        "qk_layernorm": flag(
            False, seen=lambda seen: bool(seen.at("attn.qk_norm") == "layer")
        ),
        "attention_dropout": in_training(),
        "embd_pdrop": in_training(),
        "resid_pdrop": in_training(),
    },
    always={
        "model.norm": "layer",
        "model.head_bias": True,
        "attn.qk_norm": lambda values: "layer" if values["qk_layernorm"] else None,
        **dict.fromkeys(_BIASED, True),
    },
    kinds={"layer": (Beside((ATTN, MLP), NORM),)},
    layers=every_layer(),
    names={
        **{k: v for k, v in AROUND.items() if k != "model.norm.*"},
        "model.final_layernorm.*": "norm.*",
        "lm_head.bias": "head.bias",
    },
    unused=UNUSED,
)
