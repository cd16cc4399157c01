"""Gated linear units as the emitted file shows them."""

from starc.backend.emission import Argument, Emission, biases
from starc.operators.glu.operator import Glu


def emission(op: Glu) -> Emission:
    names = {"silu": "SwiGLU", "gelu": "GeGLU", "relu": "ReGLU", "sigmoid": "GLU"}
    return Emission(
        template="glu",
        class_name=names[op.activation],
        summary=f"{op.activation}(gate) * up: no mixing of tokens",
        arguments=(
            Argument("hidden", "int", op.hidden, "channels of the gated linear unit"),
        ),
        options={"activation": op.activation, **biases(op)},
        kernels=("swiglu",),
        out_name="down_proj",
        takes_product=True,
    )
