"""A node of the syntax tree once more, at another place of another text."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar

from starc.frontend import ast
from starc.source import Source, Span

T = TypeVar("T", bound=ast.Node)


def maker(node: T, start: int) -> Callable[[int, Source], T]:
    """What makes the node and all below it again, so that what stood at `start` stands
    at the place that it is given. It keeps nothing of the text of the node.
    """
    kind = type(node)
    first, last = node.span.start - start, node.span.end - start
    plain: dict[str, Any] = {}
    nodes: list[tuple[str, Callable[[int, Source], ast.Node]]] = []
    lists: list[tuple[str, list[Callable[[int, Source], ast.Node]]]] = []
    for field in fields(node):
        value = getattr(node, field.name)
        plain[field.name] = value  # in the order of the fields
        if isinstance(value, ast.Node):
            nodes.append((field.name, maker(value, start)))
        elif isinstance(value, tuple) and value:
            lists.append((field.name, [maker(one, start) for one in value]))
    plain["span"] = None
    plain.update(dict.fromkeys(name for name, _ in (*nodes, *lists)))

    def make(place: int, source: Source) -> T:
        made = object.__new__(kind)
        values = made.__dict__
        values.update(plain)
        values["span"] = Span(place + first, place + last, source)
        for name, one in nodes:
            values[name] = one(place, source)
        for name, several in lists:
            values[name] = tuple([one(place, source) for one in several])
        return made

    return make
