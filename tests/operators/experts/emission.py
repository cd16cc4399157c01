"""Experts as the emitted file shows them."""

from starc.backend.emission import Argument, Emission
from tests.operators.experts.operator import Experts


def emission(op: Experts) -> Emission:
    return Emission(
        template="experts",
        class_name="Experts",
        summary="p_e W_e silu(up), e the likeliest expert",
        arguments=(
            Argument("hidden", "int", op.hidden),
            Argument("experts", "int", op.experts),
            Argument("balance", "float", op.balance),
        ),
        widths={"route": "experts", "up": "hidden"},
        inner="experts * hidden",
        out_name="",
    )
