"""Zamba 2: Mamba-2, and beside its stream a few transformer blocks for all layers."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starc.artefacts import ArtefactError
from starc.ir.residual import AND_EMBEDDING
from starc.printable import printable
from starc.values import dataclass
from starc.zoo.families.bamba import AROUND
from starc.zoo.family import Family, Part, Use, by
from starc.zoo.field import Field, flag, ignored, in_training, number, only, whole, word
from starc.zoo.kinds import layer_types
from starc.zoo.mamba import COMPUTED, START, expansion, mamba_2
from starc.zoo.rope import rope
from starc.zoo.seen import SILENT, Seen, or_one
from starc.zoo.shared import ACTIVATIONS, heads, stream, with_names
from starc.zoo.tensor import Names
from starc.zoo.values import Values

LINEAR, HYBRID = "linear_attention", "hybrid"
BLOCK = "shared_transformer."
ASIDE = {"input": AND_EMBEDDING, "output": "none"}


def _hybrid(values: Values, depth: int) -> tuple[int, int]:
    """Of a hybrid layer: how many come before, and the layer that has its block."""
    types: list[str] = values["layers_block_type"]
    layers = [i for i, kind in enumerate(types) if kind == HYBRID]
    index = layers.index(depth)
    return index, layers[index % int(values["num_mem_blocks"])]


def _use(
    values: Values, depth: int, letter: str, names: Names, clauses: tuple[str, ...]
) -> Use:
    """Of a LIV of the block: the first owns, the others are the same as it."""
    index, owner = _hybrid(values, depth)
    block = index % int(values["num_mem_blocks"])
    same = (f"same as {letter}{block + 1}",) if index > block else ()
    own: Names = {
        f"model.layers.{owner}.{BLOCK}{theirs.format(index)}": ours
        for theirs, ours in names.items()
    }
    return Use(f"{letter}{index + 1}", (*same, *clauses), own)


def _attention(values: Values, depth: int) -> Use:
    names: Names = {}
    if values["use_shared_attention_adapter"]:
        for group in "qkv":
            theirs = f"self_attn.linear_{group}_adapter_list.{{}}"
            names[f"{theirs}.0.weight"] = f"{group}.lora_down"
            names[f"{theirs}.1.weight"] = f"{group}.lora_up"
    return _use(values, depth, "a", names, ())


def _feed_forward(values: Values, depth: int) -> Use:
    theirs = "feed_forward.gate_up_proj_adapter_list.{}"
    names: Names = {
        f"{theirs}.0.weight": "lora_down",
        f"{theirs}.1.weight": "gate.lora_up up.lora_up",
    }
    index, _ = _hybrid(values, depth)
    return _use(values, depth, "f", names, (f"input from a{index + 1}",))


def _decoder(values: Values, depth: int) -> Use:
    index, _ = _hybrid(values, depth)
    return Use(clauses=(f"plus from f{index + 1}",))


def _copies(values: Values) -> dict[str, str]:
    """The block of a hybrid layer, where an earlier one has it."""
    kinds = enumerate(values["layers_block_type"])
    hybrid = (depth for depth, kind in kinds if kind == HYBRID)
    why = "it is that of the first layer with this block"
    return {
        f"model.layers.{depth}.{BLOCK}*": why
        for depth in hybrid
        if _hybrid(values, depth)[1] != depth
    }


ATTN = Part(
    "attn",
    "attention",
    {
        f"{BLOCK}input_layernorm.weight": "norm.weight",
        **{f"{BLOCK}self_attn.{one}_proj.weight": f"{one}.weight" for one in "qkv"},
        f"{BLOCK}self_attn.o_proj.weight": "out.weight",
    },
    options=ASIDE,
    use=_attention,
)
MLP = Part(
    "mlp",
    "glu",
    {
        f"{BLOCK}pre_ff_layernorm.weight": "norm.weight",
        f"{BLOCK}feed_forward.gate_up_proj.*": "gate.* up.*",
        f"{BLOCK}feed_forward.down_proj.*": "out.*",
    },
    options={"output": "none", "lora_down": "one"},
    use=_feed_forward,
    reads="input",
)
MAMBA = mamba_2("mamba", "input_layernorm")
DECODER = replace(
    with_names(
        mamba_2("mamba_decoder.mamba", "mamba_decoder.input_layernorm"),
        {"linear.weight": "plus.weight"},
    ),
    use=_decoder,
    reads="plus",
)


@dataclass(frozen=True)
class Follows(Field):
    """It is made of the fields above, and a file may say nothing else of it."""

    def read(self, name: str, given: Mapping[str, Any], values: Values) -> Any:
        found = self.default(values)
        for key in self.keys(name):
            if given.get(key, found) != found:
                said = printable(str(given[key])[:40])
                raise ArtefactError(
                    f"{key} = {said}: only {found}, which follows from other fields"
                )
        return found


def _follows(value: Any, *older: str) -> Follows:
    return Follows(
        lambda found, name: found,
        value,
        older=older,
        reason="it follows from others",
        seen=lambda seen: SILENT,
    )


def _head_dim(values: Values) -> int:
    return 2 * int(values["hidden_size"]) // int(values["num_attention_heads"])


def _mamba_head_dim(values: Values) -> int:
    channels = int(values["mamba_expand"] * values["hidden_size"])
    return channels // int(values["n_mamba_heads"])


def _four_times(values: Values) -> int:
    return 4 * int(values["hidden_size"])


def _usual(values: Values) -> list[str]:
    shown = [5, 5, 5, 5, 5, 5, 5, 4, 3]
    found = [LINEAR]
    for count in shown:
        found += [LINEAR] * count + [HYBRID]
    found += [LINEAR] * 2
    if len(found) != values["num_hidden_layers"]:
        raise ArtefactError(f"layers_block_type is left out, which means {len(found)}")
    return found


def _blocks(seen: Seen) -> int:
    """How many blocks there are: layers whose attention is not another's."""
    return max(1, sum(layer.residual.entered for layer in seen.model.made()))


