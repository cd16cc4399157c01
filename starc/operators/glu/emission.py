"""Gated linear units as the emitted file shows them."""

from starc.backend.emission import Argument, Emission, biases, limits
from starc.operators.glu.operator import Glu

NAMES = {"silu": "SwiGLU", "gelu": "GeGLU", "gelu_erf": "GeGLU", "relu": "ReGLU"}
IN_KERNEL = ("silu", "gelu", "relu", "sigmoid")


def emission(op: Glu) -> Emission:
    unbounded = not (op.limit or op.up_offset) and op.alpha == 1
    plain = unbounded and not op.activation_sparsity
    behind = op.share and not op.out_bias  # the projection: hardly anything is there
    arguments = [
        Argument("hidden", "int", op.hidden, "channels of the gated linear unit")
    ]
    if op.activation_sparsity:
        arguments.append(
            Argument("cutoff", "float", op.cutoff, "deviations that a gate loses")
        )
    arguments += limits(op.limit, op.alpha, op.up_offset)
    gate = "cut(gate)" if op.activation_sparsity else "gate"
    gate = f"min({gate}, limit)" if op.limit else gate
    gate = (
        f"{gate} sigmoid(alpha gate)" if op.alpha != 1 else f"{op.activation}({gate})"
    )
    up = "clip(up)" if op.limit else "up"
    up = f"({up} + {op.up_offset:g})" if op.up_offset else up
    return Emission(
        template="glu",
        class_name=NAMES.get(op.activation, "GLU"),
        summary=f"{'sigmoid(share) ' if op.share else ''}{gate} * {up}: no mixing of "
        "tokens",
        arguments=tuple(arguments),
        options={
            "activation": op.activation,
            "limit": op.limit > 0,
            "alpha": op.alpha != 1,
            "up_offset": op.up_offset > 0,
            "share": op.share,
            "sparse": op.activation_sparsity > 0,
            "behind": behind,
            **biases(op),
        },
        kernels=("swiglu",) if plain and op.activation in IN_KERNEL else (),
        out_name="down_proj",
        factor="share.sigmoid()" if behind else "",
        takes_product=plain and op.activation in IN_KERNEL,
    )
