"""A node of the syntax tree once more, at another place of another text."""

from dataclasses import fields
from functools import partial
from typing import Any, Generic, TypeVar

from starc.frontend import ast
from starc.source import Source, Span

T = TypeVar("T", bound=ast.Node)


class Recipe(Generic[T]):
    """Makes a node again. It keeps nothing of the text that the node stood in.

    Of a new node there is no more than its place. What is below it is made when it is
    asked for: of a line that did not change, nobody asks for most of it.
    """

    def __init__(self, node: T, start: int) -> None:
        """start: the place of which `at` gets the new one."""
        self.kind = type(node)
        self.first, self.last = node.span.start - start, node.span.end - start
        self.plain: dict[str, Any] = {}
        self.parts: dict[str, Recipe[Any] | list[Recipe[Any]]] = {}
        for field in fields(node):
            value = getattr(node, field.name)
            if isinstance(value, ast.Node):
                self.parts[field.name] = Recipe(value, start)
            elif isinstance(value, tuple) and value:
                self.parts[field.name] = [Recipe(one, start) for one in value]
            elif field.name != "span":
                self.plain[field.name] = value

    def at(self, place: int, source: Source) -> T:
        made = object.__new__(self.kind)
        values = made.__dict__
        values.update(self.plain)
        values["span"] = Span(place + self.first, place + self.last, source)
        if self.parts:
            values[ast.LATER] = partial(self._part, place, source)
        return made

    def _part(self, place: int, source: Source, name: str) -> object:
        found = self.parts[name]
        if isinstance(found, Recipe):
            return found.at(place, source)
        return tuple([one.at(place, source) for one in found])
