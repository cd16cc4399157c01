"""The templates of all operators."""

from functools import cache

from starc import operators
from starc.alphabet.template import Template


@cache
def templates() -> tuple[Template, ...]:
    """In the order of the list of operators; the first that fits is meant."""
    return tuple(operators.part(name, "options").TEMPLATE for name in operators.NAMES)


@cache
def template_of(kind: str) -> Template:
    """Of an operator's kind. KeyError: there is none."""
    return {template.kind: template for template in templates()}[kind]
