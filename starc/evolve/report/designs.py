"""Architectures as what motifs, frequencies and pictures are read from."""

from collections.abc import Sequence
from dataclasses import dataclass

from starc import compiler, passes
from starc.diagnostics import StarError
from starc.draw.picture import Arc, Column, picture
from starc.ir.nodes import Model
from starc.source import Source


@dataclass(frozen=True)
class Design:
    """`names`: the class of each LIV in order; `arcs`: who shares what with whom."""

    model: Model
    columns: tuple[Column, ...]
    arcs: tuple[Arc, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(map(name_of, self.columns))


def name_of(column: Column) -> str:
    """The class; of LIVs side by side all of them."""
    if column.differential or len(column.boxes) == 1:
        return column.name
    return f"({' | '.join(box.name for box in column.boxes)})"


def design(text: str, name: str = "<candidate>") -> Design | None:
    """Of a .star text; None where it does not compile."""
    try:
        return of(passes.run(compiler.to_ir(Source(name, text))))
    except StarError:
        return None


def of(model: Model) -> Design:
    """Of a model after all passes, every turn of every repeat."""
    drawn = picture(model, rolled=False)
    return Design(model, drawn.columns, drawn.arcs)


def average(numbers: Sequence[float]) -> float:
    """0 of nothing."""
    return sum(numbers) / len(numbers) if numbers else 0.0
