"""The state-space duality of Mamba-2 as the emitted file shows it."""

from starc.backend.emission import Argument, Emission, biases, convolution
from starc.operators.ssd.operator import Ssd


def emission(op: Ssd) -> Emission:
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
            *convolution(op),
        ),
        options=biases(op),
        state_words={"h": "(B, H, P, N)"},
        kernels=("ssd", *(("short_conv",) if op.kernel else ())),
        letters={
            "H": "heads",
            "P": "channels of a head",
            "N": "states",
            "G": "state groups",
        },
    )
