"""LAuReL: the input as it is, plus a projection of it by way of a few channels."""

from functools import cached_property
from typing import ClassVar

from starc.ir.init import ONES
from starc.ir.operator import Group, Operator, Parameter
from starc.values import dataclass


@dataclass(frozen=True, kw_only=True)
class Laurel(Operator):
    """y = u + norm(up(latent)): what a residual may add beside f(u).

    The learned augmented residual of low rank (arXiv 2411.07501), which Gemma 3n has
    beside its attention. Groups latent (rank) and up (width), which is made of it; the
    norm is an RMSNorm, and not there unless `normed`. No state, no mixing of tokens.
    """

    rank: int
    normed: bool = True

    kind: ClassVar[str] = "laurel"

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        return Group("latent", self.rank), Group("up", self.width, source="latent")

    @property
    def inner(self) -> int:
        return self.width

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        norm = Parameter("norm_weight", (self.width,), ONES, "", False)
        return (norm,) if self.normed else ()

    @property
    def output(self) -> tuple[Parameter, ...]:
        return ()
