"""The canonical text, as changes of the lines that differ."""

from dataclasses import replace
from difflib import SequenceMatcher

from starc.frontend import ast
from starc.frontend.unparse import unparse
from starc.lsp.document import Document
from starc.lsp.navigation import Change


def formatting(
    document: Document, start: int | None = None, end: int | None = None
) -> list[Change]:
    """What `starc fmt` would change; between two places, only there.

    Of a text with mistakes of syntax the blocks that have none are formatted.
    """
    text, program = document.source.text, document.program
    broken = bool(program.broken)
    if not broken:
        changes = _lines(text, unparse(program), 0)
    else:
        changes = [change for item in program.items for change in _block(program, item)]
    if start is None or end is None:
        return changes
    return [c for c in changes if c.start <= end and start <= max(c.end, c.start)]


def _block(program: ast.Program, item: ast.Item) -> list[Change]:
    """Of one block without mistakes of syntax that begins and ends a line."""
    start, end = item.span.start, item.span.end
    text = program.span.source.text
    inside = [b for b in program.broken if start <= b.span.start <= end]
    line, line_end = text.rfind("\n", 0, start) + 1, text.find("\n", end)
    line_end = len(text) if line_end < 0 else line_end
    alone = not text[line:start].strip() and not text[end:line_end].strip()
    if isinstance(item, ast.Broken) or inside or not alone:
        return []
    comments = [c for c in program.comments if start <= c.span.start < end]
    part = replace(program, items=(item,), comments=tuple(comments), broken=())
    return _lines(text[line:line_end], unparse(part).rstrip("\n"), line)


def _lines(before: str, after: str, start: int) -> list[Change]:
    """The runs of lines that differ; `before` stands at `start`."""
    if before == after:
        return []
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    ends = [start]
    for line in old:
        ends.append(ends[-1] + len(line))
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return [
        Change(ends[first], ends[last], "".join(new[begin:stop]))
        for kind, first, last, begin, stop in matcher.get_opcodes()
        if kind != "equal"
    ]
