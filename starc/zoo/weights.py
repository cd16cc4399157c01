"""What each tensor of an emitted model is made of, for whoever maps weights to it."""

from math import prod
from textwrap import fill

from starc import compiler, passes
from starc.columns import WIDTH
from starc.ir.tensors import tensors
from starc.source import Source
from starc.values import dataclass


@dataclass(frozen=True)
class Tensor:
    """A key of the state dict, its shape, and (LIV, tensor, rows) of each piece."""

    key: str
    shape: tuple[int, ...]
    pieces: tuple[tuple[str, str, int], ...]

    def as_json(self) -> dict[str, object]:
        """`rows`: from where to where a piece stands in the rows of the key."""
        start, pieces = 0, []
        for liv, tensor, rows in self.pieces:
            at = [start, start := start + rows]
            pieces.append({"liv": liv, "tensor": tensor, "rows": at})
        return {"key": self.key, "shape": [*self.shape], "pieces": pieces}


def weights(source: Source) -> list[Tensor]:
    """Every key of the state dict. Raises StarError.

    A piece is a tensor of a LIV by itself: the label of the LIV ("" is the model), its
    name there, and how many rows it has.
    """
    shapes = tensors(passes.run(compiler.to_ir(source)))
    found = []
    for key, pieces in compiler.to_plan(source).weights.items():
        parts = tuple((liv, name, shapes[liv, name][0]) for liv, name in pieces)
        shape = (sum(rows for _, _, rows in parts), *shapes[pieces[0]][1:])
        found.append(Tensor(key, shape, parts))
    return found


def as_text(found: list[Tensor]) -> str:
    """A line a key."""
    lines = [
        (
            one.key,
            " x ".join(f"{side:,}" for side in one.shape),
            " + ".join(".".join(filter(None, piece[:2])) for piece in one.pieces),
        )
        for one in found
    ]
    wide = [max(len(line[i]) for line in lines) for i in (0, 1)]
    beside = " " * (sum(wide) + 4)
    rows = [
        fill(
            f"{key:{wide[0]}}  {shape:>{wide[1]}}  {parts}",
            WIDTH,
            subsequent_indent=beside,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for key, shape, parts in lines
    ]
    total = sum(prod(one.shape) for one in found)
    return "\n".join([*rows, f"{len(found)} tensors, {total:,} parameters"])
