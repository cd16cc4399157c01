"""dots.llm1: experts chosen by sigmoid scores, and some that all tokens share."""

from starc.zoo.experts import (
    activation,
    after_the_first,
    beside,
    first_dense,
    grouped,
    kinds,
    layers,
    missing,
    of_experts,
    shared_experts,
    shared_width,
)
from starc.zoo.family import Family
from starc.zoo.field import flag, in_training, whole
from starc.zoo.kinds import FULL, SLIDING, after_dense, layer_types, windowed
from starc.zoo.rope import rope
from starc.zoo.shared import (
    AROUND,
    ATTENTION,
    LOCAL,
    QK_NORM,
    UNUSED,
    head_dim,
    heads,
    stream,
    with_names,
)

FAMILY = Family(
    name="dots1",
    title="dots.llm1",
    architecture="Dots1ForCausalLM",
    fields={
        **stream(152_064, 4608, 62, context=2048, eps=1e-6, tied=False),
        **heads(32, 32),
        **head_dim(),
        "intermediate_size": whole(10_944, "mlp.hidden", high=2**22),
        **of_experts(
            "n_routed_experts",
            missing("n_routed_experts"),
            missing("num_experts_per_tok"),
            1408,
        ),
        **shared_experts(missing("n_shared_experts")),
        **grouped(1, 1, 1.0),
        **first_dense(0),
        **activation(),
        "rope_parameters": rope(),
        "attention_bias": flag(False, "attn.bias", "attn.out_bias"),
        "sliding_window": whole(4096, "local.window", null=None),
        "max_window_layers": whole(62, low=0),
        "layer_types": layer_types((FULL, SLIDING), after_dense),
        "attention_dropout": in_training(),
    },
    always={
        "attn.qk_norm": True,
        "moe.scores": "sigmoid",
        "shared.hidden": shared_width,
    },
    kinds=kinds(
        {FULL: with_names(ATTENTION, QK_NORM), SLIDING: with_names(LOCAL, QK_NORM)},
        beside(),
    ),
    layers=layers(after_the_first, windowed),
    names=AROUND,
    unused=UNUSED,
)
