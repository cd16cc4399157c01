"""Code as values: calls, lists, signatures; printed once, broken as black does it."""

import __future__

import ast
from collections.abc import Iterator, Sequence
from functools import lru_cache
from types import CodeType

from starc.values import dataclass

LIMIT = 88


@dataclass(frozen=True)
class Call:
    """`head(arguments)`: "x + self.attn" and what it is called with."""

    head: str
    arguments: "tuple[Expression, ...]"

    def __str__(self) -> str:
        return f"{self.head}({', '.join(map(str, self.arguments))})"


@dataclass(frozen=True)
class List:
    """`[a, b]`, or `[a for ...]` with `each` its `for ...`."""

    items: "tuple[Expression, ...]"
    each: str = ""

    def __str__(self) -> str:
        inside = ", ".join(map(str, self.items))
        return f"[{inside} {self.each}]" if self.each else f"[{inside}]"


Expression = str | Call | List


def statement(
    before: str, value: Expression, after: str = "", indent: int = 8
) -> list[str]:
    """Lines of `before value after`, broken inside the value's brackets if too long.

    Black's shapes in turn: one line; what stands in the brackets on a line of its own;
    one item a line, with a comma behind the last.
    """
    space, inner = " " * indent, " " * (indent + 4)
    line = f"{space}{before}{value}{after}"
    if len(line) <= LIMIT or isinstance(value, str):
        return [line]
    if isinstance(value, Call):
        items, opening, closing, each = value.arguments, f"{value.head}(", ")", ""
        together = inner + ", ".join(map(str, items))
        if len(together) <= LIMIT:
            return [f"{space}{before}{opening}", together, f"{space}{closing}{after}"]
    else:
        items, opening, closing, each = value.items, "[", "]", value.each
    lines = [f"{space}{before}{opening}"]
    for item in items:
        lines += statement("", item, "" if each else ",", indent + 4)
    lines += [inner + each] if each else []
    return [*lines, f"{space}{closing}{after}"]


def assigned(targets: Sequence[str], value: Expression, indent: int = 8) -> list[str]:
    """`a, b = value`; two statements where the names leave the value no room."""
    names = ", ".join(targets)
    space = " " * indent
    head = value.head if isinstance(value, Call) else str(value)
    if len(targets) == 1 or len(f"{space}{names} = {head}(") <= LIMIT:
        return statement(f"{names} = ", value, "", indent)
    first, *others = targets
    lines = statement(f"{first}, *lent = ", value, "", indent)
    rest = f"({others[0]},)" if len(others) == 1 else ", ".join(others)
    if len(f"{space}{rest} = lent") <= LIMIT:
        return [*lines, f"{space}{rest} = lent"]
    each = [f"{space}    {name}," for name in others]
    return [*lines, f"{space}(", *each, f"{space}) = lent"]


def nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """A tree of code and all in it, the outer before the inner.

    As ast.walk, which asks every node for fields by their names and takes three times
    as long: a tenth of a compilation.
    """
    waiting = [tree]
    for node in waiting:  # which grows
        yield node
        for value in vars(node).values():
            if isinstance(value, list):
                waiting += [each for each in value if isinstance(each, ast.AST)]
            elif isinstance(value, ast.AST):
                waiting.append(value)


_kept = lru_cache(maxsize=1024)
"""Code is read once: the same lines recur in a class, a file, and a search's files."""


@_kept
def reads(text: str) -> frozenset[str]:
    """The names that Python code reads, of functions in it too, and its attributes."""
    found: set[str] = set()
    flag = __future__.annotations.compiler_flag  # what only types name is not read
    waiting = [compile(text, "", "exec", flag, dont_inherit=True)]
    while waiting:
        code = waiting.pop()
        found.update(code.co_names)
        waiting += [part for part in code.co_consts if isinstance(part, CodeType)]
    return frozenset(found)


def names_read(code: str) -> list[str]:
    """The plain names that code reads, as often as it does; attributes are none."""
    return [node.id for node in _names(code)]


def with_names(code: str, names: dict[str, str]) -> str:
    """Code that reads other names instead of these; comments stay as they are."""
    lines = [line.encode() for line in code.split("\n")]  # ast counts bytes
    for node in sorted(_names(code), key=lambda node: -node.col_offset):
        if node.id in names:
            line = lines[node.lineno - 1]
            before, after = line[: node.col_offset], line[node.end_col_offset :]
            lines[node.lineno - 1] = before + names[node.id].encode() + after
    return b"\n".join(lines).decode()


@_kept
def _names(code: str) -> tuple[ast.Name, ...]:
    """Where plain names are read."""
    return tuple(
        node
        for node in nodes(ast.parse(code))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    )


def signature(
    name: str, parameters: Sequence[str], result: str = "None", indent: int = 4
) -> list[str]:
    """`def name(parameters) -> result:`"""
    return statement("def ", Call(name, tuple(parameters)), f" -> {result}:", indent)
