"""MoE: T_ii = p_e activation(gate_i) for the channels of chosen experts e, else 0."""

from functools import cached_property
from math import prod
from typing import ClassVar

from starc.ir.init import LINEAR, ZEROS
from starc.ir.operator import Group, Operator, Parameter
from starc.values import dataclass


@dataclass(frozen=True, kw_only=True)
class MixtureOfExperts(Operator):
    """A gated linear unit of experts x hidden channels, of which a token takes some.

    y = sum over the `top` chosen experts e of p_e down_e (activation(gate_e) * up_e)
    (arXiv 1701.06538). Not `gated`: activation(up_e). No mixing of tokens, no state.

    scores: s = softmax or sigmoid of the router's numbers, one for each expert.
    normalised: p_e = s_e over the sum of the chosen, otherwise s_e; times `scale`.
    balance: "bias", a number for each expert that is added to s where experts are
        chosen, and moved by training (arXiv 2408.15664); "loss", a term of the loss
        (arXiv 2101.03961) times `balance_weight`; or "none".
    groups, keep: of that many equal groups of experts, those with the largest scores
        are kept and chosen from: by their best expert with softmax (arXiv 2405.04434),
        by the sum of their two best with sigmoid (arXiv 2412.19437).
    """

    hidden: int
    experts: int
    top: int
    activation: str = "silu"
    gated: bool = True
    scores: str = "softmax"
    normalised: bool = True
    balance: str = "bias"
    balance_weight: float = 0.01
    groups_of_experts: int = 1
    keep: int = 1
    scale: float = 1.0

    kind: ClassVar[str] = "mixture_of_experts"

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        inner, experts = self.experts * self.hidden, self.experts
        gate = (Group("gate", inner, stack=experts),) if self.gated else ()
        return (Group("router", experts), *gate, Group("up", inner, stack=experts))

    @property
    def inner(self) -> int:
        return self.experts * self.hidden

    def projection_parameters(self, group: Group) -> tuple[Parameter, ...]:
        if not group.stack:
            return super().projection_parameters(group)
        shape = (self.experts, self.hidden, self.input)
        return (Parameter(f"{group.name}.weight", shape, LINEAR, group.name),)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        if self.balance != "bias":
            return ()
        bias = Parameter("balance", (self.experts,), ZEROS, trained=False)
        return (bias,)

    @property
    def output(self) -> tuple[Parameter, ...]:
        shape = (self.experts, self.width, self.hidden)
        return (Parameter("down_proj.weight", shape, LINEAR, "", False),)

    @property
    def auxiliary(self) -> bool:
        return self.balance == "loss"

    def mixing_flops(self, context: int, tokens: int) -> float:
        """What the chosen experts give, weighted and added."""
        return 2.0 * self.top * self.width

    def active(self, parameter: Parameter) -> int:
        size = prod(parameter.shape)
        return size // self.experts * self.top if len(parameter.shape) == 3 else size
