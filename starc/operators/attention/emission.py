"""Softmax attention as the emitted file shows it."""

from starc.backend.emission import Argument, Emission, biases, convolution
from starc.operators.attention.operator import Attention


def emission(op: Attention) -> Emission:
    rope = op.rope
    partial = rope is not None and rope.dims != op.head_dim
    grouped = op.kv_heads != op.heads
    arguments = [
        Argument("heads", "int", op.heads),
        *([Argument("kv_heads", "int", op.kv_heads)] if grouped else []),
        Argument("head_dim", "int", op.head_dim, "channels of a head"),
    ]
    if op.window:
        arguments.append(
            Argument(
                "window", "int", op.window, "tokens that a token sees, itself included"
            )
        )
    if rope is not None:
        arguments.append(
            Argument("theta", "float", rope.theta, "base of the rotary frequencies")
        )
        if partial:
            arguments.append(
                Argument(
                    "rotary_dims", "int", rope.dims, "channels of a head that rotate"
                )
            )
    kept = "(B, G, length, K)" if grouped else "(B, H, length, K)"
    words = [
        "grouped heads" if grouped else "",
        f"a window of {op.window} tokens" if op.window else "",
        "RMSNorm on q and k" if op.qk_norm else "",
        "rotary positions" if rope is not None else "no positions",
        "a gate for each head" if op.gated else "",
        f"a convolution of {op.kernel} taps on q, k, v" if op.kernel else "",
    ]
    return Emission(
        template="attention",
        class_name=("Sliding" if op.window else "")
        + ("GroupedQueryAttention" if grouped else "Attention"),
        summary="softmax(q k / sqrt(K)) v: "
        + ", ".join(word for word in words if word),
        arguments=(*arguments, *convolution(op)),
        aliases={} if grouped else {"kv_heads": "heads"},
        options={
            "grouped": grouped,
            "rope": rope is not None,
            "partial": partial,
            "window": op.window > 0,
            "qk_norm": op.qk_norm,
            "gated": op.gated,
            **biases(op),
        },
        state_words={"k": kept, "v": kept},
        kernels=(
            *(("short_conv",) if op.kernel else ()),
            *(("rotary",) if rope is not None else ()),
        ),
        functions=(
            "append_window" if op.window else "append",
            "causal_attention",
            *(("sliding_attention",) if op.window else ()),
        ),
        letters={
            "H": "heads",
            **({"G": "key/value heads"} if grouped else {}),
            "K": "channels of a head",
            "S": "tokens of past and present",
        },
    )
