"""Nemotron-H: one LIV a layer, experts of plain MLPs among them."""

from collections.abc import Mapping
from typing import Any

from starc.artefacts import ArtefactError, string
from starc.values import dataclass
from starc.zoo.experts import grouped, of_experts
from starc.zoo.family import Beside, Family, Part
from starc.zoo.field import (
    Field,
    also,
    flag,
    ignored,
    in_training,
    number,
    only,
    whole,
    word,
    words_of,
)
from starc.zoo.mamba import COMPUTED, CONV_BIAS, START, mamba_2
from starc.zoo.seen import Seen
from starc.zoo.shared import PLAIN, head_dim, heads
from starc.zoo.tensor import Names
from starc.zoo.values import Values
from starc.zoo.values import word as said

WORDS = {
    **{"linear_attention": "mamba", "mamba": "mamba", "M": "mamba"},
    **{"full_attention": "attn", "attention": "attn", "*": "attn"},
    **{"mlp": "mlp", "-": "mlp"},
    **{"moe": "moe", "E": "moe"},
}
ATTENTION = Part(
    "attn",
    "attention",
    {
        "norm.weight": "norm.weight",
        "mixer.q_proj.weight": "q.weight",
        "mixer.k_proj.weight": "k.weight",
        "mixer.v_proj.weight": "v.weight",
        "mixer.o_proj.weight": "out.weight",
    },
)
MLP = Part(
    "mlp",
    "MLP",
    {
        "norm.weight": "norm.weight",
        "mixer.up_proj.*": "up.*",
        "mixer.down_proj.*": "out.*",
    },
)
NORM: Names = {"norm.weight": "norm.weight"}
EXPERTS = Part(
    "moe",
    "MoE",
    {
        "mixer.gate.weight": "router.weight",
        "mixer.gate.e_score_correction_bias": "balance",
        "mixer.experts.{}.up_proj.weight": "up.weight",
        "mixer.experts.{}.down_proj.weight": "down_proj.weight",
    },
    options={"gate": False},
)
LATENT = Part(
    "latent",
    "MoE",
    {
        **EXPERTS.names,
        "mixer.experts.{}.down_proj.weight": "back_proj.weight",
        "mixer.fc1_latent_proj.*": "latent.*",
        "mixer.fc2_latent_proj.*": "out.*",
    },
    roles=("moe",),
    options=EXPERTS.options,
)
SHARED = Part(
    "shared",
    "MLP",
    {
        "mixer.shared_experts.up_proj.*": "up.*",
        "mixer.shared_experts.down_proj.*": "out.*",
    },
    roles=("mlp",),
)


@dataclass(frozen=True)
class Blocks(Field):
    """The kind of each layer: a list of words, or a text with a sign for each."""

    def keys(self, name: str) -> tuple[str, ...]:
        return (name, "layer_types", "hybrid_override_pattern", "num_hidden_layers")

    def read(self, name: str, given: Mapping[str, Any], values: Values) -> list[str]:
        found = given.get(name) or given.get("layer_types")
        if found is None:
            found = [*string(given.get("hybrid_override_pattern", "ME*-"), "pattern")]
        kinds = [WORDS[one] for one in words_of(found, name, WORDS)]
        if not kinds:
            raise ArtefactError(f"{name} is empty")
        return kinds

    def back(self, seen: Seen) -> list[str]:
        words = {kind: word for word, kind in reversed(WORDS.items())}
        return [words["moe" if kind == "latent" else kind] for kind in seen.layers]


def _least_step(seen: Seen) -> Any:
    """No least step is a least step of 0."""
    return seen.at("mamba.dt_min") or 0.0


_UNREAD = dict.fromkeys(
    (
        *("attention_bias", "sliding_window", "time_step_limit", "use_mamba_kernels"),
        *("mamba_ssm_cache_dtype", "mtp_layers_block_type", "rope_theta", "expand"),
        *("mamba_expand", "mamba_dt_limit", "rms_norm_eps", "partial_rotary_factor"),
        *("mamba_proj_bias", "n_shared_experts", "moe_shared_expert_overlap"),
    ),
    ignored("the family's model does not read it"),
)
_START = {key: field for key, field in START.items() if key != "time_step_min"}


def _layers(values: Values) -> list[str]:
    moe = "moe" if values["moe_latent_size"] is None else "latent"
    return [moe if kind == "moe" else kind for kind in values["layers_block_type"]]


FAMILY = Family(
    name="nemotron_h",
    title="Nemotron-H",
    architecture="NemotronHForCausalLM",
    fields={
        "hidden_size": whole(4096, "model.width", high=131_072),
        "vocab_size": whole(131_072, "model.vocab"),
        "max_position_embeddings": whole(4096, "model.context"),
        "layer_norm_epsilon": number(1e-5, "model.eps"),
        "tie_word_embeddings": only(False, why="the family's model ties nothing"),
        "layers_block_type": Blocks(lambda found, name: found),
        **heads(32, 8),
        **head_dim(128),
        "intermediate_size": whole(21_504, "mlp.hidden", high=2**22),
        "mlp_hidden_act": word("relu2", PLAIN, "mlp.activation", "moe.activation"),
        "mlp_bias": flag(
            *(False, "mlp.bias", "mlp.out_bias", "latent.bias", "latent.out_bias")
        ),
        **of_experts("n_routed_experts", 8, 2, 7688, normalised=True),
        **grouped(1, 1, 1.0),
        "moe_shared_expert_intermediate_size": whole(7688, "shared.hidden", high=2**22),
        "moe_latent_size": whole(None, "latent.latent", null=None, high=8192),
        "mamba_num_heads": whole(128, "mamba.heads", high=4096),
        "mamba_head_dim": whole(64, "mamba.head_dim", high=8192),
        "mamba_hidden_act": only("silu"),
        "ssm_state_size": whole(128, "mamba.states", high=4096),
        "n_groups": also(whole(8, "mamba.groups", high=4096), "mamba_n_groups"),
        "conv_kernel": also(whole(4, "mamba.kernel", low=2, high=16), "mamba_d_conv"),
        "time_step_min": also(
            number(0.001, "mamba.dt_min", seen=_least_step), "mamba_dt_min"
        ),
        "use_bias": flag(False, "mamba.bias", "mamba.out_bias"),
        "use_conv_bias": also(CONV_BIAS, "mamba_conv_bias"),
        "num_nextn_predict_layers": only(0, why="layers that predict more tokens"),
        "attention_dropout": in_training(),
        "hidden_dropout": in_training(),
        **_START,
        **COMPUTED,
        **_UNREAD,
    },
    always={
        "model.tied": False,
        "model.positions": said("none"),
        "mamba.norm": "grouped",
        "moe.scores": "sigmoid",
        "latent.router_bias": False,
    },
    kinds={
        "mamba": (mamba_2("mixer", "norm"),),
        "attn": (ATTENTION,),
        "mlp": (MLP,),
        "moe": (Beside((EXPERTS, SHARED), NORM),),
        "latent": (Beside((LATENT, SHARED), NORM),),
    },
    layers=_layers,
    names={
        "backbone.embeddings.weight": "embedding.weight",
        "backbone.norm_f.weight": "norm.weight",
        "lm_head.weight": "head.weight",
    },
    prefix="backbone.layers.{}.",
    limits="convolutions without biases",
)
