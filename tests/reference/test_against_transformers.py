"""Whole models against those of transformers: same weights, same logits and gradients.

Small random configurations, nothing is downloaded. Theirs run in float64 as well, but
cast to float32 inside (norms, rotations, scans), hence the tolerances.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from starc.ir.nodes import Layer, Liv, Model
from starc.ir.residual import Norm
from starc.ir.rope import Rope, Scaling
from starc.operators.attention.operator import Attention
from starc.operators.gated_conv.operator import GatedConv
from starc.operators.glu.operator import Glu
from starc.operators.rg_lru.operator import RgLru
from starc.operators.selective_scan.operator import SelectiveScan
from starc.operators.ssd.operator import Ssd
from starc.reference import execute, random_weights
from tests.reference.models import liv, model, parallel, random_tokens, seeded

transformers = pytest.importorskip("transformers")

WIDTH, VOCAB, LENGTH = 16, 29, 12
SIZES: dict[str, Any] = {
    "hidden_size": WIDTH,
    "vocab_size": VOCAB,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "attn_implementation": "eager",
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}

Keys = list[tuple[str, str]]


class Holds(NamedTuple):
    """One of their tensors: ours, one below the other, times scale, plus offset."""

    keys: Keys
    scale: float = 1.0
    offset: float = 0.0


Case = tuple[nn.Module, Model, dict[str, Holds]]


def attention(**options: Any) -> Attention:
    numbers: dict[str, Any] = {
        "heads": 4,
        "kv_heads": 2,
        "head_dim": 4,
        "rope": Rope(1e4, 4),
    }
    return Attention(width=WIDTH, **(numbers | options))


def glu(activation: str = "silu") -> Glu:
    return Glu(width=WIDTH, hidden=24, activation=activation)


def theta(value: float, **more: float) -> dict[str, Any]:
    return {"rope_type": "default", "rope_theta": value, **more}


def transformer(
    kind: str,
    config: Any,
    operator: Attention,
    activation: str = "silu",
    offset: float = 0.0,
    **options: Any,
) -> Case:
    """Attention and a GLU, twice, by the names that most of their models use.

    offset: of their norm's weights.
    """
    theirs = getattr(transformers, kind)(config)
    layers: list[Layer] = []
    names = {
        "model.embed_tokens.weight": Holds([("", "embedding.weight")]),
        "model.norm.weight": Holds([("", "norm.weight")], offset=offset),
        "model.norm.bias": Holds([("", "norm.bias")]),
        "lm_head.weight": Holds([("", "head.weight")]),
    }
    placement = options.get("placement", "pre")
    before_mlp = "pre_feedforward" if placement == "sandwich" else "post_attention"
    for i in range(2):
        a, m = f"a{i}", f"m{i}"
        layers += [liv(a, operator), liv(m, glu(activation))]
        their = f"model.layers.{i}"
        for part in ("weight", "bias"):
            for ours in "qkv":
                names[f"{their}.self_attn.{ours}_proj.{part}"] = Holds(
                    [(a, f"{ours}.{part}")]
                )
            names[f"{their}.self_attn.o_proj.{part}"] = Holds([(a, f"out.{part}")])
            names[f"{their}.self_attn.sinks"] = Holds([(a, "sinks")])
            norms = {}
            if placement != "post":
                norms = {"input": (a, "norm"), before_mlp: (m, "norm")}
            if placement != "pre":
                norms["post_attention"] = (a, "post_norm")
                norms["post_feedforward"] = (m, "post_norm")
            for name, (label, norm) in norms.items():
                names[f"{their}.{name}_layernorm.{part}"] = Holds(
                    [(label, f"{norm}.{part}")], offset=offset
                )
        for name, ours in (("gate", "gate"), ("up", "up"), ("down", "out")):
            names[f"{their}.mlp.{name}_proj.weight"] = Holds([(m, f"{ours}.weight")])
        for name in "qk":
            names[f"{their}.self_attn.{name}_norm.weight"] = Holds(
                [(a, f"{name}_norm")]
            )
    return theirs, model(*layers, vocab=VOCAB, **options), names


def llama() -> Case:
    config = transformers.LlamaConfig(
        **SIZES,
        attention_bias=True,
        rope_parameters=theta(500.0),
        rms_norm_eps=1e-3,
        tie_word_embeddings=False,
    )
    op = attention(bias=True, out_bias=True, rope=Rope(500.0, 4))
    norm = Norm(eps=1e-3)
    return transformer("LlamaForCausalLM", config, op, norm=norm, tied=False)


def longer(kind: str, scaling: Scaling, amplitude: float = 1.0) -> Case:
    """Frequencies of a rotation for long sequences, of 16 channels."""
    numbers: dict[str, Any] = {
        "rope_type": kind,
        "rope_theta": 20.0,
        "factor": scaling.factor,
    }
    if scaling.context:
        numbers["original_max_position_embeddings"] = scaling.context
    if kind == "llama3":
        numbers |= {"low_freq_factor": scaling.slow, "high_freq_factor": scaling.fast}
    if kind == "yarn":
        numbers |= {"beta_fast": scaling.fast, "beta_slow": scaling.slow}
        numbers["truncate"] = scaling.whole
    config = transformers.LlamaConfig(
        **SIZES, head_dim=16, rope_parameters=numbers, tie_word_embeddings=True
    )
    rope = Rope(20.0, 16, amplitude=amplitude, scaling=scaling)
    norm = Norm(eps=1e-6)
    op = attention(head_dim=16, rope=rope)
    return transformer("LlamaForCausalLM", config, op, norm=norm)


def linear() -> Case:
    return longer("linear", Scaling("linear", 4.0))


def llama3() -> Case:
    return longer("llama3", Scaling("llama3", 8.0, context=40, slow=1.0, fast=4.0))


def yarn() -> Case:
    scaling = Scaling("yarn", 8.0, context=30, slow=1.0, fast=3.0)
    return longer("yarn", scaling, 0.1 * math.log(8.0) + 1)


def yarn_whole() -> Case:
    scaling = Scaling("yarn", 8.0, context=60, slow=0.4, fast=4.0, whole=True)
    return longer("yarn", scaling, 0.1 * math.log(8.0) + 1)


def mistral() -> Case:
    config = transformers.MistralConfig(
        **SIZES, sliding_window=4, tie_word_embeddings=True, rms_norm_eps=1e-5
    )
    return transformer("MistralForCausalLM", config, attention(window=4))


def qwen3() -> Case:
    config = transformers.Qwen3Config(
        **SIZES,
        head_dim=8,
        rms_norm_eps=1e-2,
        rope_parameters=theta(1e6),
        tie_word_embeddings=True,
    )
    op = attention(head_dim=8, qk_norm="head", rope=Rope(1e6, 8))
    return transformer("Qwen3ForCausalLM", config, op, norm=Norm(eps=1e-2))


def stablelm() -> Case:
    """LayerNorm with bias; half of each head's channels are rotated."""
    config = transformers.StableLmConfig(
        **SIZES,
        layer_norm_eps=1e-3,
        rope_parameters=theta(1e4, partial_rotary_factor=0.5),
        use_qkv_bias=True,
        tie_word_embeddings=False,
    )
    op = attention(bias=True, rope=Rope(1e4, 2))
    norm = Norm("layer", eps=1e-3)
    return transformer("StableLmForCausalLM", config, op, norm=norm, tied=False)


