"""Retention as the emitted file shows it."""

from starc.backend.emission import Argument, Emission, biases
from starc.backend.rotation import (
    rotation_arguments,
    rotation_functions,
    rotation_options,
    rotation_words,
)
from starc.operators.retention.operator import Retention


def emission(op: Retention) -> Emission:
    arguments = [
        Argument("heads", "int", op.heads),
        Argument("key_dim", "int", op.key_dim, "channels of q and k in a head"),
        Argument("head_dim", "int", op.head_dim, "channels of a head"),
    ]
    if op.decay_scale != 1:
        text = "factor of the log of the decays"
        arguments.append(Argument("decay_scale", "float", op.decay_scale, text))
    if op.scale and op.scale != 1:
        arguments.append(Argument("scale", "float", op.scale, "of q"))
    if op.norm_eps:
        text = "of the norm of the output"
        arguments.append(Argument("norm_eps", "float", op.norm_eps, text))
    scales: dict[float, str] = {0: "self.key_dim**-0.5", 1: ""}
    return Emission(
        template="retention",
        class_name="Retention",
        summary=f"S = a S + k v', y = norm(q S) {op.gate_activation}(gate), a the "
        f"head's constant, {rotation_words(op.rope)}",
        arguments=(*arguments, *rotation_arguments(op.rope, op.key_dim)),
        options={
            "decay": op.decay,
            "scaled_decay": op.decay_scale != 1,
            "activation": op.activation,
            "scale": scales.get(op.scale, "self.scale"),
            "norm": op.norm,
            "weightless": op.weightless,
            "eps": "self.norm_eps" if op.norm_eps else "self.eps",
            "gate_activation": op.gate_activation,
            "rope": op.rope is not None,
            **rotation_options(op.rope, op.key_dim),
            **biases(op),
        },
        state_words={"h": "(B, H, P, N)"},
        kernels=(
            "ssd",
            *(("rotary",) if op.rope is not None and op.rope.plain else ()),
        ),
        functions=rotation_functions(op.rope),
        letters={
            "H": "heads",
            "N": "channels of q and k in a head",
            "P": "channels of v in a head",
        },
    )
