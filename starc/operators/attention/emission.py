"""Softmax attention as the emitted file shows it."""

from starc.backend.emission import Argument, Emission, biases, convolution
from starc.backend.rotation import (
    rotation_arguments,
    rotation_functions,
    rotation_options,
    rotation_words,
)
from starc.operators.attention.operator import Attention


def emission(op: Attention) -> Emission:
    grouped = op.kv_heads != op.heads
    value = "V" if op.value_dim else "K"
    kept = "(B, G, length, {})" if grouped else "(B, H, length, {})"
    return Emission(
        template="attention",
        class_name=("Sliding" if op.window else "")
        + ("GroupedQueryAttention" if grouped else "Attention"),
        summary=_summary(op, grouped),
        arguments=(*_arguments(op, grouped), *convolution(op)),
        aliases={} if grouped else {"kv_heads": "heads"},
        options={
            "grouped": grouped,
            "rope": op.rope is not None,
            **rotation_options(op.rope, op.head_dim),
            "window": op.window > 0,
            "qk_norm": op.qk_norm,
            "weightless": op.weightless,
            "norm_bias": op.norm_bias,
            "own_weights": op.own_weights,
            "rotate_first": op.rotate_first,
            "v_norm": op.v_norm,
            "scale": op.scale > 0,
            "softcap": op.softcap > 0,
            "sinks": op.sinks,
            "by_scores": op.by_scores,
            "alibi": op.alibi,
            "one_kv": op.one_kv,
            "gate": op.gate,
            "opened": "F.softplus(gate)" if op.softplus else "gate.sigmoid()",
            "value_dim": op.value_dim > 0,
            "differential": op.differential > 0,
            **biases(op),
        },
        state_words=(
            {"kv": "(B, 2 {}, length, K)".format("G" if grouped else "H")}
            if op.one_kv
            else {"k": kept.format("K"), "v": kept.format(value)}
        ),
        kernels=(
            *(("short_conv",) if op.kernel else ()),
            *(("rotary",) if op.rope is not None and op.rope.plain else ()),
        ),
        functions=(*_functions(op), *rotation_functions(op.rope)),
        letters={
            "H": "heads",
            **({"G": "key/value heads"} if grouped else {}),
            "K": "channels of a head",
            **({"V": "channels of its values"} if op.value_dim else {}),
            "S": "tokens of past and present",
        },
    )


def _arguments(op: Attention, grouped: bool) -> tuple[Argument, ...]:
    found = [
        Argument("heads", "int", op.heads),
        Argument("kv_heads", "int", op.kv_heads),
        Argument("head_dim", "int", op.head_dim, "channels of a head"),
        Argument("value_dim", "int", op.value_dim, "channels of a head of v"),
        Argument(
            "window", "int", op.window, "tokens that a token sees, itself included"
        ),
        Argument("scale", "float", op.scale, "factor of the scores"),
        Argument("softcap", "float", op.softcap, "no score is larger"),
        Argument("differential", "float", op.differential, "lambda at the start"),
    ]
    if not grouped:
        del found[1]
    used = (argument for argument in found if argument.value)
    return (*used, *rotation_arguments(op.rope, op.head_dim))


def _summary(op: Attention, grouped: bool) -> str:
    scores = "scale q k" if op.scale else "q k / sqrt(K)"
    scores = f"cap({scores})" if op.softcap else scores
    norms = {
        "head": "RMSNorm on q and k",
        "full": "RMSNorm on all of q and of k",
        "layer": "LayerNorm on q and k",
        "l2": "q and k of length 1",
    }
    words = (
        "grouped heads" if grouped else "",
        f"a window of {op.window} tokens" if op.window else "",
        norms.get(op.qk_norm, ""),
        "RMSNorm on v" if op.v_norm else "",
        "k and v from one projection" if op.one_kv else "",
        "scores that fall with the distance (ALiBi)" if op.alibi else "",
        "" if op.alibi and op.rope is None else rotation_words(op.rope),
        "a sink for each head" if op.sinks else "",
        "minus lambda times those of another head" if op.differential else "",
        f"a gate for each {op.gate}" if op.gate else "",
        f"a convolution of {op.kernel} taps on q, k, v" if op.kernel else "",
    )
    return f"softmax({scores}) v: " + ", ".join(word for word in words if word)


def _functions(op: Attention) -> tuple[str, ...]:
    append = "append_window" if op.window else "append"
    if op.by_scores or op.alibi:
        window = ("visible_window",) if op.window else ()
        alibi = ("distances", "slopes") if op.alibi else ()
        return (append, "packed_attention", "visible_tokens", *window, *alibi)
    sliding = ("sliding_attention",) if op.window else ()
    packed = "packed_attention", "varlen_attention"
    return (append, *packed, "causal_attention", *sliding)
