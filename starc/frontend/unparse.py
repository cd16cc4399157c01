"""Syntax tree to canonical text, which `starc fmt` writes.

What stood on one line stays on one line where it fits, what did not does not; comments
and single empty lines are kept. All else follows from the tree.
"""

from collections.abc import Iterator, Sequence
from typing import assert_never

from starc.frontend import ast
from starc.frontend.layout import INDENT, WIDTH, Brackets, Item, Line, lay_out
from starc.frontend.one_line import clauses, head, header, one_line

Inside = ast.Value | ast.Setting
"""What stands in brackets."""

_BLOCKS = ast.Block.__args__
_LONGEST_FLAT = 1000  # characters of a block that may turn out to fit on one line


def unparse(program: ast.Program) -> str:
    """The canonical text; ValueError for a program with mistakes of syntax."""
    if program.broken or any(isinstance(item, ast.Broken) for item in program.items):
        raise ValueError("a program with mistakes of syntax has no canonical text")
    return _Printer(program).run()


def _children(block: ast.Block) -> Sequence[ast.Statement]:
    match block:
        case ast.Backbone() | ast.Repeat() | ast.Parallel() | ast.Section():
            return block.body
        case ast.Model() | ast.Featurizer() | ast.LivGenome() | ast.LivDiff():
            return block.settings
        case ast.Search():
            goals: list[ast.Statement] = [*block.settings]
            goals += [*block.objectives, *block.requirements]
            return sorted(goals, key=lambda goal: goal.span.start)
        case _:
            assert_never(block)