def _rank(seen: Seen) -> Any:
    return seen.at("mlp.lora")


def _lora(values: Values) -> int | None:
    used = values["use_shared_attention_adapter"]
    return int(values["adapter_rank"]) if used else None


FAMILY = Family(
    name="zamba2",
    title="Zamba 2",
    architecture="Zamba2ForCausalLM",
    fields={
        **stream(32_000, 2560, 54, context=4096, eps=1e-5, tied=True),
        "tie_word_embeddings": only(
            True, why="theirs shares no block either then, and leaves adapters unused"
        ),
        **heads(32),
        "head_dim": _follows(_head_dim, "attention_head_dim"),
        "intermediate_size": whole(
            _four_times, "mlp.hidden", null=_four_times, high=2**22
        ),
        "hidden_act": word(
            "gelu", {**ACTIVATIONS, "gelu": "gelu_erf"}, "mlp.activation"
        ),
        "layers_block_type": layer_types((LINEAR, HYBRID), _usual),
        "num_mem_blocks": whole(1, high=64, seen=_blocks),
        "use_shared_attention_adapter": flag(
            False, seen=lambda seen: seen.at("attn.lora") not in (None, SILENT)
        ),
        "adapter_rank": whole(128, "mlp.lora", high=65_536),
        "use_mem_rope": flag(False, seen=lambda seen: bool(seen.rotations())),
        "rope_parameters": rope(),
        "add_bias_linear": flag(
            *(False, "mamba.bias", "mamba.out_bias", "mlp.bias", "mlp.out_bias")
        ),
        "n_mamba_heads": whole(
            *(8, "mamba.heads"), high=4096, seen=or_one("mamba.heads")
        ),
        "mamba_ngroups": whole(1, "mamba.groups", high=4096),
        "mamba_d_state": whole(64, "mamba.states", high=4096),
        "mamba_d_conv": whole(4, "mamba.kernel", low=2, high=16),
        "mamba_expand": number(2, low=1e-3, high=64, seen=expansion),
        "mamba_headdim": _follows(_mamba_head_dim),
        **START,
        "time_step_min": number(
            0.001, "mamba.dt_min", to=lambda value: value or None, null=0.0
        ),
        **COMPUTED,
        **dict.fromkeys(
            ("attention_hidden_size", "kv_channels", "num_query_groups"),
            ignored("it follows from others"),
        ),
        "hybrid_layer_ids": ignored("layers_block_type says it"),
        "use_conv_bias": ignored("theirs has biases, whatever it says"),
        "use_long_context": ignored("a longer context, which is another field"),
        **dict.fromkeys(
            ("use_mamba_kernels", "use_mem_eff_path"),
            ignored("how it is computed, not what"),
        ),
        "attention_dropout": in_training(),
    },
    always={
        "attn.head_dim": _head_dim,
        "attn.scale": lambda values: (_head_dim(values) / 2) ** -0.5,
        "attn.rope": lambda values: None if values["use_mem_rope"] else False,
        "attn.lora": _lora,
        "mamba.norm": "grouped",
        "mamba.norm_eps": 1e-5,
        "mamba.head_dim": _mamba_head_dim,
    },
    kinds={LINEAR: (MAMBA,), HYBRID: (ATTN, MLP, DECODER)},
    layers=by("layers_block_type"),
    names=AROUND,
    unused=_copies,
)
