"""Linear attention as the emitted file shows it."""

from starc.backend.emission import Argument, Emission, biases, convolution
from starc.operators.linear_attention.operator import LinearAttention


def emission(op: LinearAttention) -> Emission:
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
            *convolution(op),
        ),
        options={
            "feature_map": op.feature_map,
            "normalize": op.normalize,
            **biases(op),
        },
        state_words={"h": "(B, G, K, K + 1)"},
        kernels=("linear_attention", *(("short_conv",) if op.kernel else ())),
        letters={"H": "heads", "G": "key/value heads", "K": "channels of a head"},
    )
