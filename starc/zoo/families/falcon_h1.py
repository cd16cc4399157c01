"""Falcon-H1: attention and Mamba-2 side by side, with fourteen multipliers."""

from dataclasses import replace
from typing import Any

from starc.artefacts import ArtefactError, real
from starc.zoo.families.bamba import AROUND, FEED_FORWARD, MAMBA, MAMBA_HEAD_DIM
from starc.zoo.family import Beside, Family, every_layer
from starc.zoo.field import Field, flag, in_training, listed, number, only, whole
from starc.zoo.mamba import mamba_2
from starc.zoo.rope import rope
from starc.zoo.seen import SILENT, Seen
from starc.zoo.shared import ATTENTION, heads, hidden, stream, without_norm
from starc.zoo.tensor import Made, Names
from starc.zoo.values import Values

LEAST = 1e-6
FOLDS = "the multipliers of attention, Mamba-2 and the gated unit"


def _factor(*names: str) -> Any:
    """The product of some multipliers; a name with a number is one of a list."""

    def product(values: Values) -> float:
        found = 1.0
        for name in names:
            name, _, index = name.partition(" ")
            found *= values[name][int(index)] if index else values[name]
        return found

    return product


def _times(pieces: str, *names: str) -> Made:
    return Made(pieces, scale=_factor(*names), folds=FOLDS)


def _by_group(*before: str) -> Any:
    """The multipliers of z, x, b, c and dt, a number for each of their rows."""

    def rows(values: Values) -> list[float]:
        heads = values["mamba_n_heads"]
        inner, states = (
            _inner(values),
            values["mamba_n_groups"] * values["mamba_d_state"],
        )
        widths = (inner, inner, states, states, heads)
        factors = (_factor(*before)(values) * one for one in values["ssm_multipliers"])
        return [f for f, rows in zip(factors, widths, strict=True) for _ in range(rows)]

    return rows


def _inner(values: Values) -> int:
    if values["mamba_d_ssm"] is None:
        return int(values["mamba_expand"] * values["hidden_size"])
    return int(values["mamba_d_ssm"])


def _multipliers(count: int) -> Field:
    def check(found: Any, name: str) -> list[float]:
        if len(listed(found, name)) != count:
            raise ArtefactError(f"{name} has {len(found)} entries, not {count}")
        return [real(one, name, LEAST, 1e6) for one in found]

    ones = [1.0] * count
    return Field(check, default=ones, null=ones)


def multiplier(*says: str) -> Field:
    return number(1.0, *says, low=LEAST, high=1e6)


def _head_dim(values: Values) -> int:
    found = values["mamba_d_head"]
    if found is None:
        return _inner(values) // int(values["mamba_n_heads"])
    if found * values["mamba_n_heads"] != _inner(values):
        raise ArtefactError(f"mamba_d_head = {found}: that makes no {_inner(values)}")
    return int(found)


def _channels(seen: Seen) -> int:
    return int(seen.at("mamba.heads") * seen.at("mamba.head_dim"))


def _normed(seen: Seen) -> bool:
    return bool(seen.at("mamba.norm") != "none")


def _before_gate(seen: Seen) -> Any:
    return seen.at("mamba.gate") == "after" if _normed(seen) else SILENT


def _norm(values: Values) -> str:
    return "grouped" if values["mamba_rms_norm"] else "none"


def _gate(values: Values) -> str | None:
    after = values["mamba_rms_norm"] and values["mamba_norm_before_gate"]
    return "after" if after else None


_IN = "attention_in_multiplier"
ATTENTION_NAMES: Names = {
    "self_attn.q_proj.weight": _times("q.weight", _IN),
    "self_attn.q_proj.bias": "q.bias",
    "self_attn.k_proj.weight": _times("k.weight", _IN, "key_multiplier"),
    "self_attn.k_proj.bias": _times("k.bias", "key_multiplier"),
    "self_attn.v_proj.weight": _times("v.weight", _IN),
    "self_attn.v_proj.bias": "v.bias",
    "self_attn.o_proj.*": _times("out.*", "attention_out_multiplier"),
}
_MIXER = without_norm(mamba_2("mamba", "input_layernorm"))
_GROUPS = "z.{0} x.{0} b.{0} c.{0} dt.{0}"
MAMBA_NAMES: Names = {
    name: how for name, how in _MIXER.names.items() if "proj" not in name
} | {
    "mamba.in_proj.weight": Made(
        _GROUPS.format("weight"), scale=_by_group("ssm_in_multiplier"), folds=FOLDS
    ),
    "mamba.in_proj.bias": Made(_GROUPS.format("bias"), scale=_by_group(), folds=FOLDS),
    "mamba.out_proj.*": _times("out.*", "ssm_out_multiplier"),
}
MLP_NAMES: Names = {
    "pre_ff_layernorm.weight": "norm.weight",
    "feed_forward.gate_proj.*": _times("gate.*", "mlp_multipliers 0"),
    "feed_forward.up_proj.*": "up.*",
    "feed_forward.down_proj.*": _times("out.*", "mlp_multipliers 1"),
}

FAMILY = Family(
    name="falcon_h1",
    title="Falcon-H1",
    architecture="FalconH1ForCausalLM",
    fields={
        **stream(128_000, 4096, 32, context=8192, eps=1e-5, tied=False),
        **heads(32, 8),
        "head_dim": whole(None, "attn.head_dim", null=None, high=8192),
        **hidden(14_336),
        "hidden_act": only("silu", why="the convolutions of Mamba-2 have silu alone"),
        "rope_parameters": rope(),
        "attention_bias": flag(False, "attn.bias", "attn.out_bias"),
        "mlp_bias": flag(False, "mlp.bias", "mlp.out_bias"),
        **MAMBA,
        "mamba_expand": number(2, low=1e-3, high=64),
        "mamba_d_ssm": whole(1024, null=None, high=2**22, seen=_channels),
        **MAMBA_HEAD_DIM,
        "mamba_proj_bias": flag(False, "mamba.bias"),
        "projectors_bias": flag(False, "mamba.out_bias"),
        "mamba_rms_norm": flag(False, seen=_normed),
        "mamba_norm_before_gate": flag(True, seen=_before_gate),
        "embedding_multiplier": multiplier("model.embedding_scale"),
        "lm_head_multiplier": multiplier("model.logit_scale"),
        "key_multiplier": multiplier(),
        "attention_in_multiplier": multiplier(),
        "attention_out_multiplier": multiplier(),
        "ssm_in_multiplier": multiplier(),
        "ssm_out_multiplier": multiplier(),
        "ssm_multipliers": _multipliers(5),
        "mlp_multipliers": _multipliers(2),
        "attention_dropout": in_training(),
    },
    always={
        "mamba.norm": _norm,
        "mamba.gate": _gate,
        "mamba.head_dim": _head_dim,
    },
    kinds={
        "layer": (
            Beside(
                (
                    replace(ATTENTION, names=ATTENTION_NAMES),
                    replace(_MIXER, names=MAMBA_NAMES),
                ),
                {"input_layernorm.weight": "norm.weight"},
            ),
            replace(FEED_FORWARD, names=MLP_NAMES),
        )
    },
    layers=every_layer(),
    names=AROUND,
    limits="convolutions without biases",
)
