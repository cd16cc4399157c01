"""The selective scan of Mamba as the emitted file shows it."""

from starc.backend.emission import (
    Argument,
    Emission,
    biases,
    convolution,
    inner_width,
)
from starc.operators.selective_scan.operator import SelectiveScan


def emission(op: SelectiveScan) -> Emission:
    aliases, argument = inner_width(op)
    return Emission(
        template="selective_scan",
        class_name="SelectiveScan",
        summary="h = exp(dt A) h + dt b x, y = c h: a selective recurrence a channel",
        arguments=(
            *argument,
            Argument("states", "int", op.states),
            Argument(
                "dt_rank", "int", op.dt_rank, "channels that the step size is made of"
            ),
            *convolution(op),
            *([Argument("norm_eps", "float", op.norm_eps)] if op.norm_eps else []),
        ),
        aliases=aliases,
        options={
            "gated": op.gated,
            "source": op.source,
            "norms": op.norms,
            "eps": "self.norm_eps" if op.norm_eps else "self.eps",
            **biases(op),
        },
        state_words={"h": "(B, D, N)"},
        kernels=("selective_scan", *(("short_conv",) if op.kernel else ())),
        letters={"N": "states of a channel"},
    )