def cohere() -> Case:
    """LayerNorm without bias; attention and MLP side by side; neighbours turn."""
    config = transformers.CohereConfig(
        **SIZES,
        logit_scale=0.25,
        layer_norm_eps=1e-3,
        rope_parameters=theta(1e4),
        tie_word_embeddings=True,
    )
    theirs = transformers.CohereForCausalLM(config)
    names = {
        "model.embed_tokens.weight": Holds([("", "embedding.weight")]),
        "model.norm.weight": Holds([("", "norm.weight")]),
    }
    layers: list[Layer] = []
    norm = Norm("layer", 1e-3, bias=False)
    op = attention(rope=Rope(1e4, 4, adjacent=True))
    for i in range(2):
        a, m, p = f"a{i}", f"m{i}", f"p{i}"
        sides = liv(f"{p}.{a}", op), liv(f"{p}.{m}", glu())
        layers.append(parallel(p, *sides))
        their = f"model.layers.{i}"
        names[f"{their}.input_layernorm.weight"] = Holds([(p, "norm.weight")])
        for part, label, pairs in (
            ("self_attn", f"{p}.{a}", {g: g for g in "qkv"} | {"o": "out"}),
            ("mlp", f"{p}.{m}", {"gate": "gate", "up": "up", "down": "out"}),
        ):
            for name, ours in pairs.items():
                names[f"{their}.{part}.{name}_proj.weight"] = Holds(
                    [(label, f"{ours}.weight")]
                )
    ours_ = model(*layers, vocab=VOCAB, norm=norm, logit_scale=0.25)
    return theirs, ours_, names


