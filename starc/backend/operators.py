"""IR operator -> Emission. One function a kind; the templates hold the code itself."""

from collections.abc import Callable

from starc.backend.emission import Argument, Emission, StateField
from starc.ir.operator import Operator
from starc.ir.operators import (
    Attention,
    GatedConv,
    Glu,
    LinearAttention,
    LongConv,
    RgLru,
    SelectiveScan,
    Ssd,
)


def emission(operator: Operator) -> Emission:
    """How the emitted file shows this operator."""
    return _EMISSIONS[type(operator)](operator)


def _biases(operator: Operator) -> dict[str, bool | str]:
    return {"bias": operator.bias, "out_bias": operator.out_bias}


def _convolution(operator: Operator) -> tuple[Argument, ...]:
    return (
        (Argument("kernel", "int", operator.kernel, "taps of the short convolution"),)
        if operator.kernel
        else ()
    )


def _inner(operator: Operator, inner: int) -> tuple[str, tuple[Argument, ...]]:
    """The expression for the inner width: the residual's where it is as wide."""
    if inner == operator.width:
        return "config.width", ()
    return "inner", (Argument("inner", "int", inner),)


def _attention(op: Attention) -> Emission:
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
    attend = "sliding_attention" if op.window else "causal_attention"
    return Emission(
        template="attention",
        class_name=("Sliding" if op.window else "")
        + ("GroupedQueryAttention" if grouped else "Attention"),
        summary="softmax(q k / sqrt(K)) v: "
        + ", ".join(word for word in words if word),
        arguments=(*arguments, *_convolution(op)),
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
            **_biases(op),
        },
        states=(
            StateField("k", shape, kept, "k"),
            StateField("v", shape, kept, "v"),
        ),
        kernels=("short_conv",) if op.kernel else (),
        functions=(
            *(("rotary",) if rope is not None else ()),
            "append_window" if op.window else "append",
            attend,
        ),
        letters={
            "H": "heads",
            **({"G": "key/value heads"} if grouped else {}),
            "K": "channels of a head",
            "S": "tokens of past and present",
        },
    )


def _linear_attention(op: LinearAttention) -> Emission:
    phi = {"elu": "elu + 1", "none": "identity"}.get(op.feature_map, op.feature_map)
    return Emission(
        template="linear_attention",
        class_name="LinearAttention",
        summary=f"phi(q) sum_j phi(k_j) v_j, phi = {phi}"
        + (", divided by phi(q) sum_j phi(k_j)" if op.normalize else ""),
        arguments=(
            Argument("heads", "int", op.heads),
            Argument("kv_heads", "int", op.kv_heads),
            Argument("head_dim", "int", op.head_dim, "channels of a head"),
            *_convolution(op),
        ),
        widths={
            "q": "heads * head_dim",
            "k": "kv_heads * head_dim",
            "v": "kv_heads * head_dim",
        },
        inner="heads * head_dim",
        options={
            "feature_map": op.feature_map,
            "normalize": op.normalize,
            **_biases(op),
        },
        states=(
            StateField(
                "h",
                "self.kv_heads, self.head_dim, self.head_dim + 1",
                "(B, G, K, K + 1)",
                float32=True,
            ),
        ),
        kernels=("linear_attention", *(("short_conv",) if op.kernel else ())),
        letters={"H": "heads", "G": "key/value heads", "K": "channels of a head"},
    )


def _selective_scan(op: SelectiveScan) -> Emission:
    inner, argument = _inner(op, op.inner)
    return Emission(
        template="selective_scan",
        class_name="SelectiveScan",
        summary="h = exp(dt A) h + dt b x, y = c h: a selective recurrence a channel",
        arguments=(
            *argument,
            Argument("states", "int", op.states),
            Argument(
                "dt_rank", "int", op.dt_rank, "channels that the step size is made of"
            ),
            *_convolution(op),
        ),
        widths={"z": inner, "x": inner, "b": "states", "c": "states", "dt": "dt_rank"},
        inner=inner,
        options={"gated": op.gated, **_biases(op)},
        states=(StateField("h", f"{inner}, states", "(B, D, N)", float32=True),),
        kernels=("selective_scan", *(("short_conv",) if op.kernel else ())),
        letters={"N": "states of a channel"},
    )


