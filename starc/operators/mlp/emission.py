"""A plain MLP as the emitted file shows it."""

from starc.backend.emission import Argument, Emission, biases
from starc.operators.mlp.operator import Mlp


def emission(op: Mlp) -> Emission:
    return Emission(
        template="mlp",
        class_name="MLP",
        summary=f"{op.activation}(up): no mixing of tokens",
        arguments=(
            Argument("hidden", "int", op.hidden, "channels between its projections"),
        ),
        options={"activation": op.activation, **biases(op)},
        out_name="down_proj",
    )
