"""One LFM2-like model twice, with the same weights: emitted, and of transformers."""

import importlib.util
import sys
import tempfile
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from transformers import Lfm2Config, Lfm2ForCausalLM

import starc

PAIRS = "4 x { 2 x { conv; mlp }; attn; mlp }"  # 12 pairs, every third with attention
WIDTH, HIDDEN, HEADS, GROUPS, VOCAB = 768, 2048, 12, 4, 65_536

SOURCE = f"""
model lfm2_like {{
  width   = {WIDTH}
  vocab   = {VOCAB}
  context = 4096
  norm    = rms(eps = 1e-5)
}}

liv conv = GConv-1(kernel = 3)
liv attn = SA-3(heads = {HEADS}, kv_heads = {GROUPS}, qk_norm = true, rope_theta = 1e6)
liv mlp  = GMemless(hidden = {HIDDEN})

backbone {{ {PAIRS} }}
"""


Emitted = Any
"""A model, or a module of it, whose class exists only once it is emitted."""


def emitted(source: str = SOURCE) -> Emitted:
    """What starc makes of a source, with random weights."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lfm2_like.py"  # Triton reads the source of its kernels
        path.write_text(starc.compile(source, "lfm2_like.star"), encoding="utf-8")
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module  # dataclasses look their module up
        spec.loader.exec_module(module)
    return module.Model().eval()


KINDS = {
    "GatedConv": "conv",
    "GroupedQueryAttention": "full_attention",
    "SwiGLU": "mlp",
}
"""Emitted class -> what transformers calls the layer."""


def of_transformers(model: Emitted) -> nn.Module:
    """Lfm2ForCausalLM with sdpa attention and the sizes and weights of an emitted model
    whose layers are pairs: conv or attn, and mlp."""
    layers = [  # in order of depth: mixer and mlp in turns
        (module, model.get_submodule(f"{name}_norm"))
        for name, module in model.named_modules()
        if type(module).__name__ in KINDS
    ]
    kinds = [KINDS[type(mixer).__name__] for mixer, _ in layers[::2]]
    sizes = model.config
    settings: dict[str, Any] = dict(
        vocab_size=sizes.vocab,
        hidden_size=sizes.width,
        intermediate_size=sizes.hidden,
        num_hidden_layers=len(kinds),
        num_attention_heads=sizes.heads,
        num_key_value_heads=sizes.kv_heads,
        head_dim=sizes.head_dim,
        max_position_embeddings=sizes.context,
        norm_eps=sizes.eps,
        rope_parameters={"rope_type": "default", "rope_theta": sizes.theta},
        conv_L_cache=sizes.taps,
        block_auto_adjust_ff_dim=False,
        layer_types=kinds,
        attn_implementation="sdpa",
    )
    config = Lfm2Config(**settings)
    other: nn.Module = Lfm2ForCausalLM(config).eval()
    weights = {
        "model.embed_tokens.weight": model.embedding.weight,
        "lm_head.weight": model.embedding.weight,
        "model.embedding_norm.weight": model.norm.weight,
    }
    for number, kind in enumerate(kinds):
        (mixer, mixer_norm), (mlp, mlp_norm) = layers[2 * number : 2 * number + 2]
        weights |= {
            f"model.layers.{number}.{name}": weight
            for name, weight in {
                "operator_norm.weight": mixer_norm.weight,
                "ffn_norm.weight": mlp_norm.weight,
                **(_conv if kind == "conv" else _attention)(mixer),
                **_mlp(mlp),
            }.items()
        }
    other.load_state_dict(weights)
    return other


def _conv(mixer: Emitted) -> dict[str, Tensor]:
    return {
        "conv.in_proj.weight": mixer.bcx_proj.weight,
        "conv.conv.weight": mixer.filter[:, None],
        "conv.out_proj.weight": mixer.out_proj.weight,
    }


def _attention(mixer: Emitted) -> dict[str, Tensor]:
    q, k, v = mixer.qkv_proj.weight.split(mixer.qkv_sizes)
    return {
        "self_attn.q_proj.weight": q,
        "self_attn.k_proj.weight": k,
        "self_attn.v_proj.weight": v,
        "self_attn.q_layernorm.weight": mixer.q_norm,
        "self_attn.k_layernorm.weight": mixer.k_norm,
        "self_attn.out_proj.weight": mixer.out_proj.weight,
    }


def _mlp(mixer: Emitted) -> dict[str, Tensor]:
    gate, up = mixer.gate_up_proj.weight.chunk(2)
    return {
        "feed_forward.w1.weight": gate,
        "feed_forward.w3.weight": up,
        "feed_forward.w2.weight": mixer.down_proj.weight,
    }
