"""Lines of canonical text: what is aligned with what, and what is too long."""

from collections.abc import Callable
from dataclasses import field
from itertools import pairwise

from starc.values import dataclass

WIDTH = 88
INDENT = "  "
_GAPS = {"clauses": 3}  # columns before the aligned part; 1 for the others
_FILLED = 2  # lines that hold several items each; where more are needed, one a line


@dataclass
class Item:
    """Something between brackets, the comments above it and the one behind it."""

    text: str
    above: list[str] = field(default_factory=list)
    comment: str = ""


@dataclass
class Brackets:
    """What is in brackets at the end of a statement, for lines of its own.

    `last`: comments after all items. `comma`: whether one stands behind the last item.
    """

    opening: str
    items: list[Item]
    closing: str
    last: list[str] = field(default_factory=list)
    comma: bool = True

    @property
    def commented(self) -> bool:
        return bool(self.last) or any(item.above or item.comment for item in self.items)

    def rows(self, indent: str) -> list[str]:
        """The items: on a line or two where these hold them, else one a line."""
        if not self.commented:
            filled = _fill([item.text for item in self.items], indent)
            if len(filled) <= _FILLED:
                return filled
        commented = [item for item in self.items if item.comment]
        widest = max((len(item.text) for item in commented), default=0) + 1
        rows = []
        for item in self.items:
            rows += [indent + comment for comment in item.above]
            comma = "," if self.comma or item is not self.items[-1] else ""
            text = f"{item.text}{comma}"
            rows.append(indent + text)
            if item.comment:
                rows[-1] = f"{indent}{text:{widest}}  {item.comment}"
        return rows + [indent + comment for comment in self.last]


@dataclass
class Line:
    """One statement. `rest` is aligned with that of the neighbours of the same kind.

    `brackets` is the part in brackets, at the end of `text` or of `rest`.
    """

    depth: int
    text: str
    rest: str = ""
    kind: str = ""
    brackets: Brackets | None = None
    comment: str = ""
    blank: bool = False  # an empty line stands before

    @property
    def is_comment(self) -> bool:
        return self.text.startswith("#")

    def breaks(self) -> bool:
        """Whether a LIV does not fit, whatever the neighbours are."""
        if self.kind != "clauses" or self.brackets is None:
            return False
        flat = f"{INDENT * self.depth}{self.text} {self.rest}".rstrip()
        return len(flat) > WIDTH or self.brackets.commented


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
    inside = line.brackets
    if inside is None:
        return [flat]
    if line.breaks():
        first, last = inside.opening, f"{inside.closing} {line.rest}".rstrip()
    elif line.kind != "clauses" and (len(flat) > WIDTH or inside.commented):
        first, last = f"{line.text} {inside.opening}", inside.closing
    else:
        return [flat]
    return [indent + first, *inside.rows(indent + INDENT), indent + last]


def _fill(items: list[str], indent: str) -> list[str]:
    """The items with commas between them, as many on a line as it holds."""
    rows = [indent + items[0]]
    for item in items[1:]:
        longer = f"{rows[-1]}, {item}"
        if len(longer) + (item is not items[-1]) <= WIDTH:
            rows[-1] = longer
        else:
            rows[-1] += ","
            rows.append(indent + item)
    return rows