def _ssd(op: Ssd) -> Emission:
    return Emission(
        template="ssd",
        class_name="Mamba2",
        summary="h = exp(dt A) h + dt x b', y = h c: one decay for each head",
        arguments=(
            Argument("heads", "int", op.heads),
            Argument("head_dim", "int", op.head_dim, "channels of a head"),
            Argument("states", "int", op.states),
            Argument(
                "state_groups", "int", op.state_groups, "heads of a group share b and c"
            ),
            *_convolution(op),
        ),
        widths={
            "z": "heads * head_dim",
            "x": "heads * head_dim",
            "b": "state_groups * states",
            "c": "state_groups * states",
            "dt": "heads",
        },
        inner="heads * head_dim",
        options=_biases(op),
        states=(
            StateField(
                "h",
                "self.heads, self.head_dim, self.states",
                "(B, H, P, N)",
                float32=True,
            ),
        ),
        kernels=("ssd", *(("short_conv",) if op.kernel else ())),
        letters={
            "H": "heads",
            "P": "channels of a head",
            "N": "states",
            "G": "state groups",
        },
    )


def _rg_lru(op: RgLru) -> Emission:
    inner, argument = _inner(op, op.inner)
    return Emission(
        template="rg_lru",
        class_name="GatedRecurrence",
        summary="h = a h + sqrt(1 - a^2) i x, y = h gelu(gate): the RG-LRU",
        arguments=(
            *argument,
            Argument("blocks", "int", op.blocks, "of the block-diagonal gates"),
            *_convolution(op),
        ),
        widths={"gate": inner, "x": inner},
        inner=inner,
        options=_biases(op),
        states=(StateField("h", inner, "(B, D)", float32=True),),
        kernels=("rg_lru", *(("short_conv",) if op.kernel else ())),
        functions=("block_diagonal",),
        letters={},
    )


def _gated_conv(op: GatedConv) -> Emission:
    inner, argument = _inner(op, op.inner)
    gates = ", sigmoid gates" if op.sigmoid_gates else ""
    return Emission(
        template="gated_conv",
        class_name="GatedConv",
        summary=f"c * conv(b * x): causal, depthwise, {op.taps} taps{gates}",
        arguments=(
            *argument,
            Argument("taps", "int", op.taps, "of the gated convolution"),
        ),
        widths={"b": inner, "c": inner, "x": inner},
        inner=inner,
        options={
            "sigmoid_gates": op.sigmoid_gates,
            "filter_bias": op.filter_bias,
            **_biases(op),
        },
        states=(StateField("conv", f"taps - 1, {inner}", "(B, taps - 1, D)"),),
        kernels=("gated_conv",),
        takes_product=True,
    )


def _long_conv(op: LongConv) -> Emission:
    inner, argument = _inner(op, op.inner)
    return Emission(
        template="long_conv",
        class_name="LongConv",
        summary="c * conv(b * x): as long as the sequence, the filter a network",
        arguments=(
            *argument,
            Argument(
                "order", "int", op.order, "width of the network that makes the filter"
            ),
            Argument(
                "frequencies", "int", op.frequencies, "of the positions that it reads"
            ),
        ),
        widths={"b": inner, "c": inner, "x": inner},
        inner=inner,
        options=_biases(op),
        states=(
            StateField(
                "u",
                f"max_length, {inner}",
                "(B, length, D), what past inputs add behind them",
                float32=True,
            ),
            StateField("added", "", "length up to which that is done"),
            StateField(
                "filter",
                f"max_length, {inner}",
                "(length, D)",
                float32=True,
                per_sequence=False,
            ),
        ),
        kernels=("long_conv",),
    )


def _glu(op: Glu) -> Emission:
    names = {"silu": "SwiGLU", "gelu": "GeGLU", "relu": "ReGLU", "sigmoid": "GLU"}
    return Emission(
        template="glu",
        class_name=names[op.activation],
        summary=f"{op.activation}(gate) * up: no mixing of tokens",
        arguments=(
            Argument("hidden", "int", op.hidden, "channels of the gated linear unit"),
        ),
        widths={"gate": "hidden", "up": "hidden"},
        inner="hidden",
        options={"activation": op.activation, **_biases(op)},
        out_name="down_proj",
    )


_EMISSIONS: dict[type[Operator], Callable[..., Emission]] = {
    Attention: _attention,
    GatedConv: _gated_conv,
    Glu: _glu,
    LinearAttention: _linear_attention,
    LongConv: _long_conv,
    RgLru: _rg_lru,
    SelectiveScan: _selective_scan,
    Ssd: _ssd,
}
