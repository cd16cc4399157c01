"""The syntax tree: what was written, nothing resolved. Every node knows its place."""

from dataclasses import field
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

from starc.source import Span
from starc.values import dataclass

LATER = "later"
"""Where a node keeps what makes a field when it is first asked for: see again.py."""


@dataclass(frozen=True)
class Node:
    span: Span = field(repr=False, compare=False)

    if not TYPE_CHECKING:  # to which every field is there

        def __getattr__(self, name):
            try:
                found = self.__dict__[LATER](name)
            except KeyError:
                kind = type(self).__name__
                raise AttributeError(f"{kind} has no {name}") from None
            self.__dict__[name] = found
            return found


@dataclass(frozen=True)
class Name(Node):
    """A word: `GQA`, `heads`, `c1`, `none`."""

    text: str


# Values: what may stand right of `=` --------------------------------------------------


@dataclass(frozen=True)
class Number(Node):
    """`50_304`, `8/3`, `1e6`, `130M` (K, M, B: thousands, millions, billions)."""

    value: int | float | Fraction
    text: str = field(compare=False)  # as written, underscores and all


@dataclass(frozen=True)
class Bool(Node):
    value: bool


@dataclass(frozen=True)
class List(Node):
    items: "tuple[Value, ...]"


@dataclass(frozen=True)
class Call(Node):
    """`toeplitz(kernel = 3)`, `grouped(heads = 12)`."""

    name: Name
    arguments: "tuple[Setting, ...]"


Value = Number | Bool | Name | List | Call


@dataclass(frozen=True)
class Setting(Node):
    """`width = 768`, in a block or between parentheses."""

    name: Name
    value: Value


# The backbone -------------------------------------------------------------------------


@dataclass(frozen=True)
class WeightsFrom(Node):
    """`weights from c1`: featurizer sharing."""

    source: Name


@dataclass(frozen=True)
class FeaturesFrom(Node):
    """`k, v from a1`: feature-group sharing."""

    groups: tuple[Name, ...]
    source: Name


@dataclass(frozen=True)
class SameAs(Node):
    """`same as m1`: the whole LIV again."""

    source: Name


@dataclass(frozen=True)
class Genes(Node):
    """`genes(1, 1, 1, 1)`: genes 2 to 5 of the genome, kept for an exact round trip.

    Written by `starc decode --exact`. Labels and strategies as in the genome; they must
    agree with the sharing that the text states in words.
    """

    values: tuple[Number, ...]


Clause = WeightsFrom | FeaturesFrom | SameAs | Genes


class Said:
    """A class and its parameters; those of two uses are equal where they say the same.

    It knows its hash, and lines that did not change keep theirs, so to ask what they
    make looks at none of their numbers. liv: the name of the class.
    """

    __slots__ = ("liv", "_value", "_hash")

    def __init__(self, use: "Use") -> None:
        self.liv = use.liv.text
        self._value = self.liv, use.arguments
        self._hash = hash(self._value)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or isinstance(other, Said) and self._value == other._value


@dataclass(frozen=True)
class Use(Node):
    """One LIV of the backbone: `c2: GConv-1-Diff(kernel = 3) weights from c1`."""

    label: Name | None
    liv: Name
    arguments: tuple[Setting, ...]
    clauses: tuple[Clause, ...]

    @cached_property
    def said(self) -> Said:
        return Said(self)


@dataclass(frozen=True)
class Repeat(Node):
    """`12 x { ... }`."""

    count: Number
    body: "tuple[Step, ...]"


@dataclass(frozen=True)
class Parallel(Node):
    """`parallel { ... }`: all read the same normed input, their outputs are added.

    arguments: what is said of the residual around them, `parallel(placement = post)`.
    """

    body: "tuple[Step, ...]"
    arguments: tuple[Setting, ...] = ()


@dataclass(frozen=True)
class Section(Node):
    """`block { ... }`: these stand in the residual streams as one."""

    body: "tuple[Step, ...]"


Step = Use | Repeat | Parallel | Section


# Blocks of a file ---------------------------------------------------------------------


@dataclass(frozen=True)
class Model(Node):
    name: Name | None
    settings: tuple[Setting, ...]


@dataclass(frozen=True)
class Featurizer(Node):
    """`featurizer short_qkv { groups = [q, k, v] ... }`."""

    name: Name
    settings: tuple[Setting, ...]


@dataclass(frozen=True)
class LivGenome(Node):
    """`liv LocalAttention { code = 18 ... }`: an operator genome in words."""

    name: Name
    settings: tuple[Setting, ...]


@dataclass(frozen=True)
class LivDiff(Node):
    """`liv LocalAttention-Diff = diff(LocalAttention) { code = 19 }`."""

    name: Name
    of: Name
    settings: tuple[Setting, ...]


@dataclass(frozen=True)
class LivAlias(Node):
    """`liv attn = GQA(heads = 16)`: a name for a LIV with its parameters."""

    name: Name
    liv: Name
    arguments: tuple[Setting, ...]


@dataclass(frozen=True)
class Backbone(Node):
    body: tuple[Step, ...]


Measure = Name | Call  # a Name may be `module:function` too


@dataclass(frozen=True)
class Objective(Node):
    """`minimize perplexity, cache(context = 8192)` or `maximize my_module:score`."""

    direction: str  # "minimize" or "maximize"
    measures: tuple[Measure, ...]


@dataclass(frozen=True)
class Require(Node):
    """`require params <= 130M`, `require token_p95 <= 20 ms`."""

    measure: Measure
    relation: str  # "<=", ">=", "<", ">", "=="
    bound: Number
    unit: str = ""  # "s", "ms", "us", where one is written


@dataclass(frozen=True)
class Search(Node):
    settings: tuple[Setting, ...]
    objectives: tuple[Objective, ...]
    requirements: tuple[Require, ...]


@dataclass(frozen=True)
class Broken(Node):
    """Text that is no syntax, skipped up to where the parser found its feet again.

    An item of the program where it stands between blocks. Inside a block it is left
    out, and `Program.broken` tells. Names that occur in it are not reported as unknown
    elsewhere.
    """


Item = Model | Featurizer | LivGenome | LivDiff | LivAlias | Backbone | Search | Broken

Nested = Repeat | Parallel | Section
"""Steps in braces."""

Block = Model | Featurizer | LivGenome | LivDiff | Backbone | Search | Nested
"""What may have braces."""

Statement = Block | Use | LivAlias | Setting | Objective | Require
"""What stands on a line, or is a block of them."""


@dataclass(frozen=True)
class Comment(Node):
    """`# ...` to the end of the line. `own_line`: nothing else stands on its line."""

    text: str
    own_line: bool = field(compare=False)  # where it stands, as spans: no difference


@dataclass(frozen=True)
class Program(Node):
    items: tuple[Item, ...]
    comments: tuple[Comment, ...] = ()
    broken: tuple[Broken, ...] = ()  # all of them, those inside blocks too
