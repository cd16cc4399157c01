"""How one of their tensors is made of ours: a row of the table of names."""

from collections.abc import Callable, Sequence

from starc.values import dataclass
from starc.zoo.values import Values

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Made:
    """Their tensor holds these pieces, one under the other: "q.* k.* v.*".

    `*` stands for `weight`, and for `bias` where both have one. From theirs to ours, in
    this order: `transposed`; the shape of ours; `order`, the rows of theirs that come
    first, second, ...; times `scale`, plus `offset`. theirs: their shape where it is
    not that of the pieces, made of it.
    """

    pieces: str
    transposed: bool = False
    theirs: Callable[[Shape, Values], Shape] | None = None
    order: Callable[[Values], Sequence[int]] | None = None
    scale: float | Callable[[Values], float] = 1.0
    offset: float = 0.0
    folds: str = ""

    @property
    def exact(self) -> bool:
        """Whether nothing is computed, so that all bits stay as they are."""
        return not self.offset and self.scale == 1.0

    def factor(self, values: Values) -> float:
        return self.scale(values) if callable(self.scale) else self.scale


Names = dict[str, "str | Made"]
"""Their name -> our pieces."""


def made(of: "str | Made") -> Made:
    return of if isinstance(of, Made) else Made(of)


def middle_axis(shape: Shape, values: Values) -> Shape:
    """(channels, taps) is (channels, 1, taps) in nn.Conv1d."""
    return shape[0], 1, *shape[1:]


def plus_one(pieces: str) -> Made:
    """A norm that multiplies with 1 + weight."""
    return Made(pieces, offset=1.0, folds="norms hold 1 + weight")
