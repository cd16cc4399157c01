"""GConv-2: a gated long convolution, T_ij = c_i K_{i-j} b_j with an implicit filter."""

from functools import cached_property
from typing import ClassVar

from starc.ir.init import LINEAR, SKIP, ZEROS
from starc.ir.operator import Group, Operator, Parameter, StateTensor
from starc.values import dataclass


@dataclass(frozen=True, kw_only=True)
class LongConv(Operator):
    """y = c * (K conv (b * x) + skip * b * x), the filter K given by a small network.

    Hyena (arXiv 2302.10866): K_t = exp(-rate t / context) * network(position(t)), with
    position(t) = [t / context, cos(2 pi f t / context) for f = 0 .. frequencies - 1,
    sin(the same)] and network(p) = filter_out sin(filter_mid sin(filter_in p)), its
    layers `order` wide, with biases in the first two. It depends on the position only,
    never on later tokens. The rate is fixed (not learned): spread evenly over channels
    from 4.6 (1 % left at the end of the context) to 4.6 / 0.3 (1 % left after 30 % of
    it).
    """

    inner: int
    context: int
    order: int = 64
    frequencies: int = 16

    kind: ClassVar[str] = "long_conv"

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        return Group("b", self.inner), Group("c", self.inner), Group("x", self.inner)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        position = 1 + 2 * self.frequencies
        return (
            Parameter("filter_in.weight", (self.order, position), LINEAR),
            Parameter("filter_in.bias", (self.order,), ZEROS),
            Parameter("filter_mid.weight", (self.order, self.order), LINEAR),
            Parameter("filter_mid.bias", (self.order,), ZEROS),
            Parameter("filter_out.weight", (self.inner, self.order), LINEAR),
            Parameter("skip", (self.inner,), SKIP),
        )

    def state(self, max_length: int) -> tuple[StateTensor, ...]:
        """The inputs, behind them what they add to later outputs; and the filter."""
        shape = (max_length, self.inner)
        return (
            StateTensor("u", shape, float32=True),
            StateTensor("filter", shape, per_sequence=False, float32=True),
        )

    def mixing_flops(self, context: int, tokens: int) -> float:
        """The filter network, once for all sequences (here: one); no FFT is counted.

        It makes the filter with the first tokens; later ones find it in the cache.
        """
        if tokens < context:
            return 0.0
        position = 1 + 2 * self.frequencies
        return 2.0 * self.order * (position + self.order + self.inner)

    def fft_flops(self, context: int, tokens: int) -> float:
        """A prompt: three FFTs of twice its length, rounded up to a power of two.

        Token by token, three FFTs of 2^k numbers at every 2^k-th token, for each k up
        to that of the context: 3 * 2.5 * k FLOPs a token and k.
        """
        if tokens == 1:
            levels = max(context - 1, 0).bit_length()
            return self.inner * 7.5 * levels * (levels + 1) / 2
        size = (context + tokens - 1).bit_length()
        return self.inner * 7.5 * size * float(1 << size) / tokens
