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
    not that of the pieces, made of it. scale: a number, or one a row. folds: what is
    computed, for people; "": nothing is.
    """

    pieces: str
    transposed: bool = False
    theirs: Callable[[Shape, Values], Shape] | None = None
    order: Callable[[Values], Sequence[int]] | None = None
    scale: Callable[[Values], "float | Sequence[float]"] | None = None
    offset: float | Callable[[Values], float] = 0.0
    folds: str = ""

    def factors(self, values: Values) -> tuple[float, ...]:
        """What the rows are multiplied with: one number for all, or one each."""
        found = 1.0 if self.scale is None else self.scale(values)
        several = (found,) if isinstance(found, int | float) else tuple(found)
        return several if set(several) != {1.0} else (1.0,)

    def added(self, values: Values) -> float:
        return self.offset(values) if callable(self.offset) else self.offset

    def active(self, values: Values) -> bool:
        """Whether anything is done that `folds` tells."""
        several = self.order is not None or self.added(values) != 0
        return bool(self.folds) and (several or self.factors(values) != (1.0,))


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
