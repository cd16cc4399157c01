"""Skeleton as the emitted file shows it."""

from starc.backend.emission import Emission, biases, inner_width
from starc.operators.skeleton.operator import Skeleton


def emission(op: Skeleton) -> Emission:
    aliases, argument = inner_width(op)
    return Emission(
        template="skeleton",
        class_name="Skeleton",
        summary="scale sigmoid(gate) x: no mixing of tokens",
        arguments=argument,
        aliases=aliases,
        options=biases(op),
    )