def gemma2() -> Case:
    """Sandwich norms, GeGLU, capped logits; their embeddings are scaled on the way."""
    config = transformers.Gemma2Config(
        **SIZES,
        head_dim=4,
        query_pre_attn_scalar=9,
        attn_logit_softcapping=0.5,
        final_logit_softcapping=3.0,
        layer_types=["full_attention"] * 2,
        tie_word_embeddings=False,
    )
    return transformer(
        "Gemma2ForCausalLM",
        config,
        attention(scale=1 / 3, softcap=0.5),
        "gelu",
        offset=-1.0,
        norm=Norm(eps=1e-6),
        placement="sandwich",
        tied=False,
        logit_softcap=3.0,
        embedding_scale=math.sqrt(WIDTH),
    )


def granite() -> Case:
    """Scales of embeddings, residuals and logits."""
    config = transformers.GraniteConfig(
        **SIZES,
        rms_norm_eps=1e-3,
        embedding_multiplier=3.0,
        residual_multiplier=0.22,
        logits_scaling=8.0,
        attention_multiplier=0.3,
        tie_word_embeddings=True,
    )
    return transformer(
        "GraniteForCausalLM",
        config,
        attention(scale=0.3),
        norm=Norm(eps=1e-3),
        scale=0.22,
        embedding_scale=3.0,
        logit_scale=1 / 8,
    )


def olmo2() -> Case:
    """Norms after; of q and of k one for all heads."""
    config = transformers.Olmo2Config(
        **SIZES, rms_norm_eps=1e-3, tie_word_embeddings=False
    )
    return transformer(
        "Olmo2ForCausalLM",
        config,
        attention(qk_norm="full"),
        norm=Norm(eps=1e-3),
        placement="post",
        tied=False,
    )


