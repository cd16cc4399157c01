"""Softmax attention as the emitted file shows it."""

from starc.backend.emission import Argument, Emission, StateField, biases, convolution
from starc.operators.attention.operator import Attention


def emission(op: Attention) -> Emission:
    rope = op.rope
    partial = rope is not None and rope.dims != op.head_dim
    grouped = op.kv_heads != op.heads
    kv_heads = "kv_heads" if grouped else "heads"
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
    length = "min(max_length, self.window)" if op.window else "max_length"
    shape = f"self.{kv_heads}, {length}, self.head_dim"
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
        widths={
            "q": "heads * head_dim",
            "k": f"{kv_heads} * head_dim",
            "v": f"{kv_heads} * head_dim",
            "gate": "heads",
        },
        inner="heads * head_dim",
        options={
            "grouped": grouped,
            "rope": rope is not None,
            "partial": partial,
            "window": op.window > 0,
            "qk_norm": op.qk_norm,
            "gated": op.gated,
            **biases(op),
        },
        states=(
            StateField("k", shape, kept, "k"),
            StateField("v", shape, kept, "v"),
        ),
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
