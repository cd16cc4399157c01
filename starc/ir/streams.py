"""Several residual streams: what stands around layers that read and write them all.

    X = opened(x)                       N streams, (N, B, T, D), behind the embedding
    u, rest = read(X);  X = written(rest, u, z)     z: u after the layers of a part
    x = closed(X)                       before the last norm

A part is a section, or where layers stand `apart` each of its layers. Each kind is a
class here; `reference/streams.py` says what it computes, and
`backend/streams.py` how a file shows it.
"""

from dataclasses import replace
from typing import ClassVar

from starc.ir.init import LINEAR, NORMAL, ONES, ZEROS
from starc.ir.operator import Parameter
from starc.values import dataclass


@dataclass(frozen=True)
class Streams:
    """count: how many there are, N, where they are read; of a model, where they open.
    eps: of the norm of what weights are made of.

    apart: whether each layer of a section reads the streams, and writes to them.
    """

    count: int
    eps: float

    kind: ClassVar[str]
    apart: ClassVar[bool] = False

    def at(self, place: int) -> "Streams":
        """Those of the layer at this place of a section, where layers stand apart."""
        return self

    @property
    def behind(self) -> int:
        """How many there are behind a part that reads these."""
        return self.count

    def parameters(self, width: int) -> tuple[Parameter, ...]:
        """The tensors of one part."""
        raise NotImplementedError

    def flops(self, width: int) -> float:
        """Of one part for each token, of matrix products only."""
        raise NotImplementedError

    def kept(self, width: int) -> int:
        """Values of a token that the backward pass of one part needs."""
        raise NotImplementedError

    def ends(self, width: int) -> tuple[Parameter, ...]:
        """The tensors that open the streams and close them."""
        return ()

    def closing_flops(self, width: int) -> float:
        """Where these are closed, beside those of matrices, which are LINEAR."""
        return 0.0


@dataclass(frozen=True)
class AltUp(Streams):
    """The first stream is computed, all are predicted before and corrected behind
    (alternating updates, arXiv 2301.13310, as Gemma 3n has them).

    r(x) = tanh(R norm(x) / D), N numbers of a token, and P_i = X_i + sum_j p_ij X_j
    with p = M r(X_0), N x N. u = P_0; X_i = P_i + (1 + c_i)(z - P_0) with c = C r(z).

    X_0 = x and X_i = A_i x opens, the mean of X_0 and B_i X_i closes, where what a
    matrix gives is brought to the root mean square of x, or of X_0.
    """

    kind: ClassVar[str] = "altup"

    def parameters(self, width: int) -> tuple[Parameter, ...]:
        n = self.count
        return (
            _own("norm.weight", (width,), ones=True),
            _own("router.weight", (n, width)),
            _own("prediction.weight", (n * n, n)),
            _own("correction.weight", (n, n)),
        )

    def flops(self, width: int) -> float:
        n = self.count
        routers = 2 * (2.0 * n * width)
        return routers + 2.0 * n * n * (n + 1) + 2.0 * n * n * width

    def kept(self, width: int) -> int:
        """All streams, what both routers read, and what became of the first."""
        return (self.count + 3) * width

    def ends(self, width: int) -> tuple[Parameter, ...]:
        return tuple(
            Parameter(f"streams.{end}.{i}.weight", (width, width), LINEAR)
            for end in ("opening", "closing")
            for i in range(self.count - 1)
        )


@dataclass(frozen=True)
class Hyper(Streams):
    """Hyper-connections (arXiv 2409.19606): learned weights of all streams.

    u = sum_n a_n0 X_n and X_m = X_m + sum_n a_nm X_n + b_m (z - u), m = 1 to N. Static,
    a and b are learned (theirs are a with 1 for n = m); dynamic, s tanh(W norm(X_n)) of
    each stream is added to its a and b, with one s for a and one for b. X_n = x opens;
    the sum closes.

    A new model reads one stream, with b = 1 and all other a = 0: with streams that are
    equal at first, X = X + (z - u), the plain residual in each of them.
    """

    dynamic: bool = True

    kind: ClassVar[str] = "hyper"

    def parameters(self, width: int) -> tuple[Parameter, ...]:
        n = self.count
        found = [_own("alpha", (n, n + 1)), _own("beta", (n,))]
        if self.dynamic:
            found.append(_own("norm.weight", (width,), ones=True))
            found.append(_own("dynamic", (n + 2, width)))
            found.append(_own("scale", (2,)))
        return tuple(found)

    def flops(self, width: int) -> float:
        n = self.count
        made = 2.0 * n * width * (n + 2) if self.dynamic else 0.0
        return made + 2.0 * n * (n + 1) * width

    def kept(self, width: int) -> int:
        """All streams, once more normed where numbers are made of them; the answer."""
        return ((2 if self.dynamic else 1) * self.count + 1) * width


@dataclass(frozen=True)
class AttentionResidual(Streams):
    """Attention over what earlier blocks have given (arXiv 2603.15031).

    u = sum_n p_n X_n with p = softmax over n of q norm(X_n), q learned, the norm
    without weights. Each section is a block: the answer z - u of its first layer is one
    more stream, that of another (`follows`) is added to the last. The embedding alone
    opens; u of a query of its own closes. normed: norm(X_n) is what is summed too.

    A new model has q = 0, the mean of all streams.
    """

    normed: bool = False
    follows: bool = False

    kind: ClassVar[str] = "attention"
    apart: ClassVar[bool] = True

    def at(self, place: int) -> Streams:
        return replace(self, follows=place > 0)

    @property
    def behind(self) -> int:
        return self.count if self.follows else self.count + 1

    def parameters(self, width: int) -> tuple[Parameter, ...]:
        query = (1, width)
        return (Parameter("streams.query", query, ZEROS, featurizer=False),)

    def flops(self, width: int) -> float:
        return 2.0 * self.count * width

    def kept(self, width: int) -> int:
        """All streams, and once more normed."""
        return 2 * self.count * width

    def ends(self, width: int) -> tuple[Parameter, ...]:
        return self.parameters(width)

    def closing_flops(self, width: int) -> float:
        return self.flops(width)


def _own(name: str, shape: tuple[int, ...], ones: bool = False) -> Parameter:
    init = ONES if ones else LINEAR if name.endswith("weight") else NORMAL
    return Parameter(f"streams.{name}", shape, init, featurizer=False)
