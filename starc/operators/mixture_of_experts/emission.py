"""Mixtures of experts as the emitted file shows them."""

from starc.backend.emission import Argument, Emission
from starc.operators.mixture_of_experts.operator import MixtureOfExperts


def emission(op: MixtureOfExperts) -> Emission:
    arguments = [
        Argument("experts", "int", op.experts),
        Argument("top", "int", op.top, "experts that a token takes"),
        Argument("hidden", "int", op.hidden, "channels of an expert"),
    ]
    if op.groups_of_experts > 1:
        arguments += [
            Argument("groups", "int", op.groups_of_experts, "groups of experts"),
            Argument("keep", "int", op.keep, "groups that a token chooses from"),
        ]
    if op.scale != 1:
        arguments.append(Argument("scale", "float", op.scale, "of the experts' sum"))
    if op.balance == "loss":
        arguments.append(
            Argument(
                "balance_weight", "float", op.balance_weight, "of the term of the loss"
            )
        )
    gate = "gate" if op.gated else "up"
    return Emission(
        template="mixture_of_experts",
        class_name="MixtureOfExperts",
        summary=f"{op.top} of {op.experts} experts {op.activation}({gate})"
        + (" * up" if op.gated else ""),
        arguments=tuple(arguments),
        graphs=False,  # which experts have rows is read on the host
        counters={"load": "experts"},
        options={
            "activation": op.activation,
            "gated": op.gated,
            "scores": op.scores,
            "normalised": op.normalised,
            "balance": op.balance,
            "grouped": op.groups_of_experts > 1,
            "scaled": op.scale != 1,
        },
        kernels=("grouped_linear",),
        functions=("Experts",),
        letters={"E": "experts"},
        out_name="down_proj",
    )
