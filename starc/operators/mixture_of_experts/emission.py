"""Mixtures of experts as the emitted file shows them."""

from starc.backend.emission import Argument, Emission, biases, limits, number
from starc.operators.mixture_of_experts.operator import MixtureOfExperts

_FUNCTIONS = (
    *("expert_biases", "ExpertWeights", "Experts", "BiasedExperts"),
    *("ExpertsBack", "BiasedExpertsBack"),
)


def emission(op: MixtureOfExperts) -> Emission:
    arguments = [
        Argument("experts", "int", op.experts),
        Argument("top", "int", op.top, "experts that a token takes"),
        Argument("hidden", "int", op.hidden, "channels of an expert"),
    ]
    if op.latent:
        meaning = "channels that experts read and write"
        arguments.append(Argument("latent", "int", op.latent, meaning))
    if op.zero:
        meaning = "experts more that give the token back"
        arguments.append(Argument("zero", "int", op.zero, meaning))
    arguments += limits(op.limit, op.alpha, op.up_offset)
    if op.near:
        meaning = "how far from the best of those left"
        arguments.append(Argument("near", "float", op.near, meaning))
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
    return Emission(
        template="mixture_of_experts",
        class_name="MixtureOfExperts",
        summary=f"{op.top} of {op.experts}{f' + {op.zero}' if op.zero else ''} "
        f"experts {_unit(op)}",
        arguments=tuple(arguments),
        graphs=False,  # which experts have rows is read on the host
        counters={"load": "experts + zero" if op.zero else "experts"},
        options={
            "activation": op.activation,
            "gated": op.gated,
            "scores": op.scores,
            "normalised": op.normalised,
            "balance": op.balance,
            "grouped": op.groups_of_experts > 1,
            "scaled": op.scale != 1,
            "limit": op.limit > 0,
            "alpha": op.alpha != 1,
            "up_offset": op.up_offset > 0,
            "latent": op.latent > 0,
            "zero": op.zero > 0,
            "near": op.near > 0,
            "sum_eps": number(op.sum_eps) if op.scores == "sigmoid" else "",
            **biases(op),
        },
        kernels=("grouped_linear",),
        functions=_FUNCTIONS,
        letters={"E": "experts"},
        out_name="out_proj" if op.latent else "down_proj",
    )


def _unit(op: MixtureOfExperts) -> str:
    """What an expert makes of gate and up, as a formula."""
    if not op.gated:
        return f"{op.activation}(up)"
    gate = "min(gate, limit)" if op.limit else "gate"
    gate = (
        f"{gate} sigmoid(alpha gate)" if op.alpha != 1 else f"{op.activation}({gate})"
    )
    up = "clip(up)" if op.limit else "up"
    return f"{gate} * " + (f"({up} + {op.up_offset:g})" if op.up_offset else up)