class _Printer:
    """Walks the tree and takes comments along as it passes their places."""

    def __init__(self, program: ast.Program) -> None:
        self.program = program
        self.source = program.span.source
        self.comments = list(reversed(program.comments))  # the next one is the last
        self.lines: list[Line] = []
        self.place: int | None = None  # end of what was printed; None in a new block
        self.wants_blank = False

    def run(self) -> str:
        several = False
        for item in self.program.items:
            assert not isinstance(item, ast.Broken)  # unparse refused those
            one_line = not isinstance(item, _BLOCKS) or self._flat(item, 0) is not None
            self.wants_blank = bool(self.lines) and (several or not one_line)
            self._statements([item], 0)
            several = not one_line
        self.wants_blank = False
        self._comments_before(len(self.source.text) + 1, 0)
        return lay_out(self.lines)

    # Statements -----------------------------------------------------------------------

    def _statements(self, nodes: Sequence[ast.Statement], depth: int) -> None:
        """Statements of one line of the original, on one line where they fit."""
        flat = [self._flat(node, depth) for node in nodes]
        joined = "; ".join(text for text in flat if text is not None)
        inside = self._has_comment(nodes[0], nodes[-1])
        if len(nodes) > 1 and not inside and None not in flat and _fits(joined, depth):
            self._comments_before(nodes[0].span.start, depth)
            self._add(Line(depth, joined), nodes[0].span.start, nodes[-1].span.end)
            return
        for node, text in zip(nodes, flat, strict=True):
            if isinstance(node, _BLOCKS) and text is None:
                self._block(node, depth)
                continue
            start, end = self._ends(node)
            self._comments_before(start, depth)
            line, items = self._line(node, text or "", depth)
            self._comments_inside(line.brackets, items, end)
            self._comments_before(end, depth)
            self._add(line, start, end)

    def _block(self, block: ast.Block, depth: int) -> None:
        (start, end), brace = self._ends(block), self._brace(block)
        self._comments_before(brace, depth)
        self._add(Line(depth, header(block) + " {"), start, brace)
        self.place = None
        for nodes in self._groups(_children(block)):
            self._statements(nodes, depth + 1)
        self._comments_before(end - 1, depth + 1)
        self.place = None
        self._add(Line(depth, "}"), end - 1, end)

    def _groups(self, nodes: Sequence[ast.Statement]) -> list[list[ast.Statement]]:
        """Steps that share a line of the original; all else stands alone."""
        groups: list[list[ast.Statement]] = []
        steps = (ast.Use, ast.Repeat, ast.Parallel, ast.Section)
        for node in nodes:
            before = groups[-1][-1] if groups else None
            if before and isinstance(node, steps) and self._same_line(before, node):
                groups[-1].append(node)
            else:
                groups.append([node])
        return groups

    def _flat(self, node: ast.Statement, depth: int) -> str | None:
        """The text on one line; None for a block that is to have several."""
        if not isinstance(node, _BLOCKS):
            return one_line(node)
        if isinstance(node, ast.LivDiff) and not node.settings:
            return one_line(node)
        children = _children(node)
        if not children and not self._has_comment_in(node):
            return header(node) + " {}"
        if not self._is_real(node) or node.span.end - node.span.start > _LONGEST_FLAT:
            return None
        inner = [self._flat(child, depth) for child in children]
        if "\n" in node.span.text or None in inner:
            return None
        text = f"{header(node)} {{ {'; '.join(str(text) for text in inner)} }}"
        return text if _fits(text, depth) else None

    def _line(
        self, node: ast.Statement, flat: str, depth: int
    ) -> tuple[Line, Sequence[Inside]]:
        """The line of a statement, and what it has in brackets that may be broken:
        those of its parameters, unless the next comment stands in others."""
        items = _items(node)
        comment = self.comments[-1].span.start if self.comments else -1
        end = 0
        for part, inside in _others(node):
            one = one_line(part)
            start = flat.index(one, end)
            end = start + len(one)
            if self._is_real(part) and part.span.start < comment < part.span.end:
                opening = flat[: flat.index("(", start) + 1]
                rows = [Item(one_line(item)) for item in inside]
                broken = Brackets(opening, rows, flat[end - 1 :])
                broken.comma = not isinstance(node, ast.LivDiff)
                return Line(depth, flat, "", "clauses", broken), inside
        return _line(node, flat, depth), items

    # Places ---------------------------------------------------------------------------

    def _is_real(self, node: ast.Node) -> bool:
        """Whether the node stands in the text, and was not made by a program."""
        return node.span.source is self.source and node.span.end > node.span.start

    def _ends(self, node: ast.Node) -> tuple[int, int]:
        return (node.span.start, node.span.end) if self._is_real(node) else (-1, -1)

    def _same_line(self, before: ast.Node, node: ast.Node) -> bool:
        if not (self._is_real(before) and self._is_real(node)):
            return False
        return "\n" not in self.source.text[before.span.end : node.span.start]

    def _has_comment(self, first: ast.Node, last: ast.Node) -> bool:
        """Whether one stands between where the first begins and the last ends."""
        for comment in reversed(self.comments):
            if comment.span.start > first.span.start:
                return comment.span.start < last.span.end
        return False

    def _has_comment_in(self, block: ast.Block) -> bool:
        """Whether one stands between its braces; those of the header move before it."""
        brace = self._brace(block)
        for comment in reversed(self.comments):
            if comment.span.start >= brace:
                return comment.span.start < block.span.end
        return False

    def _brace(self, block: ast.Block) -> int:
        """The end of the block's `{` in the text."""
        if not self._is_real(block):
            return -1
        place = self.source.text.index("{", block.span.start)
        for comment in reversed(self.comments):  # a comment in the header may hold one
            if comment.span.start > place:
                break
            if place < comment.span.end:
                place = self.source.text.index("{", comment.span.end)
        return place + 1

    # Lines ----------------------------------------------------------------------------

    def _add(self, line: Line, start: int, end: int) -> None:
        """Adds a line that stands for [start, end) of the text, and its comment."""
        self._blank(line, start)
        self.lines.append(line)
        if end < 0:
            return
        self.place = end
        if not self.comments or self.comments[-1].own_line:
            return
        between = self.source.text[end : self.comments[-1].span.start]
        if not between.strip(" \t\r;,"):
            comment = self.comments.pop()
            line.comment, self.place = comment.text, comment.span.end

    def _blank(self, line: Line, start: int) -> None:
        if self.place is not None and start >= 0:
            line.blank = self.source.text.count("\n", self.place, start) > 1
        line.blank |= self.wants_blank
        self.wants_blank = False

    def _comments_inside(
        self, brackets: Brackets | None, nodes: Sequence[ast.Node], end: int
    ) -> None:
        """Leaves comments in the brackets that they stand in, each at its item."""
        if brackets is None or not all(map(self._is_real, nodes)):
            return
        at = 0
        while self.comments and self.comments[-1].span.start < end:
            comment = self.comments.pop()
            place = comment.span.start
            while at < len(nodes) and nodes[at].span.end <= place:
                at += 1
            inside = at < len(nodes) and nodes[at].span.start < place
            item = brackets.items[at if inside else at - 1] if at or inside else None
            if inside and item is not None and item.comment:
                item.above.append(item.comment)  # only the last one stands behind
                item.comment = ""
            following = brackets.items[at].above if at < len(nodes) else brackets.last
            overtakes = bool(following) and not inside  # what already stands below
            behind = not (comment.own_line or overtakes)
            if item is not None and behind and not item.comment:
                item.comment = comment.text
            elif at < len(nodes):
                brackets.items[at].above.append(comment.text)
            else:
                brackets.last.append(comment.text)

    def _comments_before(self, place: int, depth: int) -> None:
        """Adds the comments that begin before a place, on lines of their own."""
        while self.comments and self.comments[-1].span.start < place:
            comment = self.comments.pop()
            line = Line(depth, comment.text)
            self._blank(line, comment.span.start)
            self.lines.append(line)
            self.place = comment.span.end


