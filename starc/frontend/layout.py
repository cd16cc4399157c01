"""Lines of canonical text: what is aligned with what, and what is too long."""

from collections.abc import Callable
from itertools import pairwise

from starc.values import dataclass

WIDTH = 88
INDENT = "  "
_GAPS = {"clauses": 3}  # columns before the aligned part; 1 for the others


@dataclass
class Line:
    """One statement. `rest` is aligned with that of the neighbours of the same kind.

    `pieces` is how the part in brackets, at the end of `text` or of `rest`, reads on
    lines of its own: what opens, the items, what closes.
    """

    depth: int
    text: str
    rest: str = ""
    kind: str = ""
    pieces: tuple[str, ...] = ()
    comment: str = ""
    blank: bool = False  # an empty line stands before

    @property
    def is_comment(self) -> bool:
        return self.text.startswith("#")

    def breaks(self) -> bool:
        """Whether a LIV does not fit, whatever the neighbours are."""
        flat = f"{INDENT * self.depth}{self.text} {self.rest}".rstrip()
        return self.kind == "clauses" and bool(self.pieces) and len(flat) > WIDTH


def lay_out(lines: list[Line]) -> str:
    """The text, with a line end after each line."""
    for run in _runs(lines, _aligned):
        _align([line for line in run if not line.is_comment])
    rows: list[tuple[Line, list[str]]] = [(line, _rows(line)) for line in lines]
    last = {id(line): row for line, row in rows}
    for run in _runs(lines, lambda a, b: bool(a.comment and b.comment)):
        widest = max(len(last[id(line)][-1]) for line in run)
        for line in run:
            if line.comment:
                row = last[id(line)]
                row[-1] = f"{row[-1]:{widest}}  {line.comment}"
    text = []
    for line, row in rows:
        text += ["", *row] if line.blank else row
    return "\n".join([*text, ""]) if text else ""


def _runs(lines: list[Line], joined: Callable[[Line, Line], bool]) -> list[list[Line]]:
    """The lines, cut where two neighbours are apart or not joined."""
    runs = [[line] for line in lines[:1]]
    for before, line in pairwise(lines):
        if line.blank or not joined(before, line):
            runs.append([])
        runs[-1].append(line)
    return runs


def _aligned(before: Line, line: Line) -> bool:
    if before.depth != line.depth:
        return False
    return before.is_comment or line.is_comment or before.kind == line.kind


def _align(run: list[Line]) -> None:
    """Pads `text` so that every `rest` begins in one column."""
    padded = [line for line in run if line.rest and not line.breaks()]
    widest = max((len(line.text) for line in padded), default=0)
    for line in padded:
        line.text = f"{line.text:{widest}}" + " " * (_GAPS.get(line.kind, 1) - 1)


def _rows(line: Line) -> list[str]:
    indent = INDENT * line.depth
    flat = f"{indent}{line.text} {line.rest}".rstrip()
    if line.breaks():
        opening, *items, closing = line.pieces
        first, last = opening, f"{closing} {line.rest}".rstrip()
    elif line.pieces and line.kind != "clauses" and len(flat) > WIDTH:
        opening, *items, last = line.pieces
        first = f"{line.text} {opening}"
    else:
        return [flat]
    inner = [f"{indent}{INDENT}{item}," for item in items]
    return [indent + first, *inner, indent + last]
