"""nanochat: norms without weights, one of them of the embeddings."""

from dataclasses import replace

from starc.zoo.family import Family, Part, every_layer
from starc.zoo.field import flag, in_training, number, whole, word
from starc.zoo.rope import head_channels, rope
from starc.zoo.shared import AROUND, ATTENTION, PLAIN, UNUSED, heads, stream
from starc.zoo.tensor import Made, Shape
from starc.zoo.values import Values
from starc.zoo.values import word as said


def _halves(shape: Shape, values: Values) -> list[int]:
    """Theirs turns backwards, which is forwards with the halves of a head exchanged."""
    dim = head_channels(values)
    return [row - row % dim + (row % dim + dim // 2) % dim for row in range(shape[0])]


def _turned(group: str) -> Made:
    return Made(f"{group}.*", order=_halves)


ATTN = replace(
    ATTENTION,
    names={
        "self_attn.q_proj.*": _turned("q"),
        "self_attn.k_proj.*": _turned("k"),
        "self_attn.v_proj.*": "v.*",
        "self_attn.o_proj.*": "out.*",
    },
)
MLP = Part(
    "mlp", "MLP", {"mlp.fc1.weight": "up.weight", "mlp.fc2.weight": "out.weight"}
)

FAMILY = Family(
    name="nanochat",
    title="nanochat",
    architecture="NanoChatForCausalLM",
    fields={
        **stream(50_304, 768, 12, context=2048, eps=1e-6, tied=False),
        **heads(6),
        "intermediate_size": whole(8192, "mlp.hidden", high=2**22),
        "hidden_act": word("relu2", PLAIN, "mlp.activation"),
        "rope_parameters": rope(),
        "final_logit_softcapping": number(
            15.0, "model.logit_softcap", null=None, low=1e-3
        ),
        "attention_bias": flag(False, "attn.bias", "attn.out_bias"),
        "attention_dropout": in_training(),
    },
    always={
        "model.norm": said("rms", weight=False),
        "model.embedding_norm": said("rms", weight=False),
        "attn.qk_norm": True,
        "attn.weightless": True,
        "attn.rotate_first": True,
    },
    kinds={"layer": (ATTN, MLP)},
    layers=every_layer(),
    names=AROUND,
    unused=UNUSED,
)
