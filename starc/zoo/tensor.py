"""How one of their tensors is made of ours: a row of the table of names."""

from collections.abc import Callable, Sequence

from starc.values import dataclass
from starc.zoo.values import Values

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Made:
    """Their tensor holds these pieces, one under the other: "q.* k.* v.*".

    `*` stands for `weight`, and for `bias` where both have one. theirs: their shape
    where it is not that of the pieces, made of it. Ours are theirs times `scale`, a
    number or one a row, plus `offset`. folds: what is computed, for people; "": nothing
    is. order: which row of the pieces each row of theirs is. transposed: theirs are the
    columns of ours. by_expert: the pieces are stacks of experts, and theirs has each
    expert's pieces one under the other. (A name with `{}` in it has one expert alone.)
    by_turns: of each expert theirs has the columns of ours, those of the pieces by
    turns; of biases the numbers.
    """

    pieces: str
    theirs: Callable[[Shape, Values], Shape] | None = None
    scale: Callable[[Values], "float | Sequence[float]"] | None = None
    offset: float = 0.0
    folds: str = ""
    order: Callable[[Shape, Values], Sequence[int]] | None = None
    transposed: bool = False
    by_expert: bool = False
    by_turns: bool = False

    def factors(self, values: Values) -> tuple[float, ...]:
        """What the rows are multiplied with: one number for all, or one each."""
        found = 1.0 if self.scale is None else self.scale(values)
        several = (found,) if isinstance(found, int | float) else tuple(found)
        return several if set(several) != {1.0} else (1.0,)

    def active(self, values: Values) -> bool:
        """Whether anything is done that `folds` tells."""
        return self.offset != 0 or self.factors(values) != (1.0,)


Names = dict[str, "str | Made"]
"""Their name -> our pieces."""


def made(of: "str | Made") -> Made:
    return of if isinstance(of, Made) else Made(of)


def transposed(pieces: str) -> Made:
    """(in, out), as a Conv1D of GPT-2 has it."""
    return Made(pieces, lambda shape, values: shape[::-1], transposed=True)


def by_turns(pieces: str) -> Made:
    """(experts, in, out), and the channels of several pieces by turns, as gpt-oss."""
    several = len(pieces.split())

    def theirs(shape: Shape, values: Values) -> Shape:
        experts, out = shape[0] // several, several * shape[1]
        return (experts, *shape[2:], out)

    return Made(pieces, theirs, by_turns=True)


def by_head(pieces: str, heads: str) -> Made:
    """Theirs has for each head its rows of every piece; heads: the field."""

    def order(shape: Shape, values: Values) -> list[int]:
        several, count = len(pieces.split()), int(values[heads])
        rows = shape[0] // several
        each = rows // count
        return [
            piece * rows + head * each + row
            for head in range(count)
            for piece in range(several)
            for row in range(each)
        ]

    return Made(pieces, order=order)


def middle_axis(shape: Shape, values: Values) -> Shape:
    """(channels, taps) is (channels, 1, taps) in nn.Conv1d."""
    return shape[0], 1, *shape[1:]


def plus_one(pieces: str) -> Made:
    """A norm that multiplies with 1 + weight."""
    return Made(pieces, offset=1.0, folds="norms hold 1 + weight")
