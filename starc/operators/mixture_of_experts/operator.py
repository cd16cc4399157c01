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
    limit, alpha, up_offset: as of a gated linear unit, gate and up cut, the sigmoid of
        silu steeper, something added to up.
    latent: gate and up are of a projection to so many channels, and what the experts
        give together comes back from there by one more; 0: of the input.

    zero: experts more that give the token back as it is, and have no numbers
        (arXiv 2509.01322); the router's last numbers are theirs. What a token computes
        with is counted as if it took none of them.

    scores: s = softmax or sigmoid of the router's numbers, one for each expert.
    near: experts are chosen one after the other, and s is the softmax of those left
        whose number is no further below the best than this part of the larger of the
        two (arXiv 2409.12136 without its noise); 0: of all.
    normalised: p_e = s_e over the sum of the chosen, which `sum_eps` is added to with
        sigmoid; otherwise s_e. Times `scale`.
    balance: "bias", a number for each expert that is added to s where experts are
        chosen, and moved by training (arXiv 2408.15664); "loss", a term of the loss
        (arXiv 2101.03961) times `balance_weight`; or "none".
    groups, keep: of that many equal groups of experts, those with the largest scores
        are kept and chosen from: by their best expert with softmax (arXiv 2405.04434),
        by the sum of their two best with sigmoid (arXiv 2412.19437).
    bias: of the router, gate and up, or of the latent in their place; out_bias: of each
        expert's way back, or of that from the latent.
    """

    hidden: int
    experts: int
    top: int
    activation: str = "silu"
    gated: bool = True
    limit: float = 0.0
    alpha: float = 1.0
    up_offset: float = 0.0
    latent: int = 0
    zero: int = 0
    scores: str = "softmax"
    near: float = 0.0
    normalised: bool = True
    sum_eps: float = 1e-20
    balance: str = "bias"
    balance_weight: float = 0.01
    groups_of_experts: int = 1
    keep: int = 1
    scale: float = 1.0

    kind: ClassVar[str] = "mixture_of_experts"

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        inner, experts = self.experts * self.hidden, self.experts
        of = "latent" if self.latent else ""
        latent = (Group("latent", self.latent),) if self.latent else ()
        gate = (Group("gate", inner, stack=experts, source=of),) if self.gated else ()
        up = Group("up", inner, stack=experts, source=of)
        return (Group("router", self.choices), *latent, *gate, up)

    @property
    def choices(self) -> int:
        """Experts that a token chooses from, those that change nothing among them."""
        return self.experts + self.zero if self.zero else self.experts

    @property
    def inner(self) -> int:
        return self.experts * self.hidden

    @property
    def way_back(self) -> str:
        """The tensor that brings an expert's channels to the stream or the latent."""
        return "back_proj" if self.latent else "down_proj"

    def projection_parameters(self, group: Group) -> tuple[Parameter, ...]:
        if not group.stack:
            return super().projection_parameters(group)
        name = group.name
        shape = (self.experts, self.hidden, self.latent or self.input)
        found = [Parameter(f"{name}.weight", shape, LINEAR, name)]
        if self.biased(name) and not group.source:
            found.append(Parameter(f"{name}.bias", shape[:2], ZEROS, name))
        return tuple(found)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        if self.balance != "bias":
            return ()
        bias = Parameter("balance", (self.choices,), ZEROS, trained=False)
        return (bias,)

    @property
    def output(self) -> tuple[Parameter, ...]:
        shape = (self.experts, self.latent or self.width, self.hidden)
        back = Parameter(f"{self.way_back}.weight", shape, LINEAR, "", False)
        if self.latent:
            out = (self.width, self.latent)
            found = [back, Parameter("out.weight", out, LINEAR, "", False)]
            bias = Parameter("out.bias", (self.width,), ZEROS, "", False)
        else:
            found = [back]
            bias = Parameter("down_proj.bias", shape[:2], ZEROS, "", False)
        return (*found, bias) if self.out_bias else tuple(found)

    @property
    def auxiliary(self) -> bool:
        return self.balance == "loss"

    def mixing_flops(self, context: int, tokens: int) -> float:
        """The sum of the chosen experts' biases."""
        biased = self.out_bias and not self.latent
        return 2.0 * self.top * self.width if biased else 0.0

    def active(self, parameter: Parameter) -> int:
        size = prod(parameter.shape)
        one_each = ("gate.", "up.", "back_proj.", "down_proj.")  # an expert
        if parameter.name.startswith(one_each):
            return size // self.experts * self.top
        return size
