"""LAuReL as the emitted file shows it."""

from starc.backend.emission import Argument, Emission, biases
from starc.operators.laurel.operator import Laurel


def emission(op: Laurel) -> Emission:
    return Emission(
        template="laurel",
        class_name="LAuReL",
        summary=f"u + {'norm(up)' if op.normed else 'up'}, up of low rank: no mixing "
        "of tokens",
        arguments=(
            Argument("rank", "int", op.rank, "channels of the augmented residual"),
        ),
        options={"normed": op.normed, **biases(op)},
        out_name="",
    )
