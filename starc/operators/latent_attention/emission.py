"""Latent attention as the emitted file shows it."""

from starc.backend.emission import Argument, Emission, biases
from starc.backend.rotation import (
    rotation_arguments,
    rotation_functions,
    rotation_options,
    rotation_words,
)
from starc.operators.latent_attention.operator import LatentAttention


def emission(op: LatentAttention) -> Emission:
    arguments = [
        Argument("heads", "int", op.heads),
        Argument("head_dim", "int", op.head_dim, "channels of a head of q and k"),
        Argument("value_dim", "int", op.value_dim, "channels of a head of v"),
        Argument(
            "rope_dims", "int", op.rope_dims, "of them, what all heads have alike"
        ),
        Argument("rank", "int", op.rank, "channels of the latent of k and v"),
    ]
    arguments += [
        Argument(name, kind, value, meaning)
        for name, kind, value, meaning in (
            ("q_rank", "int", op.q_rank, "channels of the latent of q"),
            ("scale", "float", op.scale, "factor of the scores"),
            ("norm_eps", "float", op.norm_eps, "of the norms of the latents"),
        )
        if value
    ]
    return Emission(
        template="latent_attention",
        class_name="LatentAttention",
        summary=f"softmax({'scale q k' if op.scale else 'q k / sqrt(K)'}) v, k and v "
        f"of a latent of {op.rank} channels, {rotation_words(op.rope)}",
        arguments=(*arguments, *rotation_arguments(op.rope, op.rope_dims)),
        options={
            "low_q": op.q_rank > 0,
            "rope": op.rope is not None,
            **rotation_options(op.rope, op.rope_dims),
            "scale": op.scale > 0,
            "eps": "self.norm_eps" if op.norm_eps else "self.eps",
            **biases(op),
        },
        state_words={"k": "(B, length, P)", "v": "(B, length, R)"},
        kernels=("rotary",) if op.rope is not None and op.rope.plain else (),
        functions=(
            "append",
            "packed_attention",
            "varlen_attention",
            "causal_attention",
            "absorbed_attention",
            *rotation_functions(op.rope),
        ),
        letters={
            "H": "heads",
            "K": "channels of a head of q and k",
            "N": "of them, those of each head alone",
            "P": "those that all keys have in common",
            "V": "channels of a head of v",
            "R": "channels of the latent",
            "S": "tokens of past and present",
        },
    )
