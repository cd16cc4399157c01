"""The tables backwards: a model -> the configuration that says it."""

from typing import Any

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from starc import compiler, passes
from starc.ir.nodes import Model
from starc.source import Source
from starc.zoo.error import ZooError
from starc.zoo.families import NAMES
from starc.zoo.reading import read
from starc.zoo.recognition import recognise
from starc.zoo.rows import unused
from starc.zoo.spelling import source
from tests.zoo.every_family import FAMILIES, PHASES, SLOW
from tests.zoo.imported import as_json, from_json

WINDOWS = {"use_sliding_window", "sliding_window"}
ANOTHER_WAY = {
    "bamba": {"mamba_d_head", "attn_layer_indices", "mamba_expand"},
    "falcon_h1": {"head_dim", "mamba_d_head"},
    "granitemoehybrid": {"mamba_d_head", "mamba_expand"},
    "lfm2": {"intermediate_size", "block_auto_adjust_ff_dim"},
    "gpt_neox": {"hidden_act"},
    "gpt2": {"resid_pdrop", "embd_pdrop", "attn_pdrop"},
    "jamba": {
        *("attn_layer_period", "attn_layer_offset"),
        *("expert_layer_period", "expert_layer_offset"),
    },
    "kimi_linear": {"q_lora_rank"},
    "qwen2": WINDOWS,
    "qwen2_moe": {"decoder_sparse_step", "sliding_window", "max_window_layers"},
    "qwen3": WINDOWS,
    "qwen3_next": {"decoder_sparse_step"},
    "recurrent_gemma": {"block_types", "num_key_value_heads"},
    "xlstm": {
        *("qk_dim_factor", "v_dim_factor"),
        *("ffn_proj_factor", "ffn_round_up_to_multiple_of"),
    },
    "deepseek_v2": {"n_group", "topk_group", "topk_method"},
    "qwen3_moe": {"decoder_sparse_step", "mlp_only_layers", "sliding_window"},
    "seed_oss": {"attention_dropout", "residual_dropout"},
    "smollm3": WINDOWS,
}
"""Fields that say the same in another way, or that nothing asks for."""

WITHOUT = {
    *("num_attention_heads", "num_key_value_heads", "rope_parameters"),
    "mamba_n_heads",
}
"""Fields of LIVs of which a model has none; they have to fit its width."""


EXPERTS = {
    *("num_experts", "num_local_experts", "n_routed_experts", "n_shared_experts"),
    *("num_experts_per_tok", "moe_intermediate_size", "norm_topk_prob"),
    "shared_expert_intermediate_size",
    *("n_group", "topk_group", "routed_scaling_factor", "topk_method"),
}
"""Fields of experts, of a model whose layers are all without."""

BESIDE = {
    *("num_mem_blocks", "use_shared_attention_adapter", "adapter_rank"),
    *("add_bias_linear", "hidden_act", "intermediate_size", "use_mem_rope"),
}
"""Fields of the blocks beside Zamba 2's stream, of which a model has none."""


def of_no_layer(layers: tuple[str, ...]) -> set[str]:
    """Fields of a kind of layer of which there is none."""
    words = {kind.rpartition(" ")[2] for kind in layers}
    without = {"dense"}, {"mamba", "attn", "mlp"}  # the second: of Nemotron-H
    found = EXPERTS if any(words <= kinds for kinds in without) else set()
    if words == {"sparse"}:
        found = found | {"intermediate_size"}
    if words == {"linear_attention"}:
        found = found | BESIDE
    if layers.count("hybrid") == 1:  # of Zamba 2, whose one block is all there are
        found = found | {"num_mem_blocks"}
    return found


def model_of(text: str) -> Model:
    return passes.run(compiler.to_ir(Source("m.star", text)))


def came_back(name: str, config: Any) -> dict[str, Any]:
    """The configuration that is recognised in a model of another: the same.

    That both say the same model is what `recognise` has looked at.
    """
    reading = read(as_json(config, whole=True))
    found = recognise(model_of(source(reading, "m")), name)
    assert found.config["architectures"] == [reading.family.architecture]
    unlike = {
        field
        for field, value in reading.values.items()
        if field in found.config and found.reading.values[field] != value
    }
    absent = WITHOUT | of_no_layer(reading.layers)
    assert unlike <= ANOTHER_WAY.get(name, set()) | absent, unlike
    return found.config


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=2, phases=PHASES, suppress_health_check=SLOW)
@given(data=st.data())
def test_what_is_imported_is_recognised(name: str, data: st.DataObject) -> None:
    came_back(name, data.draw(FAMILIES[name]))


def same_tensors(name: str, config: Any) -> None:
    """transformers makes of it a model with the same tensors, of the same shapes, but
    for what is computed of other numbers."""
    shapes, reading = [], read(as_json(config, whole=True))
    for one in (config, from_json(came_back(name, config))):
        with torch.device("meta"):
            model = transformers.AutoModelForCausalLM.from_config(one)
        drawn = {k for k, _ in model.named_parameters(remove_duplicate=False)}
        found = model.state_dict().items()
        shapes.append(
            {k: t.shape for k, t in found if k in drawn or not unused(reading, k)}
        )
    assert shapes[0] == shapes[1]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=50, phases=PHASES, suppress_health_check=SLOW)
@given(data=st.data())
def test_transformers_reads_what_is_recognised(name: str, data: st.DataObject) -> None:
    same_tensors(name, data.draw(FAMILIES[name]))


LLAMA = {
    "model_type": "llama",
    "hidden_size": 64,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
}


def test_a_family_that_most_programs_read_comes_first() -> None:
    """Phi 3 without a window is Llama, whose tensors have other names."""
    text = source(read({**LLAMA, "model_type": "phi3"}), "m")
    assert recognise(model_of(text)).family == "llama"
    assert recognise(model_of(text), "phi3").config["model_type"] == "phi3"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("mlp }", "mlp; GConv-1 }"), "no layer of a llama"),
        (("SwiGLU(", "SwiGLU(limit = 7, "), "no layer of a llama"),
        (("MHA(", "MHA(sinks = true, "), "sinks"),
        (("{ attn; mlp }", "{ attn; mlp }\n MHA(heads = 8); mlp"), "heads is 4, and 8"),
        (("rope", "rope"), ""),
    ],
)
def test_what_no_configuration_says_is_told(change: tuple[str, str], why: str) -> None:
    text = source(read(LLAMA), "m")
    assert change[0] in text or not why, text
    model = model_of(text.replace(*change))
    if not why:
        assert recognise(model).family == "llama"
        return
    with pytest.raises(ZooError, match="no llama") as found:
        recognise(model, "llama")
    assert any(why in line for line in found.value.lines), found.value
    with pytest.raises(ZooError, match="No family of"):
        recognise(model)
