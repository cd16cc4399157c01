"""The tensors of an operator besides its projections, in its emitted class.

They are declared and drawn as the operator says: shape and `Init.start` of each. A
template that shows them otherwise, as layers or with a variable for a size, has a block
`weights`.
"""

from collections.abc import Set
from typing import assert_never

from starc.backend.constructor import Body
from starc.backend.emission import Emission, number
from starc.backend.templates import block, has_block
from starc.ir.init import Decay, Even, InverseSoftplus, LogCount, LogUniform, Start
from starc.ir.operator import Operator, Parameter


def add_tensors(
    body: Body,
    operator: Operator,
    emission: Emission,
    groups: Set[str],
    mixing: bool,
    context: dict[str, object],
) -> None:
    """Adds constructor lines and reset lines for the tensors that the class holds.

    `groups`: the feature groups whose tensors it holds; `mixing`: whether those of the
    mixing too. The tensors that each LIV has of its own are always there.
    """
    every = (*operator.parameters, *operator.output)
    held = [p for p in every if p.featurizer and _holds(p, groups, mixing)]
    own = [p for p in every if not p.featurizer and not p.name.startswith("out.")]
    if has_block(emission.template, "weights"):
        body.init += block(emission.template, "weights", context) if held else []
    else:
        body.init += _declared(held, emission)
    body.reset += _drawn(held)
    body.init += _declared(own, emission)
    body.reset += _drawn(own)


def _holds(parameter: Parameter, groups: Set[str], mixing: bool) -> bool:
    return parameter.group in groups if parameter.group else mixing


def _declared(parameters: list[Parameter], emission: Emission) -> list[str]:
    biased = {p.name for p in parameters if p.name.endswith(".bias")}
    return [
        _declaration(p, emission.tensors[p.name], biased)
        for p in parameters
        if p.name not in biased
    ]


def _declaration(parameter: Parameter, shape: str, biased: Set[str]) -> str:
    name, _, layer = parameter.name.partition(".")
    if layer:  # the weight of a stack of projections, of which a token computes some
        count, out, inner = shape.split(", ")
        made = "BiasedExpertsBack" if f"{name}.bias" in biased else "ExpertsBack"
        return f"self.{name} = {made}({count}, {inner}, {out})"
    kind = "Parameter" if parameter.trained else "Buffer"
    return f"self.{name} = nn.{kind}(torch.empty({shape}))"


def _drawn(parameters: list[Parameter]) -> list[str]:
    """Lines of reset_parameters."""
    lines: list[str] = []
    for parameter in parameters:
        if "." in parameter.name:  # of a layer, which the model draws
            continue
        words = parameter.init.words
        lines += [f"# {words}"] if words else []
        last = len(parameter.shape) - 1
        lines += start_lines(f"self.{parameter.name}", parameter.init.start, last)
    return lines


def start_lines(name: str, start: Start, last: int) -> list[str]:
    """Lines that draw a tensor; last: the number of its last dimension."""
    match start:
        case "zeros" | "ones":
            return [f"nn.init.{start}_({name})"]
        case "uniform":
            return [
                f"bound = {name}.shape[{last}] ** -0.5",
                f"nn.init.uniform_({name}, -bound, bound)",
            ]
        case "normal":
            return [
                f"std = {name}.shape[{last}] ** -0.5",
                f"nn.init.normal_({name}, std=std)",
            ]
        case LogUniform(low, high):
            return [f"{name}.uniform_({number(low)}, {number(high)}).log_()"]
        case LogCount():
            return [
                f"ones = torch.ones_like({name}, dtype=torch.float32)",
                f"{name}.copy_(ones.cumsum({last}).log())",
            ]
        case Even(low, high) if low == high:
            return [f"nn.init.constant_({name}, {number(low)})"]
        case Even(low, high):
            ends = f"{number(low)}, {number(high)}, {name}.shape[{last}]"
            return [f"{name}.copy_(torch.linspace({ends}))"]
        case InverseSoftplus(low, high):
            return [
                f"u = torch.empty_like({name})",
                f"u.uniform_(math.log({number(low)}), math.log({number(high)})).exp_()",
                f"{name}.copy_(u + torch.log(-torch.expm1(-u)))",
            ]
        case Decay(low, high, power):
            a = f"torch.empty_like({name}).uniform_({number(low)}, {number(high)})"
            return [
                f"rate = -{a}.log() / {power}",
                f"{name}.copy_(torch.log(torch.expm1(rate)))",
            ]
        case "linear" | "embedding":
            raise AssertionError(f"{name} starts as a layer does, and is in none")
        case _:
            assert_never(start)
