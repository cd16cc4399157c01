"""xLSTM: memories with exponential gates, and a gated unit behind each."""

from collections.abc import Callable

from starc.artefacts import ArtefactError, real
from starc.zoo.family import Family, Part, every_layer
from starc.zoo.field import Field, also, ignored, number, only, shortest, whole
from starc.zoo.seen import Seen
from starc.zoo.shared import depth
from starc.zoo.values import Values

MEMORY = Part(
    "mlstm",
    "mLSTM",
    {
        "norm_mlstm.weight": "norm.weight",
        **{f"mlstm_layer.{name}.weight": f"{name}.weight" for name in "qkv"},
        "mlstm_layer.ogate_preact.weight": "gate.weight",
        **{f"mlstm_layer.{g}gate_preact.weight": f"{g}.weight" for g in "if"},
        **{f"mlstm_layer.{g}gate_preact.bias": f"{g}_bias" for g in "if"},
        "mlstm_layer.multihead_norm.weight": "norm_weight",
        "mlstm_layer.out_proj.weight": "out.weight",
    },
)
MLP = Part(
    "mlp",
    "SwiGLU",
    {
        "norm_ffn.weight": "norm.weight",
        "ffn.proj_up_gate.weight": "gate.weight",
        "ffn.proj_up.weight": "up.weight",
        "ffn.proj_down.weight": "out.weight",
    },
)


def _share(default: float, address: str, heads: str = "mlstm.heads") -> Field:
    """Channels of all heads over the width, rounded down."""

    def seen(seen: Seen) -> float:
        width, each = seen.at("model.width"), seen.at(address)
        count = each * seen.at(heads)
        return shortest((count + 0.25) / width, lambda part: int(width * part) == count)

    return number(default, low=1e-3, high=64, seen=seen)


def _each(factor: str) -> Callable[[Values], int]:
    """Channels of a head."""

    def found(values: Values) -> int:
        channels = int(values["hidden_size"] * values[factor])
        heads = values["num_heads"]
        if not channels or channels % heads:
            raise ArtefactError(f"{factor}: {channels} channels, of {heads} heads")
        return int(channels // heads)

    return found


def _hidden(values: Values) -> int:
    multiple = int(values["ffn_round_up_to_multiple_of"])
    wanted = values["hidden_size"] * values["ffn_proj_factor"]
    return int((wanted + multiple - 1) // multiple) * multiple


def _factor(seen: Seen) -> float:
    """The least that comes to so many channels, in steps of one."""
    width, hidden = seen.at("model.width"), seen.at("mlp.hidden")
    return shortest((hidden + 0.25) / width, lambda part: int(width * part) == hidden)


COMPUTED = dict.fromkeys(
    (
        *("chunkwise_kernel", "sequence_kernel", "step_kernel", "mode", "chunk_size"),
        *("return_last_states", "autocast_kernel_dtype", "inference_state_dtype"),
        *("max_inference_chunksize", "norm_reduction_force_float32", "add_out_norm"),
    ),
    ignored("how it is computed, not what"),
)


def _left_out(name: str, value: float) -> str:
    """Theirs adds it to the sum of weights, over what the running maximum took away."""
    if value <= 1e-12:
        return ""
    return f"{name} {value:g} is left out: it moves logits by millionths at most"


EPS = Field(
    lambda found, name: real(found, name, 0, 1e-5),
    1e-6,
    note=_left_out,
    reason="beside a sum that the norm behind it divides out again",
)

FAMILY = Family(
    name="xlstm",
    title="xLSTM",
    architecture="xLSTMForCausalLM",
    fields={
        "vocab_size": whole(50_304, "model.vocab"),
        "hidden_size": also(whole(4096, "model.width", high=131_072), "embedding_dim"),
        "num_hidden_layers": also(depth(32), "num_blocks"),
        "num_heads": whole(8, "mlstm.heads", high=4096),
        "qk_dim_factor": _share(0.5, "mlstm.key_dim"),
        "v_dim_factor": _share(1.0, "mlstm.head_dim"),
        "norm_eps": number(1e-6, "model.eps"),
        "tie_word_embeddings": only(False, why="the family's model ties nothing"),
        "use_bias": only(False, why="an RMSNorm with a bias has no word"),
        "gate_soft_cap": number(15.0, "mlstm.softcap", low=1e-3, high=20),
        "output_logit_soft_cap": number(
            30.0, "model.logit_softcap", low=1e-3, high=1e6
        ),
        "ffn_proj_factor": number(2.667, low=1e-3, high=1024, seen=_factor),
        "ffn_round_up_to_multiple_of": whole(64, seen=lambda seen: 1),
        "weight_mode": only("single", why="the family's model cannot be made so"),
        "eps": EPS,
        **COMPUTED,
    },
    always={
        "model.tied": False,
        "mlstm.key_dim": _each("qk_dim_factor"),
        "mlstm.head_dim": _each("v_dim_factor"),
        "mlp.hidden": _hidden,
    },
    kinds={"layer": (MEMORY, MLP)},
    layers=every_layer(),
    names={
        "backbone.embeddings.weight": "embedding.weight",
        "backbone.out_norm.weight": "norm.weight",
        "lm_head.weight": "head.weight",
    },
    prefix="backbone.blocks.{}.",
    limits="weights that are fused, biases",
)
