"""The state-space duality of Mamba-2 as the emitted file shows it."""

from starc.backend.emission import Argument, Emission, biases, convolution
from starc.operators.ssd.operator import Ssd


def emission(op: Ssd) -> Emission:
    limits = [name for name in ("dt_min", "dt_max") if getattr(op, name)]
    stated = (*limits, *(("norm_eps",) if op.norm_eps else ()))
    numbers: dict[str, float] = {name: getattr(op, name) for name in stated}
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
            *(Argument(name, "float", value) for name, value in numbers.items()),
        ),
        options={
            "norm": op.norm,
            "gate": op.gate,
            "eps": "self.norm_eps" if op.norm_eps else "self.eps",
            "limits": ", ".join(f"{n[3:]}=self.{n}" for n in limits),
            **biases(op),
        },
        state_words={"h": "(B, H, P, N)"},
        kernels=("ssd", *(("short_conv",) if op.kernel else ())),
        letters={
            "H": "heads",
            "P": "channels of a head",
            "N": "states",
            "G": "state groups",
        },
    )