def _line(node: ast.Statement, flat: str, depth: int) -> Line:
    """The line of one statement, with what is aligned set apart."""
    items = [Item(one_line(item)) for item in _items(node)]
    match node:
        case ast.Use():
            inside = Brackets(head(node, "") + "(", items, ")") if items else None
            return Line(depth, head(node), clauses(node), "clauses", inside)
        case ast.Setting(name=name, value=value):
            opening, closing = "= [", "]"
            if isinstance(value, ast.Call):
                opening, closing = f"= {value.name.text}(", ")"
            inside = Brackets(opening, items, closing) if items else None
            return Line(depth, name.text, f"= {one_line(value)}", "setting", inside)
        case ast.LivAlias() | ast.LivDiff():
            called, equals, definition = flat.partition("=")
            inside = None
            if isinstance(node, ast.LivAlias) and items:
                inside = Brackets(f"= {node.liv.text}(", items, ")")
            return Line(depth, called.rstrip(), equals + definition, "liv", inside)
        case ast.Objective() | ast.Require() | ast.Model() | ast.Featurizer():
            pass
        case ast.LivGenome() | ast.Backbone() | ast.Search():
            pass
        case ast.Repeat() | ast.Parallel() | ast.Section():
            pass
        case _:
            assert_never(node)
    return Line(depth, flat)


def _items(node: ast.Statement) -> Sequence[Inside]:
    """What a statement has in brackets that may stand on lines of their own."""
    match node:
        case ast.Use() | ast.LivAlias():
            return node.arguments
        case ast.Setting(value=value):
            if isinstance(value, ast.Call):
                return value.arguments
            return value.items if isinstance(value, ast.List) else ()
        case ast.Objective() | ast.Require() | ast.Model() | ast.Featurizer():
            return ()
        case ast.LivGenome() | ast.LivDiff() | ast.Backbone() | ast.Search():
            return ()
        case ast.Repeat() | ast.Parallel() | ast.Section():
            return ()
        case _:
            assert_never(node)


def _others(node: ast.Statement) -> Iterator[tuple[ast.Node, Sequence[Inside]]]:
    """Parts of a statement with brackets besides its parameters, and their items."""
    match node:
        case ast.Use():
            for clause in node.clauses:
                if isinstance(clause, ast.Genes):
                    yield clause, clause.values
        case ast.Objective():
            for measure in node.measures:
                if isinstance(measure, ast.Call):
                    yield measure, measure.arguments
        case ast.Require():
            if isinstance(node.measure, ast.Call):
                yield node.measure, node.measure.arguments
        case ast.LivDiff():
            yield node, (node.of,)
        case ast.Setting() | ast.LivAlias() | ast.Model() | ast.Featurizer():
            pass
        case ast.LivGenome() | ast.Backbone() | ast.Search():
            pass
        case ast.Repeat() | ast.Parallel() | ast.Section():
            pass
        case _:
            assert_never(node)


def _fits(text: str, depth: int) -> bool:
    return len(INDENT) * depth + len(text) <= WIDTH