def diffllama() -> Case:
    """Each layer's lambda starts where its depth says."""
    config = transformers.DiffLlamaConfig(
        **SIZES, rms_norm_eps=1e-3, tie_word_embeddings=True
    )
    theirs, ours, names = transformer(
        "DiffLlamaForCausalLM", config, attention(differential=0.5), norm=Norm(eps=1e-3)
    )
    layers = []
    for i, layer in enumerate(ours.layers()):
        if isinstance(layer, Liv) and isinstance(layer.operator, Attention):
            start = 0.8 - 0.6 * math.exp(-0.3 * (i // 2))
            operator = replace(layer.operator, differential=start)
            layer = replace(layer, operator=operator)
        layers.append(layer)
    for i in range(2):
        for part in ("q1", "k1", "q2", "k2"):
            names[f"model.layers.{i}.self_attn.lambda_{part}"] = Holds(
                [(f"a{i}", f"lambda_{part}")]
            )
    return theirs, replace(ours, body=tuple(layers)), names


def granite_swa() -> Case:
    """A sink for each head, in a window."""
    config = transformers.GraniteSWAConfig(
        **SIZES,
        sliding_window=4,
        layer_types=["sliding_attention"] * 2,
        attention_multiplier=0.5,
        rope_parameters=theta(1e4),
    )
    return transformer("GraniteSWAForCausalLM", config, attention(sinks=True, window=4))


def lfm2() -> Case:
    config = transformers.Lfm2Config(
        **SIZES,
        block_auto_adjust_ff_dim=False,
        conv_L_cache=3,
        layer_types=["conv", "full_attention"],
        rope_parameters=theta(1e6),
        norm_eps=1e-5,
    )
    conv = GatedConv(width=WIDTH, inner=WIDTH)
    op = attention(qk_norm="head", rope=Rope(1e6, 4))
    ours = model(
        liv("c", conv), liv("m0", glu()), liv("a", op), liv("m1", glu()), vocab=VOCAB
    )
    names = {
        "model.embed_tokens.weight": Holds([("", "embedding.weight")]),
        "model.embedding_norm.weight": Holds([("", "norm.weight")]),
        "model.layers.0.conv.in_proj.weight": Holds(
            [("c", f"{g}.weight") for g in "bcx"]
        ),
        "model.layers.0.conv.conv.weight": Holds([("c", "filter")]),
        "model.layers.0.conv.out_proj.weight": Holds([("c", "out.weight")]),
        "model.layers.1.self_attn.out_proj.weight": Holds([("a", "out.weight")]),
        "model.layers.1.self_attn.q_layernorm.weight": Holds([("a", "q_norm")]),
        "model.layers.1.self_attn.k_layernorm.weight": Holds([("a", "k_norm")]),
    }
    for group in "qkv":
        names[f"model.layers.1.self_attn.{group}_proj.weight"] = Holds(
            [("a", f"{group}.weight")]
        )
    for i, mixer in enumerate("ca"):
        their = f"model.layers.{i}"
        names[f"{their}.operator_norm.weight"] = Holds([(mixer, "norm.weight")])
        names[f"{their}.ffn_norm.weight"] = Holds([(f"m{i}", "norm.weight")])
        for w, group in (("w1", "gate"), ("w3", "up"), ("w2", "out")):
            names[f"{their}.feed_forward.{w}.weight"] = Holds(
                [(f"m{i}", f"{group}.weight")]
            )
    return transformers.Lfm2ForCausalLM(config), ours, names


def mixer_names(their: str, label: str) -> dict[str, Holds]:
    return {
        f"{their}.in_proj.weight": Holds(
            [(label, f"{g}.weight") for g in ("z", "x", "b", "c", "dt")]
        ),
        f"{their}.conv1d.weight": Holds([(label, f"{g}.conv.weight") for g in "xbc"]),
        f"{their}.conv1d.bias": Holds([(label, f"{g}.conv.bias") for g in "xbc"]),
        f"{their}.dt_bias": Holds([(label, "dt_bias")]),
        f"{their}.A_log": Holds([(label, "a_log")]),
        f"{their}.D": Holds([(label, "skip")]),
        f"{their}.norm.weight": Holds([(label, "norm_weight")]),
        f"{their}.out_proj.weight": Holds([(label, "out.weight")]),
    }


def mamba2(groups: int = 1, **options: Any) -> Case:
    limits = {"time_step_limit": (0.1, 0.6)} if options else {}
    config = transformers.Mamba2Config(
        hidden_size=WIDTH,
        vocab_size=VOCAB,
        num_hidden_layers=2,
        num_heads=4,
        head_dim=8,
        state_size=5,
        n_groups=groups,
        **limits,
        expand=2,
        chunk_size=5,
        layer_norm_epsilon=1e-5,
        tie_word_embeddings=True,
        pad_token_id=0,
    )
    op = Ssd(width=WIDTH, heads=4, head_dim=8, states=5, state_groups=groups, **options)
    names = {
        "backbone.embeddings.weight": Holds([("", "embedding.weight")]),
        "backbone.norm_f.weight": Holds([("", "norm.weight")]),
    }
    for i in range(2):
        names[f"backbone.layers.{i}.norm.weight"] = Holds([(f"s{i}", "norm.weight")])
        names |= mixer_names(f"backbone.layers.{i}.mixer", f"s{i}")
    ours = model(liv("s0", op), liv("s1", op), vocab=VOCAB)
    return transformers.Mamba2ForCausalLM(config), ours, names


def mamba2_grouped() -> Case:
    """The norm of each group by itself, and step sizes between limits."""
    return mamba2(2, norm="grouped", dt_min=0.1, dt_max=0.6)


def falcon_h1(groups: int = 1, normed: bool = True, **options: Any) -> Case:
    """Attention and Mamba-2 side by side."""
    config = transformers.FalconH1Config(
        **SIZES,
        mamba_d_ssm=24,
        mamba_n_heads=4,
        mamba_d_head=6,
        mamba_n_groups=groups,
        mamba_d_state=5,
        mamba_chunk_size=5,
        mamba_rms_norm=normed,
        mamba_norm_before_gate="gate" in options,
        rope_parameters=theta(1e4),
        tie_word_embeddings=True,
    )
    op = Ssd(width=WIDTH, heads=4, head_dim=6, states=5, state_groups=groups, **options)
    layers: list[Layer] = []
    names = {
        "model.embed_tokens.weight": Holds([("", "embedding.weight")]),
        "model.final_layernorm.weight": Holds([("", "norm.weight")]),
    }
    for i in range(2):
        p, m, their = f"p{i}", f"m{i}", f"model.layers.{i}"
        layers += [parallel(p, liv(f"{p}.a", attention()), liv(f"{p}.s", op))]
        layers += [liv(m, glu())]
        names[f"{their}.input_layernorm.weight"] = Holds([(p, "norm.weight")])
        names[f"{their}.pre_ff_layernorm.weight"] = Holds([(m, "norm.weight")])
        names |= mixer_names(f"{their}.mamba", f"{p}.s")
        for name, ours in zip("qkvo", ("q", "k", "v", "out"), strict=True):
            names[f"{their}.self_attn.{name}_proj.weight"] = Holds(
                [(f"{p}.a", f"{ours}.weight")]
            )
        for name, ours in (("gate", "gate"), ("up", "up"), ("down", "out")):
            names[f"{their}.feed_forward.{name}_proj.weight"] = Holds(
                [(m, f"{ours}.weight")]
            )
    theirs = transformers.FalconH1ForCausalLM(config)
    return theirs, model(*layers, vocab=VOCAB), names


def falcon_h1_without_norm() -> Case:
    """As it is by default: the gate alone, no norm."""
    return falcon_h1(normed=False, norm="none")


def falcon_h1_gate_after() -> Case:
    return falcon_h1(2, norm="grouped", gate="after")


def mamba_names(their: str, label: str) -> dict[str, Holds]:
    made = {
        "in_proj.weight": ("x.weight", "z.weight"),
        "conv1d.weight": ("x.conv.weight",),
        "conv1d.bias": ("x.conv.bias",),
        "x_proj.weight": ("dt.weight", "b.weight", "c.weight"),
        "dt_proj.weight": ("dt_weight",),
        "dt_proj.bias": ("dt_bias",),
        "A_log": ("a_log",),
        "D": ("skip",),
        "out_proj.weight": ("out.weight",),
        **{f"{g}_layernorm.weight": (f"{g}_norm",) for g in ("b", "c", "dt")},
    }
    return {
        f"{their}.{name}": Holds([(label, ours) for ours in keys])
        for name, keys in made.items()
    }


def mamba(kind: str = "Mamba", norms: str = "none", **options: Any) -> Case:
    config = getattr(transformers, f"{kind}Config")(
        hidden_size=WIDTH,
        vocab_size=VOCAB,
        num_hidden_layers=2,
        state_size=5,
        time_step_rank=3,
        layer_norm_epsilon=1e-5,
        tie_word_embeddings=True,
        **options,
    )
    numbers: dict[str, Any] = {"inner": 2 * WIDTH, "states": 5, "dt_rank": 3}
    if norms != "none":
        numbers |= {"norms": norms, "norm_eps": options["mixer_rms_eps"]}
    op = SelectiveScan(width=WIDTH, source="x", **numbers)
    names = {
        "backbone.embeddings.weight": Holds([("", "embedding.weight")]),
        "backbone.norm_f.weight": Holds([("", "norm.weight")]),
    }
    for i in range(2):
        names[f"backbone.layers.{i}.norm.weight"] = Holds([(f"s{i}", "norm.weight")])
        names |= mamba_names(f"backbone.layers.{i}.mixer", f"s{i}")
    ours = model(liv("s0", op), liv("s1", op), vocab=VOCAB)
    return getattr(transformers, f"{kind}ForCausalLM")(config), ours, names


def falcon_mamba() -> Case:
    """b, c and dt normed without weights, with an eps of their own."""
    return mamba("FalconMamba", "weightless", mixer_rms_eps=1e-2)


class Jamba(nn.Module):
    """Their Mamba layer, whose b, c and dt have norms with weights, in our stream."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        module = transformers.models.jamba.modeling_jamba
        self.embedding = nn.Embedding(VOCAB, WIDTH)
        self.block_norm = nn.RMSNorm(WIDTH, eps=1e-5)
        self.block = module.JambaMambaMixer(config, 0)
        self.norm = nn.RMSNorm(WIDTH, eps=1e-5)

    def forward(self, tokens: Tensor, **_: Any) -> Any:
        x = self.embedding(tokens)
        x = x + self.block(self.block_norm(x))
        logits = self.norm(x) @ self.embedding.weight.T
        return transformers.modeling_outputs.CausalLMOutput(logits=logits)


def jamba() -> Case:
    config = transformers.JambaConfig(
        hidden_size=WIDTH,
        mamba_d_state=5,
        mamba_dt_rank=3,
        mamba_expand=2,
        rms_norm_eps=1e-5,
        use_mamba_kernels=False,
    )
    numbers: dict[str, Any] = {"inner": 2 * WIDTH, "states": 5, "dt_rank": 3}
    op = SelectiveScan(width=WIDTH, source="x", norms="weighted", **numbers)
    names = {
        "embedding.weight": Holds([("", "embedding.weight")]),
        "norm.weight": Holds([("", "norm.weight")]),
        "block_norm.weight": Holds([("s", "norm.weight")]),
        **mamba_names("block", "s"),
    }
    return Jamba(config), model(liv("s", op), vocab=VOCAB), names


class Griffin(nn.Module):
    """Their recurrent block in our stream, which differs from theirs around it."""

    def __init__(self, config: Any, first: int) -> None:
        super().__init__()
        self.first = first
        module = transformers.models.recurrent_gemma.modeling_recurrent_gemma
        self.embedding = nn.Embedding(VOCAB, WIDTH)
        self.block_norm = nn.RMSNorm(WIDTH, eps=1e-5)
        self.block = module.RecurrentGemmaRecurrentBlock(config, 0)
        self.norm = nn.RMSNorm(WIDTH, eps=1e-5)

    def forward(self, tokens: Tensor, **_: Any) -> Any:
        x = self.embedding(tokens)
        # At position 0 theirs leaves out the factor sqrt(1 - a^2).
        positions = torch.arange(self.first, self.first + LENGTH).expand(tokens.shape)
        y, _cache = self.block(self.block_norm(x), positions, None, use_cache=False)
        logits = self.norm(x + y) @ self.embedding.weight.T
        return transformers.modeling_outputs.CausalLMOutput(logits=logits)


def griffin(first_token: str = "scaled") -> Case:
    config = transformers.RecurrentGemmaConfig(
        hidden_size=WIDTH,
        lru_width=WIDTH,
        num_attention_heads=4,
        conv1d_width=4,
        hidden_activation="gelu_pytorch_tanh",
        num_hidden_layers=1,
    )
    numbers: dict[str, Any] = {"inner": WIDTH, "blocks": 4, "first_token": first_token}
    op = RgLru(width=WIDTH, bias=True, out_bias=True, **numbers)
    first = 0 if first_token == "whole" else 1
    names = {
        "embedding.weight": Holds([("", "embedding.weight")]),
        "norm.weight": Holds([("", "norm.weight")]),
        "block_norm.weight": Holds([("g", "norm.weight")]),
        "block.rg_lru.recurrent_param": Holds([("g", "decay")]),
    }
    for part in ("weight", "bias"):
        for name, ours in (
            ("linear_y.", "gate."),
            ("linear_x.", "x."),
            ("linear_out.", "out."),
            ("conv_1d.", "x.conv."),
            ("rg_lru.input_gate_", "input_gate_"),
            ("rg_lru.recurrent_gate_", "recurrence_gate_"),
        ):
            names[f"block.{name}{part}"] = Holds([("g", f"{ours}{part}")])
    return Griffin(config, first), model(liv("g", op), vocab=VOCAB), names


def recurrent_gemma() -> Case:
    """Positions from 0: the first token enters the state whole."""
    return griffin("whole")


CASES: list[Callable[[], Case]] = [
    llama,
    linear,
    llama3,
    yarn,
    yarn_whole,
    mistral,
    qwen3,
    stablelm,
    cohere,
    gemma2,
    granite,
    olmo2,
    diffllama,
    granite_swa,
    lfm2,
    mamba,
    falcon_mamba,
    jamba,
    mamba2,
    mamba2_grouped,
    falcon_h1,
    falcon_h1_without_norm,
    falcon_h1_gate_after,
    griffin,
    recurrent_gemma,
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_same_logits_and_gradients(case: Callable[[], Case]) -> None:
    theirs, ours, names = case()
    theirs = theirs.double().eval()
    weights = random_weights(ours, seeded())
    parameters = dict(theirs.named_parameters())
    with torch.no_grad():
        for name, parameter in parameters.items():
            keys, scale, offset = names[name]
            joined = torch.cat([weights[key] for key in keys])
            parameter.copy_(joined.reshape(parameter.shape) * scale + offset)
    assert {key for name in parameters for key in names[name].keys} == set(weights)
    # 0 is their padding, which gets no gradient.
    tokens = 1 + random_tokens((2, LENGTH), VOCAB - 1)
    found = execute(ours, weights, tokens)
    expected = theirs(tokens, use_cache=False).logits.double()
    close(found, expected)
    cotangent = torch.randn(found.shape, dtype=torch.float64, generator=seeded(1))
    found.backward(cotangent)
    expected.backward(cotangent)
    for name, parameter in parameters.items():
        keys, scale, _ = names[name]
        gradients = [weights[key].grad for key in keys]
        joined = torch.cat([g for g in gradients if g is not None])
        assert parameter.grad is not None
        close(joined.reshape(parameter.shape), parameter.grad * scale)


def close(found: Tensor, expected: Tensor) -> None:
    error = (found - expected).abs().max() / expected.abs().max()
    assert error < 2e-5, f"relative error {error:.1e}"
