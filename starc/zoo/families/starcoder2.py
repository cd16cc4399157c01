"""StarCoder 2: LayerNorm, a plain MLP, and biases everywhere."""

from starc.zoo.family import Family, Part, every_layer
from starc.zoo.field import flag, in_training, whole, word
from starc.zoo.rope import rope
from starc.zoo.shared import AROUND, ATTENTION, PLAIN, UNUSED, heads, stream

MLP = Part(
    "mlp",
    "MLP",
    {
        "post_attention_layernorm.*": "norm.*",
        "mlp.c_fc.*": "up.*",
        "mlp.c_proj.*": "out.*",
    },
)

FAMILY = Family(
    name="starcoder2",
    title="StarCoder 2",
    architecture="Starcoder2ForCausalLM",
    fields={
        **stream(49_152, 3072, 30, 4096, eps=1e-5, tied=True, eps_name="norm_epsilon"),
        **heads(24, 2),
        "intermediate_size": whole(12_288, "mlp.hidden", high=2**22),
        "hidden_act": word("gelu_pytorch_tanh", PLAIN, "mlp.activation"),
        "rope_parameters": rope(),
        "sliding_window": whole(None, "attn.window", null=None),
        "use_bias": flag(
            True, "attn.bias", "attn.out_bias", "mlp.bias", "mlp.out_bias"
        ),
        "attention_dropout": in_training(),
        "residual_dropout": in_training(),
        "embedding_dropout": in_training(),
    },
    always={"model.norm": "layer"},
    kinds={"layer": (ATTENTION, MLP)},
    layers=every_layer(),
    names=AROUND,
    unused=UNUSED,
)
