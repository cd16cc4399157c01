"""GLM 4.5: half of each head rotates; experts by sigmoid scores, one shared by all."""

from starc.zoo.experts import (
    activation,
    after_the_first,
    beside,
    first_dense,
    grouped,
    kinds,
    layers,
    of_experts,
    shared_experts,
    shared_width,
)
from starc.zoo.family import Family
from starc.zoo.field import flag, ignored, in_training, whole
from starc.zoo.kinds import FULL
from starc.zoo.rope import rope
from starc.zoo.shared import (
    AROUND,
    ATTENTION,
    QK_NORM,
    UNUSED,
    head_dim,
    heads,
    stream,
    with_names,
)

FAMILY = Family(
    name="glm4_moe",
    title="GLM 4.5",
    architecture="Glm4MoeForCausalLM",
    fields={
        **stream(151_552, 4096, 46, context=131_072, eps=1e-5, tied=False),
        **heads(96, 8),
        **head_dim(),
        "intermediate_size": whole(10_944, "mlp.hidden", high=2**22),
        **of_experts("n_routed_experts", 128, 8, 1408, normalised=True),
        **shared_experts(1),
        **grouped(1, 1, 1.0),
        **first_dense(1),
        **activation(),
        "rope_parameters": rope(fraction=0.5),
        "attention_bias": flag(False, "attn.bias"),
        "use_qk_norm": flag(False, "attn.qk_norm"),
        "num_nextn_predict_layers": ignored("layers that predict more tokens"),
        "num_mtp_layers": ignored("layers that predict more tokens"),
        "attention_dropout": in_training(),
    },
    always={"moe.scores": "sigmoid", "shared.hidden": shared_width},
    kinds=kinds({FULL: with_names(ATTENTION, QK_NORM)}, beside()),
    layers=layers(after_the_first),
    names=AROUND,
    unused={
        **UNUSED,
        **dict.fromkeys(
            ("model.layers.46.*", "model.layers.92.*"), "it predicts more tokens"
        ),
    },
)
