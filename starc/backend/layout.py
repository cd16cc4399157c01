"""Lines of templates, whose length depends on the model: read by ast, then broken."""

import ast

from starc.backend.code import LIMIT, Call, Expression, List, nodes, statement


def fitted(line: str) -> list[str]:
    """An indented line of a template, which a long name may have made too long.

    Its comment is left out if it is the comment that does not fit.
    """
    code = line.partition("  # ")[0]
    if len(line) <= LIMIT or code.lstrip()[:1] in ("", "#"):
        return [line]
    return broken(code.lstrip(), len(code) - len(code.lstrip()))


def broken(line: str, indent: int) -> list[str]:
    """A statement that ends with a call or a list, broken inside it where it is too
    long."""
    found = _last_value(line) if indent + len(line) > LIMIT else None
    if found is None:
        return [" " * indent + line]
    before, value = found
    return statement(before, value, "", indent)


def _last_value(line: str) -> tuple[str, Expression] | None:
    """The text of a statement up to the call or list that it ends with, and that."""
    try:
        tree = ast.parse(line)
    except SyntaxError:  # a part of a statement: a template has broken it
        return None
    code = _Code(line)
    for node in nodes(tree):  # the outermost first
        if isinstance(node, ast.Call | ast.List) and node.end_col_offset == code.size:
            return code.text(0, node.col_offset), code.value(node)
    return None


class _Code:
    """One line, and its parts as values."""

    def __init__(self, line: str) -> None:
        self.bytes = line.encode()  # ast counts bytes
        self.size = len(self.bytes)

    def text(self, start: int, end: int | None) -> str:
        return self.bytes[start:end].decode()

    def value(self, node: ast.expr) -> Expression:
        """A call or a list, whose parts may be such too; else as it is written."""
        text = self.text(node.col_offset, node.end_col_offset)
        match node:
            case ast.Call():
                head = self.text(node.func.col_offset, node.func.end_col_offset)
                named = [self.keyword(keyword) for keyword in node.keywords]
                made: Call | List = Call(head, (*map(self.value, node.args), *named))
            case ast.List():
                made = List(tuple(map(self.value, node.elts)))
            case _:
                return text
        return made if str(made) == text else text

    def keyword(self, keyword: ast.keyword) -> Expression:
        before = self.text(keyword.col_offset, keyword.value.col_offset)
        match self.value(keyword.value):
            case Call(head, arguments):
                return Call(before + head, arguments)
            case value:
                return f"{before}{value}"
