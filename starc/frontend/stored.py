"""A syntax tree as data: what ships with starc is not parsed at each start.

`grammar/prelude.json` is the tree of `prelude.star` (`make golden` writes it). A node
is a list: its class, the place where it begins and where it ends, its fields. A tuple
begins with null, a fraction with "/".
"""

import json
from dataclasses import fields
from fractions import Fraction
from zlib import crc32

from starc.frontend import ast
from starc.source import Source, Span

_KINDS = {
    name: kind
    for name, kind in vars(ast).items()
    if isinstance(kind, type) and issubclass(kind, ast.Node)
}


def as_json(program: ast.Program) -> str:
    """A tree without mistakes, and of which text it is."""
    found = {"of": _sum(program.span.source), "tree": _stored(program)}
    return json.dumps(found, separators=(",", ":")) + "\n"


def from_json(text: str, source: Source) -> ast.Program | None:
    """The tree of the source; None where it was made of another text."""
    found = json.loads(text)
    if found["of"] != _sum(source):
        return None
    names = {name: _names(kind) for name, kind in _KINDS.items()}

    def made(stored: object) -> object:
        if not isinstance(stored, list):
            return stored
        kind = stored[0]
        if kind is None:
            return tuple([made(each) for each in stored[1:]])
        if kind == "/":
            return Fraction(stored[1], stored[2])
        node = object.__new__(_KINDS[kind])
        values = node.__dict__
        values["span"] = Span(stored[1], stored[2], source)
        for name, value in zip(names[kind], stored[3:], strict=True):
            values[name] = made(value)
        return node

    program = made(found["tree"])
    assert isinstance(program, ast.Program)
    return program


def _stored(value: object) -> object:
    if isinstance(value, ast.Node):
        places = value.span.start, value.span.end
        parts = (_stored(getattr(value, name)) for name in _names(type(value)))
        return [type(value).__name__, *places, *parts]
    if isinstance(value, tuple):
        return [None, *map(_stored, value)]
    if isinstance(value, Fraction):
        return ["/", value.numerator, value.denominator]
    return value


def _names(kind: type[ast.Node]) -> list[str]:
    return [field.name for field in fields(kind) if field.name != "span"]


def _sum(source: Source) -> int:
    """Tells texts apart that differ by an edit."""
    return crc32(source.text.encode())
