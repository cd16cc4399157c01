"""Gated linear attention as the emitted file shows it."""

from starc.backend.emission import Argument, Emission, biases, convolution
from starc.operators.gated_linear_attention.operator import GatedLinearAttention


def emission(op: GatedLinearAttention) -> Emission:
    return Emission(
        template="gated_linear_attention",
        class_name="GatedLinearAttention",
        summary="S = diag(a) S + k v', y = norm(q S) silu(gate): each key channel "
        "decays by its own a",
        arguments=(
            Argument("heads", "int", op.heads),
            Argument("key_dim", "int", op.key_dim, "channels of q and k in a head"),
            Argument("head_dim", "int", op.head_dim, "channels of a head"),
            Argument(
                "decay_rank", "int", op.decay_rank, "channels that decays are made of"
            ),
            *convolution(op),
        ),
        options=biases(op),
        state_words={"h": "(B, H, N, P)"},
        kernels=("gated_linear_attention", *(("short_conv",) if op.kernel else ())),
        letters={
            "H": "heads",
            "N": "channels of q and k in a head",
            "P": "channels of v in a head",
        },
    )
